//! The secret that lets in who is not known otherwise.

use std::fmt;

use astraea_goals::Astra;
use subtle::ConstantTimeEq;

use crate::ServerError;

/// Its name in the state directory, which only the user can read.
const NAME: &str = "server-token";

/// A bearer token. Its `Debug` does not show it.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The token of a repository's server; made the first time it is asked for.
    ///
    /// # Errors
    /// [`ServerError::Token`].
    pub fn of(astra: &Astra) -> Result<Self, ServerError> {
        let state = astra.repository().state();
        let problem = |message: String| ServerError::Token { message };
        if let Some(bytes) = state.read(NAME).map_err(|error| problem(error.to_string()))? {
            let text = String::from_utf8_lossy(&bytes).trim().to_owned();
            if text.len() >= 32 {
                return Ok(Self(text));
            }
        }
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| problem(error.to_string()))?;
        let text = hex::encode(bytes);
        state.write_atomic(NAME, text.as_bytes()).map_err(|error| problem(error.to_string()))?;
        Ok(Self(text))
    }

    /// The token, to be shown to the user.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether this is it, in a time that does not tell how much of it is right.
    pub(crate) fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([secret])")
    }
}

//! `astra token`: the secret that `astra serve` asks of clients it does not know.

use astraea_server::Token;

use crate::{args::Global, commands::open, failure::Failure, output};

/// Prints the token of this repository's server.
///
/// # Errors
/// When the repository or its state cannot be used.
pub(crate) fn run(global: &Global) -> Result<u8, Failure> {
    let token =
        Token::of(&open(global, false)?).map_err(|error| Failure::new(1, error.to_string()))?;
    output::text(token.reveal())?;
    Ok(0)
}

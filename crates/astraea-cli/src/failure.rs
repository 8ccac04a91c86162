//! What ends the program: a message and an exit code.

use std::fmt;

use astraea_goals::GoalError;

/// A message for the user and the exit code that goes with it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// 1 not achieved, 2 usage or configuration, 3 no plan, 4 needs approval, 5 budget or timeout, 7 ledger damaged.
    pub(crate) code: u8,
    message: String,
}

impl Failure {
    /// A failure with an exit code.
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<GoalError> for Failure {
    fn from(error: GoalError) -> Self {
        Self::new(error.exit_code(), error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(1, error.to_string())
    }
}

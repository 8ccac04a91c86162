//! What can go wrong with a model.

use std::time::Duration;

/// Why there is no answer. One variant for each decision that a caller can make.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LlmError {
    /// The provider is busy or its limit is reached; the same request may go through later.
    #[error("the model provider is overloaded ({status}): {message}")]
    Overloaded {
        /// The HTTP status, 429 or 5xx.
        status: u16,
        /// What it said.
        message: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The connection failed or broke off; the same request may go through later.
    #[error("the connection to the model provider failed: {message}; check that {url} answers")]
    Network {
        /// Where.
        url: String,
        /// What happened.
        message: String,
    },
    /// The key is missing, wrong, or may not use this model.
    #[error(
        "the model provider refused the key ({status}): {message}; set the key in the environment"
    )]
    Unauthorized {
        /// The HTTP status, 401 or 403.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The provider refused the request itself: asking again is no use.
    #[error("the model provider refused the request ({status}): {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The answer is not what the protocol says.
    #[error("the model provider's answer cannot be read: {message}")]
    Protocol {
        /// What is wrong with it.
        message: String,
    },
    /// The answer is longer than is accepted.
    #[error("the model's answer is longer than {max} bytes and was cut off")]
    TooLong {
        /// The longest accepted, in bytes.
        max: usize,
    },
    /// A budget is used up. No request was sent.
    #[error("the budget for {what} is used up: {spent} of {limit}")]
    Budget {
        /// Calls, tokens, or cost.
        what: &'static str,
        /// What was spent.
        spent: String,
        /// What may be spent.
        limit: String,
    },
    /// The model did not produce valid tool calls, even when told what was wrong.
    #[error("the model's tool call is not valid, also after it was told so: {problem}")]
    BadToolCall {
        /// What is wrong.
        problem: String,
    },
    /// The caller called it off.
    #[error("the request to the model was cancelled")]
    Cancelled,
    /// The answer took longer than is accepted.
    #[error("the model did not answer within {after:?}")]
    TimedOut {
        /// The time that was given.
        after: Duration,
    },
    /// A setting is wrong.
    #[error("model configuration: {message}")]
    Config {
        /// What is wrong and what is accepted.
        message: String,
    },
}

impl LlmError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Overloaded { .. } | Self::Network { .. } | Self::TimedOut { .. })
    }

    /// How long the provider asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Overloaded { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

//! The trait that a protocol implements.

use std::fmt;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::{ChatRequest, LlmError, Reply};

/// A piece of an answer, as it arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delta {
    /// More text.
    Text(String),
    /// The model began to call this tool.
    Call(String),
    /// What was shown so far is void: the answer begins anew (after a retry or a corrective turn).
    Restart,
}

/// Where pieces of an answer go.
pub type Sink<'a> = &'a mut (dyn FnMut(Delta) + Send);

/// A chat model.
///
/// # Contract
/// - **One request, one answer.** No retry, no budget, no redaction: [`Client`](crate::Client) does those.
/// - **Pieces first.** What is given to the sink is a prefix of the reply's text.
/// - **Calls as they are.** A tool call whose arguments cannot be read is returned with its text, not dropped.
///
/// # Errors
/// [`LlmError::is_transient`] decides whether the client tries again, so say `Refused` only where it is no use.
///
/// # Cancel safety
/// Dropping the future gives the request up; the token does so too and returns [`LlmError::Cancelled`].
#[async_trait]
pub trait Provider: fmt::Debug + Send + Sync {
    /// The model, for the record.
    fn model(&self) -> &str;

    /// Asks the model.
    async fn chat(
        &self,
        request: &ChatRequest,
        sink: Sink<'_>,
        cancel: &CancellationToken,
    ) -> Result<Reply, LlmError>;
}

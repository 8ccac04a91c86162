//! A provider that answers by a script: for tests of what talks to a model.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::{ChatRequest, Delta, LlmError, Provider, Reply, Sink};

/// Answers with what it was given, in order; beyond the end it refuses.
///
/// ```
/// use astraea_llm::{ChatRequest, Provider, Scripted};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), astraea_llm::LlmError> {
/// let model = Scripted::new([Ok(Scripted::text("hello"))]);
/// let reply = model.chat(&ChatRequest::new(vec![]), &mut |_| {}, &Default::default()).await?;
/// assert_eq!(reply.text, "hello");
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct Scripted {
    replies: Mutex<VecDeque<Result<Reply, LlmError>>>,
    requests: Mutex<Vec<ChatRequest>>,
}

impl Scripted {
    /// A script.
    pub fn new(replies: impl IntoIterator<Item = Result<Reply, LlmError>>) -> Self {
        Self { replies: Mutex::new(replies.into_iter().collect()), requests: Mutex::default() }
    }

    /// A reply that is text.
    pub fn text(text: impl Into<String>) -> Reply {
        Reply { text: text.into(), model: "scripted".into(), ..Reply::default() }
    }

    /// What it was asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Provider for Scripted {
    fn model(&self) -> &str {
        "scripted"
    }

    async fn chat(
        &self,
        request: &ChatRequest,
        sink: Sink<'_>,
        _cancel: &CancellationToken,
    ) -> Result<Reply, LlmError> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        let next = self.replies.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let reply = next.unwrap_or_else(|| {
            Err(LlmError::Refused {
                status: 410,
                message: "the script has no further reply".into(),
            })
        })?;
        if !reply.text.is_empty() {
            sink(Delta::Text(reply.text.clone()));
        }
        Ok(reply)
    }
}

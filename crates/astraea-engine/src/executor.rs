//! What does the work.

use std::fmt;

use async_trait::async_trait;

use crate::{ExecutorError, Outcome, Output, Rejection, TaskContext};

/// Runs one kind of task.
///
/// The engine calls [`admit`](Self::admit), [`preflight`](Self::preflight), [`execute`](Self::execute) and, if that
/// succeeded, [`postcondition`](Self::postcondition), all within the task's time.
///
/// # Contract
/// - **At least once.** After a crash the engine calls again with the same task; deduplicate on
///   [`Task::idempotency_key`](astraea_taskgraph::Task::idempotency_key) where that matters.
/// - **A failed task is not an error.** It is `Ok(Outcome::Failed)`; `Err` says the executor could not do its job.
/// - **Units.** [`TaskContext::budget`] is wall-clock time.
///
/// # Cancel safety
/// Not cancel safe. When time is up or the run is called off, the engine cancels [`TaskContext::cancel`], calls
/// [`stop`](Self::stop), waits for the grace period, and then drops the future. A panic is caught and becomes a failure
/// of class `Panicked`.
#[async_trait]
pub trait Executor: fmt::Debug + Send + Sync {
    /// Whether this task may be done at all (policy). A no is a failure of class `AdmitRejected`.
    ///
    /// # Errors
    /// The reason why not.
    async fn admit(&self, cx: &TaskContext) -> Result<(), Rejection> {
        let _ = cx;
        Ok(())
    }

    /// Whether it can be done now (tools and inputs are there). A no is a failure of class `PreflightRejected`.
    ///
    /// # Errors
    /// The reason why not.
    async fn preflight(&self, cx: &TaskContext) -> Result<(), Rejection> {
        let _ = cx;
        Ok(())
    }

    /// Does it.
    ///
    /// # Errors
    /// The executor could not do its job; retried if the class is transient.
    async fn execute(&self, cx: &TaskContext) -> Result<Outcome, ExecutorError>;

    /// Whether what was made is what was wanted. A no is a failure of class `PostconditionFailed`.
    ///
    /// # Errors
    /// The reason why not.
    async fn postcondition(&self, cx: &TaskContext, output: &Output) -> Result<(), Rejection> {
        let _ = (cx, output);
        Ok(())
    }

    /// Stops what [`execute`](Self::execute) started for this task outside the future (processes). Called after
    /// [`TaskContext::cancel`] is cancelled, beside the future, which is dropped after the grace period.
    async fn stop(&self, cx: &TaskContext) {
        let _ = cx;
    }
}

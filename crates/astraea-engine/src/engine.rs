//! The engine.

use std::sync::Arc;

use crate::{
    BreakerReport, Clock, EngineError, EngineOptions, Journal, Registry, ResumeRequest, RunRequest,
    RunResult,
    breaker::Board,
    drive::{Begin, Driver, Resumed},
    replay,
};

/// Runs task graphs.
///
/// One engine may run several graphs at once; they share its circuit breakers.
#[derive(Debug)]
pub struct Engine {
    pub(crate) options: EngineOptions,
    pub(crate) registry: Registry,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) board: Arc<Board>,
}

impl Engine {
    /// An engine with fresh breakers.
    pub fn new(
        options: EngineOptions,
        registry: Registry,
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let board = Arc::new(Board::new(options.breaker));
        Self { options, registry, journal, clock, board }
    }

    /// Runs a graph to its end, on the current tokio runtime (with timers).
    ///
    /// Returns when no task runs any more. Failed tasks are no error: look at [`RunResult::status`].
    ///
    /// # Errors
    /// [`EngineError::InvalidOptions`] and [`EngineError::Journal`] before anything ran;
    /// [`EngineError::Journal`] later on, after all running tasks have been stopped (resume when the journal is well
    /// again); [`EngineError::EpilogueRejected`].
    ///
    /// # Cancel safety
    /// If the future is dropped, tasks are cancelled and dropped without [`Executor::stop`](crate::Executor::stop); the
    /// graph can be resumed. To stop in good order, cancel [`RunRequest::cancel`].
    pub async fn run(&self, request: RunRequest) -> Result<RunResult, EngineError> {
        let mut graph = request.graph;
        let now = self.clock.now_ms();
        replay::reopen(&mut graph, now)?;
        let begin = Begin {
            run: request.run,
            graph_id: request.graph_id,
            graph,
            prelude: request.prelude,
            cancel: request.cancel,
            events: request.events,
            epilogue: request.epilogue,
            resumed: None,
        };
        Driver::new(self, begin)?.drive().await
    }

    /// Goes on with a graph that a crash, a timeout, a cancellation or an empty budget has cut short.
    ///
    /// Tasks that succeeded keep their outputs and never run again; tasks that were running run again, with the same
    /// idempotency key; charged retries stay charged; the graph's time starts anew. A graph that had ended for good is
    /// not run: its result is read from the journal.
    ///
    /// # Errors
    /// As [`run`](Self::run); [`EngineError::NothingToResume`], [`EngineError::CorruptHistory`].
    ///
    /// # Cancel safety
    /// As [`run`](Self::run).
    pub async fn resume(&self, request: ResumeRequest) -> Result<RunResult, EngineError> {
        let records = self.journal.read(&request.run, 0).await?;
        let mut history = replay::replay(&request.run, &request.graph_id, &records)?;
        drop(records);
        if history.ended {
            return Ok(history.into_result(request.run, request.graph_id));
        }
        let again = replay::reopen(&mut history.graph, self.clock.now_ms())?;
        let begin = Begin {
            run: request.run,
            graph_id: request.graph_id,
            graph: history.graph,
            prelude: request.prelude,
            cancel: request.cancel,
            events: request.events,
            epilogue: request.epilogue,
            resumed: Some(Resumed { outputs: history.outputs, failures: history.failures, again }),
        };
        Driver::new(self, begin)?.drive().await
    }

    /// The breakers that have seen a failure.
    pub fn breakers(&self) -> Vec<BreakerReport> {
        self.board.reports()
    }

    /// The journal it writes to.
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }
}

//! The engine.

use std::sync::Arc;

use crate::{
    BreakerReport, Clock, EngineError, EngineOptions, Journal, Registry, ResumeRequest, RunRequest,
    RunResult,
};

/// Runs task graphs.
#[derive(Debug)]
pub struct Engine {
    _options: EngineOptions,
    _registry: Registry,
    _journal: Arc<dyn Journal>,
    _clock: Arc<dyn Clock>,
}

#[expect(clippy::todo, clippy::missing_errors_doc, reason = "skeleton")]
impl Engine {
    /// An engine with fresh breakers.
    pub fn new(
        options: EngineOptions,
        registry: Registry,
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { _options: options, _registry: registry, _journal: journal, _clock: clock }
    }

    /// Runs a graph to its end.
    pub async fn run(&self, request: RunRequest) -> Result<RunResult, EngineError> {
        let _ = request;
        todo!()
    }

    /// Goes on with a graph.
    pub async fn resume(&self, request: ResumeRequest) -> Result<RunResult, EngineError> {
        let _ = request;
        todo!()
    }

    /// The breakers that have seen a failure.
    pub fn breakers(&self) -> Vec<BreakerReport> {
        todo!()
    }
}

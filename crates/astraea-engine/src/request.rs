//! What one asks of an engine, and what it answers.

use std::{collections::BTreeMap, fmt, sync::Arc};

use astraea_taskgraph::{Stats, TaskGraph, TaskId};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{Failure, GraphId, NewRecord, Output, Record, RunId};

/// Makes the records that are committed together with the end of the graph.
pub type Epilogue = Box<dyn FnOnce(&RunResult) -> Vec<NewRecord> + Send>;

/// A graph to run.
#[non_exhaustive]
pub struct RunRequest {
    /// The run it belongs to.
    pub run: RunId,
    /// Its name in the run. A name is used once in a run.
    pub graph_id: GraphId,
    /// The graph.
    pub graph: TaskGraph,
    /// Records committed with the graph and the first starts.
    pub prelude: Vec<NewRecord>,
    /// Cancelled to call it off.
    pub cancel: CancellationToken,
    /// Where records are announced, after they are durable.
    pub events: Option<mpsc::UnboundedSender<Record>>,
    /// Makes the records that are committed with the last task's end.
    pub epilogue: Option<Epilogue>,
}

impl RunRequest {
    /// A request with nothing but the graph.
    pub fn new(run: impl Into<RunId>, graph_id: impl Into<GraphId>, graph: TaskGraph) -> Self {
        Self {
            run: run.into(),
            graph_id: graph_id.into(),
            graph,
            prelude: Vec::new(),
            cancel: CancellationToken::new(),
            events: None,
            epilogue: None,
        }
    }

    /// Sets the records committed with the graph and the first starts.
    #[must_use]
    pub fn with_prelude(mut self, prelude: Vec<NewRecord>) -> Self {
        self.prelude = prelude;
        self
    }

    /// Sets the token that calls it off.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// Sets where records are announced.
    #[must_use]
    pub fn with_events(mut self, events: mpsc::UnboundedSender<Record>) -> Self {
        self.events = Some(events);
        self
    }

    /// Sets what makes the records that are committed with the last task's end.
    #[must_use]
    pub fn with_epilogue(
        mut self,
        epilogue: impl FnOnce(&RunResult) -> Vec<NewRecord> + Send + 'static,
    ) -> Self {
        self.epilogue = Some(Box::new(epilogue));
        self
    }
}

impl fmt::Debug for RunRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunRequest")
            .field("run", &self.run)
            .field("graph_id", &self.graph_id)
            .field("tasks", &self.graph.len())
            .finish_non_exhaustive()
    }
}

/// A graph to go on with, from the journal.
#[non_exhaustive]
pub struct ResumeRequest {
    /// The run it belongs to.
    pub run: RunId,
    /// Its name in the run.
    pub graph_id: GraphId,
    /// Records committed with the first starts. Not used if the graph had ended.
    pub prelude: Vec<NewRecord>,
    /// Cancelled to call it off.
    pub cancel: CancellationToken,
    /// Where records are announced, after they are durable.
    pub events: Option<mpsc::UnboundedSender<Record>>,
    /// Makes the records that are committed with the last task's end. Not used if the graph had ended.
    pub epilogue: Option<Epilogue>,
}

impl ResumeRequest {
    /// A request with nothing but the names.
    pub fn new(run: impl Into<RunId>, graph_id: impl Into<GraphId>) -> Self {
        Self {
            run: run.into(),
            graph_id: graph_id.into(),
            prelude: Vec::new(),
            cancel: CancellationToken::new(),
            events: None,
            epilogue: None,
        }
    }

    /// Sets the records committed with the first starts.
    #[must_use]
    pub fn with_prelude(mut self, prelude: Vec<NewRecord>) -> Self {
        self.prelude = prelude;
        self
    }

    /// Sets the token that calls it off.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// Sets where records are announced.
    #[must_use]
    pub fn with_events(mut self, events: mpsc::UnboundedSender<Record>) -> Self {
        self.events = Some(events);
        self
    }

    /// Sets what makes the records that are committed with the last task's end.
    #[must_use]
    pub fn with_epilogue(
        mut self,
        epilogue: impl FnOnce(&RunResult) -> Vec<NewRecord> + Send + 'static,
    ) -> Self {
        self.epilogue = Some(Box::new(epilogue));
        self
    }
}

impl fmt::Debug for ResumeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResumeRequest")
            .field("run", &self.run)
            .field("graph_id", &self.graph_id)
            .finish_non_exhaustive()
    }
}

/// How a graph ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunStatus {
    /// Every task succeeded.
    Succeeded,
    /// At least one task did not succeed.
    Failed,
    /// The graph's time was up. Resumable.
    TimedOut,
    /// A task would have been retried, but the graph had no retry token left. Resumable: each such task is tried once more.
    BudgetExhausted,
    /// It was called off. Resumable.
    Cancelled,
}

impl RunStatus {
    /// Whether [`Engine::resume`](crate::Engine::resume) would do more than repeat the result.
    pub const fn is_resumable(self) -> bool {
        matches!(self, Self::TimedOut | Self::BudgetExhausted | Self::Cancelled)
    }
}

/// How a graph ended, in full.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunResult {
    /// The run.
    pub run: RunId,
    /// The graph's name.
    pub graph_id: GraphId,
    /// `Succeeded` only if every task succeeded.
    pub status: RunStatus,
    /// The graph as it is now, with all states and attempts. No task is pending, ready or running.
    pub graph: TaskGraph,
    /// What the tasks that succeeded made.
    pub outputs: BTreeMap<TaskId, Arc<Output>>,
    /// Why the tasks that failed did, or were called off while they ran.
    pub failures: BTreeMap<TaskId, Failure>,
    /// How many tasks stand where; the counts add up.
    pub stats: Stats,
    /// When it started (or was resumed), milliseconds since 1970.
    pub started_ms: u64,
    /// When it ended, milliseconds since 1970.
    pub ended_ms: u64,
}

//! What an executor is told.

use std::{sync::Arc, time::Duration};

use astraea_taskgraph::{Task, TaskId};
use tokio_util::sync::CancellationToken;

use crate::{GraphId, Output, RunId};

/// One attempt at one task.
#[derive(Debug)]
#[non_exhaustive]
pub struct TaskContext {
    /// The run.
    pub run: RunId,
    /// The graph in the run.
    pub graph: GraphId,
    /// The task.
    pub task: Arc<Task>,
    /// 1 for the first.
    pub attempt: u32,
    /// Cancelled when the work has to stop.
    pub cancel: CancellationToken,
    /// How long this attempt may take, wall-clock.
    pub budget: Duration,
    given: Vec<(TaskId, Arc<Output>)>,
}

impl TaskContext {
    /// A context outside any engine, for tests of executors.
    pub fn standalone(task: Task) -> Self {
        let budget = Duration::from_millis(task.timeout_ms);
        Self {
            run: RunId::new("run"),
            graph: GraphId::new("graph"),
            task: Arc::new(task),
            attempt: 1,
            cancel: CancellationToken::new(),
            budget,
            given: Vec::new(),
        }
    }

    /// Sets what [`inputs`](Self::inputs) yields, for tests of executors.
    #[must_use]
    pub fn with_inputs(mut self, inputs: Vec<(TaskId, Arc<Output>)>) -> Self {
        self.given = inputs;
        self
    }

    /// The outputs of all tasks this one depends on, directly or not, that succeeded, in topological order.
    pub fn inputs(&self) -> Vec<(TaskId, Arc<Output>)> {
        self.given.clone()
    }

    /// Tells those who listen how far it is. Not journaled.
    pub fn progress(&self, note: &str) {
        let _ = note;
    }
}

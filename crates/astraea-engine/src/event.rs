//! What the engine writes down.

use std::sync::Arc;

use astraea_taskgraph::{Stats, TaskId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ErrorClass, Output, Record, RunStatus};

/// One thing that happened to a graph. The kind of its record is the `type`, the payload the whole event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum TaskEvent {
    /// The first of every graph.
    GraphStarted {
        /// The graph as it was, as JSON.
        graph: Value,
    },
    /// The run goes on after a stop or a crash.
    GraphResumed {
        /// Tasks that were running and run again.
        again: Vec<TaskId>,
    },
    /// A task was started.
    TaskStarted {
        /// Which.
        task: TaskId,
        /// Its action.
        action: String,
        /// 1 for the first.
        attempt: u32,
    },
    /// A task did what it should. If its output holds `grow`, those tasks are now in the graph.
    TaskSucceeded {
        /// Which.
        task: TaskId,
        /// Its action.
        action: String,
        /// Which attempt.
        attempt: u32,
        /// What it made.
        output: Arc<Output>,
    },
    /// A task failed and is not tried again.
    TaskFailed {
        /// Which.
        task: TaskId,
        /// Its action.
        action: String,
        /// Which attempt.
        attempt: u32,
        /// What kind of failure.
        class: ErrorClass,
        /// What happened.
        message: String,
        /// What there is to show for it.
        output: Arc<Output>,
        /// It would have been retried, but the graph has no token left.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        budget_exhausted: bool,
    },
    /// A task failed and will be tried again.
    TaskRetrying {
        /// Which.
        task: TaskId,
        /// Its action.
        action: String,
        /// Which attempt failed.
        attempt: u32,
        /// What kind of failure.
        class: ErrorClass,
        /// What happened.
        message: String,
        /// How long it waits.
        delay_ms: u64,
        /// Retry tokens left in the graph.
        budget_left: u32,
    },
    /// A task will not run, without harm.
    TaskSkipped {
        /// Which.
        task: TaskId,
        /// Because of which.
        because: Option<TaskId>,
    },
    /// A task will not run.
    TaskAborted {
        /// Which.
        task: TaskId,
        /// Because of which.
        because: Option<TaskId>,
    },
    /// A task was called off.
    TaskCancelled {
        /// Which.
        task: TaskId,
        /// Why.
        reason: String,
    },
    /// How far a task is. Announced, never journaled: its record has sequence number 0.
    TaskProgress {
        /// Which.
        task: TaskId,
        /// What it says.
        note: String,
    },
    /// An action failed too often; its tasks are held back.
    BreakerOpened {
        /// The action.
        action: String,
        /// For how long.
        open_for_ms: u64,
    },
    /// One task of the action is let through on trial.
    BreakerHalfOpened {
        /// The action.
        action: String,
    },
    /// The trial went well.
    BreakerClosed {
        /// The action.
        action: String,
    },
    /// The last of every graph.
    GraphFinished {
        /// How.
        status: RunStatus,
        /// How many tasks stand where.
        stats: Stats,
    },
}

impl TaskEvent {
    /// The `type` as it is serialised, which is the kind of the record.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::GraphStarted { .. } => "graph_started",
            Self::GraphResumed { .. } => "graph_resumed",
            Self::TaskStarted { .. } => "task_started",
            Self::TaskSucceeded { .. } => "task_succeeded",
            Self::TaskFailed { .. } => "task_failed",
            Self::TaskRetrying { .. } => "task_retrying",
            Self::TaskSkipped { .. } => "task_skipped",
            Self::TaskAborted { .. } => "task_aborted",
            Self::TaskCancelled { .. } => "task_cancelled",
            Self::TaskProgress { .. } => "task_progress",
            Self::BreakerOpened { .. } => "breaker_opened",
            Self::BreakerHalfOpened { .. } => "breaker_half_opened",
            Self::BreakerClosed { .. } => "breaker_closed",
            Self::GraphFinished { .. } => "graph_finished",
        }
    }

    pub(crate) fn to_payload(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// Reads the event back from a record; none if the record is not one of an engine.
    pub fn from_record(record: &Record) -> Option<Result<Self, serde_json::Error>> {
        const KINDS: [&str; 14] = [
            "graph_started",
            "graph_resumed",
            "task_started",
            "task_succeeded",
            "task_failed",
            "task_retrying",
            "task_skipped",
            "task_aborted",
            "task_cancelled",
            "task_progress",
            "breaker_opened",
            "breaker_half_opened",
            "breaker_closed",
            "graph_finished",
        ];
        KINDS.contains(&record.kind.as_str()).then(|| Self::deserialize(&record.payload))
    }
}

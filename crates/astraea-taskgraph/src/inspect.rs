//! Questions one asks a graph.

use serde::{Deserialize, Serialize};

use crate::{TaskId, TaskState};

/// How many tasks stand where. The eight states add up to `total`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// All tasks.
    pub total: usize,
    /// Waiting for dependencies or a retry delay.
    pub pending: usize,
    /// Free to start.
    pub ready: usize,
    /// Started and not ended.
    pub running: usize,
    /// Ended well.
    pub succeeded: usize,
    /// Ended badly.
    pub failed: usize,
    /// Never ran to an end, because something failed or stopped.
    pub aborted: usize,
    /// Never ran, without harm.
    pub skipped: usize,
    /// Called off.
    pub cancelled: usize,
    /// Attempts started, over all tasks.
    pub attempts: u64,
    /// Retries charged, over all tasks.
    pub retries: u32,
    /// Retry tokens left in the graph's budget.
    pub budget_left: u32,
}

/// One reason why a task does not run now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Blocked {
    /// It waits for these, which have not ended.
    Dependencies {
        /// The dependencies that have not ended.
        waiting_for: Vec<TaskId>,
    },
    /// It waits for its retry delay.
    Delayed {
        /// Until when, as the caller gave it.
        until_ms: u64,
    },
    /// As many tasks of its action run as may.
    ActionCap {
        /// The action.
        action: String,
        /// The cap in force.
        cap: usize,
    },
    /// Its action is held back (an open breaker).
    ActionHeld {
        /// The action.
        action: String,
    },
    /// A running task reads or writes what it writes, or writes what it reads.
    Lock {
        /// The running task.
        holder: TaskId,
    },
    /// As many tasks run as may.
    MaxParallel {
        /// The limit in force.
        max: usize,
    },
    /// Others come first.
    Queue {
        /// The one at the head.
        first: TaskId,
    },
    /// It has ended.
    Ended {
        /// How.
        state: TaskState,
        /// The task whose end decided it, if it was another.
        because: Option<TaskId>,
    },
}

/// The chain of tasks that costs most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CriticalPath {
    /// From the first to the last.
    pub tasks: Vec<TaskId>,
    /// The sum of their costs.
    pub cost: f64,
}

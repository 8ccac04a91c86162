//! Why the graph refuses something.

use crate::{TaskId, TaskState};

/// A refusal. The graph is as it was before the call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// A task with this id is there already.
    #[error("task `{0}` is in the graph already; give the new one another id")]
    DuplicateId(TaskId),
    /// A task names a dependency that is not there.
    #[error(
        "task `{task}` depends on `{dependency}`, which is not in the graph; add that one first"
    )]
    UnknownDependency {
        /// The task that was to be added.
        task: TaskId,
        /// What it names.
        dependency: TaskId,
    },
    /// Tasks would wait for each other for ever.
    #[error("these tasks depend on each other in a circle: {}; take one dependency away", join(.0))]
    Cycle(Vec<TaskId>),
    /// No such task.
    #[error("there is no task `{0}` in the graph")]
    UnknownTask(TaskId),
    /// A field of a task or of the options has a value that makes no sense.
    #[error("{what} is {value}, which is not allowed; {rule}")]
    Invalid {
        /// Which field of what.
        what: String,
        /// What it holds.
        value: String,
        /// What it may hold.
        rule: &'static str,
    },
    /// The state machine has no such arrow.
    #[error("task `{task}` is {from} and cannot become {to}")]
    IllegalTransition {
        /// The task.
        task: TaskId,
        /// Its state.
        from: TaskState,
        /// The state asked for.
        to: TaskState,
    },
    /// A ready task may not start now: a cap, a lock or a held action is in its way.
    #[error("task `{task}` is ready but may not start now: {reason}")]
    NotStartable {
        /// The task.
        task: TaskId,
        /// What is in the way.
        reason: String,
    },
    /// The task has been retried as often as it may be.
    #[error("task `{task}` has used all of its {max_retries} retries")]
    RetriesExhausted {
        /// The task.
        task: TaskId,
        /// Its limit.
        max_retries: u32,
    },
    /// The graph has no retry token left.
    #[error("task `{task}` cannot be retried: the graph has used all of its {budget} retry tokens")]
    BudgetExhausted {
        /// The task.
        task: TaskId,
        /// The graph's tokens.
        budget: u32,
    },
    /// A failure has stopped the whole graph ([`OnFailure::StopAll`](crate::OnFailure::StopAll)).
    #[error("task `{task}` is not tried again: the failure of `{by}` has stopped the graph")]
    Stopped {
        /// The task.
        task: TaskId,
        /// The task whose failure stopped the graph.
        by: TaskId,
    },
}

fn join(ids: &[TaskId]) -> String {
    let mut out = String::new();
    for id in ids {
        out.push_str(id.as_str());
        out.push_str(" → ");
    }
    if let Some(first) = ids.first() {
        out.push_str(first.as_str());
    }
    out
}

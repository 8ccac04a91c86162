//! The state machine of a task.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a task stands.
///
/// ```text
///              dependencies allow it          start              succeed
///   ┌─────────┐ ───────────────▶ ┌───────┐ ─────────▶ ┌─────────┐ ───────▶ succeeded
///   │ pending │                  │ ready │            │ running │ ───────▶ failed
///   └─────────┘ ◀──┐             └───────┘ ◀───────── └─────────┘  fail
///      │  │  │     │ retry          │  │    requeue     │   │
///      │  │  │     └────────────────┼──┼────────────────┘   │
///      │  │  └──────────────────────┼──┼────────────────────┴──▶ cancelled
///      │  └─────────────────────────┼──┴───────────────────────▶ aborted
///      └────────────────────────────┴──────────────────────────▶ skipped
/// ```
///
/// - *pending* waits for dependencies, or for its delay after a retry;
/// - *ready* may start as soon as caps and locks allow;
/// - *succeeded*, *failed*, *aborted*, *skipped* and *cancelled* are final: nothing leaves them;
/// - *aborted* and *skipped* never ran to an end: a dependency or a stop decided so.
///
/// [`TaskState::may_become`] is this picture as a function; [`TaskGraph`](crate::TaskGraph) refuses everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Waits for dependencies or for a retry delay.
    Pending,
    /// May start.
    Ready,
    /// Has been started and has not ended.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly and will not be tried again.
    Failed,
    /// Did not run (to an end), because something it needed failed or the graph was stopped.
    Aborted,
    /// Did not run, because something it needed did not succeed and that is no harm.
    Skipped,
    /// Somebody called it off.
    Cancelled,
}

impl TaskState {
    /// All eight, in the order of the enum.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Ready,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Aborted,
        Self::Skipped,
        Self::Cancelled,
    ];

    /// Whether nothing can follow.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Ready | Self::Running)
    }

    /// Whether the picture above has an arrow from here to `next`.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Pending => {
                matches!(next, Self::Ready | Self::Aborted | Self::Skipped | Self::Cancelled)
            }
            Self::Ready => {
                matches!(next, Self::Running | Self::Aborted | Self::Skipped | Self::Cancelled)
            }
            Self::Running => matches!(
                next,
                Self::Succeeded | Self::Failed | Self::Pending | Self::Ready | Self::Cancelled
            ),
            _ => false,
        }
    }

    /// The name as it is serialised.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AttemptEnd {
    /// Well.
    Succeeded,
    /// Badly, and it was the last.
    Failed,
    /// Badly, and another follows.
    Retried,
    /// Called off.
    Cancelled,
    /// Cut short by a crash; it is done again without a charge.
    Interrupted,
}

/// One start of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// Milliseconds since 1970, as the caller gave it.
    pub started_ms: u64,
    /// Milliseconds since 1970; none while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
    /// None while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<AttemptEnd>,
    /// What went wrong, if something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

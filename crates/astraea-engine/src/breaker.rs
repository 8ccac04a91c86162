//! Circuit breakers, one for each action.

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Tasks pass.
    Closed,
    /// No task passes.
    Open,
    /// One task at a time passes, on trial.
    HalfOpen,
}

/// One breaker, for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerReport {
    /// The action.
    pub action: String,
    /// Where it stands.
    pub state: BreakerState,
    /// Failures within the window.
    pub failures: u32,
    /// Milliseconds until a trial is let through, while it is open.
    pub opens_in_ms: Option<u64>,
}

//! Counts the processor time of a search, so that it can be bounded and told.

use std::sync::Mutex;
use std::time::Duration;

/// The share of the processor time that looking for patches may take; the rest is for comparing them.
const LOOKING: f64 = 0.85;

/// Processor time of the commands of one search, workers included.
#[derive(Debug, Default)]
pub(super) struct Meter {
    limit: Option<Duration>,
    state: Mutex<State>,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    ended: Duration,
    living: Duration,
    first: Option<Duration>,
}

impl Meter {
    /// A meter with a limit, or without.
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self { limit, state: Mutex::default() }
    }

    /// What may be used in all; none without a limit.
    pub(super) fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// A command has ended that used so much.
    pub(super) fn ended(&self, cpu: Duration) {
        self.with(|state| state.ended += cpu);
    }

    /// The worker that lives has used so much until now.
    pub(super) fn lives(&self, cpu: Duration) {
        self.with(|state| state.living = state.living.max(cpu));
    }

    /// A patch was found; only the first counts.
    pub(super) fn found(&self) {
        self.with(|state| state.first = state.first.or(Some(state.ended + state.living)));
    }

    /// What was used.
    pub(super) fn spent(&self) -> Duration {
        let state = self.read();
        state.ended + state.living
    }

    /// What had been used when the first patch was found.
    pub(super) fn first(&self) -> Option<Duration> {
        self.read().first
    }

    /// What looking for patches may still use; none without a limit.
    pub(super) fn left(&self) -> Option<Duration> {
        self.limit.map(|limit| limit.mul_f64(LOOKING).saturating_sub(self.spent()))
    }

    /// What comparing may still use.
    pub(super) fn left_in_all(&self) -> Option<Duration> {
        self.limit.map(|limit| limit.saturating_sub(self.spent()))
    }

    /// Whether the time for looking is used up.
    pub(super) fn is_over(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    fn read(&self) -> State {
        *self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn with(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_added_and_the_first_patch_is_remembered() {
        let second = Duration::from_secs(1);
        let meter = Meter::new(Some(second * 10));
        meter.ended(second);
        meter.lives(second * 2);
        meter.lives(second);
        meter.found();
        meter.lives(second * 8);
        meter.found();
        assert_eq!(meter.spent(), second * 9);
        assert_eq!(meter.first(), Some(second * 3));
        assert!(meter.is_over(), "a tenth and a half are for comparing");
        assert_eq!(meter.left_in_all(), Some(second));
        assert!(!Meter::default().is_over());
    }
}

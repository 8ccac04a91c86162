//! Circuit breakers, one for each action.
//!
//! ```text
//!            enough failures within the window
//!   closed ─────────────────────────────────────▶ open
//!     ▲                                          │    ▲
//!     │ the trial went well       after its time │    │ the trial failed
//!     └──────────────── half-open ◀──────────────┘    │
//!                           └─────────────────────────┘
//! ```

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustc_hash::FxHashMap;
use tokio::{sync::watch, time::Instant};

use crate::BreakerOptions;

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
    pub trial_in_ms: Option<u64>,
}

/// Whether a task may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Pass,
    /// It may, and its end decides; say how with `trial` set, or abandon it.
    Trial,
    /// Not before this many milliseconds on the board's clock, or until the trial in flight has ended.
    Refused {
        until: Option<u64>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Opened,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: u64 },
    HalfOpen { trial: bool },
}

/// One breaker; times in milliseconds are passed in.
#[derive(Debug)]
struct Breaker {
    options: BreakerOptions,
    failures: VecDeque<u64>,
    state: State,
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Breaker {
    fn new(options: BreakerOptions) -> Self {
        Self { options, failures: VecDeque::new(), state: State::Closed }
    }

    fn admit(&mut self, now: u64) -> Admission {
        match self.state {
            State::Closed => Admission::Pass,
            State::Open { until } if now < until => Admission::Refused { until: Some(until) },
            State::HalfOpen { trial: true } => Admission::Refused { until: None },
            State::Open { .. } | State::HalfOpen { trial: false } => {
                self.state = State::HalfOpen { trial: true };
                Admission::Trial
            }
        }
    }

    fn success(&mut self, trial: bool) -> Option<Turn> {
        if !trial {
            return None;
        }
        self.state = State::Closed;
        self.failures.clear();
        Some(Turn::Closed)
    }

    fn failure(&mut self, now: u64, trial: bool) -> Option<Turn> {
        if self.options.failures == 0 {
            return None;
        }
        self.forget(now);
        self.failures.push_back(now);
        let full = self.failures.len() >= self.options.failures as usize;
        if trial || (self.state == State::Closed && full) {
            let until = now.saturating_add(millis(self.options.open_for));
            self.state = State::Open { until };
            return Some(Turn::Opened);
        }
        None
    }

    fn abandon(&mut self) {
        if self.state == (State::HalfOpen { trial: true }) {
            self.state = State::HalfOpen { trial: false };
        }
    }

    fn forget(&mut self, now: u64) {
        let window = millis(self.options.window);
        while self.failures.front().is_some_and(|&at| now.saturating_sub(at) >= window) {
            self.failures.pop_front();
        }
        // No more than matter are kept, however many come in.
        while self.failures.len() > self.options.failures as usize {
            self.failures.pop_front();
        }
    }
}

/// All breakers of an engine.
#[derive(Debug)]
pub(crate) struct Board {
    options: BreakerOptions,
    start: Instant,
    breakers: Mutex<FxHashMap<String, Breaker>>,
    changed: watch::Sender<u64>,
}

impl Board {
    pub(crate) fn new(options: BreakerOptions) -> Self {
        Self {
            options,
            start: Instant::now(),
            breakers: Mutex::default(),
            changed: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<String, Breaker>> {
        self.breakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        millis(self.start.elapsed())
    }

    /// The instant of a time on the board's clock.
    pub(crate) fn instant(&self, ms: u64) -> Instant {
        self.start + std::time::Duration::from_millis(ms)
    }

    /// Wakes those whom a trial's end concerns.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn admit(&self, action: &str) -> Admission {
        let mut breakers = self.lock();
        match breakers.get_mut(action) {
            Some(breaker) => breaker.admit(self.now()),
            None => Admission::Pass,
        }
    }

    pub(crate) fn success(&self, action: &str, trial: bool) -> Option<Turn> {
        if !trial {
            return None;
        }
        let turn = self.lock().get_mut(action).and_then(|breaker| breaker.success(trial));
        self.tell();
        turn
    }

    pub(crate) fn failure(&self, action: &str, trial: bool) -> Option<Turn> {
        let now = self.now();
        let turn = {
            let mut breakers = self.lock();
            let breaker =
                breakers.entry(action.to_owned()).or_insert_with(|| Breaker::new(self.options));
            breaker.failure(now, trial)
        };
        if trial || turn.is_some() {
            self.tell();
        }
        turn
    }

    fn abandon(&self, action: &str) {
        if let Some(breaker) = self.lock().get_mut(action) {
            breaker.abandon();
        }
        self.tell();
    }

    fn tell(&self) {
        self.changed.send_modify(|version| *version = version.wrapping_add(1));
    }

    pub(crate) fn reports(&self) -> Vec<BreakerReport> {
        let now = self.now();
        let mut reports: Vec<BreakerReport> = self
            .lock()
            .iter_mut()
            .map(|(action, breaker)| {
                breaker.forget(now);
                let (state, trial_in_ms) = match breaker.state {
                    State::Closed => (BreakerState::Closed, None),
                    State::Open { until } if now < until => (BreakerState::Open, Some(until - now)),
                    State::Open { .. } | State::HalfOpen { .. } => (BreakerState::HalfOpen, None),
                };
                let failures = u32::try_from(breaker.failures.len()).unwrap_or(u32::MAX);
                BreakerReport { action: action.clone(), state, failures, trial_in_ms }
            })
            .collect();
        reports.sort_unstable_by(|a, b| a.action.cmp(&b.action));
        reports
    }
}

/// A trial in flight; dropped without a verdict, it lets the next one try.
#[derive(Debug)]
pub(crate) struct Trial {
    board: Arc<Board>,
    action: String,
    open: bool,
}

impl Trial {
    pub(crate) fn new(board: Arc<Board>, action: &str) -> Self {
        Self { board, action: action.to_owned(), open: true }
    }

    /// A verdict has been given.
    pub(crate) fn close(mut self) {
        self.open = false;
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if self.open {
            self.board.abandon(&self.action);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(BreakerOptions::default())
    }

    fn opened_at(now: u64) -> Breaker {
        let mut breaker = breaker();
        for _ in 0..5 {
            breaker.failure(now, false);
        }
        breaker
    }

    #[test]
    fn behaviour_14_failures_outside_the_window_do_not_count() {
        let mut breaker = breaker();
        for now in [0, 1_000, 2_000, 3_000] {
            assert_eq!(breaker.failure(now, false), None);
        }
        // The first one is a minute old.
        assert_eq!(breaker.failure(60_000, false), None);
        assert_eq!(breaker.admit(60_000), Admission::Pass);
        assert_eq!(breaker.failure(60_500, false), Some(Turn::Opened));
    }

    #[test]
    fn behaviour_15_a_half_open_success_closes() {
        let mut breaker = opened_at(0);
        assert_eq!(breaker.admit(30_000), Admission::Trial);
        assert_eq!(breaker.success(true), Some(Turn::Closed));
        assert_eq!(breaker.admit(30_001), Admission::Pass);
        assert_eq!(breaker.failure(30_002, false), None);
    }

    #[test]
    fn behaviour_16_an_open_breaker_withholds() {
        let mut breaker = opened_at(7);
        assert_eq!(breaker.admit(30_006), Admission::Refused { until: Some(30_007) });
        // Successes of tasks that started before it opened change nothing.
        assert_eq!(breaker.success(false), None);
        assert_eq!(breaker.admit(8), Admission::Refused { until: Some(30_007) });
    }

    #[test]
    fn defect_03_half_open_lets_one_trial_through() {
        let mut breaker = opened_at(0);
        assert_eq!(breaker.admit(30_000), Admission::Trial);
        assert_eq!(breaker.admit(30_000), Admission::Refused { until: None });
        assert_eq!(breaker.failure(31_000, true), Some(Turn::Opened));
        assert_eq!(breaker.admit(60_999), Admission::Refused { until: Some(61_000) });
        assert_eq!(breaker.admit(61_000), Admission::Trial);
        breaker.abandon();
        assert_eq!(breaker.admit(61_000), Admission::Trial);
    }
}

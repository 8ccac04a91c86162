//! What holds for an engine.

use std::time::Duration;

/// What becomes of a ready task whose action's breaker is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenOpen {
    /// It waits until the breaker lets one trial through; the graph's timeout bounds the wait.
    #[default]
    Wait,
    /// It fails at once, with class `Transient`, and is not retried.
    Fail,
}

/// When a circuit breaker opens and closes. There is one for each action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerOptions {
    /// This many failures within the window open it. Default 5; 0 means never.
    pub failures: u32,
    /// The window. Default 60 s.
    pub window: Duration,
    /// How long it stays open before one trial is let through. Default 30 s.
    pub open_for: Duration,
    /// What becomes of tasks behind it.
    pub when_open: WhenOpen,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            failures: 5,
            window: Duration::from_secs(60),
            open_for: Duration::from_secs(30),
            when_open: WhenOpen::Wait,
        }
    }
}

impl BreakerOptions {
    /// Sets how many failures open it.
    #[must_use]
    pub fn with_failures(mut self, failures: u32) -> Self {
        self.failures = failures;
        self
    }

    /// Sets the window.
    #[must_use]
    pub fn with_window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Sets how long it stays open.
    #[must_use]
    pub fn with_open_for(mut self, open_for: Duration) -> Self {
        self.open_for = open_for;
        self
    }

    /// Sets what becomes of tasks behind it.
    #[must_use]
    pub fn with_when_open(mut self, when_open: WhenOpen) -> Self {
        self.when_open = when_open;
        self
    }
}

/// How an engine works.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineOptions {
    /// How many tasks of one run may run at once; the graph's own limit holds too. Default 4.
    pub max_concurrent: usize,
    /// The delay before the first retry; it doubles with each. Default 2 s.
    pub backoff_base: Duration,
    /// The longest delay, without jitter. Default 20 s.
    pub backoff_cap: Duration,
    /// Up to this much is added to each delay. Default 500 ms.
    pub backoff_jitter: Duration,
    /// Where the jitter starts from; the same seed gives the same delays for the same run, task and attempt.
    pub seed: u64,
    /// How long an executor that is told to stop may take before it is dropped. Default 5 s.
    pub grace: Duration,
    /// The circuit breakers.
    pub breaker: BreakerOptions,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            max_concurrent: 4,
            backoff_base: Duration::from_millis(2000),
            backoff_cap: Duration::from_millis(20_000),
            backoff_jitter: Duration::from_millis(500),
            seed: 0,
            grace: Duration::from_secs(5),
            breaker: BreakerOptions::default(),
        }
    }
}

impl EngineOptions {
    /// Sets how many tasks may run at once.
    #[must_use]
    pub fn with_max_concurrent(mut self, tasks: usize) -> Self {
        self.max_concurrent = tasks;
        self
    }

    /// Sets the delay before the first retry, the longest delay and the jitter.
    #[must_use]
    pub fn with_backoff(mut self, base: Duration, cap: Duration, jitter: Duration) -> Self {
        self.backoff_base = base;
        self.backoff_cap = cap;
        self.backoff_jitter = jitter;
        self
    }

    /// Sets where the jitter starts from.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how long an executor may take to stop.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets the circuit breakers.
    #[must_use]
    pub fn with_breaker(mut self, breaker: BreakerOptions) -> Self {
        self.breaker = breaker;
        self
    }
}

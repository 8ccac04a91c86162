//! What holds for a whole graph.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the failure of one task means for the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnFailure {
    /// Each dependent's own [`DependencyPolicy`](crate::DependencyPolicy) decides; tasks that do not depend on
    /// the failed one go on.
    #[default]
    ByPolicy,
    /// Only dependents of the failed task are skipped, whatever their policy says (a `continue_if_any` task
    /// still runs if one of its dependencies succeeded); everything else goes on.
    SkipDependents,
    /// No further task starts: all that are pending or ready are aborted. Running ones may end.
    StopAll,
}

/// Limits and modes of a graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct GraphOptions {
    /// Wall-clock milliseconds for the whole graph; whoever runs it enforces this. Default 3 600 000.
    pub timeout_ms: u64,
    /// Retry tokens: every retry of any task takes one. Default 100.
    pub retry_budget: u32,
    /// How many tasks may run at once, at least 1. Default 4.
    pub max_parallel: usize,
    /// How many tasks of an action may run at once, each at least 1.
    pub action_caps: BTreeMap<String, usize>,
    /// What a failure means for the rest.
    pub on_failure: OnFailure,
}

impl Default for GraphOptions {
    fn default() -> Self {
        Self {
            timeout_ms: 3_600_000,
            retry_budget: 100,
            max_parallel: 4,
            action_caps: BTreeMap::new(),
            on_failure: OnFailure::default(),
        }
    }
}

impl GraphOptions {
    /// Sets the time for the whole graph, in milliseconds.
    #[must_use]
    pub fn with_timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.timeout_ms = timeout_ms;
        self
    }

    /// Sets the retry tokens.
    #[must_use]
    pub fn with_retry_budget(mut self, tokens: u32) -> Self {
        self.retry_budget = tokens;
        self
    }

    /// Sets how many tasks may run at once.
    #[must_use]
    pub fn with_max_parallel(mut self, tasks: usize) -> Self {
        self.max_parallel = tasks;
        self
    }

    /// Sets how many tasks of `action` may run at once.
    #[must_use]
    pub fn with_action_cap(mut self, action: impl Into<String>, tasks: usize) -> Self {
        self.action_caps.insert(action.into(), tasks);
        self
    }

    /// Sets what a failure means for the rest.
    #[must_use]
    pub fn with_on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = on_failure;
        self
    }
}

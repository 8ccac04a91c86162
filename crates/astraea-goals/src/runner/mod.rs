//! Carrying a goal out: observe, plan, run, replan, deliver, report; and going on after a stop.
//!
//! A run is a sequence of graphs. The first, `plan-1`, begins with the task `observe`; when that has
//! looked at the repository, the plan grows out of it in the same graph, so that what was seen, what
//! is planned and the first start are one commit. `plan-2` and later begin with `recall`, which
//! hands on what `observe` saw. Everything needed to go on is in the journal.

mod drive;
mod finish;
mod observe;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::BTreeMap;

use astraea_code_access::Snapshot;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Limits;
use crate::domain::MethodFile;

pub(crate) use drive::{Drive, Start};
pub(crate) use finish::{Finisher, Past};
pub(crate) use verdict::observed;

/// The kind of the record that opens a run.
pub(crate) const GOAL_STARTED: &str = "goal_started";
/// The kind of the record that says that a run goes on.
pub(crate) const GOAL_RESUMED: &str = "goal_resumed";
/// The kind of the record of a plan after the first.
pub(crate) const REPLANNED: &str = "replanned";
/// The kind of the record that closes a run.
pub(crate) const GOAL_FINISHED: &str = "goal_finished";

/// What a run was started with: the payload of [`GOAL_STARTED`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Started {
    pub(crate) goal_id: String,
    /// The goal task.
    pub(crate) goal: String,
    /// The text as it was given.
    pub(crate) goal_text: String,
    /// The text without the name of the goal.
    pub(crate) text: String,
    pub(crate) context: Value,
    pub(crate) tests: Vec<String>,
    pub(crate) directory: Option<String>,
    pub(crate) limits: LimitsRecord,
    pub(crate) snapshot: Snapshot,
    pub(crate) methods: Vec<MethodFile>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) notes: Vec<String>,
    /// Whether the snapshot is a revision and not what lies in the checkout.
    #[serde(default)]
    pub(crate) from_revision: bool,
    /// The configured test command; a resumed run keeps that of its start.
    #[serde(default)]
    pub(crate) test_command: Option<Vec<String>>,
    /// Whether it came through the tool `execute_goal`, and not from a person.
    #[serde(default)]
    pub(crate) through_tool: bool,
    /// Whether a person asked for a push of what is committed, and for a pull request.
    #[serde(default)]
    pub(crate) push: bool,
    #[serde(default)]
    pub(crate) pull_request: bool,
}

/// [`Limits`], as the journal keeps them.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct LimitsRecord {
    pub(crate) timeout_ms: u64,
    pub(crate) retry_tokens: u32,
    pub(crate) concurrency: usize,
    pub(crate) replans: u32,
}

impl From<&Limits> for LimitsRecord {
    fn from(limits: &Limits) -> Self {
        Self {
            timeout_ms: limits.timeout_ms,
            retry_tokens: limits.retry_tokens,
            concurrency: limits.concurrency,
            replans: limits.replans,
        }
    }
}

/// Where the time of a run went, in microseconds.
pub(crate) type Timings = BTreeMap<String, u64>;

//! What ways that failed leave behind for the next one: where to look, and what not to try again.

use astraea_engine::{ErrorClass, RunResult};
use serde::Serialize;
use serde_json::Value;

/// The most of each list that is handed on.
const MOST: usize = 20;
/// The most bytes of one reason.
const REASON: usize = 500;

/// What was learned from failures, masked where it came from.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Hints {
    /// Lines that a search suspects, the worst first: file, line, score, text.
    suspicious: Vec<Value>,
    /// Edits that mended something and not everything.
    near_misses: Vec<Value>,
    /// What was tried and why it did not do.
    tried: Vec<String>,
}

/// Nothing was learned yet.
pub(crate) static NO_HINTS: Hints =
    Hints { suspicious: Vec::new(), near_misses: Vec::new(), tried: Vec::new() };

impl Hints {
    /// Takes over what the failures of a graph tell.
    pub(crate) fn learn(&mut self, result: &RunResult) {
        for task in result.graph.tasks() {
            let Some(failure) = result.failures.get(&task.id) else { continue };
            let value = &failure.output.value;
            take(&mut self.suspicious, &value["suspicious"]);
            take(&mut self.near_misses, &value["report"]["near_misses"]);
            let says_something = matches!(
                failure.class,
                ErrorClass::NoPatch | ErrorClass::TestFailure | ErrorClass::ModificationError
            );
            let line = failure.message.lines().next().unwrap_or_default();
            let reason: String = format!("{}: {line}", task.action).chars().take(REASON).collect();
            if says_something && self.tried.len() < MOST && !self.tried.contains(&reason) {
                self.tried.push(reason);
            }
        }
    }
}

fn take(mine: &mut Vec<Value>, theirs: &Value) {
    for item in theirs.as_array().into_iter().flatten() {
        if mine.len() < MOST && !mine.contains(item) {
            mine.push(item.clone());
        }
    }
}

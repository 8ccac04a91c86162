//! Runs that were started here and may still be going on.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use astraea_goals::GoalResult;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// What is said about a run in an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The run.
    pub run: String,
    /// The goal in the store.
    pub goal_id: String,
    /// How it ended; absent while it goes on.
    pub outcome: Option<String>,
    /// Whether the goal was achieved.
    pub success: bool,
    /// The branch with the change.
    pub branch: Option<String>,
    /// The files it changes.
    pub files: Vec<String>,
}

impl RunInfo {
    /// What a result says.
    #[must_use]
    pub fn of(result: &GoalResult) -> Self {
        Self {
            run: result.run.clone(),
            goal_id: result.goal_id.clone(),
            outcome: Some(result.outcome.to_string()),
            success: result.success,
            branch: result.branch.clone(),
            files: result.files.clone(),
        }
    }
}

/// The runs that go on, each with the means to stop it. Cheap to clone; clones share.
#[derive(Debug, Clone, Default)]
pub struct Runs(Arc<Mutex<BTreeMap<String, CancellationToken>>>);

impl Runs {
    /// A run has begun.
    pub fn begin(&self, run: &str, cancel: CancellationToken) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(run.to_owned(), cancel);
    }

    /// A run has ended.
    pub fn end(&self, run: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(run);
    }

    /// Stops a run in order. False if it does not go on here.
    #[must_use]
    pub fn cancel(&self, run: &str) -> bool {
        let token = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(run).cloned();
        token.inspect(CancellationToken::cancel).is_some()
    }

    /// The runs that go on.
    #[must_use]
    pub fn alive(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}

//! Runs that were started here and may still be going on.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use astraea_goals::GoalResult;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
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
    /// Changes that were put aside because they change tests: they wait for a person's word.
    #[serde(default)]
    pub held: Vec<String>,
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
            held: result.held.iter().map(|held| held.change_id.clone()).collect(),
        }
    }
}

/// Goals that are carried out at once unless set; others wait their turn.
const AT_ONCE: usize = 4;

/// The runs that go on, each with the means to stop it, and how many may at once. Cheap to clone; clones share.
#[derive(Debug, Clone)]
pub struct Runs {
    alive: Arc<Mutex<BTreeMap<String, CancellationToken>>>,
    places: Arc<Semaphore>,
}

/// A place among the goals that are carried out at once; free again when dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "it is held, not looked at")] OwnedSemaphorePermit);

impl Default for Runs {
    fn default() -> Self {
        Self::at_most(AT_ONCE)
    }
}

impl Runs {
    /// At most `goals` goals at once; at least one.
    #[must_use]
    pub fn at_most(goals: usize) -> Self {
        let places = Arc::new(Semaphore::new(goals.clamp(1, Semaphore::MAX_PERMITS)));
        Self { alive: Arc::default(), places }
    }

    /// Waits for a place among the goals that are carried out at once; nothing when it was called off before.
    ///
    /// # Cancel safety
    /// Dropping the future gives the place in the queue up.
    pub async fn place(&self, cancel: &CancellationToken) -> Option<Place> {
        tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            place = self.places.clone().acquire_owned() => place.ok().map(Place),
        }
    }

    /// A place, if one is free.
    #[must_use]
    pub fn place_now(&self) -> Option<Place> {
        self.places.clone().try_acquire_owned().ok().map(Place)
    }

    /// A run has begun.
    pub fn begin(&self, run: &str, cancel: CancellationToken) {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner).insert(run.to_owned(), cancel);
    }

    /// A run has ended.
    pub fn end(&self, run: &str) {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner).remove(run);
    }

    /// Stops a run in order. False if it does not go on here.
    #[must_use]
    pub fn cancel(&self, run: &str) -> bool {
        let token = self.alive.lock().unwrap_or_else(PoisonError::into_inner).get(run).cloned();
        token.inspect(CancellationToken::cancel).is_some()
    }

    /// The runs that go on.
    #[must_use]
    pub fn alive(&self) -> Vec<String> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}

//! A journal that says how long it took.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use astraea_engine::{Journal, JournalError, NewRecord, Record, RunId};
use async_trait::async_trait;

/// Measures the appends of one run.
#[derive(Debug)]
pub(crate) struct TimedJournal {
    inner: Arc<dyn Journal>,
    spent_us: Arc<AtomicU64>,
    commits: Arc<AtomicU64>,
}

impl TimedJournal {
    pub(crate) fn new(inner: Arc<dyn Journal>) -> Self {
        Self { inner, spent_us: Arc::default(), commits: Arc::default() }
    }

    pub(crate) fn spent_us(&self) -> Arc<AtomicU64> {
        self.spent_us.clone()
    }

    pub(crate) fn commits_of_run(&self) -> Arc<AtomicU64> {
        self.commits.clone()
    }
}

#[async_trait]
impl Journal for TimedJournal {
    async fn append(&self, batch: Vec<NewRecord>) -> Result<Vec<Record>, JournalError> {
        let started = Instant::now();
        let answer = self.inner.append(batch).await;
        let us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.spent_us.fetch_add(us, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        answer
    }

    async fn read(&self, run: &RunId, after_seq: u64) -> Result<Vec<Record>, JournalError> {
        self.inner.read(run, after_seq).await
    }

    fn commits(&self) -> u64 {
        self.inner.commits()
    }

    fn discards(&self) -> bool {
        self.inner.discards()
    }
}

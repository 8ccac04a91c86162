//! Journals that do not outlive the process.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;

use super::{Journal, JournalError, NewRecord, Record};
use crate::{Clock, RunId, SystemClock};

/// Keeps records in memory.
#[derive(Debug)]
pub struct MemoryJournal {
    clock: Arc<dyn Clock>,
    records: Mutex<Vec<Record>>,
    commits: AtomicU64,
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryJournal {
    /// An empty journal that takes the time from the machine.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// An empty journal with a clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock, records: Mutex::default(), commits: AtomicU64::new(0) }
    }

    /// Everything it holds.
    pub fn records(&self) -> Vec<Record> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append(&self, batch: Vec<NewRecord>) -> Result<Vec<Record>, JournalError> {
        let ts_ms = self.clock.now_ms();
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let first = records.last().map_or(1, |record| record.seq + 1);
        let new = stamp(batch, first, ts_ms);
        records.extend(new.iter().cloned());
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(new)
    }

    async fn read(&self, run: &RunId, after_seq: u64) -> Result<Vec<Record>, JournalError> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let from = records.partition_point(|record| record.seq <= after_seq);
        Ok(records[from..].iter().filter(|r| r.run.as_ref() == Some(run)).cloned().collect())
    }

    fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

/// Keeps nothing: for graphs that need no resume. Records still get numbers, so that they can be announced.
#[derive(Debug, Default)]
pub struct NullJournal {
    seq: AtomicU64,
}

#[async_trait]
impl Journal for NullJournal {
    async fn append(&self, batch: Vec<NewRecord>) -> Result<Vec<Record>, JournalError> {
        let first = self.seq.fetch_add(batch.len() as u64, Ordering::Relaxed) + 1;
        Ok(stamp(batch, first, SystemClock.now_ms()))
    }

    async fn read(&self, _run: &RunId, _after_seq: u64) -> Result<Vec<Record>, JournalError> {
        Ok(Vec::new())
    }

    fn commits(&self) -> u64 {
        0
    }

    fn discards(&self) -> bool {
        true
    }
}

pub(super) fn stamp(batch: Vec<NewRecord>, first: u64, ts_ms: u64) -> Vec<Record> {
    (first..)
        .zip(batch)
        .map(|(seq, new)| Record {
            seq,
            ts_ms,
            run: new.run,
            graph: new.graph,
            kind: new.kind,
            payload: new.payload,
        })
        .collect()
}

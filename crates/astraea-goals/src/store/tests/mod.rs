//! The store over a real journal: rules, behaviours, and the state machine against a model.

mod behaviours;
mod laws;
mod ledger;

use std::sync::Arc;

use astraea_engine::{
    Journal, JournalOptions, ManualClock, Record, SqliteJournal, Synchronous, open_reader,
};
use astraea_ledger::{Ledger, Query, Stored};
use astraea_redact::{RedactOptions, Redactor};
use tempfile::TempDir;

use super::{GoalStore, projections};

/// A store in a directory of its own, with a clock that stands still.
struct House {
    dir: TempDir,
    clock: Arc<ManualClock>,
    journal: Arc<SqliteJournal>,
    store: GoalStore,
}

/// When the clock of a [`House`] stands still.
const NOW: u64 = 1_700_000_000_000;

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        let (journal, store) = Self::open(&dir, &clock);
        Self { dir, clock, journal, store }
    }

    fn open(dir: &TempDir, clock: &Arc<ManualClock>) -> (Arc<SqliteJournal>, GoalStore) {
        let path = dir.path().join("state.db");
        let options = JournalOptions::default()
            .with_synchronous(Synchronous::Normal)
            .with_clock(clock.clone());
        let redactor = Redactor::new(RedactOptions::default().with_secret_value("walrus piano"));
        let journal =
            Arc::new(SqliteJournal::open(&path, options, projections(redactor.clone())).unwrap());
        (journal.clone(), GoalStore::new(journal, path).with_redactor(redactor))
    }

    /// As a new process would find it.
    fn reopen(self) -> Self {
        let Self { dir, clock, journal, store } = self;
        drop((journal, store));
        let (journal, store) = Self::open(&dir, &clock);
        Self { dir, clock, journal, store }
    }

    async fn append(&self, batch: Vec<astraea_engine::NewRecord>) -> Vec<Record> {
        self.journal.append(batch).await.unwrap()
    }

    fn ledger(&self) -> Vec<Stored> {
        let conn = open_reader(self.dir.path().join("state.db")).unwrap();
        Ledger::verify(&conn, None, None).unwrap();
        Ledger::entries(&conn, &Query::default()).unwrap()
    }

    fn events(&self) -> Vec<String> {
        self.ledger().iter().map(|entry| entry.event.to_string()).collect()
    }
}

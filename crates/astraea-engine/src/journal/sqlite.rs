//! The journal on SQLite.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use rusqlite::Connection;

use super::{Journal, JournalError, NewRecord, Record};
use crate::{Clock, Rejection, RunId, SystemClock};

/// What a commit survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Synchronous {
    /// A crash of the process and a loss of power.
    #[default]
    Full,
    /// A crash of the process, not a loss of power.
    Normal,
}

/// How a journal on SQLite works.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JournalOptions {
    /// What a commit survives.
    pub synchronous: Synchronous,
    /// Where timestamps come from.
    pub clock: Arc<dyn Clock>,
    /// How long to wait for another process that writes, in milliseconds. Default 5000.
    pub busy_timeout_ms: u32,
    /// The largest size of the file in pages of 4 KiB; none for no limit.
    pub max_pages: Option<u32>,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            synchronous: Synchronous::Full,
            clock: Arc::new(SystemClock),
            busy_timeout_ms: 5000,
            max_pages: None,
        }
    }
}

impl JournalOptions {
    /// Sets what a commit survives.
    #[must_use]
    pub fn with_synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// Sets where timestamps come from.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets how long to wait for another process that writes.
    #[must_use]
    pub fn with_busy_timeout_ms(mut self, ms: u32) -> Self {
        self.busy_timeout_ms = ms;
        self
    }

    /// Sets the largest size of the file, in pages of 4 KiB.
    #[must_use]
    pub fn with_max_pages(mut self, pages: u32) -> Self {
        self.max_pages = Some(pages);
        self
    }
}

/// Tables that are made from the records, in the same transaction.
///
/// # Contract
/// - Called from the journal's own thread, one record at a time, in order.
/// - Writes only through the connection it is given, and begins, commits and rolls back nothing.
/// - A rejection (or a panic) undoes the append the record came with, and only that; what it remembers outside the
///   database has to be forgotten in [`rolled_back`](Self::rolled_back).
pub trait Projection: Send {
    /// Its name, for the cursor that says how far it has come. Never changes.
    fn name(&self) -> &str;

    /// Makes or alters its tables; called once when the journal is opened, in a transaction. Records it has not seen
    /// yet are applied after it.
    ///
    /// # Errors
    /// The journal is then not opened.
    fn migrate(&mut self, tx: &Connection) -> Result<(), Rejection>;

    /// Takes in one record.
    ///
    /// # Errors
    /// The append is undone and answered with [`JournalError::Rejected`].
    fn apply(&mut self, tx: &Connection, record: &Record) -> Result<(), Rejection>;

    /// What was applied since the last commit may be gone: forget what is remembered outside the database.
    fn rolled_back(&mut self) {}
}

impl From<rusqlite::Error> for Rejection {
    fn from(error: rusqlite::Error) -> Self {
        Self::new("storage", error.to_string())
    }
}

/// A journal in a SQLite file, written by a thread of its own.
#[derive(Debug)]
pub struct SqliteJournal {}

#[expect(clippy::todo, reason = "skeleton")]
impl SqliteJournal {
    /// Opens or makes the file.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn open(
        path: impl AsRef<Path>,
        options: JournalOptions,
        projections: Vec<Box<dyn Projection>>,
    ) -> Result<Self, JournalError> {
        let _ = (path.as_ref(), options, projections);
        todo!()
    }

    /// A connection of one's own that can only read.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn reader(&self) -> Result<Connection, JournalError> {
        todo!()
    }
}

#[expect(clippy::todo, reason = "skeleton")]
#[async_trait]
impl Journal for SqliteJournal {
    async fn append(&self, _batch: Vec<NewRecord>) -> Result<Vec<Record>, JournalError> {
        todo!()
    }

    async fn read(&self, _run: &RunId, _after_seq: u64) -> Result<Vec<Record>, JournalError> {
        todo!()
    }

    fn commits(&self) -> u64 {
        todo!()
    }
}

/// A connection to a journal's file that can only read.
///
/// # Errors
/// See [`JournalError`].
#[expect(clippy::todo, reason = "skeleton")]
pub fn open_reader(path: impl AsRef<Path>) -> Result<Connection, JournalError> {
    let _ = path.as_ref();
    todo!()
}

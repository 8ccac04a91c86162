//! The journal on SQLite.

mod schema;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use async_trait::async_trait;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use self::writer::{Request, Writer};
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
        let code = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => writer::DISK_FULL,
            _ => "storage",
        };
        Self::new(code, error.to_string())
    }
}

/// A journal in a SQLite file, written by a thread of its own.
///
/// Appends that wait together share one transaction (and one sync), each in its own savepoint. The file is in WAL mode,
/// so readers see the last commit and never wait. `PRAGMA user_version` is the journal's; projections keep the versions
/// of their tables elsewhere.
#[derive(Debug)]
pub struct SqliteJournal {
    path: PathBuf,
    commits: Arc<AtomicU64>,
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl SqliteJournal {
    /// Opens or makes the file, and lets projections catch up with what they have not seen.
    ///
    /// # Errors
    /// [`JournalError::NewerSchema`] (nothing is changed then), [`JournalError::Corrupt`], [`JournalError::Open`],
    /// [`JournalError::Busy`], [`JournalError::DiskFull`]; [`JournalError::Rejected`] from a projection.
    pub fn open(
        path: impl AsRef<Path>,
        options: JournalOptions,
        mut projections: Vec<Box<dyn Projection>>,
    ) -> Result<Self, JournalError> {
        let path = path.as_ref().to_owned();
        let connection = schema::open(&path, &options, &mut projections)?;
        let commits = Arc::new(AtomicU64::new(0));
        let (requests, queue) = mpsc::channel();
        let writer = Writer::new(
            path.clone(),
            connection,
            projections,
            options.clock.clone(),
            commits.clone(),
        );
        let thread = std::thread::Builder::new()
            .name("astraea-journal".to_owned())
            .spawn(move || writer.serve(&queue))
            .map_err(|error| JournalError::Open {
                path: path.display().to_string(),
                message: format!("its thread cannot be started: {error}"),
            })?;
        Ok(Self { path, commits, requests: Some(requests), thread: Some(thread) })
    }

    /// A connection of one's own that can only read.
    ///
    /// # Errors
    /// As [`open_reader`].
    pub fn reader(&self) -> Result<Connection, JournalError> {
        open_reader(&self.path)
    }
}

impl Drop for SqliteJournal {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            // It ends when the last request is done; its panic would have been told to whoever waited.
            let _ = thread.join();
        }
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn append(&self, batch: Vec<NewRecord>) -> Result<Vec<Record>, JournalError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let (reply, answer) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or(JournalError::Closed)?;
        requests.send(Request { batch, reply }).map_err(|_| JournalError::Closed)?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    async fn read(&self, run: &RunId, after_seq: u64) -> Result<Vec<Record>, JournalError> {
        let (path, run) = (self.path.clone(), run.clone());
        tokio::task::spawn_blocking(move || {
            read_records(&open_reader(&path)?, Some(&run), after_seq, usize::MAX)
        })
        .await
        .map_err(|error| JournalError::Storage { message: error.to_string() })?
    }

    fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

/// A connection to a journal's file that can only read.
///
/// # Errors
/// [`JournalError::Open`] if there is no such file, [`JournalError::NewerSchema`], [`JournalError::Corrupt`].
pub fn open_reader(path: impl AsRef<Path>) -> Result<Connection, JournalError> {
    schema::open_reader(path.as_ref())
}

/// Reads records, of one run or of all, after a sequence number, in order.
///
/// # Errors
/// [`JournalError::Storage`], [`JournalError::Corrupt`].
pub fn read_records(
    reader: &Connection,
    run: Option<&RunId>,
    after_seq: u64,
    limit: usize,
) -> Result<Vec<Record>, JournalError> {
    schema::read(reader, run, after_seq, limit)
}

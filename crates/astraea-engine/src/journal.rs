//! Where records go before anything is announced.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use memory::{MemoryJournal, NullJournal};
#[cfg(feature = "sqlite")]
pub use sqlite::{
    JournalOptions, Projection, SqliteJournal, Synchronous, open_reader, read_records,
};

use crate::{GraphId, RunId};

/// A record that is not journaled yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewRecord {
    /// The run it belongs to, if any.
    pub run: Option<RunId>,
    /// The graph it belongs to, if any.
    pub graph: Option<GraphId>,
    /// What kind, such as `task_started`.
    pub kind: String,
    /// The rest.
    pub payload: Value,
}

impl NewRecord {
    /// A record that belongs to no run.
    pub fn new(kind: impl Into<String>, payload: Value) -> Self {
        Self { run: None, graph: None, kind: kind.into(), payload }
    }

    /// Sets the run.
    #[must_use]
    pub fn with_run(mut self, run: RunId) -> Self {
        self.run = Some(run);
        self
    }

    /// Sets the graph.
    #[must_use]
    pub fn with_graph(mut self, graph: GraphId) -> Self {
        self.graph = Some(graph);
        self
    }
}

/// A record as the journal holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Grows by at least one from record to record; 0 if it was never journaled.
    pub seq: u64,
    /// When, milliseconds since 1970.
    pub ts_ms: u64,
    /// The run it belongs to, if any.
    pub run: Option<RunId>,
    /// The graph it belongs to, if any.
    pub graph: Option<GraphId>,
    /// What kind.
    pub kind: String,
    /// The rest.
    pub payload: Value,
}

/// The journal could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// A projection refused; nothing of this append is kept.
    #[error("the record was refused ({code}): {message}")]
    Rejected {
        /// A short word that programs can look at.
        code: String,
        /// The reason, for people.
        message: String,
    },
    /// No room; nothing of this append is kept.
    #[error("there is no room left for the journal {path}; free some space and resume the run")]
    DiskFull {
        /// The file.
        path: String,
    },
    /// Somebody else holds the file.
    #[error("the journal {path} is held by another process; wait for it or stop it")]
    Busy {
        /// The file.
        path: String,
    },
    /// A newer program wrote it.
    #[error(
        "the journal {path} has schema version {found}, this program knows {supported}; use a newer astra"
    )]
    NewerSchema {
        /// The file.
        path: String,
        /// Its version.
        found: i64,
        /// The newest this program knows.
        supported: i64,
    },
    /// It is not a journal, or damaged.
    #[error("{path} is not a journal or is damaged ({message}); move it away and start again")]
    Corrupt {
        /// The file.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// It cannot be opened.
    #[error("the journal {path} cannot be opened: {message}")]
    Open {
        /// The file.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// The database failed in another way; nothing of this append is kept.
    #[error("the journal failed: {message}")]
    Storage {
        /// What the database says.
        message: String,
    },
    /// It has been closed.
    #[error("the journal is closed")]
    Closed,
}

/// A durable sequence of records.
///
/// # Contract
/// - When [`append`](Self::append) returns, the whole batch is durable and in order; when it fails, nothing of it is.
/// - Sequence numbers grow over all runs.
/// - Appends from several tasks may be made at once.
#[async_trait]
pub trait Journal: fmt::Debug + Send + Sync {
    /// Makes a batch durable, all or nothing.
    ///
    /// # Errors
    /// See [`JournalError`]; nothing of the batch is kept.
    ///
    /// # Cancel safety
    /// If the future is dropped, the batch may be kept or not, but never in part.
    async fn append(&self, batch: Vec<NewRecord>) -> Result<Vec<Record>, JournalError>;

    /// The records of a run after a sequence number (0 for all), in order.
    ///
    /// # Errors
    /// See [`JournalError`].
    async fn read(&self, run: &RunId, after_seq: u64) -> Result<Vec<Record>, JournalError>;

    /// How many transactions were committed since it was opened.
    fn commits(&self) -> u64;

    /// Whether it throws everything away, so that nobody needs to make records for it.
    fn discards(&self) -> bool {
        false
    }
}

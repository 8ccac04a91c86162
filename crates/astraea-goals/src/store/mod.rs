//! The goal store: goals, beliefs and scheduled changes, as a projection of the engine's journal.
//!
//! What is written is a record (see [`records`]); [`GoalProjection`] applies it to the tables in the
//! record's own transaction, or refuses it with a reason, and then nothing of the append is
//! written. What is read comes from a read-only connection.

mod changes;
mod definition;
mod error;
mod goal;
mod ledger;
mod projection;
mod pursue;
mod rank;
pub mod records;
mod tables;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use astraea_engine::{Journal, JournalError, NewRecord, Projection, open_reader};
use astraea_redact::Redactor;
use rusqlite::Connection;

pub use definition::{GoalPatch, NewGoal};
pub use error::StoreError;
pub use goal::{Category, Goal, GoalId, GoalState, Source};
pub use ledger::LedgerProjection;
pub(crate) use ledger::{PUSHED, REQUESTED};
pub use projection::GoalProjection;
pub use pursue::{GoalQuery, MAX_LIST};
pub use rank::Scored;

/// The projections that a journal needs for a goal store and a ledger.
#[must_use]
pub fn projections(redactor: Redactor) -> Vec<Box<dyn Projection>> {
    vec![Box::new(GoalProjection::new()), Box::new(LedgerProjection::new(redactor))]
}

/// Goals, beliefs and scheduled changes.
///
/// # Cancel safety
/// Where the future of a writing operation is dropped, it may have been done or not, never in part.
/// Repeat it with the same idempotency key.
pub struct GoalStore {
    journal: Arc<dyn Journal>,
    reader: Reader,
    redactor: Option<Redactor>,
}

/// Where the records of the store hold what somebody wrote in words. Ids, paths and the contents of
/// files are not among them: they must stay what they are.
const WORDS: [&str; 12] = [
    "/goal/text",
    "/goal/aligns_with",
    "/goal/contradicts",
    "/goal/success_metrics",
    "/goal/metadata",
    "/patch/text",
    "/patch/aligns_with",
    "/patch/contradicts",
    "/patch/success_metrics",
    "/statement",
    "/change/reason",
    "/reason",
];

/// Where the tables are read.
struct Reader {
    path: Option<PathBuf>,
    conn: Mutex<Option<Connection>>,
}

impl std::fmt::Debug for GoalStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GoalStore").field("journal", &self.journal).finish_non_exhaustive()
    }
}

impl GoalStore {
    /// A store over a journal that has a [`GoalProjection`], read from the journal's file. The
    /// file is opened with the first reading.
    #[must_use]
    pub fn new(journal: Arc<dyn Journal>, path: impl Into<PathBuf>) -> Self {
        let reader = Reader { path: Some(path.into()), conn: Mutex::new(None) };
        Self { journal, reader, redactor: None }
    }

    /// A store that reads through this connection.
    #[must_use]
    pub fn with_reader(journal: Arc<dyn Journal>, conn: Connection) -> Self {
        let reader = Reader { path: None, conn: Mutex::new(Some(conn)) };
        Self { journal, reader, redactor: None }
    }

    /// Masks secrets in what is written to the journal, and so in the tables made from it. The
    /// ledger has a redactor of its own.
    #[must_use]
    pub fn with_redactor(mut self, redactor: Redactor) -> Self {
        self.redactor = Some(redactor);
        self
    }

    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut conn = self.reader.conn.lock().unwrap_or_else(PoisonError::into_inner);
        if conn.is_none() {
            let path = self.reader.path.as_ref().ok_or(StoreError::NotAvailable)?;
            *conn = Some(open_reader(path)?);
        }
        match conn.as_ref() {
            Some(conn) => Ok(query(conn)?),
            None => Err(StoreError::NotAvailable),
        }
    }

    pub(crate) async fn write(&self, mut record: NewRecord) -> Result<(), JournalError> {
        if let Some(redactor) = &self.redactor {
            for place in WORDS {
                if let Some(words) = record.payload.pointer_mut(place) {
                    redactor.redact_json(words);
                }
            }
        }
        self.journal.append(vec![record]).await.map(drop)
    }
}

/// An id that nobody else has: a random UUID.
pub(crate) fn made_up_id() -> Result<String, StoreError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|e| StoreError::Randomness(e.to_string()))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex::encode(bytes);
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

//! The table, and what may be done with it: append and read.

use std::io::Write;

use astraea_redact::Redactor;
use rusqlite::Connection;

use crate::{Entry, Event, Head, LedgerError, Link, SignedHead, Stored, Verified, VerifyingKey};

/// Which entries to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Only entries with a greater number.
    pub after_seq: u64,
    /// Only entries of this run.
    pub run: Option<String>,
    /// Only this event.
    pub event: Option<Event>,
    /// At most so many; 0 means all.
    pub limit: u64,
}

/// The operations on the ledger of a database. There is none that changes or removes an entry.
#[derive(Clone, Copy, Debug)]
pub struct Ledger(());

impl Ledger {
    /// Creates the table and the triggers that refuse UPDATE and DELETE. Harmless when repeated.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn migrate(_conn: &Connection) -> Result<(), LedgerError> {
        Ok(())
    }

    /// Appends one entry inside the caller's transaction: it is recorded when that commits.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Unrecordable`].
    pub fn append_in(
        _conn: &Connection,
        _redactor: &Redactor,
        _entry: &Entry,
    ) -> Result<Link, LedgerError> {
        Err(LedgerError::Unrecordable(String::new()))
    }

    /// The last link; seq 0 and [`GENESIS`](crate::GENESIS) where there is none.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn head(_conn: &Connection) -> Result<Head, LedgerError> {
        Err(LedgerError::Unrecordable(String::new()))
    }

    /// Checks every entry, every link, and the signed head.
    ///
    /// # Errors
    /// [`LedgerError::Tampered`] with the first entry that cannot be trusted,
    /// [`LedgerError::BadSignature`], or [`LedgerError::Database`].
    pub fn verify(
        _conn: &Connection,
        _head: Option<&SignedHead>,
        _key: Option<&VerifyingKey>,
    ) -> Result<Verified, LedgerError> {
        Err(LedgerError::Unrecordable(String::new()))
    }

    /// Entries in order. They are not verified.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn entries(_conn: &Connection, _query: &Query) -> Result<Vec<Stored>, LedgerError> {
        Ok(Vec::new())
    }

    /// Writes every entry as one line of canonical JSON; returns how many.
    ///
    /// # Errors
    /// [`LedgerError::Database`] or [`LedgerError::Io`].
    pub fn export(_conn: &Connection, _writer: impl Write) -> Result<u64, LedgerError> {
        Ok(0)
    }
}

//! The table, and what may be done with it: append and read.

use std::io::Write;

use astraea_redact::Redactor;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::chain::{self, Raw};
use crate::{
    Entry, Event, GENESIS, Head, LedgerError, Link, SignedHead, Stored, Verified, VerifyingKey,
    export, verify,
};

/// The table and its guards. The guards stop mistakes; what stops malice is the chain.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS ledger (
    seq INTEGER PRIMARY KEY,
    ts_ms INTEGER NOT NULL,
    event TEXT NOT NULL,
    run TEXT,
    data TEXT NOT NULL,
    prev_sha TEXT NOT NULL,
    sha TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS ledger_run ON ledger (run, seq) WHERE run IS NOT NULL;
CREATE TRIGGER IF NOT EXISTS ledger_no_update BEFORE UPDATE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: no entry may be changed'); END;
CREATE TRIGGER IF NOT EXISTS ledger_no_delete BEFORE DELETE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: no entry may be removed'); END;
CREATE TRIGGER IF NOT EXISTS ledger_only_append BEFORE INSERT ON ledger
WHEN NEW.seq IS NOT (SELECT COALESCE(MAX(seq), 0) + 1 FROM ledger)
  OR NEW.prev_sha IS NOT COALESCE(
      (SELECT sha FROM ledger ORDER BY seq DESC LIMIT 1), 'genesis')
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: an entry must follow the last one'); END;
";

/// Which entries to read. The default is all of them.
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

impl Query {
    /// Only entries with a greater number.
    #[must_use]
    pub fn with_after_seq(mut self, seq: u64) -> Self {
        self.after_seq = seq;
        self
    }

    /// Only entries of this run.
    #[must_use]
    pub fn with_run(mut self, run: impl Into<String>) -> Self {
        self.run = Some(run.into());
        self
    }

    /// Only this event.
    #[must_use]
    pub fn with_event(mut self, event: Event) -> Self {
        self.event = Some(event);
        self
    }

    /// At most so many; 0 means all.
    #[must_use]
    pub fn with_limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }
}

/// The operations on the ledger of a database. There is none that changes or removes an entry.
#[derive(Clone, Copy, Debug)]
pub struct Ledger(());

impl Ledger {
    /// Creates the table and the triggers that refuse UPDATE, DELETE and any INSERT that does not
    /// follow the last entry. Harmless when repeated.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn migrate(conn: &Connection) -> Result<(), LedgerError> {
        Ok(conn.execute_batch(SCHEMA)?)
    }

    /// Appends one entry inside the caller's transaction (pass `&transaction`): it is recorded when
    /// that commits, and gone without a trace when it rolls back. Everything textual in the entry
    /// is redacted first.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Unrecordable`] for a time beyond 2⁵³ ms.
    pub fn append_in(
        conn: &Connection,
        redactor: &Redactor,
        entry: &Entry,
    ) -> Result<Link, LedgerError> {
        let ts_ms = chain::integer("the time", entry.ts_ms)?;
        let head = Self::head(conn)?;
        let mut data = entry.data.clone();
        redactor.redact_json(&mut data);
        chain::exact(&mut data);
        let mut raw = Raw {
            seq: chain::integer("the number", head.seq + 1)?,
            ts_ms,
            event: redactor.redact(entry.event.as_str()).into_owned(),
            run: entry.run.as_deref().map(|run| redactor.redact(run).into_owned()),
            data: chain::canonical(&data)?,
            prev_sha: head.sha,
            sha: String::new(),
        };
        raw.sha = raw.hash_as(raw.seq);
        conn.prepare_cached(
            "INSERT INTO ledger (seq, ts_ms, event, run, data, prev_sha, sha)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            raw.seq,
            raw.ts_ms,
            raw.event,
            raw.run,
            raw.data,
            raw.prev_sha,
            raw.sha
        ])?;
        Ok(Link { seq: head.seq + 1, prev_sha: raw.prev_sha, sha: raw.sha })
    }

    /// The last link; seq 0 and [`GENESIS`] where there is none.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn head(conn: &Connection) -> Result<Head, LedgerError> {
        let last = conn
            .prepare_cached("SELECT seq, sha FROM ledger ORDER BY seq DESC LIMIT 1")?
            .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
            .optional()?;
        Ok(match last {
            Some((seq, sha)) => Head { seq: u64::try_from(seq).unwrap_or(0), sha },
            None => Head { seq: 0, sha: GENESIS.to_owned() },
        })
    }

    /// Checks every entry and every link; with a head, that the chain still holds the entry it
    /// names; with a key, that the head is signed by it. Reads one entry at a time.
    ///
    /// # Errors
    /// [`LedgerError::Tampered`] with the first entry that cannot be trusted,
    /// [`LedgerError::BadSignature`], or [`LedgerError::Database`].
    pub fn verify(
        conn: &Connection,
        head: Option<&SignedHead>,
        key: Option<&VerifyingKey>,
    ) -> Result<Verified, LedgerError> {
        let mut statement = conn.prepare(
            "SELECT seq, ts_ms, event, run, data, prev_sha, sha FROM ledger ORDER BY seq",
        )?;
        let rows = statement.query_map([], |row| Ok(raw(row)))?;
        verify::check(rows.map(|row| row.map_err(LedgerError::from)), head, key)
    }

    /// Entries in order. They are not verified.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Tampered`] for an entry that cannot be read.
    pub fn entries(conn: &Connection, query: &Query) -> Result<Vec<Stored>, LedgerError> {
        let mut statement = conn.prepare_cached(
            "SELECT seq, ts_ms, event, run, data, prev_sha, sha FROM ledger
             WHERE seq > ?1 AND (?2 IS NULL OR run = ?2) AND (?3 IS NULL OR event = ?3)
             ORDER BY seq LIMIT ?4",
        )?;
        let after = i64::try_from(query.after_seq).unwrap_or(i64::MAX);
        let limit = match i64::try_from(query.limit) {
            Ok(0) | Err(_) => -1,
            Ok(limit) => limit,
        };
        let event = query.event.as_ref().map(Event::as_str);
        let rows =
            statement.query_map(params![after, query.run, event, limit], |row| Ok(raw(row)))?;
        rows.map(|row| export::stored(row?)).collect()
    }

    /// Writes every entry as one line of canonical JSON; returns how many. What
    /// [`verify_export`](crate::verify_export) reads.
    ///
    /// # Errors
    /// [`LedgerError::Database`], [`LedgerError::Io`], or [`LedgerError::Tampered`] for an entry
    /// that cannot be read.
    pub fn export(conn: &Connection, mut writer: impl Write) -> Result<u64, LedgerError> {
        let mut statement = conn.prepare(
            "SELECT seq, ts_ms, event, run, data, prev_sha, sha FROM ledger ORDER BY seq",
        )?;
        let mut count = 0;
        for row in statement.query_map([], |row| Ok(raw(row)))? {
            writeln!(writer, "{}", export::line(&export::stored(row?)?)?)?;
            count += 1;
        }
        writer.flush()?;
        Ok(count)
    }
}

/// A row as it is. A column of another type than it should have, which only tampering brings
/// about, reads as empty, and so does not hash.
fn raw(row: &Row<'_>) -> Raw {
    let number = |i: usize| row.get::<_, i64>(i).unwrap_or(-1);
    let text = |i: usize| row.get::<_, String>(i).unwrap_or_default();
    Raw {
        seq: number(0),
        ts_ms: number(1),
        event: text(2),
        run: row.get(3).unwrap_or_default(),
        data: text(4),
        prev_sha: text(5),
        sha: text(6),
    }
}

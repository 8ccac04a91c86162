//! The tables of the journal, how they are opened, and how they are read.

use std::path::Path;

use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Row, TransactionBehavior, params,
};

use super::{JournalOptions, Projection, Synchronous};
use crate::{GraphId, JournalError, Record, Rejection, RunId};

const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE record (
    seq INTEGER PRIMARY KEY,
    ts_ms INTEGER NOT NULL,
    run TEXT,
    graph TEXT,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX record_by_run ON record (run, seq);
CREATE TABLE projection (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
";

pub(super) fn open(
    path: &Path,
    options: &JournalOptions,
    projections: &mut [Box<dyn Projection>],
) -> Result<Connection, JournalError> {
    let say = |error| storage(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|error| cannot_open(path, &error))?;
    let busy = std::time::Duration::from_millis(options.busy_timeout_ms.into());
    connection.busy_timeout(busy).map_err(say)?;
    let version = check_version(&connection, path)?;

    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(say)?;
    if mode != "wal" {
        return Err(JournalError::Open {
            path: path.display().to_string(),
            message: format!("it stays in journal mode `{mode}`; it needs a local file system"),
        });
    }
    let synchronous = match options.synchronous {
        Synchronous::Full => "FULL",
        Synchronous::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous).map_err(say)?;
    if let Some(pages) = options.max_pages {
        connection
            .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
            .map_err(say)?;
    }

    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(say)?;
    if version == 0 && check_version(&tx, path)? == 0 {
        tx.execute_batch(TABLES).map_err(say)?;
    }
    for projection in projections {
        catch_up(&tx, projection.as_mut()).map_err(|no| rejected(path, no))?;
    }
    tx.commit().map_err(say)?;
    Ok(connection)
}

/// The version of the tables; 0 if there are none yet.
fn check_version(connection: &Connection, path: &Path) -> Result<i64, JournalError> {
    let say = |error| storage(path, &error);
    let found: i64 =
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(say)?;
    if found > VERSION {
        let path = path.display().to_string();
        return Err(JournalError::NewerSchema { path, found, supported: VERSION });
    }
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(say)?;
    if found < 0 || (found == 0 && tables > 0) {
        return Err(JournalError::Corrupt {
            path: path.display().to_string(),
            message: "it is a database of another program".to_owned(),
        });
    }
    Ok(found)
}

fn catch_up(tx: &Connection, projection: &mut dyn Projection) -> Result<(), Rejection> {
    projection.migrate(tx)?;
    let cursor: Option<i64> = tx
        .query_row("SELECT seq FROM projection WHERE name = ?1", [projection.name()], |row| {
            row.get(0)
        })
        .optional()?;
    let cursor = cursor.unwrap_or(0);
    let mut last = cursor;
    let mut statement = tx.prepare(
        "SELECT seq, ts_ms, run, graph, kind, payload FROM record WHERE seq > ?1 ORDER BY seq",
    )?;
    let mut rows = statement.query([cursor])?;
    while let Some(row) = rows.next()? {
        let record = record(row)?;
        last = row.get(0)?;
        projection.apply(tx, &record)?;
    }
    set_cursor(tx, projection.name(), last)?;
    Ok(())
}

pub(super) fn set_cursor(tx: &Connection, name: &str, seq: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT OR REPLACE INTO projection (name, seq) VALUES (?1, ?2)")?
        .execute(params![name, seq])?;
    Ok(())
}

pub(super) fn open_reader(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| cannot_open(path, &error))?;
    connection
        .busy_timeout(std::time::Duration::from_secs(5))
        .map_err(|error| storage(path, &error))?;
    if check_version(&connection, path)? == 0 {
        return Err(JournalError::Corrupt {
            path: path.display().to_string(),
            message: "it holds no records".to_owned(),
        });
    }
    Ok(connection)
}

pub(super) fn read(
    reader: &Connection,
    run: Option<&RunId>,
    after_seq: u64,
    limit: usize,
) -> Result<Vec<Record>, JournalError> {
    let path = reader.path().unwrap_or_default().to_owned();
    let after = i64::try_from(after_seq).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let read = || -> rusqlite::Result<Vec<Record>> {
        let mut statement = reader.prepare_cached(match run {
            Some(_) => {
                "SELECT seq, ts_ms, run, graph, kind, payload FROM record
                 WHERE run = ?3 AND seq > ?1 ORDER BY seq LIMIT ?2"
            }
            None => {
                "SELECT seq, ts_ms, run, graph, kind, payload FROM record
                 WHERE ?3 IS NULL AND seq > ?1 ORDER BY seq LIMIT ?2"
            }
        })?;
        let rows = statement.query_map(params![after, limit, run.map(RunId::as_str)], record)?;
        rows.collect()
    };
    read().map_err(|error| storage(Path::new(&path), &error))
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let number = |at: usize| row.get::<_, i64>(at).map(|n| u64::try_from(n).unwrap_or(0));
    let payload: String = row.get(5)?;
    let payload = serde_json::from_str(&payload).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(5, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(Record {
        seq: number(0)?,
        ts_ms: number(1)?,
        run: row.get::<_, Option<String>>(2)?.map(RunId::new),
        graph: row.get::<_, Option<String>>(3)?.map(GraphId::new),
        kind: row.get(4)?,
        payload,
    })
}

fn cannot_open(path: &Path, error: &rusqlite::Error) -> JournalError {
    JournalError::Open { path: path.display().to_string(), message: error.to_string() }
}

pub(super) fn rejected(path: &Path, no: Rejection) -> JournalError {
    if no.code == super::writer::DISK_FULL {
        return JournalError::DiskFull { path: path.display().to_string() };
    }
    JournalError::Rejected { code: no.code, message: no.message }
}

pub(super) fn storage(path: &Path, error: &rusqlite::Error) -> JournalError {
    let path = path.display().to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => JournalError::DiskFull { path },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => JournalError::Busy { path },
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            JournalError::Corrupt { path, message: error.to_string() }
        }
        Some(ErrorCode::CannotOpen) => JournalError::Open { path, message: error.to_string() },
        _ => match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..) => {
                JournalError::Corrupt { path, message: error.to_string() }
            }
            error => JournalError::Storage { message: error.to_string() },
        },
    }
}

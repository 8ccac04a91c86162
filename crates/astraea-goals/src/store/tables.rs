//! The tables, and how their rows read.

use astraea_engine::Rejection;
use rusqlite::{Connection, OptionalExtension as _, Row, types::Type};
use serde::de::DeserializeOwned;

use super::{Goal, GoalId, GoalState, NewGoal};
use crate::beliefs::Belief;
use crate::changes::{Change, ModificationStatus};

pub(crate) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS goals (
    id TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    category TEXT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    run TEXT,
    reason TEXT,
    deleted INTEGER NOT NULL DEFAULT 0,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    seq INTEGER NOT NULL UNIQUE
) STRICT;
CREATE INDEX IF NOT EXISTS goals_state ON goals (state, seq);
CREATE TABLE IF NOT EXISTS beliefs (
    id TEXT PRIMARY KEY,
    statement TEXT NOT NULL,
    confidence REAL NOT NULL,
    active INTEGER NOT NULL,
    version INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS changes (
    id TEXT PRIMARY KEY,
    file_path TEXT NOT NULL,
    reason TEXT NOT NULL,
    goal_id TEXT,
    edits TEXT NOT NULL,
    status TEXT NOT NULL,
    note TEXT,
    version INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    seq INTEGER NOT NULL UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS idempotency (
    operation TEXT NOT NULL,
    key TEXT NOT NULL,
    goal_id TEXT NOT NULL,
    PRIMARY KEY (operation, key)
) STRICT;
CREATE TABLE IF NOT EXISTS parameters (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
";

/// A number that does not fit is as good as the largest: SQLite has signed integers.
pub(crate) fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn uint(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(e)))
}

fn word<T>(row: &Row<'_>, column: &str, read: impl Fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    read(&text).ok_or_else(|| {
        let unknown = format!("{column} is `{text}`, which this version does not know");
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, unknown.into())
    })
}

pub(crate) fn read_goal(row: &Row<'_>) -> rusqlite::Result<Goal> {
    Ok(Goal {
        id: GoalId::new(row.get::<_, String>("id")?),
        definition: json::<NewGoal>(row, "definition")?,
        state: word(row, "state", GoalState::from_name)?,
        version: uint(row, "version")?,
        run: row.get("run")?,
        reason: row.get("reason")?,
        deleted: row.get("deleted")?,
        created_at_ms: uint(row, "created_at_ms")?,
        updated_at_ms: uint(row, "updated_at_ms")?,
    })
}

pub(crate) fn read_belief(row: &Row<'_>) -> rusqlite::Result<Belief> {
    Ok(Belief {
        id: row.get("id")?,
        statement: row.get("statement")?,
        confidence: row.get("confidence")?,
        active: row.get("active")?,
        version: uint(row, "version")?,
        updated_at_ms: uint(row, "updated_at_ms")?,
    })
}

pub(crate) fn read_change(row: &Row<'_>) -> rusqlite::Result<Change> {
    Ok(Change {
        id: row.get("id")?,
        file_path: row.get("file_path")?,
        reason: row.get("reason")?,
        goal_id: row.get("goal_id")?,
        edits: json(row, "edits")?,
        status: word(row, "status", ModificationStatus::from_name)?,
        note: row.get("note")?,
        version: uint(row, "version")?,
        created_at_ms: uint(row, "created_at_ms")?,
        updated_at_ms: uint(row, "updated_at_ms")?,
    })
}

/// The goal of this id, deleted ones too.
pub(crate) fn goal(conn: &Connection, id: &str) -> rusqlite::Result<Option<Goal>> {
    conn.prepare_cached("SELECT * FROM goals WHERE id = ?1")?.query_row([id], read_goal).optional()
}

pub(crate) fn beliefs(conn: &Connection) -> rusqlite::Result<Vec<Belief>> {
    let mut statement = conn.prepare_cached("SELECT * FROM beliefs ORDER BY id")?;
    let rows = statement.query_map([], read_belief)?;
    rows.collect()
}

pub(crate) fn change(conn: &Connection, id: &str) -> rusqlite::Result<Option<Change>> {
    conn.prepare_cached("SELECT * FROM changes WHERE id = ?1")?
        .query_row([id], read_change)
        .optional()
}

/// The goal that an operation with this key was about.
pub(crate) fn remembered(
    conn: &Connection,
    operation: &str,
    key: &str,
) -> rusqlite::Result<Option<String>> {
    conn.prepare_cached("SELECT goal_id FROM idempotency WHERE operation = ?1 AND key = ?2")?
        .query_row([operation, key], |row| row.get(0))
        .optional()
}

/// A value as the text of a column.
pub(crate) fn text<T: serde::Serialize>(value: &T) -> Result<String, Rejection> {
    serde_json::to_string(value).map_err(|e| Rejection::new("invalid", e.to_string()))
}

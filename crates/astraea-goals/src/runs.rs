//! Which runs there are: a projection of the journal.

use astraea_engine::{Projection, Record, Rejection};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;

use crate::result::{GoalResult, Outcome};
use crate::runner::{GOAL_FINISHED, GOAL_RESUMED, GOAL_STARTED};
use crate::time::rfc3339;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunState {
    /// A living process carries it out.
    Running,
    /// Its process died; it can be resumed.
    Interrupted,
    /// It has ended.
    Finished,
}

/// One run, in a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSummary {
    /// The run.
    pub run: String,
    /// Its goal's id.
    pub goal_id: String,
    /// The goal task.
    pub goal: String,
    /// The text as it was given.
    pub goal_text: String,
    /// Where it stands.
    pub state: RunState,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Whether `resume` can go on from here.
    pub resumable: bool,
    /// When it started, RFC 3339.
    pub started_at: String,
    /// The branch that holds its change.
    pub branch: Option<String>,
}

/// Keeps the table `runs`.
#[derive(Debug, Default)]
pub(crate) struct RunsProjection;

impl Projection for RunsProjection {
    fn name(&self) -> &str {
        "runs"
    }

    fn migrate(&mut self, tx: &Connection) -> Result<(), Rejection> {
        tx.execute_batch(
            "CREATE TABLE IF NOT EXISTS runs (
                 run TEXT PRIMARY KEY,
                 goal_id TEXT NOT NULL,
                 goal TEXT NOT NULL,
                 goal_text TEXT NOT NULL,
                 idempotency_key TEXT UNIQUE,
                 finished INTEGER NOT NULL DEFAULT 0,
                 outcome TEXT,
                 branch TEXT,
                 result TEXT,
                 started_ms INTEGER NOT NULL,
                 seq INTEGER NOT NULL
             ) STRICT;",
        )?;
        Ok(())
    }

    fn apply(&mut self, tx: &Connection, record: &Record) -> Result<(), Rejection> {
        let Some(run) = record.run.as_ref().map(ToString::to_string) else { return Ok(()) };
        let text = |name: &str| record.payload[name].as_str().map(str::to_owned);
        let ms = i64::try_from(record.ts_ms).unwrap_or(i64::MAX);
        let seq = i64::try_from(record.seq).unwrap_or(i64::MAX);
        match record.kind.as_str() {
            GOAL_STARTED => {
                tx.execute(
                    "INSERT INTO runs (run, goal_id, goal, goal_text, idempotency_key, started_ms, seq)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    params![
                        run,
                        text("goal_id").unwrap_or_default(),
                        text("goal").unwrap_or_default(),
                        text("goal_text").unwrap_or_default(),
                        text("idempotency_key"),
                        ms,
                        seq
                    ],
                )
                .map_err(|error| match error.sqlite_error_code() {
                    Some(rusqlite::ErrorCode::ConstraintViolation) => Rejection::new(
                        "idempotency_key",
                        "another run with this idempotency key was started at the same time",
                    ),
                    _ => error.into(),
                })?;
            }
            GOAL_RESUMED => {
                tx.execute("UPDATE runs SET finished = 0, outcome = NULL WHERE run = ?1", [run])?;
            }
            GOAL_FINISHED => {
                let result = &record.payload["result"];
                tx.execute(
                    "UPDATE runs SET finished = 1, outcome = ?2, branch = ?3, result = ?4 WHERE run = ?1",
                    params![run, text("outcome"), result["branch"].as_str(), result.to_string()],
                )?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// A row of the table.
#[derive(Debug, Clone)]
pub(crate) struct RunRow {
    pub(crate) run: String,
    pub(crate) goal_id: String,
    pub(crate) goal: String,
    pub(crate) goal_text: String,
    pub(crate) finished: bool,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) branch: Option<String>,
    pub(crate) result: Option<String>,
    pub(crate) started_ms: u64,
}

impl RunRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let outcome: Option<String> = row.get("outcome")?;
        let started: i64 = row.get("started_ms")?;
        Ok(Self {
            run: row.get("run")?,
            goal_id: row.get("goal_id")?,
            goal: row.get("goal")?,
            goal_text: row.get("goal_text")?,
            finished: row.get("finished")?,
            outcome: outcome.and_then(|o| serde_json::from_value(o.into()).ok()),
            branch: row.get("branch")?,
            result: row.get("result")?,
            started_ms: u64::try_from(started).unwrap_or(0),
        })
    }

    /// Whether `resume` can go on, if no living process has the run.
    pub(crate) fn resumable(&self) -> bool {
        !self.finished || self.outcome.is_some_and(Outcome::is_resumable)
    }

    /// The result, if the run has ended.
    pub(crate) fn goal_result(&self) -> Option<GoalResult> {
        serde_json::from_str(self.result.as_deref()?).ok()
    }

    pub(crate) fn summary(&self, alive: bool) -> RunSummary {
        RunSummary {
            run: self.run.clone(),
            goal_id: self.goal_id.clone(),
            goal: self.goal.clone(),
            goal_text: self.goal_text.clone(),
            state: match (self.finished, alive) {
                (true, _) => RunState::Finished,
                (false, true) => RunState::Running,
                (false, false) => RunState::Interrupted,
            },
            outcome: self.outcome,
            resumable: self.resumable() && !alive,
            started_at: rfc3339(self.started_ms),
            branch: self.branch.clone(),
        }
    }
}

/// All runs, the newest first.
pub(crate) fn all(conn: &Connection) -> rusqlite::Result<Vec<RunRow>> {
    let mut query = conn.prepare("SELECT * FROM runs ORDER BY seq DESC")?;
    let rows = query.query_map([], RunRow::read)?;
    rows.collect()
}

/// The run of this idempotency key.
pub(crate) fn by_key(conn: &Connection, key: &str) -> rusqlite::Result<Option<RunRow>> {
    conn.query_row("SELECT * FROM runs WHERE idempotency_key = ?1", [key], RunRow::read).optional()
}

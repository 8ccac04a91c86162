//! The goal store: goals, beliefs and scheduled changes, as a projection of the engine's journal.
//!
//! What is written is a record (see [`records`]); [`GoalProjection`] applies it to the tables in the
//! record's own transaction, or refuses it with a reason, and then nothing of the append is
//! written. What is read comes from a read-only connection.

mod error;
mod goal;
mod ledger;
mod projection;
pub mod records;
mod tables;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use astraea_engine::{Journal, JournalError, NewRecord, Projection, open_reader};
use astraea_redact::Redactor;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

pub use error::StoreError;
pub use goal::{Category, Goal, GoalId, GoalPatch, GoalState, NewGoal, Source};
pub use ledger::LedgerProjection;
pub use projection::GoalProjection;

use crate::beliefs::{self, Belief};
use crate::changes::{Change, Gate, ModificationStatus, NewChange};
use crate::score::{self, Factors, Weights};
use error::code;
use records::kind;

/// The projections that a journal needs for a goal store and a ledger.
#[must_use]
pub fn projections(redactor: Redactor) -> Vec<Box<dyn Projection>> {
    vec![Box::new(GoalProjection::new()), Box::new(LedgerProjection::new(redactor))]
}

/// The most goals a list returns.
pub const MAX_LIST: usize = 500;

/// Which goals to list. The default is all that are not deleted, [`MAX_LIST`] at most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GoalQuery {
    /// Only goals in one of these states; empty for any.
    pub states: Vec<GoalState>,
    /// Only goals of this category.
    pub category: Option<Category>,
    /// Only goals from this source.
    pub source: Option<Source>,
    /// Deleted ones too.
    pub with_deleted: bool,
    /// Only goals created after this one: the last of the page before.
    pub after: Option<GoalId>,
    /// At most so many; 0 means [`MAX_LIST`], which is also the most.
    pub limit: usize,
}

impl GoalQuery {
    /// Only goals in this state (or in another one that was named).
    #[must_use]
    pub fn with_state(mut self, state: GoalState) -> Self {
        self.states.push(state);
        self
    }

    /// At most so many.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Only goals created after this one.
    #[must_use]
    pub fn with_after(mut self, after: GoalId) -> Self {
        self.after = Some(after);
        self
    }
}

/// A goal with its score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The goal.
    #[serde(flatten)]
    pub goal: Goal,
    /// From 0 to 1.
    pub score: f64,
    /// The id of the active belief that contradicts it, if one does.
    pub contradicted_by: Option<String>,
}

/// Goals, beliefs and scheduled changes.
///
/// # Cancel safety
/// Where the future of a writing operation is dropped, it may have been done or not, never in part.
/// Repeat it with the same idempotency key.
pub struct GoalStore {
    journal: Arc<dyn Journal>,
    reader: Reader,
}

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
        Self { journal, reader }
    }

    /// A store that reads through this connection.
    #[must_use]
    pub fn with_reader(journal: Arc<dyn Journal>, conn: Connection) -> Self {
        Self { journal, reader: Reader { path: None, conn: Mutex::new(Some(conn)) } }
    }

    fn read<T>(
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

    async fn write(&self, record: NewRecord) -> Result<(), JournalError> {
        self.journal.append(vec![record]).await.map(drop)
    }

    // ---- goals ------------------------------------------------------------------------------

    /// Proposes a goal. With a key that was used before, returns the goal created then.
    ///
    /// # Errors
    /// [`StoreError::Invalid`], [`StoreError::Exists`], or a failure of the journal.
    pub async fn create(
        &self,
        goal: NewGoal,
        idempotency_key: Option<&str>,
    ) -> Result<Goal, StoreError> {
        if let Some(problem) = goal.problem() {
            return Err(StoreError::Invalid(format!("the goal is refused: {problem}")));
        }
        let id = match &goal.id {
            Some(id) => id.clone(),
            None => GoalId::new(made_up_id()?),
        };
        let record = records::created(&goal.with_id(id.clone()), idempotency_key);
        self.keyed(kind::GOAL_CREATED, id, idempotency_key, record, false).await
    }

    /// Adopts a proposed goal, if it has this version (or any). With a key that was used before for
    /// this goal, returns the goal as it stands.
    ///
    /// # Errors
    /// [`StoreError::Contradicted`] where an active belief speaks against it (which the ledger then
    /// tells), [`StoreError::IllegalTransition`] from any state but proposed,
    /// [`StoreError::StaleVersion`], [`StoreError::Missing`], [`StoreError::KeyReused`], or a failure
    /// of the journal.
    pub async fn adopt(
        &self,
        id: &GoalId,
        version: Option<u64>,
        idempotency_key: Option<&str>,
    ) -> Result<Goal, StoreError> {
        let record = records::adopted(id, version, idempotency_key);
        let done = self.keyed(kind::GOAL_ADOPTED, id.clone(), idempotency_key, record, true).await;
        if let Err(StoreError::Contradicted(reason)) = &done {
            self.write(records::blocked_by_belief(id, reason)).await?;
        }
        done
    }

    /// Gives a goal up, from any state that is not final. With a key that was used before for this
    /// goal, returns the goal as it stands.
    ///
    /// # Errors
    /// As [`adopt`](Self::adopt), except that no belief matters.
    pub async fn abandon(
        &self,
        id: &GoalId,
        reason: &str,
        version: Option<u64>,
        idempotency_key: Option<&str>,
    ) -> Result<Goal, StoreError> {
        let record = records::abandoned(id, reason, version, idempotency_key);
        self.keyed(kind::GOAL_ABANDONED, id.clone(), idempotency_key, record, true).await
    }

    /// Changes a goal that is not final, if it has this version.
    ///
    /// # Errors
    /// [`StoreError::StaleVersion`] where it was changed meanwhile, [`StoreError::Invalid`],
    /// [`StoreError::IllegalTransition`], [`StoreError::Missing`], or a failure of the journal.
    pub async fn patch(
        &self,
        id: &GoalId,
        version: u64,
        patch: &GoalPatch,
    ) -> Result<Goal, StoreError> {
        if let Some(problem) = patch.problem() {
            return Err(StoreError::Invalid(format!("the change is refused: {problem}")));
        }
        self.write(records::patched(id, version, patch)).await?;
        self.there(id)
    }

    /// Hides a goal from lists. It stays in the database, and its history in the ledger.
    ///
    /// # Errors
    /// [`StoreError::IllegalTransition`] while it is executed, [`StoreError::StaleVersion`],
    /// [`StoreError::Missing`], or a failure of the journal.
    pub async fn delete(&self, id: &GoalId, version: Option<u64>) -> Result<Goal, StoreError> {
        self.write(records::deleted(id, version)).await?;
        self.there(id)
    }

    /// Puts a goal that is marked as executed, but whose run has no living holder, back to adopted.
    ///
    /// # Errors
    /// [`StoreError::IllegalTransition`] where it is not executing, [`StoreError::Missing`], or a
    /// failure of the journal.
    pub async fn revert(&self, id: &GoalId, reason: &str) -> Result<Goal, StoreError> {
        self.write(records::reverted(id, reason)).await?;
        self.there(id)
    }

    /// Appends a record whose key may have been used before.
    async fn keyed(
        &self,
        operation: &str,
        id: GoalId,
        key: Option<&str>,
        record: NewRecord,
        same_goal: bool,
    ) -> Result<Goal, StoreError> {
        let earlier = match key {
            Some("") => return Err(StoreError::Invalid("the idempotency key is empty".into())),
            Some(key) => self.read(|conn| tables::remembered(conn, operation, key))?,
            None => None,
        };
        let earlier = match earlier {
            Some(earlier) => Some(earlier),
            None => match self.write(record).await {
                Ok(()) => None,
                Err(JournalError::Rejected { code, message }) if code == code::REPEATED => {
                    Some(message)
                }
                Err(error) => return Err(error.into()),
            },
        };
        match earlier {
            Some(earlier) if same_goal && earlier != id.as_str() => {
                Err(StoreError::KeyReused(format!(
                    "this idempotency key was used for goal {earlier}; use another one for goal {id}"
                )))
            }
            Some(earlier) => self.there(&GoalId::new(earlier)),
            None => self.there(&id),
        }
    }

    fn there(&self, id: &GoalId) -> Result<Goal, StoreError> {
        self.read(|conn| tables::goal(conn, id.as_str()))?
            .ok_or_else(|| StoreError::Missing(format!("there is no goal {id}")))
    }

    /// The goal of this id; none where there is none or it was deleted.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub fn get(&self, id: &GoalId) -> Result<Option<Goal>, StoreError> {
        Ok(self.read(|conn| tables::goal(conn, id.as_str()))?.filter(|goal| !goal.deleted))
    }

    /// Goals in the order of their creation.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub fn list(&self, query: &GoalQuery) -> Result<Vec<Goal>, StoreError> {
        let limit = match query.limit {
            0 => MAX_LIST,
            limit => limit.min(MAX_LIST),
        };
        let states: Vec<&str> = query.states.iter().map(|s| s.as_str()).collect();
        let states = serde_json::to_string(&states).unwrap_or_default();
        self.read(|conn| {
            let mut statement = conn.prepare_cached(
                "SELECT * FROM goals
                 WHERE (?1 = '[]' OR state IN (SELECT value FROM json_each(?1)))
                   AND (?2 IS NULL OR category = ?2)
                   AND (?3 IS NULL OR source = ?3)
                   AND (?4 OR NOT deleted)
                   AND seq > COALESCE((SELECT seq FROM goals WHERE id = ?5), 0)
                 ORDER BY seq LIMIT ?6",
            )?;
            let rows = statement.query_map(
                params![
                    states,
                    query.category.map(Category::as_str),
                    query.source.map(Source::as_str),
                    query.with_deleted,
                    query.after.as_ref().map(GoalId::as_str),
                    i64::try_from(limit).unwrap_or(i64::MAX),
                ],
                tables::read_goal,
            )?;
            rows.collect()
        })
    }

    /// The goals that are not final, the highest score first; of equal ones the oldest first.
    /// `now_ms` is the time in milliseconds since the Unix epoch; at most `limit`, 0 for
    /// [`MAX_LIST`].
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub fn prioritized(&self, now_ms: u64, limit: usize) -> Result<Vec<Scored>, StoreError> {
        let weights = self.weights()?;
        let held = self.beliefs()?;
        let goals = self.read(|conn| {
            let mut statement = conn.prepare_cached(
                "SELECT * FROM goals WHERE NOT deleted
                 AND state IN ('proposed', 'adopted', 'executing') ORDER BY seq",
            )?;
            let rows = statement.query_map([], tables::read_goal)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let mut scored: Vec<Scored> =
            goals.into_iter().map(|goal| scored(goal, &weights, &held, now_ms)).collect();
        // Stable: of equal ones the older stays before.
        scored.sort_by(|a, b| b.score.total_cmp(&a.score));
        scored.truncate(if limit == 0 { MAX_LIST } else { limit.min(MAX_LIST) });
        Ok(scored)
    }

    /// One goal with its score.
    ///
    /// # Errors
    /// [`StoreError::Missing`] or [`StoreError::Read`].
    pub fn score(&self, id: &GoalId, now_ms: u64) -> Result<Scored, StoreError> {
        let goal = self.get(id)?;
        let goal = goal.ok_or_else(|| StoreError::Missing(format!("there is no goal {id}")))?;
        Ok(scored(goal, &self.weights()?, &self.beliefs()?, now_ms))
    }

    /// The weights of the score.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub fn weights(&self) -> Result<Weights, StoreError> {
        let text: Option<String> = self.read(|conn| {
            conn.query_row(
                "SELECT value FROM parameters WHERE name = ?1",
                [records::SCORE_WEIGHTS],
                |row| row.get(0),
            )
            .optional()
        })?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    /// Adjusts the weights of the score.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a weight outside 0..10, or a failure of the journal.
    pub async fn set_weights(&self, weights: &Weights) -> Result<(), StoreError> {
        if !weights.is_valid() {
            let rule = "every weight of the score must be a number from 0 to 10";
            return Err(StoreError::Invalid(rule.into()));
        }
        Ok(self.write(records::weights_adapted(weights)).await?)
    }

    // ---- beliefs ----------------------------------------------------------------------------

    /// Forms a belief, or changes it, or takes it up again.
    ///
    /// # Errors
    /// [`StoreError::Invalid`], or a failure of the journal.
    pub async fn believe(
        &self,
        id: &str,
        statement: &str,
        confidence: f64,
    ) -> Result<(), StoreError> {
        if !(0.0..=1.0).contains(&confidence) {
            return Err(StoreError::Invalid(format!(
                "the confidence of belief {id} is {confidence}; give a number from 0 to 1"
            )));
        }
        Ok(self.write(records::belief_set(id, statement, confidence)).await?)
    }

    /// Gives a belief up. It stays on record.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or a failure of the journal.
    pub async fn retract(&self, id: &str) -> Result<(), StoreError> {
        Ok(self.write(records::belief_retracted(id)).await?)
    }

    /// All beliefs, by id, retracted ones too.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub fn beliefs(&self) -> Result<Vec<Belief>, StoreError> {
        self.read(tables::beliefs)
    }

    // ---- changes ----------------------------------------------------------------------------

    /// Schedules a change of one file, which then waits for a person (or for its tests).
    ///
    /// # Errors
    /// [`StoreError::NotAvailable`] without a gate (there is no access to a repository),
    /// [`StoreError::Forbidden`] where the gate refuses the path (which the ledger then tells),
    /// [`StoreError::Invalid`], [`StoreError::Missing`] for an unknown goal, or a failure of the
    /// journal.
    pub async fn schedule_change(
        &self,
        gate: Option<&dyn Gate>,
        mut change: NewChange,
    ) -> Result<Change, StoreError> {
        let gate = gate.ok_or(StoreError::NotAvailable)?;
        if let Err(reason) = gate.may_write(&change.file_path) {
            self.write(records::change_refused(&change, &reason)).await?;
            return Err(StoreError::Forbidden(reason));
        }
        let id = match change.id.take() {
            Some(id) => id,
            None => made_up_id()?,
        };
        change.id = Some(id.clone());
        self.write(records::change_scheduled(&change)).await?;
        self.change_there(&id)
    }

    /// Moves a change on, if it has this version (or any). `note` says why, or where to.
    ///
    /// # Errors
    /// [`StoreError::IllegalTransition`], [`StoreError::StaleVersion`], [`StoreError::Missing`], or
    /// a failure of the journal.
    pub async fn move_change(
        &self,
        id: &str,
        to: ModificationStatus,
        version: Option<u64>,
        note: Option<&str>,
    ) -> Result<Change, StoreError> {
        self.write(records::change_moved(id, to, version, note)).await?;
        self.change_there(id)
    }

    /// A person says yes.
    ///
    /// # Errors
    /// As [`move_change`](Self::move_change).
    pub async fn approve_change(&self, id: &str) -> Result<Change, StoreError> {
        self.move_change(id, ModificationStatus::Approved, None, None).await
    }

    /// A person says no.
    ///
    /// # Errors
    /// As [`move_change`](Self::move_change).
    pub async fn reject_change(&self, id: &str, reason: &str) -> Result<Change, StoreError> {
        self.move_change(id, ModificationStatus::Rejected, None, Some(reason)).await
    }

    /// The change of this id.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub fn change(&self, id: &str) -> Result<Option<Change>, StoreError> {
        self.read(|conn| tables::change(conn, id))
    }

    /// Changes in one of these states (none for any), in the order they were scheduled.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub fn changes(&self, states: &[ModificationStatus]) -> Result<Vec<Change>, StoreError> {
        let all = self.read(|conn| {
            let mut statement = conn.prepare_cached("SELECT * FROM changes ORDER BY seq")?;
            let rows = statement.query_map([], tables::read_change)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        Ok(all.into_iter().filter(|c| states.is_empty() || states.contains(&c.status)).collect())
    }

    fn change_there(&self, id: &str) -> Result<Change, StoreError> {
        self.change(id)?.ok_or_else(|| StoreError::Missing(format!("there is no change {id}")))
    }
}

fn scored(goal: Goal, weights: &Weights, held: &[Belief], now_ms: u64) -> Scored {
    let definition = &goal.definition;
    let against = beliefs::first_held(held, &definition.contradicts);
    let factors = Factors {
        value: definition.value,
        effort: definition.effort,
        risk: definition.risk,
        urgency: score::urgency(now_ms, goal.due_ms()),
        alignment: beliefs::share_held(held, &definition.aligns_with),
        contradicted: against.is_some(),
    };
    let contradicted_by = against.map(|belief| belief.id.clone());
    Scored { score: weights.score(&factors), contradicted_by, goal }
}

/// An id that nobody else has: a random UUID.
fn made_up_id() -> Result<String, StoreError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|e| StoreError::Randomness(e.to_string()))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex::encode(bytes);
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

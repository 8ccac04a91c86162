//! Proposing, adopting, changing, giving up and listing goals.

use astraea_engine::{JournalError, NewRecord};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::error::code;
use super::records::{self, kind};
use super::{
    Category, Goal, GoalId, GoalPatch, GoalState, GoalStore, NewGoal, Source, StoreError,
    made_up_id, tables,
};

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

impl GoalStore {
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
        self.read(|conn| tables::goal(conn, id.as_str()))?.ok_or_else(|| {
            StoreError::Missing(format!("there is no goal {id}: `astra goals` lists them"))
        })
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
}

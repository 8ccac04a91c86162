//! The rules: a record either fits what is there and changes it, or rejects its whole append.

use astraea_engine::{Projection, Record, Rejection};
use rusqlite::{Connection, params};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::code;
use super::records::{SCORE_WEIGHTS, kind};
use super::tables::{self, int, text};
use super::{Goal, GoalPatch, GoalState, NewGoal};
use crate::beliefs;
use crate::changes::{ModificationStatus, NewChange};
use crate::score::Weights;

/// Keeps the tables `goals`, `beliefs`, `changes`, `idempotency` and `parameters`.
#[derive(Clone, Copy, Debug, Default)]
pub struct GoalProjection(());

impl GoalProjection {
    /// The projection; it remembers nothing outside the database.
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }
}

impl Projection for GoalProjection {
    fn name(&self) -> &str {
        "goals"
    }

    fn migrate(&mut self, tx: &Connection) -> Result<(), Rejection> {
        Ok(tx.execute_batch(tables::SCHEMA)?)
    }

    fn apply(&mut self, tx: &Connection, record: &Record) -> Result<(), Rejection> {
        let step = Step { tx, record };
        match record.kind.as_str() {
            kind::GOAL_CREATED => step.create(),
            kind::GOAL_ADOPTED => step.adopt(),
            kind::GOAL_EXECUTING => step.transit(GoalState::Executing),
            kind::GOAL_SATISFIED => step.transit(GoalState::Satisfied),
            kind::GOAL_REVERTED => step.transit(GoalState::Adopted),
            kind::GOAL_ABANDONED => step.abandon(),
            kind::GOAL_PATCHED => step.patch(),
            kind::GOAL_DELETED => step.delete(),
            kind::BELIEF_SET => step.set_belief(),
            kind::BELIEF_RETRACTED => step.retract_belief(),
            kind::CHANGE_SCHEDULED => step.schedule(),
            kind::PARAMETER_ADAPTED => step.adapt(),
            other => match other.strip_prefix("change_").and_then(ModificationStatus::from_name) {
                Some(status) => step.move_change(status),
                None => Ok(()),
            },
        }
    }
}

/// One record, and the tables it changes.
struct Step<'a> {
    tx: &'a Connection,
    record: &'a Record,
}

impl Step<'_> {
    fn word(&self, name: &str) -> Option<&str> {
        self.record.payload[name].as_str()
    }

    fn required(&self, name: &str) -> Result<&str, Rejection> {
        self.word(name).ok_or_else(|| {
            let kind = &self.record.kind;
            Rejection::new(code::INVALID, format!("the record {kind} has no `{name}`"))
        })
    }

    fn part<T: DeserializeOwned>(&self, name: &str) -> Result<T, Rejection> {
        T::deserialize(&self.record.payload[name]).map_err(|e| {
            let kind = &self.record.kind;
            Rejection::new(code::INVALID, format!("`{name}` of the record {kind}: {e}"))
        })
    }

    fn now(&self) -> i64 {
        int(self.record.ts_ms)
    }

    /// The goal the record is about, if it is there and has the version the record expects.
    fn goal(&self) -> Result<Goal, Rejection> {
        let id = self.required("goal_id")?;
        let goal = tables::goal(self.tx, id)?
            .filter(|goal| !goal.deleted)
            .ok_or_else(|| missing("goal", id))?;
        self.expect_version("goal", id, goal.version)?;
        Ok(goal)
    }

    fn expect_version(&self, what: &str, id: &str, found: u64) -> Result<(), Rejection> {
        match &self.record.payload["version"] {
            Value::Null => Ok(()),
            version if version.as_u64() == Some(found) => Ok(()),
            version => Err(Rejection::new(
                code::STALE,
                format!(
                    "{what} {id} has version {found}, not {version}: it was changed meanwhile; read it again"
                ),
            )),
        }
    }

    /// Remembers the record's idempotency key, if it has one.
    fn remember(&self, goal_id: &str) -> Result<(), Rejection> {
        let Some(key) = self.word("idempotency_key") else { return Ok(()) };
        if let Some(earlier) = tables::remembered(self.tx, &self.record.kind, key)? {
            return Err(Rejection::new(code::REPEATED, earlier));
        }
        self.tx
            .prepare_cached(
                "INSERT INTO idempotency (operation, key, goal_id) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![self.record.kind, key, goal_id])?;
        Ok(())
    }

    fn create(&self) -> Result<(), Rejection> {
        let mut goal: NewGoal = self.part("goal")?;
        if let Some(problem) = goal.problem() {
            return Err(Rejection::new(code::INVALID, format!("the goal is refused: {problem}")));
        }
        let id = goal.id.take().ok_or_else(|| Rejection::new(code::INVALID, "a goal has no id"))?;
        self.remember(id.as_str())?;
        if tables::goal(self.tx, id.as_str())?.is_some() {
            return Err(Rejection::new(code::EXISTS, format!("there is a goal {id} already")));
        }
        self.tx
            .prepare_cached(
                "INSERT INTO goals (id, definition, category, source, state, version, created_at_ms, updated_at_ms, seq)
                 VALUES (?1, ?2, ?3, ?4, 'proposed', 1, ?5, ?5, ?6)",
            )?
            .execute(params![
                id.as_str(),
                text(&goal)?,
                goal.category.as_str(),
                goal.source.as_str(),
                self.now(),
                int(self.record.seq),
            ])?;
        Ok(())
    }

    fn adopt(&self) -> Result<(), Rejection> {
        self.remember(self.required("goal_id")?)?;
        let goal = self.goal()?;
        if goal.state != GoalState::Proposed {
            return Err(illegal("goal", goal.id.as_str(), goal.state, "adopted"));
        }
        let held = tables::beliefs(self.tx)?;
        if let Some(belief) = beliefs::first_held(&held, &goal.definition.contradicts) {
            return Err(Rejection::new(
                code::CONTRADICTED,
                format!(
                    "goal {} stays proposed: it contradicts the belief {} ({}, confidence {}); retract the belief or change the goal",
                    goal.id, belief.id, belief.statement, belief.confidence
                ),
            ));
        }
        self.write(&goal, GoalState::Adopted)
    }

    fn transit(&self, next: GoalState) -> Result<(), Rejection> {
        let goal = self.goal()?;
        // Back to adopted is for what executes; adopting has its own rules.
        let reverting = next == GoalState::Adopted;
        if !goal.state.may_become(next) || reverting && goal.state != GoalState::Executing {
            return Err(illegal("goal", goal.id.as_str(), goal.state, next.as_str()));
        }
        self.write(&goal, next)
    }

    fn abandon(&self) -> Result<(), Rejection> {
        self.remember(self.required("goal_id")?)?;
        self.transit(GoalState::Abandoned)
    }

    fn write(&self, goal: &Goal, state: GoalState) -> Result<(), Rejection> {
        let run = self.record.run.as_ref().map(ToString::to_string);
        let run = run.filter(|_| state == GoalState::Executing).or_else(|| goal.run.clone());
        self.tx
            .prepare_cached(
                "UPDATE goals SET state = ?2, version = version + 1, run = ?3, reason = ?4, updated_at_ms = ?5
                 WHERE id = ?1",
            )?
            .execute(params![goal.id.as_str(), state.as_str(), run, self.word("reason"), self.now()])?;
        Ok(())
    }

    fn patch(&self) -> Result<(), Rejection> {
        let goal = self.goal()?;
        if goal.state.is_final() {
            return Err(illegal("goal", goal.id.as_str(), goal.state, "changed"));
        }
        let patch: GoalPatch = self.part("patch")?;
        let mut definition = goal.definition;
        patch.apply_to(&mut definition);
        if let Some(problem) = definition.problem() {
            return Err(Rejection::new(code::INVALID, format!("the change is refused: {problem}")));
        }
        self.tx
            .prepare_cached(
                "UPDATE goals SET definition = ?2, version = version + 1, updated_at_ms = ?3 WHERE id = ?1",
            )?
            .execute(params![goal.id.as_str(), text(&definition)?, self.now()])?;
        Ok(())
    }

    fn delete(&self) -> Result<(), Rejection> {
        let goal = self.goal()?;
        if goal.state == GoalState::Executing {
            return Err(illegal("goal", goal.id.as_str(), goal.state, "deleted"));
        }
        self.tx
            .prepare_cached(
                "UPDATE goals SET deleted = 1, version = version + 1, updated_at_ms = ?2 WHERE id = ?1",
            )?
            .execute(params![goal.id.as_str(), self.now()])?;
        Ok(())
    }

    fn set_belief(&self) -> Result<(), Rejection> {
        let id = self.required("belief_id")?;
        let statement = self.required("statement")?;
        let confidence: f64 = self.part("confidence")?;
        if id.is_empty() || statement.is_empty() || !(0.0..=1.0).contains(&confidence) {
            return Err(Rejection::new(
                code::INVALID,
                format!(
                    "belief `{id}` is refused: it needs an id, a statement and a confidence from 0 to 1"
                ),
            ));
        }
        self.tx
            .prepare_cached(
                "INSERT INTO beliefs (id, statement, confidence, active, version, updated_at_ms)
                 VALUES (?1, ?2, ?3, 1, 1, ?4)
                 ON CONFLICT (id) DO UPDATE SET statement = ?2, confidence = ?3, active = 1,
                     version = version + 1, updated_at_ms = ?4",
            )?
            .execute(params![id, statement, confidence, self.now()])?;
        Ok(())
    }

    fn retract_belief(&self) -> Result<(), Rejection> {
        let id = self.required("belief_id")?;
        let changed = self
            .tx
            .prepare_cached(
                "UPDATE beliefs SET active = 0, version = version + 1, updated_at_ms = ?2 WHERE id = ?1",
            )?
            .execute(params![id, self.now()])?;
        if changed == 0 { Err(missing("belief", id)) } else { Ok(()) }
    }

    fn schedule(&self) -> Result<(), Rejection> {
        let change: NewChange = self.part("change")?;
        let id = change
            .id
            .as_deref()
            .filter(|id| !id.is_empty())
            .ok_or_else(|| Rejection::new(code::INVALID, "a change has no id"))?;
        if change.file_path.is_empty() {
            return Err(Rejection::new(code::INVALID, "a change names no file"));
        }
        if tables::change(self.tx, id)?.is_some() {
            return Err(Rejection::new(code::EXISTS, format!("there is a change {id} already")));
        }
        if let Some(goal) = &change.goal_id
            && tables::goal(self.tx, goal)?.is_none()
        {
            return Err(missing("goal", goal));
        }
        let status = if change.test_first {
            ModificationStatus::Pending
        } else {
            ModificationStatus::AwaitingApproval
        };
        self.tx
            .prepare_cached(
                "INSERT INTO changes (id, file_path, reason, goal_id, edits, status, version, created_at_ms, updated_at_ms, seq)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?7, ?8)",
            )?
            .execute(params![
                id,
                change.file_path,
                change.reason,
                change.goal_id,
                text(&change.edits)?,
                status.as_str(),
                self.now(),
                int(self.record.seq),
            ])?;
        Ok(())
    }

    fn move_change(&self, next: ModificationStatus) -> Result<(), Rejection> {
        let id = self.required("change_id")?;
        let change = tables::change(self.tx, id)?.ok_or_else(|| missing("change", id))?;
        self.expect_version("change", id, change.version)?;
        if !change.status.may_become(next) {
            return Err(illegal("change", id, change.status, next.as_str()));
        }
        self.tx
            .prepare_cached(
                "UPDATE changes SET status = ?2, note = ?3, version = version + 1, updated_at_ms = ?4 WHERE id = ?1",
            )?
            .execute(params![id, next.as_str(), self.word("note"), self.now()])?;
        Ok(())
    }

    fn adapt(&self) -> Result<(), Rejection> {
        let name = self.required("parameter")?;
        if name == SCORE_WEIGHTS && !self.part::<Weights>("value")?.is_valid() {
            let rule = "every weight of the score must be a number from 0 to 10";
            return Err(Rejection::new(code::INVALID, rule));
        }
        self.tx
            .prepare_cached(
                "INSERT INTO parameters (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = ?2",
            )?
            .execute(params![name, self.record.payload["value"].to_string()])?;
        Ok(())
    }
}

fn missing(what: &str, id: &str) -> Rejection {
    Rejection::new(code::MISSING, format!("there is no {what} {id}"))
}

fn illegal(what: &str, id: &str, from: impl std::fmt::Display, to: &str) -> Rejection {
    Rejection::new(code::STATE, format!("{what} {id} is {from} and cannot be {to}"))
}

//! Which goal is worth most: scores, and the order they make.

use rusqlite::OptionalExtension as _;
use serde::{Deserialize, Serialize};

use super::{Goal, GoalId, GoalStore, MAX_LIST, StoreError, records, tables};
use crate::beliefs::{self, Belief};
use crate::score::{self, Factors, Weights};

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

impl GoalStore {
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
        // Stable: of equal ones the older stays before. Equal means to nine digits, so that the
        // rounding of sums decides nothing.
        let rank = |scored: &Scored| (scored.score * 1e9).round();
        scored.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
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

//! The records from which the store's tables are made. Put them into a run's prelude or epilogue
//! to keep a goal in step with its run in the same transaction; a record that breaks a rule rejects
//! the whole append.

use astraea_engine::NewRecord;
use serde_json::{Value, json};

use super::{GoalId, GoalPatch, NewGoal};
use crate::changes::{ModificationStatus, NewChange};
use crate::score::Weights;

/// The kinds of the records.
pub mod kind {
    /// A goal is proposed.
    pub const GOAL_CREATED: &str = "goal_created";
    /// proposed → adopted.
    pub const GOAL_ADOPTED: &str = "goal_adopted";
    /// An adoption was refused. Changes no table.
    pub const GOAL_BLOCKED_BY_BELIEF: &str = "goal_blocked_by_belief";
    /// adopted → executing.
    pub const GOAL_EXECUTING: &str = "goal_executing";
    /// executing → satisfied.
    pub const GOAL_SATISFIED: &str = "goal_satisfied";
    /// executing → adopted.
    pub const GOAL_REVERTED: &str = "goal_reverted";
    /// Any state that is not final → abandoned.
    pub const GOAL_ABANDONED: &str = "goal_abandoned";
    /// Some of its values changed.
    pub const GOAL_PATCHED: &str = "goal_patched";
    /// It is hidden from lists, and kept.
    pub const GOAL_DELETED: &str = "goal_deleted";
    /// A belief is formed or changed.
    pub const BELIEF_SET: &str = "belief_set";
    /// A belief is given up.
    pub const BELIEF_RETRACTED: &str = "belief_retracted";
    /// A change waits.
    pub const CHANGE_SCHEDULED: &str = "change_scheduled";
    /// A change was refused because of its path. Changes no table.
    pub const CHANGE_REFUSED: &str = "change_refused";
    /// The weights of the score were adjusted.
    pub const PARAMETER_ADAPTED: &str = "parameter_adapted";
}

/// The name of the parameter that holds the weights of the score.
pub(crate) const SCORE_WEIGHTS: &str = "score_weights";

/// A goal is proposed. It must have an id.
#[must_use]
pub fn created(goal: &NewGoal, idempotency_key: Option<&str>) -> NewRecord {
    NewRecord::new(kind::GOAL_CREATED, json!({ "goal": goal, "idempotency_key": idempotency_key }))
}

/// proposed → adopted, if it has this version (or any).
#[must_use]
pub fn adopted(goal: &GoalId, version: Option<u64>, idempotency_key: Option<&str>) -> NewRecord {
    NewRecord::new(
        kind::GOAL_ADOPTED,
        json!({ "goal_id": goal, "version": version, "idempotency_key": idempotency_key }),
    )
}

/// An adoption was refused: for the ledger.
#[must_use]
pub fn blocked_by_belief(goal: &GoalId, reason: &str) -> NewRecord {
    NewRecord::new(kind::GOAL_BLOCKED_BY_BELIEF, json!({ "goal_id": goal, "reason": reason }))
}

/// adopted → executing. Give the record a run.
#[must_use]
pub fn executing(goal: &GoalId) -> NewRecord {
    NewRecord::new(kind::GOAL_EXECUTING, json!({ "goal_id": goal }))
}

/// executing → satisfied.
#[must_use]
pub fn satisfied(goal: &GoalId) -> NewRecord {
    NewRecord::new(kind::GOAL_SATISFIED, json!({ "goal_id": goal }))
}

/// executing → adopted, because the run failed or was found dead.
#[must_use]
pub fn reverted(goal: &GoalId, reason: &str) -> NewRecord {
    NewRecord::new(kind::GOAL_REVERTED, json!({ "goal_id": goal, "reason": reason }))
}

/// It is given up, if it has this version (or any).
#[must_use]
pub fn abandoned(
    goal: &GoalId,
    reason: &str,
    version: Option<u64>,
    idempotency_key: Option<&str>,
) -> NewRecord {
    NewRecord::new(
        kind::GOAL_ABANDONED,
        json!({ "goal_id": goal, "reason": reason, "version": version, "idempotency_key": idempotency_key }),
    )
}

/// Some of its values change, if it has this version.
#[must_use]
pub fn patched(goal: &GoalId, version: u64, patch: &GoalPatch) -> NewRecord {
    NewRecord::new(
        kind::GOAL_PATCHED,
        json!({ "goal_id": goal, "version": version, "patch": patch }),
    )
}

/// It is hidden from lists, if it has this version (or any).
#[must_use]
pub fn deleted(goal: &GoalId, version: Option<u64>) -> NewRecord {
    NewRecord::new(kind::GOAL_DELETED, json!({ "goal_id": goal, "version": version }))
}

/// A belief is formed, changed or taken up again.
#[must_use]
pub fn belief_set(id: &str, statement: &str, confidence: f64) -> NewRecord {
    NewRecord::new(
        kind::BELIEF_SET,
        json!({ "belief_id": id, "statement": statement, "confidence": confidence }),
    )
}

/// A belief is given up; it stays on record.
#[must_use]
pub fn belief_retracted(id: &str) -> NewRecord {
    NewRecord::new(kind::BELIEF_RETRACTED, json!({ "belief_id": id }))
}

/// A change waits. It must have an id.
#[must_use]
pub fn change_scheduled(change: &NewChange) -> NewRecord {
    let goal_id = &change.goal_id;
    NewRecord::new(kind::CHANGE_SCHEDULED, json!({ "change": change, "goal_id": goal_id }))
}

/// A change was refused because of its path: for the ledger.
#[must_use]
pub fn change_refused(change: &NewChange, reason: &str) -> NewRecord {
    NewRecord::new(
        kind::CHANGE_REFUSED,
        json!({ "file_path": change.file_path, "goal_id": change.goal_id, "reason": reason }),
    )
}

/// A change moves on, if it has this version (or any). `note` says why or where to.
#[must_use]
pub fn change_moved(
    id: &str,
    to: ModificationStatus,
    version: Option<u64>,
    note: Option<&str>,
) -> NewRecord {
    NewRecord::new(
        format!("change_{to}"),
        json!({ "change_id": id, "version": version, "note": note }),
    )
}

/// The weights of the score are adjusted.
#[must_use]
pub fn weights_adapted(weights: &Weights) -> NewRecord {
    let value: Value = serde_json::to_value(weights).unwrap_or_default();
    NewRecord::new(kind::PARAMETER_ADAPTED, json!({ "parameter": SCORE_WEIGHTS, "value": value }))
}

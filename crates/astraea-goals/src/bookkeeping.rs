//! The records that keep the goal store in step with a run.

use astraea_engine::{NewRecord, RunId};
use serde_json::json;

use crate::error::GoalError;
use crate::result::GoalResult;
use crate::runner::Started;
use crate::store::{GoalId, GoalState, GoalStore, NewGoal, StoreError, records};

/// A goal that somebody asked for is created, adopted and executing in one step.
pub(crate) fn opening(started: &Started, run: &RunId) -> Vec<NewRecord> {
    let id = GoalId::new(started.goal_id.as_str());
    let mut goal = NewGoal::new(started.goal_text.as_str()).with_id(id.clone());
    goal.metadata = json!({ "goal": started.goal, "run": run });
    [records::created(&goal, None), records::adopted(&id, None, None), records::executing(&id)]
        .map(|record| record.with_run(run.clone()))
        .into()
}

/// A goal that was put back to adopted is executing again.
pub(crate) fn reopening(
    started: &Started,
    run: &RunId,
    goals: &GoalStore,
) -> Result<Vec<NewRecord>, GoalError> {
    let id = GoalId::new(started.goal_id.as_str());
    let refused = |why: &str| {
        let text = format!("run {run} cannot go on: its goal {id} {why}");
        Err(GoalError::Store(StoreError::IllegalTransition(text)))
    };
    match goals.get(&id)?.map(|goal| goal.state) {
        Some(GoalState::Executing) => Ok(Vec::new()),
        Some(GoalState::Adopted) => Ok(vec![records::executing(&id).with_run(run.clone())]),
        Some(state) => refused(&format!("is {state}")),
        None => refused("was deleted"),
    }
}

/// Satisfied, or back to adopted; and the ledger's `goal_executed`.
pub(crate) fn closing(started: &Started, run: &RunId, result: &GoalResult) -> Vec<NewRecord> {
    let id = GoalId::new(started.goal_id.as_str());
    let tests = result.evidence.as_ref().map(|evidence| {
        json!({ "run": evidence.tests_run, "passed": evidence.passed, "fixed": evidence.fixed.len(),
                "broken": evidence.broken.len(), "tier": evidence.tier })
    });
    let data = json!({
        "goal_id": started.goal_id, "goal": started.goal, "outcome": result.outcome,
        "success": result.success, "plan": result.plan_id, "methods": result.methods_used,
        "branch": result.branch, "commit": result.commit, "files": result.files, "tests": tests, "model": result.model, "held": result.held,
    });
    let state = if result.success {
        records::satisfied(&id)
    } else {
        records::reverted(&id, &result.summary)
    };
    [NewRecord::new("goal_executed", data), state].map(|record| record.with_run(run.clone())).into()
}

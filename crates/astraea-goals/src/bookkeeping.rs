//! The records that keep the goal store in step with a run.

use astraea_engine::{NewRecord, RunId};
use serde_json::json;

use crate::error::GoalError;
use crate::result::GoalResult;
use crate::runner::Started;
use crate::store;

/// A goal that somebody asked for is created, adopted and executing in one step.
pub(crate) fn opening(started: &Started, run: &RunId, now_ms: u64) -> Vec<NewRecord> {
    let _ = (started, run, now_ms);
    Vec::new()
}

/// A goal that was put back to adopted is executing again.
pub(crate) fn reopening(
    started: &Started,
    run: &RunId,
    goals: &store::GoalStore,
) -> Result<Vec<NewRecord>, GoalError> {
    let _ = (started, run, goals);
    Ok(Vec::new())
}

/// Satisfied, or back to adopted; and the ledger's `goal_executed`.
pub(crate) fn closing(started: &Started, run: &RunId, result: &GoalResult) -> Vec<NewRecord> {
    let tests = result.evidence.as_ref().map(|evidence| {
        json!({ "run": evidence.tests_run, "passed": evidence.passed, "fixed": evidence.fixed.len(),
                "broken": evidence.broken.len(), "tier": evidence.tier })
    });
    let data = json!({
        "goal_id": started.goal_id, "goal": started.goal, "outcome": result.outcome,
        "success": result.success, "plan": result.plan_id, "methods": result.methods_used,
        "branch": result.branch, "commit": result.commit, "files": result.files, "tests": tests,
    });
    vec![NewRecord::new("goal_executed", data).with_run(run.clone())]
}

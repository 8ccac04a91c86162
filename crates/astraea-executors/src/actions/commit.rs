//! commit: the edits become one commit on a new branch; the checkout stays as it is.

use std::sync::Arc;
use std::time::Instant;

use astraea_code_access::{Delivery, EditSet, Error as AccessError};
use astraea_engine::{ErrorClass, Outcome, Output, TaskContext};
use async_trait::async_trait;
use serde_json::{Value, json};

use super::Action;
use super::answer::failed;
use super::args::Args;
use crate::workspace::{Timings, blocking};
use crate::{Error, Workspace};

/// Delivers everything done so far. Called again after a crash it finds the commit that is there: branch and
/// message depend on nothing but the task and the edits.
#[derive(Debug)]
pub(super) struct Commit;

#[async_trait]
impl Action for Commit {
    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        let edits = ws.edits_so_far(cx)?;
        if edits.is_empty() {
            return Ok(nothing());
        }
        let started = Instant::now();
        let Some(mut value) = deliver(ws, cx, edits, "").await? else { return Ok(nothing()) };
        let mut timings = Timings::default();
        timings.delivered(started);
        value["timings"] = json!(timings);
        let files: Vec<String> = value["files"]
            .as_array()
            .map(|files| files.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default();
        Ok(Outcome::Succeeded(Output::of(value).with_artifacts(files)))
    }
}

/// Makes the edits one commit on a branch of its own, named by the task's arguments, the edits and `suffix`;
/// nothing where they change nothing.
pub(crate) async fn deliver(
    ws: &Arc<Workspace>,
    cx: &TaskContext,
    edits: EditSet,
    suffix: &str,
) -> Result<Option<Value>, Error> {
    let args = Args::of(cx);
    let goal_id = args.text(&["goal_id"])?.unwrap_or("unknown");
    let goal = args.text(&["goal"])?.unwrap_or(goal_id);
    let text = args.text(&["goal_text", "description"])?.filter(|text| !text.trim().is_empty());
    let files = edits.paths().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let unnamed = format!("{goal}: {files}");
    let subject = args.text(&["message"])?.or(text).unwrap_or(&unnamed);
    let branch = match args.text(&["branch"])? {
        Some(branch) => branch.to_owned(),
        None => format!("{}{suffix}", branch(goal_id, cx, &edits)),
    };
    let message = message(&ws.redactor().redact(subject), goal_id, goal, &edits);
    let time = i64::try_from(ws.options().clock.now_ms() / 1000).unwrap_or(i64::MAX);
    let host = ws.clone();
    blocking(move || {
        let delivery = Delivery {
            snapshot: host.snapshot(),
            edits: &edits,
            branch: &branch,
            message: &message,
            author: None,
            time,
        };
        match host.repo().deliver(&delivery) {
            Ok(d) => Ok(Some(json!({
                "branch": d.branch,
                "commit": d.commit,
                "parent": d.parent,
                "files": d.files,
                "overlaps": d.overlaps,
                "fallback_identity": d.fallback_identity,
            }))),
            Err(AccessError::NothingToDeliver) => Ok(None),
            Err(error) => Err(error.into()),
        }
    })
    .await
}

fn nothing() -> Outcome {
    failed(
        ErrorClass::ModificationError,
        "nothing to commit: the steps before changed no file",
        Output::default(),
    )
}

/// `astra/goal-<8>-<6hex>`: the goal, and what tells this change from others of it.
fn branch(goal_id: &str, cx: &TaskContext, edits: &EditSet) -> String {
    let goal: String = goal_id.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    let goal = if goal.is_empty() { "unknown".to_owned() } else { goal.to_ascii_lowercase() };
    let id = edits.id();
    let run: String = cx.run.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
    // the run is part of it, so that the same change made twice is two branches
    let mut hash: u32 = 0x811c_9dc5;
    for byte in id.bytes().chain(run.bytes()) {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    format!("astra/goal-{goal}-{:06x}", hash & 0x00ff_ffff)
}

/// Subject, blank line, trailers.
fn message(subject: &str, goal_id: &str, goal: &str, edits: &EditSet) -> String {
    let one_line = |text: &str| {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let mut subject: String = one_line(subject).chars().take(200).collect();
    if subject.is_empty() {
        subject = "Astra's change".to_owned();
    }
    let goal = match one_line(goal) {
        goal if goal.is_empty() || goal == goal_id => one_line(goal_id),
        goal => format!("{} ({goal})", one_line(goal_id)),
    };
    let id = edits.id();
    let files: Vec<String> = edits.paths().map(ToString::to_string).collect();
    format!(
        "{subject}\n\nGoal: {goal}\nModification: {}\nFiles: {}\n",
        id.get(..12).unwrap_or(&id),
        files.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use astraea_engine::taskgraph::Task;

    use super::*;

    #[test]
    fn the_branch_has_the_form_of_old() {
        let cx = TaskContext::standalone(Task::new("c", "commit"));
        let name = branch("1A2B3c4d5e-x", &cx, &EditSet::new());
        let hex = name.strip_prefix("astra/goal-1a2b3c4d-").unwrap();
        assert!(hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
        assert!(branch("../..", &cx, &EditSet::new()).starts_with("astra/goal-unknown-"));
    }

    #[test]
    fn a_message_cannot_forge_trailers() {
        let text = message("a\n\nGoal: other", "g1", "fix\nFiles: x", &EditSet::new());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "a Goal: other");
        assert_eq!(lines[2], "Goal: g1 (fix Files: x)");
        assert!(lines[3].starts_with("Modification: ") && lines[4].starts_with("Files: "));
    }
}

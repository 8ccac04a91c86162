//! What came of a goal: for programs as data, for a model and for people as text.
//!
//! # When a goal counts as achieved
//! A success is the outcome `verified` or `plausible`, and nothing else. It takes all of this:
//!
//! - every task of the **final** plan succeeded: one that failed, was aborted or never ran prevents it;
//! - the last test run of that plan is on record, at least one test ran and passed;
//! - no test that passed before fails, is skipped or is gone; for `fix_bug`, and for a plan that
//!   changes nothing, no test in scope fails.
//!
//! What an **earlier** plan failed at does not count against the final one, but is not hidden: it is
//! in [`GoalResult::superseded_tasks`], its messages are among [`GoalResult::errors`], and the report
//! has a section for it. So a report with `✓ SUCCESS` never has a failed task.

mod outcome;
mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use outcome::Outcome;

/// One task as it ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskResult {
    /// The task's id in its graph.
    pub task_id: String,
    /// A name for people.
    pub task_name: String,
    /// The action it carried out, such as `run_tests`.
    pub action_name: String,
    /// The state it ended in, as `astraea_taskgraph` names it.
    pub state: String,
    /// The end of its standard output, redacted.
    pub stdout: String,
    /// The end of its standard error, redacted.
    pub stderr: String,
    /// What it made, as paths in the repository.
    pub artifacts: Vec<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// The class of that error, such as `TestFailure`.
    pub error_class: Option<String>,
    /// How often it was tried again.
    pub retry_count: u32,
    /// When it started, RFC 3339.
    pub started_at: Option<String>,
    /// When it ended, RFC 3339.
    pub completed_at: Option<String>,
    /// The plan (graph) it belongs to, such as `plan-1`.
    pub plan_id: String,
}

/// One test before and after the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRow {
    /// The test, as its runner names it.
    pub test: String,
    /// Its outcome in the repository as it was found; absent where it did not exist.
    pub before: Option<String>,
    /// Its outcome with the change; absent where it no longer exists.
    pub after: Option<String>,
}

/// What the tests said before and after the change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The runner, such as `pytest`.
    pub runner: String,
    /// The sandbox tier that the tests ran in.
    pub tier: String,
    /// How many tests ran after the change.
    pub tests_run: usize,
    /// How many of them passed.
    pub passed: usize,
    /// Tests that failed before and pass now.
    pub fixed: Vec<String>,
    /// Tests that got worse.
    pub broken: Vec<String>,
    /// Tests that failed before and fail now.
    pub still_failing: Vec<String>,
    /// Tests that ran before and are gone.
    pub vanished: Vec<String>,
    /// Every test whose outcome changed, and every one that failed.
    pub rows: Vec<EvidenceRow>,
    /// How many of the lines that can run the tests reach, in words; absent where no tool is there that knows.
    #[serde(default)]
    pub coverage: Option<String>,
}

/// A line that the search for a repair suspects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuspiciousLine {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// How suspicious it is, 0 to 1.
    pub score: f64,
    /// The text of the line.
    pub text: String,
}

/// One of several changes that make the tests pass and behave differently.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Alternative {
    /// The branch that holds it.
    pub branch: Option<String>,
    /// The commit at its tip, as it was delivered.
    pub commit: Option<String>,
    /// The file it changes.
    pub file: String,
    /// The first line that changes, counted from 1.
    pub line: u32,
    /// The lines after the change.
    pub after: String,
    /// What it gives for the input.
    pub gives: String,
}

/// A change of tests, or of how they are run, that waits for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeldChange {
    /// Its id, for `astra changes`.
    pub change_id: String,
    /// The files that make it a person's business.
    pub files: Vec<String>,
    /// Whether the goal is achieved only with it.
    pub hinges: bool,
}

/// What a chat model did for a goal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelUse {
    /// The model.
    pub name: String,
    /// Answers that were used; those of earlier sittings of the run count.
    pub calls: u64,
    /// Tokens of questions.
    pub input: u64,
    /// Tokens of answers.
    pub output: u64,
    /// What they cost, by the prices of the settings.
    pub cost: f64,
    /// Whether any of the tokens are estimates.
    pub estimated: bool,
}

/// What came of a goal.
///
/// Field names follow the system that this project re-creates; the later ones are ours.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GoalResult {
    /// The goal's id in the goal store.
    pub goal_id: String,
    /// The text as it was given.
    pub goal_text: String,
    /// Whether the goal was achieved, with evidence.
    pub success: bool,
    /// The tasks of the final plan that succeeded.
    pub completed_tasks: Vec<TaskResult>,
    /// The tasks of the final plan that did not.
    pub failed_tasks: Vec<TaskResult>,
    /// How many tasks the final plan had.
    pub total_tasks: usize,
    /// Wall-clock time from start to end, in milliseconds.
    pub execution_time_ms: f64,
    /// How many retries were charged.
    pub retry_count: u32,
    /// The id of the final plan, such as `plan-1`.
    pub plan_id: Option<String>,
    /// The methods of the final plan, outermost first.
    pub methods_used: Vec<String>,
    /// The cost of the final plan.
    pub planning_cost: f64,
    /// What the final plan made, as paths in the repository.
    pub artifacts: Vec<String>,
    /// Every error, in the order they came up.
    pub errors: Vec<String>,
    /// When the run started, RFC 3339.
    pub started_at: String,
    /// When it ended, RFC 3339.
    pub completed_at: Option<String>,

    /// The run, for `astra resume` and `astra ledger log`.
    pub run: String,
    /// The goal task, such as `fix_bug`.
    pub goal: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The exit code of `astra` for this result.
    pub exit_code: u8,
    /// One sentence: what the outcome means here and what to do next.
    pub summary: String,
    /// Tasks of earlier plans, replaced by a later plan; each failed or was never run.
    pub superseded_tasks: Vec<TaskResult>,
    /// How many plans were made after the first.
    pub replans: u32,
    /// The commit that the work started from.
    pub base: Option<String>,
    /// The branch that holds the change.
    pub branch: Option<String>,
    /// The commit at its tip.
    pub commit: Option<String>,
    /// The files it changes.
    pub files: Vec<String>,
    /// Files where the change meets work that was not committed.
    pub overlaps: Vec<String>,
    /// What the tests said.
    pub evidence: Option<Evidence>,
    /// Where the bug may be, most suspicious first, when no repair was found.
    pub suspicious: Vec<SuspiciousLine>,
    /// What is missing here, when the tests could not run.
    pub missing: Vec<String>,
    /// The input on which candidates disagree, when the outcome is ambiguous.
    pub ambiguous_input: Option<String>,
    /// The candidates that disagree on it, each kept on a branch of its own.
    pub alternatives: Vec<Alternative>,
    /// Changes of tests that were put aside, each waiting for a person's approval.
    #[serde(default)]
    pub held: Vec<HeldChange>,
    /// The chat model and what it used; absent where none is configured.
    #[serde(default)]
    pub model: Option<ModelUse>,
    /// The facts that were planned with.
    pub facts: BTreeMap<String, serde_json::Value>,
    /// Things worth knowing that are no errors, such as settings that were held back.
    pub notes: Vec<String>,
    /// Where the time went, in microseconds: observe, plan, graph, journal, copy, subprocess, deliver,
    /// total; and `journal_commits`, a count.
    #[serde(default)]
    pub timings: BTreeMap<String, u64>,
    /// The head of the ledger after the run.
    pub ledger_head: Option<String>,
}

impl GoalResult {
    /// The report that goes back to a model, and that `astra run` prints.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::report(self)
    }

    /// The result as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or(serde_json::Value::Null)
    }
}

//! From the graphs of a run to its result, and to the records that close it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use astraea_code_access::EditSet;
use astraea_engine::{Clock, NewRecord, RunId, RunResult};
use astraea_llm::Price;
use astraea_redact::Redactor;
use astraea_taskgraph::{Task, TaskState};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::verdict::{delivered, evidence, missing, observed};
use super::{GOAL_FINISHED, Started};
use crate::astra::Pinned;
use crate::changes::NewChange;
use crate::learning;
use crate::lower::OBSERVE;
use crate::planning::PlanRecord;
use crate::result::{GoalResult, HeldChange, ModelUse, Outcome, SuspiciousLine, TaskResult};
use crate::store::records;
use crate::time::rfc3339;

/// A graph that has ended, with its plan.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    pub(crate) plan: Option<PlanRecord>,
    pub(crate) result: Arc<RunResult>,
}

/// Files that the copy does not hold, as far as they are named one by one.
const MAX_LEFT_OUT: usize = 5;

/// Makes results and closing records.
#[derive(Debug)]
pub(crate) struct Finisher {
    pub(crate) run: RunId,
    pub(crate) started: Arc<Started>,
    pub(crate) started_ms: u64,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) redactor: Arc<Redactor>,
    /// When this process took the run up.
    pub(crate) begun: std::time::Instant,
    /// What was spent before the first graph, in microseconds: `snapshot`, and `probe` for finding the
    /// sandbox, which runs commands and so counts among the subprocesses too.
    pub(crate) before: super::Timings,
    /// The model, if there is one, and its prices.
    pub(crate) model: Option<(String, Price)>,
    /// Microseconds that the journal took.
    pub(crate) journal_us: Arc<AtomicU64>,
    /// Commits that the journal made since this process took the run up.
    pub(crate) commits: Arc<AtomicU64>,
    /// Makes the records of the goal store.
    pub(crate) closing: fn(&Started, &RunId, &GoalResult) -> Vec<NewRecord>,
}

impl Finisher {
    /// The result, and the records that close the run.
    pub(crate) fn finish(
        &self,
        past: &[Past],
        outcome: Outcome,
        summary: &str,
    ) -> (GoalResult, Vec<NewRecord>) {
        let mut result = self.result(past, outcome, summary);
        let scheduled = self.put_aside(past, &mut result);
        let payload =
            json!({ "goal_id": result.goal_id, "outcome": result.outcome, "result": result });
        let mut records = vec![NewRecord::new(GOAL_FINISHED, payload).with_run(self.run.clone())];
        let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        records.extend(learning::records(&self.run, past, outcome, ms));
        records.extend(scheduled);
        records.extend((self.closing)(&self.started, &self.run, &result));
        (result, records)
    }

    /// Schedules the changes that wait for a person, once the run has ended for good.
    fn put_aside(&self, past: &[Past], result: &mut GoalResult) -> Vec<NewRecord> {
        let Some(last) = past.last().filter(|_| !result.outcome.is_resumable()) else {
            return Vec::new();
        };
        let outputs = last.result.outputs.values().map(|output| &output.value);
        let failures = last.result.failures.values().map(|failure| &failure.output.value);
        let mut records = Vec::new();
        for held in outputs.chain(failures).filter_map(|value| value.get("held")) {
            let Ok(edits) = serde_json::from_value::<EditSet>(held["edits"].clone()) else {
                continue;
            };
            let files: Vec<String> =
                serde_json::from_value(held["files"].clone()).unwrap_or_default();
            let hinges = held["hinges"].as_bool().unwrap_or(false);
            let Some(first) = files.first() else { continue };
            let number = records.len();
            let id = hex::encode(Sha256::digest(format!("{}/held-{number}", self.run)));
            let why =
                if hinges { "the tests pass only with it" } else { "the result does not need it" };
            let reason = format!("a model wants to change {}: {why}", files.join(", "));
            let mut change =
                NewChange::new(first.as_str(), reason).with_goal(&self.started.goal_id);
            change.id = Some(id[..12].to_owned());
            change.edits = json!(Pinned { snapshot: self.started.snapshot.clone(), edits });
            result.held.push(HeldChange { change_id: id[..12].to_owned(), files, hinges });
            records.push(records::change_scheduled(&change).with_run(self.run.clone()));
        }
        records
    }

    /// What the model was used for, over all plans and sittings.
    fn model(&self, past: &[Past]) -> Option<ModelUse> {
        let (name, price) = self.model.clone()?;
        let mut sum = ModelUse { name, ..ModelUse::default() };
        for (number, one) in past.iter().enumerate() {
            let outputs =
                one.result.outputs.iter().filter(|(id, _)| number == 0 || id.as_str() != OBSERVE);
            let outputs = outputs.map(|(_, output)| &output.value);
            let failures = one.result.failures.values().map(|failure| &failure.output.value);
            for used in outputs.chain(failures).filter_map(|value| value.get("model")) {
                let count = |name: &str| used[name].as_u64().unwrap_or(0);
                sum.calls += count("calls");
                sum.input += count("input");
                sum.output += count("output");
                sum.estimated |= used["estimated"].as_bool().unwrap_or(false);
            }
        }
        sum.cost = (sum.input as f64 * price.input + sum.output as f64 * price.output) / 1e6;
        Some(sum)
    }

    fn result(&self, past: &[Past], outcome: Outcome, summary: &str) -> GoalResult {
        let started = &self.started;
        let clean = |text: &str| self.redactor.redact(text).into_owned();
        let mut out = GoalResult {
            goal_id: started.goal_id.clone(),
            goal_text: clean(&started.goal_text),
            goal: started.goal.clone(),
            run: self.run.to_string(),
            outcome,
            success: outcome.is_success(),
            exit_code: outcome.exit_code(),
            summary: clean(summary),
            base: started.snapshot.head.as_ref().map(ToString::to_string),
            started_at: rfc3339(self.started_ms),
            completed_at: Some(rfc3339(self.clock.now_ms())),
            execution_time_ms: self.begun.elapsed().as_secs_f64() * 1000.0,
            replans: u32::try_from(past.len().saturating_sub(1)).unwrap_or(u32::MAX),
            notes: self.notes().iter().map(|note| clean(note)).collect(),
            ..GoalResult::default()
        };
        for (number, one) in past.iter().enumerate() {
            let last = number + 1 == past.len();
            self.tasks(&mut out, one, last);
            out.retry_count += one.result.stats.retries;
            out.suspicious.extend(suspicious(&one.result));
            out.missing.extend(missing(&one.result));
            out.notes.extend(published(&one.result).iter().map(|note| clean(note)));
        }
        out.missing.sort();
        out.missing.dedup();
        if outcome != Outcome::Environment {
            out.missing.clear();
        }
        if out.success {
            out.suspicious.clear();
        }
        if let Some(last) = past.last() {
            self.last_plan(&mut out, last);
        }
        out.model = self.model(past);
        out.timings = self.timings(past);
        out
    }

    /// What the settings held back, and what the copy does not hold.
    fn notes(&self) -> Vec<String> {
        let left = &self.started.snapshot.left_out;
        let told = left.iter().take(MAX_LEFT_OUT);
        let mut notes = self.started.notes.clone();
        notes.extend(told.map(|one| format!("not in the copy: {} ({})", one.path, one.reason)));
        if let Some(more) = left.len().checked_sub(MAX_LEFT_OUT).filter(|more| *more > 0) {
            notes.push(format!("not in the copy: {more} more files"));
        }
        notes
    }

    fn last_plan(&self, out: &mut GoalResult, last: &Past) {
        if let Some(plan) = &last.plan {
            if plan.no_plan.is_none() {
                out.plan_id = Some(plan.plan_id.clone());
            }
            out.methods_used = plan.methods_used.clone();
            out.planning_cost = plan.planning_cost;
            out.facts = plan.facts.clone();
            out.notes.extend(plan.notes.iter().cloned());
        }
        out.evidence = evidence(&self.started.tests, &last.result);
        if let Some(output) = delivered(&last.result) {
            let text =
                |name: &str| output.value.get(name).and_then(Value::as_str).map(str::to_owned);
            let list = |name: &str| -> Vec<String> {
                let items = output.value.get(name).and_then(Value::as_array).cloned();
                items
                    .unwrap_or_default()
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect()
            };
            out.branch = text("branch");
            out.commit = text("commit");
            out.files = list("files");
            out.overlaps = list("overlaps");
        }
        for failure in last.result.failures.values() {
            if let Some(input) = failure.output.value.get("input") {
                out.ambiguous_input =
                    Some(input.as_str().map_or_else(|| input.to_string(), str::to_owned));
            }
            if let Some(Value::Array(list)) = failure.output.value.get("alternatives") {
                let read = |item: &Value| serde_json::from_value(item.clone()).ok();
                out.alternatives = list.iter().filter_map(read).collect();
            }
        }
    }

    /// Sorts the tasks of one graph into completed, failed and superseded.
    fn tasks(&self, out: &mut GoalResult, one: &Past, last: bool) {
        let plan_id = one.result.graph_id.to_string();
        for task in one.result.graph.tasks() {
            let state = one.result.graph.state(&task.id).unwrap_or(TaskState::Pending);
            let done = state == TaskState::Succeeded;
            if task.id.as_str() == OBSERVE && done {
                continue;
            }
            let report = self.task(one, task, state, &plan_id);
            if let Some(error) = &report.error {
                out.errors.push(format!("{}: {error}", report.action_name));
            }
            match (last, done) {
                (true, true) => {
                    for path in &report.artifacts {
                        if !out.artifacts.contains(path) {
                            out.artifacts.push(path.clone());
                        }
                    }
                    out.completed_tasks.push(report);
                }
                (true, false) => out.failed_tasks.push(report),
                (false, false) => out.superseded_tasks.push(report),
                (false, true) => {}
            }
            out.total_tasks += usize::from(last);
        }
    }

    fn task(&self, one: &Past, task: &Task, state: TaskState, plan_id: &str) -> TaskResult {
        let clean = |text: &str| self.redactor.redact(text).into_owned();
        let failure = one.result.failures.get(&task.id);
        let output = one
            .result
            .outputs
            .get(&task.id)
            .map(|out| &**out)
            .or_else(|| failure.map(|failure| &failure.output));
        let attempts = one.result.graph.attempts(&task.id).unwrap_or_default();
        TaskResult {
            task_id: task.id.to_string(),
            task_name: task.title().to_owned(),
            action_name: task.action.clone(),
            state: state.to_string(),
            stdout: output.map(|out| out.stdout.clone()).unwrap_or_default(),
            stderr: output.map(|out| out.stderr.clone()).unwrap_or_default(),
            artifacts: output.map(|out| out.artifacts.clone()).unwrap_or_default(),
            error: failure.map(|failure| clean(&failure.message)),
            error_class: failure.map(|failure| failure.class.to_string()),
            retry_count: one.result.graph.retries(&task.id).unwrap_or(0),
            started_at: attempts.first().map(|attempt| rfc3339(attempt.started_ms)),
            completed_at: attempts.last().and_then(|attempt| attempt.ended_ms).map(rfc3339),
            plan_id: plan_id.to_owned(),
        }
    }

    fn timings(&self, past: &[Past]) -> super::Timings {
        let mut timings = super::Timings::new();
        let mut add = |name: &str, us: u64| *timings.entry(name.to_owned()).or_default() += us;
        for name in ["observe", "plan", "graph", "copy", "subprocess", "deliver"] {
            add(name, 0);
        }
        for (name, us) in &self.before {
            add(name, *us);
            if name == "probe" {
                add("subprocess", *us);
            }
        }
        for (number, one) in past.iter().enumerate() {
            if let Some(plan) = &one.plan {
                add("plan", plan.planning_us);
                add("graph", plan.lowering_us);
            }
            let us =
                |value: &Value, name: &str| value.get(name).and_then(Value::as_u64).unwrap_or(0);
            if number == 0
                && let Some(output) = observed(&one.result)
            {
                add("observe", us(&output.value, "observe_us"));
            }
            let outputs =
                one.result.outputs.iter().filter(|(id, _)| number == 0 || id.as_str() != OBSERVE);
            let values = outputs
                .map(|(_, out)| &out.value)
                .chain(one.result.failures.values().map(|failure| &failure.output.value));
            for value in values {
                let Some(parts) = value.get("timings") else { continue };
                add("copy", us(parts, "copy_us"));
                add("subprocess", us(parts, "subprocess_us"));
                add("deliver", us(parts, "deliver_us"));
            }
        }
        add("journal", self.journal_us.load(Ordering::Relaxed));
        add("journal_commits", self.commits.load(Ordering::Relaxed) + 1);
        add("total", u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX));
        timings
    }
}

/// The suspicious lines that a search for a repair left behind.
fn suspicious(result: &RunResult) -> Vec<SuspiciousLine> {
    let mut lines = Vec::new();
    for failure in result.failures.values() {
        let list = failure.output.value.get("suspicious").and_then(Value::as_array).cloned();
        for item in list.unwrap_or_default() {
            if let Ok(line) = serde_json::from_value::<SuspiciousLine>(item)
                && !lines.contains(&line)
            {
                lines.push(line);
            }
        }
    }
    // A line that only passing tests ran has no evidence against it.
    if lines.iter().any(|line| line.score > NO_EVIDENCE) {
        lines.retain(|line| line.score > NO_EVIDENCE);
    }
    lines
}

/// What tasks of the plan brought to a remote, in words.
fn published(result: &RunResult) -> Vec<String> {
    let told = |task: &Task| {
        let value = &result.outputs.get(&task.id)?.value["published"];
        let text = |name: &str| value[name].as_str().unwrap_or_default();
        match task.action.as_str() {
            "push" => {
                let (branch, remote, url) = (text("branch"), text("remote"), text("url"));
                Some(format!("a method of the plan pushed {branch} to {remote} ({url})"))
            }
            "pull_request" => {
                let (number, into, url) = (&value["number"], text("into"), text("url"));
                Some(format!(
                    "a method of the plan opened pull request {number} into {into}: {url}"
                ))
            }
            _ => None,
        }
    };
    result.graph.tasks().filter_map(|task| told(task)).collect()
}

/// The score that localisation gives to lines about which the tests say nothing.
const NO_EVIDENCE: f64 = 0.05;

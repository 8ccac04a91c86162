//! repair: searches for the edit that makes the failing tests pass, with an oracle for each language.
//!
//! A patch is handed on as an edit set; the tests that follow in the plan confirm it in a fresh copy.

mod meter;
mod node;
mod python;
#[cfg(feature = "model")]
mod rivals;
mod rust;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use astraea_code_access::{EditSet, RepoPath};
use astraea_engine::{ErrorClass, Executor, ExecutorError, Outcome, Output, TaskContext};
use astraea_repair::{Patch, Report, SourceFile, apply_edits};
use async_trait::async_trait;
use serde_json::{Value, json};

use crate::actions::{baseline, deliver, edited, failed, run_suite};
use crate::evidence::{TestId, TestReport, Verdict};
use crate::runners::RunnerKind;
use crate::workspace::blocking;
use crate::{Error, Workspace};
use meter::Meter;

#[cfg(feature = "model")]
pub(crate) use rivals::{can_compare, compare};

/// The share of a task's time that the search may use; the rest is for ending in order.
const SHARE: f64 = 0.85;

/// Processor seconds after which a traced test counts as one that does not end.
const LONGEST_TEST: f64 = 5.0;

/// The executor of `repair`.
///
/// Arguments: `tests`, a list of what a person typed to name the tests that matter; all failing ones when empty.
/// `cpu_ms`: how much processor time the search may use, in milliseconds; without it only the task's own limit counts.
/// The value of its output: `edits`, `outcome` (`verified` or `plausible`), `report`, `cpu_ms` and `first_patch_cpu_ms`,
/// the processor time used in all and until the first patch. A failure is of the class `NoPatch` with `suspicious`, or
/// `Ambiguous` with `input` and `alternatives`.
pub(crate) fn executor(ws: Arc<Workspace>) -> Arc<dyn Executor> {
    Arc::new(Repair { ws })
}

#[derive(Debug)]
struct Repair {
    ws: Arc<Workspace>,
}

/// What a search starts from.
#[derive(Debug)]
struct Job {
    ws: Arc<Workspace>,
    cx: TaskContext,
    /// The edits so far; candidates come on top.
    edits: EditSet,
    /// The tests as they were found.
    baseline: TestReport,
    /// The tests to mend.
    failing: Vec<TestId>,
    /// When the search must have ended.
    deadline: Instant,
    /// The processor time that it uses.
    meter: Arc<Meter>,
}

impl Job {
    /// Processor seconds of one traced test: with little time in all, a test that does not end may not take much of it.
    fn longest_test(&self) -> f64 {
        let limit = self.meter.limit().map_or(LONGEST_TEST, |limit| limit.as_secs_f64() / 12.0);
        limit.clamp(1.0, LONGEST_TEST)
    }
}

/// What a search found.
#[derive(Debug)]
struct Found {
    report: Report,
    /// The texts that the report's spans are in.
    files: Vec<SourceFile>,
}

/// Why a search could not be made.
#[derive(Debug)]
enum Refused {
    /// There is nothing that this kind of search could do here.
    NoPatch(String),
    /// The tests cannot be run here.
    Environment(String),
    /// Something failed.
    Error(Error),
}

impl<E: Into<Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

#[async_trait]
impl Executor for Repair {
    async fn execute(&self, cx: &TaskContext) -> Result<Outcome, ExecutorError> {
        if cx.cancel.is_cancelled() {
            return Error::Cancelled.into_outcome();
        }
        match self.run(cx).await {
            Ok(outcome) => Ok(outcome),
            Err(Refused::NoPatch(why)) => Ok(failed(ErrorClass::NoPatch, why, Output::default())),
            Err(Refused::Environment(why)) => {
                Ok(failed(ErrorClass::Environment, why, Output::default()))
            }
            Err(Refused::Error(error)) => error.into_outcome(),
        }
    }
}

impl Repair {
    async fn run(&self, cx: &TaskContext) -> Result<Outcome, Refused> {
        let started = Instant::now();
        let edits = self.ws.edits_so_far(cx)?;
        let report = match baseline(cx)? {
            Some(report) => report,
            None => run_suite(&self.ws, cx, &edits, &[], &[]).await?.report,
        };
        let failing = wanted(&report, &cx.task.args)?;
        let python = failing
            .iter()
            .any(|id| id.as_str().split("::").next().is_some_and(|file| file.ends_with(".py")));
        let node = report.runner.split('+').any(|name| name == RunnerKind::Node.name())
            && failing.iter().any(|id| id.as_str().contains(" > "));
        let cargo = report.runner.split('+').any(|name| name == "cargo");
        let job = Job {
            ws: self.ws.clone(),
            cx: cx.clone(),
            edits,
            baseline: report,
            failing,
            deadline: started + cx.budget.mul_f64(SHARE),
            meter: Arc::new(Meter::new(cx.task.args["cpu_ms"].as_u64().map(Duration::from_millis))),
        };
        let found = if python {
            python::search(&job).await?
        } else if node {
            node::search(&job).await?
        } else if cargo {
            rust::search(&job).await?
        } else {
            return Err(Refused::NoPatch(format!(
                "repair knows pytest, unittest, cargo test and node --test, and these tests run under {}",
                job.baseline.runner
            )));
        };
        answer(&job, found, started).await
    }
}

/// The failing tests that matter.
fn wanted(report: &TestReport, args: &Value) -> Result<Vec<TestId>, Refused> {
    let typed: Vec<&str> =
        args["tests"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let matters = |id: &&TestId| typed.is_empty() || typed.iter().any(|typed| id.matches(typed));
    let failing: Vec<TestId> = report
        .failing()
        .filter(|id| !report.flaky.contains(*id))
        .filter(matters)
        .cloned()
        .collect();
    if failing.is_empty() {
        let why = match report.verdict() {
            Verdict::Passed => {
                "no test fails, so nothing shows what to repair; write a test that fails"
            }
            _ => match report.collection_errors.first() {
                Some(error) => {
                    return Err(Refused::NoPatch(format!(
                        "{} cannot be loaded, and a test that never ran shows no bug: {}",
                        error.what,
                        last_line(&error.message)
                    )));
                }
                None => {
                    "no single test was seen to fail, so nothing shows what to repair (a crash is not one)"
                }
            },
        };
        return Err(Refused::NoPatch(why.to_owned()));
    }
    Ok(failing)
}

/// What a runner says in the end: there Python and pytest name the error.
fn last_line(text: &str) -> &str {
    let ruled = |line: &str| line.chars().all(|c| "=-_".contains(c)) || line.starts_with("===");
    text.lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty() && !ruled(line))
        .map_or("no reason is given", |line| line.trim_start_matches("E  ").trim_start())
}

async fn answer(job: &Job, found: Found, started: Instant) -> Result<Outcome, Refused> {
    let Found { report, files } = found;
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let mut value = json!({
        "outcome": report.outcome.to_string(),
        "report": masked(job, &report)?,
        "suspicious": masked(job, &report.suspicious)?,
        "cpu_ms": job.meter.spent().as_millis(),
        "first_patch_cpu_ms": job.meter.first().map(|first| first.as_millis()),
        "timings": { "copy_us": 0, "subprocess_us": micros, "deliver_us": 0 },
    });
    if report.outcome.has_patch()
        && let Some(best) = report.patches.first()
    {
        let edits = edit_set(job, best, &files).await?;
        job.cx.progress(&format!("{}:{} {}", best_file(best), best.line, best.template));
        return Ok(Outcome::Succeeded(edited(&edits, value)?));
    }
    if let Some(disagreement) = &report.disagreement {
        let mask = |text: &str| job.ws.redactor().redact(text).into_owned();
        let mut alternatives = Vec::new();
        for (group, gives) in disagreement.groups.iter().zip(&disagreement.results) {
            let leader =
                group.first().and_then(|id| report.patches.iter().find(|patch| patch.id == *id));
            if let Some(patch) = leader {
                let edits = edit_set(job, patch, &files).await?;
                // kept on a branch each, so that a person can choose
                let letter = char::from(b'a' + u8::try_from(alternatives.len() % 26).unwrap_or(0));
                let kept = deliver(&job.ws, &job.cx, edits.clone(), &format!("-{letter}")).await?;
                alternatives.push(json!({
                    "branch": kept.as_ref().map(|kept| &kept["branch"]), "commit": kept.as_ref().map(|kept| &kept["commit"]),
                    "edits": edits, "file": best_file(patch), "line": patch.line,
                    "before": mask(&patch.before), "after": mask(&patch.after), "gives": mask(gives),
                }));
            }
        }
        value["input"] = json!(job.ws.redactor().redact(&disagreement.input));
        value["alternatives"] = json!(alternatives);
        let message = format!(
            "{} edits make the tests pass and disagree on {}: a test for it would decide",
            alternatives.len(),
            disagreement.input
        );
        return Ok(failed(
            ErrorClass::Ambiguous,
            job.ws.redacted_tail(&message),
            Output::of(value),
        ));
    }
    if job.cx.cancel.is_cancelled() {
        return Err(Error::Cancelled.into());
    }
    let early = if report.stopped_early { " in the time there was" } else { "" };
    let message =
        format!("no single edit makes the failing tests pass ({} tried{early})", report.tried);
    Ok(failed(ErrorClass::NoPatch, message, Output::of(value)))
}

/// Sources may hold secrets, and what is handed on is written down.
fn masked<T: serde::Serialize>(job: &Job, value: &T) -> Result<Value, Error> {
    let mut value = serde_json::to_value(value)
        .map_err(|e| Error::Internal(format!("a report as JSON: {e}")))?;
    job.ws.redactor().redact_json(&mut value);
    Ok(value)
}

fn best_file(patch: &Patch) -> &str {
    patch.edits.first().map_or("", |edit| edit.file.as_str())
}

/// The patch as edits of the repository, checked against the policy.
async fn edit_set(job: &Job, patch: &Patch, files: &[SourceFile]) -> Result<EditSet, Error> {
    let name = best_file(patch);
    let file = files.iter().find(|file| file.path == name);
    let file =
        file.ok_or_else(|| Error::Internal(format!("a patch of `{name}`, which was not given")))?;
    let text = apply_edits(&file.text, &patch.edits).map_err(|e| Error::Internal(e.to_string()))?;
    let (ws, base, name) = (job.ws.clone(), job.edits.clone(), name.to_owned());
    blocking(move || written(&ws, &base, &name, &text)).await
}

/// A file with another text, on top of edits; checked against the policy.
fn written(ws: &Workspace, base: &EditSet, name: &str, text: &str) -> Result<EditSet, Error> {
    let mut editor = ws.repo().edit(ws.snapshot(), base);
    editor.write(&RepoPath::new(name)?, text.as_bytes())?;
    Ok(editor.finish()?)
}

//! characterise: tests that hold code to what it does now, found by calling it with generated inputs.
//!
//! Python, and JavaScript under `node --test`. Calls whose outcome is the same in another process, with another random state and at another time, are tried
//! on mutants of the code; those become tests that notice a mutant which nothing else notices. What is delivered
//! ran three times in random order under the repository's own runner. Such tests freeze mistakes too, and say so.

mod choose;
mod mutants;
mod place;
mod settle;
mod study;
mod worker;

#[cfg(feature = "model")]
pub(crate) use mutants::{Mutant, mutants};

use std::sync::Arc;
use std::time::{Duration, Instant};

use astraea_code_access::{EditSet, RepoPath};
use astraea_engine::{ErrorClass, Executor, ExecutorError, Outcome, Output, TaskContext};
use async_trait::async_trait;
use serde::Serialize;
use serde_json::{Value, json};

use crate::actions::{edited, failed};
use crate::runners;
use crate::workspace::blocking;
use crate::{Error, Workspace};

/// The share of a task's time that is spent on looking; the rest is for running what was written.
const SHARE: f64 = 0.6;
/// The longest that one file is looked at.
const MOST_PER_FILE: Duration = Duration::from_secs(90);

/// The executor of `characterise`.
///
/// Arguments: `paths` (files or folders; all of the scope when absent), `test_path` (where the tests go, for one file),
/// `description` (names files too), `mutants` (the most for one file). The value of its output: `edits`, `outcome` (`characterised`), `characterisation`
/// with the figures of each file, `table`.
pub(crate) fn executor(ws: Arc<Workspace>) -> Arc<dyn Executor> {
    Arc::new(Characterise { ws })
}

#[derive(Debug)]
struct Characterise {
    ws: Arc<Workspace>,
}

/// What became of one file.
#[derive(Debug, Clone, Default, Serialize)]
struct Figures {
    /// The file under test.
    source: String,
    /// The file that was written; empty where there was nothing to write.
    tests_file: String,
    /// How many tests it has.
    tests: usize,
    /// Mutants that can be loaded at all.
    mutants: usize,
    /// Of these, noticed by the tests that were there before.
    noticed_before: usize,
    /// Of these, noticed now.
    noticed: usize,
    /// Lines of code that the new tests run, of those that could run.
    lines: usize,
    /// See `lines`.
    of_lines: usize,
    /// Calls that gave something else in another process, at another time.
    unstable: usize,
    /// What no test was written for, and why.
    left_out: Vec<Value>,
    /// A few mutants that nothing notices: `line: text`.
    survivors: Vec<String>,
}

#[async_trait]
impl Executor for Characterise {
    async fn execute(&self, cx: &TaskContext) -> Result<Outcome, ExecutorError> {
        if cx.cancel.is_cancelled() {
            return Error::Cancelled.into_outcome();
        }
        match self.run(cx).await {
            Ok(outcome) => Ok(outcome),
            Err(error) => error.into_outcome(),
        }
    }
}

impl Characterise {
    async fn run(&self, cx: &TaskContext) -> Result<Outcome, Error> {
        let started = Instant::now();
        let deadline = started + cx.budget.mul_f64(SHARE);
        let mut edits = self.ws.edits_so_far(cx)?;
        let (ws, of) = (self.ws.clone(), edits.clone());
        let tree = blocking(move || ws.tree(&of)).await?;
        let text = |name: &str| cx.task.args[name].as_str().unwrap_or_default().to_owned();
        let named = paths(&cx.task.args)?;
        let scope = self.ws.scope().dir_text();
        let found = runners::find(&tree, &scope, None);
        let subjects = place::subjects(&tree, &scope, &named, &text("description"), &found);
        if subjects.is_empty() {
            let what =
                if named.is_empty() { "this repository".to_owned() } else { named.join(", ") };
            let message = format!(
                "there is no function of Python, or of JavaScript under `node --test`, in {what} that tests can be written for (test files and files over 1500 lines are left out)"
            );
            return Ok(failed(ErrorClass::NoPatch, message, Output::default()));
        }
        let most_mutants = match &cx.task.args["mutants"] {
            Value::Null => study::MOST_MUTANTS,
            value => value
                .as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .filter(|n| (1..=study::MOST_MUTANTS).contains(n))
                .ok_or_else(|| {
                    Error::argument("characterise", "mutants", "must be a number from 1 to 500")
                })?,
        };
        let given = Some(text("test_path")).filter(|path| !path.is_empty() && subjects.len() == 1);
        let (mut all, mut written) = (Vec::new(), EditSet::new());
        for (at, subject) in subjects.iter().enumerate() {
            let rest = u32::try_from(subjects.len() - at).unwrap_or(1);
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                all.push(Figures {
                    source: subject.path.clone(),
                    left_out: vec![json!({"name": subject.path, "why": "the time was up"})],
                    ..Figures::default()
                });
                continue;
            }
            let until = Instant::now() + (left / rest).min(MOST_PER_FILE);
            cx.progress(&format!("looking at what {} does", subject.path));
            let target = place::test_path(&tree, subject, given.as_deref());
            let job = study::Job {
                ws: &self.ws,
                cx,
                base: &edits,
                tree: &tree,
                subject,
                target: &target,
                until,
                most_mutants,
            };
            let (figures, text) = study::study(&job).await?;
            if let Some(text) = text {
                let (ws, base, path) = (self.ws.clone(), edits.clone(), RepoPath::new(&*target)?);
                let new = blocking(move || {
                    let mut editor = ws.repo().edit(ws.snapshot(), &base);
                    editor.write(&path, text.as_bytes())?;
                    Ok(editor.finish()?)
                })
                .await?;
                let merge = |source| Error::Merge { task: cx.task.id.to_string(), source };
                written = written.then(&new).map_err(merge)?;
                edits = edits.then(&new).map_err(merge)?;
            }
            all.push(figures);
        }
        self.answer(&written, &all)
    }

    fn answer(&self, written: &EditSet, all: &[Figures]) -> Result<Outcome, Error> {
        let sum = |of: fn(&Figures) -> usize| all.iter().map(of).sum::<usize>();
        let mut value = json!({
            "characterisation": {
                "files": all, "tests": sum(|f| f.tests), "mutants": sum(|f| f.mutants),
                "noticed_before": sum(|f| f.noticed_before), "noticed": sum(|f| f.noticed),
            },
            "table": table(all),
        });
        self.ws.redactor().redact_json(&mut value);
        if written.is_empty() {
            if all.iter().any(|f| f.noticed_before > 0) {
                let message = "every change of the code that a call could show is noticed by tests that are there: nothing to add";
                return Ok(failed(ErrorClass::AdmitRejected, message, Output::of(value)));
            }
            let why = all
                .iter()
                .flat_map(|f| &f.left_out)
                .next()
                .map(|left| format!(": {} ({})", words(&left["name"]), words(&left["why"])))
                .unwrap_or_default();
            let message = format!("no call was found that is worth a test{why}");
            return Ok(failed(
                ErrorClass::NoPatch,
                self.ws.redacted_tail(&message),
                Output::of(value),
            ));
        }
        value["outcome"] = json!("characterised");
        Ok(Outcome::Succeeded(edited(written, value)?))
    }
}

fn words(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn paths(args: &Value) -> Result<Vec<String>, Error> {
    let wrong = || Error::argument("characterise", "paths", "must be a list of paths");
    match &args["paths"] {
        Value::Null => Ok(Vec::new()),
        Value::String(one) => Ok(vec![one.clone()]),
        Value::Array(many) => {
            many.iter().map(|p| p.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        _ => Err(wrong()),
    }
}

/// The figures for people.
fn table(all: &[Figures]) -> String {
    let mut out = String::new();
    for f in all {
        let percent = |part: usize, of: usize| (part * 100).checked_div(of).unwrap_or(0);
        let first = if f.tests_file.is_empty() {
            format!("{}: no test written", f.source)
        } else {
            format!(
                "{}: {} tests in {}, mutants noticed {} of {} ({} %, before {}), lines run {} of {}",
                f.source,
                f.tests,
                f.tests_file,
                f.noticed,
                f.mutants,
                percent(f.noticed, f.mutants),
                f.noticed_before,
                f.lines,
                f.of_lines
            )
        };
        out.push_str(&first);
        out.push('\n');
        for line in &f.survivors {
            out.push_str(&format!("  not noticed  {line}\n"));
        }
        for left in f.left_out.iter().take(10) {
            out.push_str(&format!(
                "  left out     {}: {}\n",
                words(&left["name"]),
                words(&left["why"])
            ));
        }
    }
    out
}

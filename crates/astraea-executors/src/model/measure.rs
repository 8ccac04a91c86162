//! What new tests are worth: a test that holds whatever the code does shows nothing. So the code is changed in small ways,
//! one at a time, and the new tests have to notice at least one of these mutants.

use std::time::{Duration, Instant};

use astraea_code_access::{EditSet, RepoPath};
use astraea_repair::Language;
use serde::Serialize;

use super::guard;
use super::make::Made;
use super::write_code::{Kind, Work};
use crate::Error;
use crate::actions::{Trial, run_suite};
use crate::characterise::{Mutant, mutants};
use crate::evidence::{TestId, TestOutcome, TestReport};
use crate::runners::Tree;
use crate::workspace::blocking;

/// The most files that are mutated, and the most mutants of all of them.
const FILES: usize = 3;
const MUTANTS: usize = 12;
/// With fewer mutants than this nothing is concluded: they may all do what the code does.
const ENOUGH: usize = 3;
/// The share of the task's time that this may take, and at most.
const SHARE: f64 = 0.2;
const MOST: Duration = Duration::from_secs(40);
/// How long the tests of one mutant may take, beyond five times what they took without.
const SLACK: Duration = Duration::from_secs(3);

/// How many mutants are noticed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Measure {
    /// Mutants that could be run.
    pub(super) mutants: usize,
    /// Noticed by a new test.
    pub(super) noticed: usize,
    /// Noticed by a test that was there before.
    pub(super) noticed_before: usize,
    /// Some that no new test notices: `file:line: text`.
    #[serde(skip)]
    pub(super) survivors: Vec<String>,
}

impl Measure {
    /// Why the tests are not kept, if they are not.
    pub(super) fn problem(&self) -> Option<String> {
        (self.mutants >= ENOUGH && self.noticed == 0).then(|| {
            format!(
                "the new tests hold whatever the code does: they notice none of {} small changes of it",
                self.mutants
            )
        })
    }

    /// What the model is told about it.
    pub(super) fn evidence(&self) -> String {
        let shown: Vec<&str> = self.survivors.iter().take(8).map(String::as_str).collect();
        format!(
            "With each of these lines instead of the ones that are there, the new tests still pass:\n{}\n",
            shown.join("\n")
        )
    }
}

impl Work {
    /// Measures the new tests of a change that passes; nothing where that is not possible or not asked for.
    ///
    /// # Errors
    /// When a copy cannot be made, the sandbox refuses, or it was called off.
    pub(super) async fn measure(
        &mut self,
        made: &Made,
        trial: &Trial,
    ) -> Result<Option<Measure>, Error> {
        let wanted = matches!(self.job.goal.as_str(), "add_tests" | "implement_feature")
            && self.kind != Kind::File
            // what the user gave is not ours to judge
            && self.job.protected.is_empty();
        let new = new_tests(trial);
        if !wanted || new.is_empty() {
            return Ok(None);
        }
        let all = self.base.then(&made.code).map_err(|e| Error::Internal(e.to_string()))?;
        let subjects = self.subjects(&all).await?;
        let until = Instant::now() + self.cx.budget.mul_f64(SHARE).min(MOST);
        let usual = Duration::from_millis(trial.run.report.duration_ms);
        let mut cx = self.cx.clone();
        cx.budget = (usual * 5 + SLACK).min(self.cx.budget);
        let mut measure = Measure::default();
        for (path, mutant) in subjects {
            if Instant::now() >= until {
                break;
            }
            self.cx.progress(&format!("a small change of {path}: do the new tests notice it?"));
            let (ws, base, to, text) =
                (self.ws.clone(), all.clone(), RepoPath::new(&*path)?, mutant.text);
            let changed = blocking(move || -> Result<EditSet, Error> {
                let mut editor = ws.repo().edit(ws.snapshot(), &base);
                editor.write(&to, text.as_bytes())?;
                let edits = editor.finish()?;
                base.then(&edits).map_err(|e| Error::Internal(e.to_string()))
            })
            .await?;
            let run = run_suite(&self.ws, &cx, &changed, &[], &[]).await?;
            self.timings.add(&run.timings);
            let after = run.report;
            if !after.collection_errors.is_empty() && !after.timed_out {
                // it cannot be loaded, so it says nothing about tests
                continue;
            }
            measure.mutants += 1;
            if notices(&new, &after) {
                measure.noticed += 1;
            } else {
                measure.survivors.push(format!("{path}:{}: {}", mutant.line, mutant.shown));
            }
            let old = self.baseline.as_ref().map(passing).unwrap_or_default();
            measure.noticed_before += usize::from(notices(&old, &after));
        }
        Ok((measure.mutants > 0).then_some(measure))
    }

    /// The mutants of the code that the new tests are about.
    async fn subjects(&self, all: &EditSet) -> Result<Vec<(String, Mutant)>, Error> {
        let (ws, all) = (self.ws.clone(), all.clone());
        let adds_code = self.job.goal == "implement_feature";
        blocking(move || {
            let tree = ws.tree(&all)?;
            let edited: Vec<String> = all.paths().map(ToString::to_string).collect();
            let tests: String = edited
                .iter()
                .filter(|path| guard::is_test(path))
                .filter_map(|path| tree.read(path))
                .collect();
            let mentioned = |path: &&String| {
                let name = path.rsplit('/').next().unwrap_or(path);
                let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
                tests.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == stem)
            };
            let known = |path: &&String| {
                Language::of_path(path) == Some(Language::Python) && !guard::is_test(path)
            };
            let paths = if adds_code { &edited[..] } else { tree.paths() };
            let files: Vec<&String> = paths
                .iter()
                .filter(known)
                .filter(|path| adds_code || mentioned(path))
                .take(FILES)
                .collect();
            let each = MUTANTS / files.len().max(1);
            let mut found = Vec::new();
            for path in files {
                let Some(text) = tree.read(path) else { continue };
                let made = mutants(Language::Python, path, &text, each)?;
                found.extend(made.into_iter().map(|mutant| (path.clone(), mutant)));
            }
            Ok(found)
        })
        .await
    }
}

fn new_tests(trial: &Trial) -> Vec<TestId> {
    match &trial.comparison {
        Some(comparison) => comparison.new_passing.clone(),
        None => passing(&trial.run.report),
    }
}

fn passing(report: &TestReport) -> Vec<TestId> {
    let passed = report.outcomes.iter().filter(|(_, outcome)| **outcome == TestOutcome::Passed);
    passed.map(|(id, _)| id.clone()).collect()
}

/// Whether one of these tests does not pass.
fn notices(tests: &[TestId], after: &TestReport) -> bool {
    tests.iter().any(|id| after.outcomes.get(id) != Some(&TestOutcome::Passed))
}

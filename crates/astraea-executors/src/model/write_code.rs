//! write_code, write_file, fix_issues: a model writes, its change is checked and tried, and it is told what is wrong.
//!
//! Each attempt starts from the files as they were shown: a change is proposed whole, every time. An edit that only fits
//! what the attempt before had made is taken as one on top of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use astraea_code_access::EditSet;
use astraea_engine::{ErrorClass, Executor, ExecutorError, Outcome, Output, TaskContext};
use async_trait::async_trait;
use serde_json::{Value, json};

use super::context::{self, Subject};
use super::cross::Crossed;
use super::job::Job;
use super::make::{Made, Refusals, Rules, make};
use super::measure::Measure;
use super::prompt;
use super::talk::{Answer, Stop, Talk};
use crate::actions::{Require, Trial, baseline, edited, failed, try_out};
use crate::evidence::{TestOutcome, TestReport, clip};
use crate::workspace::{Timings, blocking};
use crate::{Error, Workspace};

/// The most bytes of evidence that a model is told at once.
const EVIDENCE: usize = 12_000;
/// How long the tests of an attempt may take: this many times as long as before the change, but not less than the least,
/// nor more than the share of the task's time.
const SLOWER: u32 = 10;
const LEAST: Duration = Duration::from_secs(20);
const SHARE: f64 = 0.3;
/// How often new tests have to pass.
const TIMES: usize = 3;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A change that the tests vouch for.
    Change,
    /// One file of a design, which the tests judge later.
    File,
    /// What keeps the files of a design from passing; nothing if nothing does.
    Fix,
}

/// The executor of one kind.
///
/// Arguments: see [`Job`]; and `require` as for `run_tests`. The value of its output: `edits`, `held` (a change of tests,
/// put aside), `outcome`, `model` (what it cost), `timings`. A failure is of the class `NoPatch`, `NeedsApproval` (only
/// with a change of tests do the tests pass), `Budget`, or `Provider`.
pub(super) fn executor(ws: Arc<Workspace>, kind: Kind) -> Arc<dyn Executor> {
    Arc::new(WriteCode { ws, kind })
}

#[derive(Debug)]
struct WriteCode {
    ws: Arc<Workspace>,
    kind: Kind,
}

#[async_trait]
impl Executor for WriteCode {
    async fn execute(&self, cx: &TaskContext) -> Result<Outcome, ExecutorError> {
        if cx.cancel.is_cancelled() {
            return Error::Cancelled.into_outcome();
        }
        let mut work = match Work::new(&self.ws, cx, self.kind) {
            Ok(work) => work,
            Err(error) => return error.into_outcome(),
        };
        match work.run().await {
            Ok(outcome) => Ok(outcome),
            Err(stop) => {
                let so_far = work.account();
                stop.into_outcome(&self.ws, so_far)
            }
        }
    }
}

/// One task, while it runs.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) ws: Arc<Workspace>,
    pub(super) cx: TaskContext,
    pub(super) kind: Kind,
    pub(super) job: Job,
    pub(super) base: EditSet,
    pub(super) baseline: Option<TestReport>,
    require: Option<Require>,
    deadline: Instant,
    pub(super) mark: String,
    pub(super) talk: Option<Talk>,
    pub(super) timings: Timings,
    measured: Option<Measure>,
}

/// How an attempt ended that does not do.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    code: EditSet,
    feedback: String,
    problem: String,
    /// All edits with which the tests pass, and those among them about which a person has to decide.
    hinges: Option<(EditSet, EditSet)>,
}

impl Work {
    fn new(ws: &Arc<Workspace>, cx: &TaskContext, kind: Kind) -> Result<Self, Error> {
        Ok(Self {
            ws: ws.clone(),
            cx: cx.clone(),
            kind,
            job: Job::of(cx)?,
            base: ws.edits_so_far(cx)?,
            baseline: baseline(cx)?,
            require: Require::of(cx)?,
            deadline: Instant::now() + cx.budget.mul_f64(0.95),
            mark: mark(cx),
            talk: None,
            timings: Timings::default(),
            measured: None,
        })
    }

    fn account(&self) -> Value {
        json!({ "model": self.talk.as_ref().map(Talk::account), "timings": self.timings })
    }

    async fn run(&mut self) -> Result<Outcome, Stop> {
        let mut evidence = self.baseline.clone();
        let mut known = String::new();
        if self.kind == Kind::Fix {
            let trial = self.trial(&EditSet::new()).await?;
            match &trial.problem {
                Some((_, problem)) => known = format!("{problem}\n{}", trial.table),
                None => match self.worthless(&Made::default(), &trial).await? {
                    Some((problem, told)) => known = format!("{problem}\n{told}"),
                    None => return Ok(self.done(Made::default(), Value::Null)?),
                },
            }
            evidence = Some(trial.run.report);
        }
        let talk = Talk::new(&self.ws, &self.cx, prompt::rules(&self.mark, self.what()))?;
        let (rounds, bytes) = (talk.repair_rounds(), talk.context_bytes());
        self.talk = Some(talk);
        let mut question = self.opening(evidence, known, bytes).await?;
        let mut seen: Vec<String> = Vec::new();
        let mut last: Option<Attempt> = None;
        for round in 0..=rounds {
            let answer = match &mut self.talk {
                Some(talk) => talk.ask(question).await?,
                None => return Err(Stop::NoModel),
            };
            let attempt = match self.made(&answer, last.as_ref()).await? {
                Err(refusals) => Attempt {
                    feedback: prompt::refused(&self.mark, &refusals, answer.cut),
                    problem: refusals.into_iter().next().unwrap_or_default(),
                    ..last.take().unwrap_or_default()
                },
                Ok(made) => {
                    let id = format!("{}+{}", made.code.id(), made.held.id());
                    if seen.contains(&id) {
                        // Told what is wrong with it, it proposes it again: more rounds would go in circles.
                        let before = last.take().unwrap_or_default();
                        let problem =
                            format!("the model proposed the same change again: {}", before.problem);
                        last = Some(Attempt { problem, ..before });
                        break;
                    }
                    seen.push(id);
                    match self.judge(&made).await? {
                        None => return self.crossed(made).await,
                        Some(attempt) => attempt,
                    }
                }
            };
            self.cx.progress(&format!("attempt {}: {}", round + 1, first_line(&attempt.problem)));
            question = attempt.feedback.clone();
            last = Some(attempt);
            if Instant::now() >= self.deadline {
                break;
            }
        }
        self.given_up(last.unwrap_or_default())
    }

    /// What the model is to do, in a sentence of the rules.
    pub(super) fn what(&self) -> &'static str {
        match (self.kind, self.job.goal.as_str()) {
            (Kind::File, _) => {
                "You write one file of a design; others are written at the same time as it says."
            }
            (Kind::Fix, _) => {
                "Files of a design were written; you mend what keeps them from working together."
            }
            (_, "fix_bug") => "You mend a bug that failing tests show.",
            (_, "refactor_code") => {
                "You change how code is written and not what it does: every test keeps its outcome."
            }
            (_, "add_tests") => {
                "You add tests in new files; the code stays as it is. They have to pass on it, and to fail where it would be wrong."
            }
            _ => "You add what the goal asks for, together with tests in new files that show it.",
        }
    }

    /// The question that opens the conversation.
    pub(super) async fn opening(
        &self,
        report: Option<TestReport>,
        known: String,
        bytes: usize,
    ) -> Result<String, Error> {
        let (ws, base, job, mark) =
            (self.ws.clone(), self.base.clone(), self.job.clone(), self.mark.clone());
        let first: Vec<String> = match self.kind {
            Kind::Fix => base.paths().map(ToString::to_string).collect(),
            _ => job.file.iter().flat_map(|file| file.after.clone()).collect(),
        };
        let mut asked = blocking(move || {
            let subject = Subject {
                ws: &ws,
                base: &base,
                job: &job,
                report: report.as_ref(),
                first: &first,
                mark: &mark,
                bytes,
            };
            context::opening(&subject)
        })
        .await?;
        if !known.is_empty() {
            let told = prompt::data(&self.mark, "what is wrong now", &clip(&known, EVIDENCE));
            asked.push_str(&format!("\n{told}"));
        }
        if !self.job.files.is_empty() {
            asked.push_str("\nThe design:\n");
            for file in &self.job.files {
                asked.push_str(&format!("- {}: {}\n", file.path, file.what));
            }
        }
        if let Some(file) = &self.job.file {
            asked.push_str(&format!(
                "\nWrite this file, and no other: {}\n{}\n",
                file.path, file.what
            ));
        }
        Ok(asked)
    }

    /// Edits of an answer: on top of what was shown, else on top of the attempt before.
    pub(super) async fn made(
        &self,
        answer: &Answer,
        last: Option<&Attempt>,
    ) -> Result<Result<Made, Refusals>, Error> {
        let (ws, base, text, job) =
            (self.ws.clone(), self.base.clone(), answer.text.clone(), self.job.clone());
        let before = last.map(|last| last.code.clone()).filter(|code| !code.is_empty());
        let tests_only = job.goal == "add_tests";
        blocking(move || {
            let only = job.file.as_ref().map(|file| file.path.as_str());
            let may_rename = job.goal == "refactor_code";
            let rules = Rules { protected: &job.protected, only, tests_only, may_rename };
            let refusals = match make(&ws, &base, &text, rules)? {
                Ok(made) => return Ok(Ok(made)),
                Err(refusals) => refusals,
            };
            let Some(before) = before else { return Ok(Err(refusals)) };
            let Ok(start) = base.then(&before) else { return Ok(Err(refusals)) };
            Ok(match make(&ws, &start, &text, rules)? {
                Ok(made) => match before.then(&made.code) {
                    Ok(code) => Ok(Made { code, ..made }),
                    Err(_) => Err(refusals),
                },
                Err(_) => Err(refusals),
            })
        })
        .await
    }

    /// Tries a change out; nothing if it does.
    async fn judge(&mut self, made: &Made) -> Result<Option<Attempt>, Error> {
        let mark = self.mark.clone();
        let aside: Vec<String> = made.held.paths().map(ToString::to_string).collect();
        let not = |problem: &str, evidence: &str, hinges: Option<(EditSet, EditSet)>| {
            Some(Attempt {
                code: made.code.clone(),
                feedback: prompt::failed(&mark, problem, &clip(evidence, EVIDENCE), &aside),
                problem: problem.to_owned(),
                hinges,
            })
        };
        if made.code.is_empty() && made.held.is_empty() {
            return Ok(not("it changes nothing", "", None));
        }
        if self.kind == Kind::File {
            return Ok(None);
        }
        let trial = self.trial(&made.code).await?;
        let Some((_, problem)) = &trial.problem else {
            if let Some(problem) = self.shaky(made, &trial).await? {
                return Ok(not(&problem, "", None));
            }
            return Ok(match self.worthless(made, &trial).await? {
                Some((problem, told)) => not(&problem, &told, None),
                None => None,
            });
        };
        let told = context::failing(&self.ws, &trial.run.report, &self.job.tests);
        let evidence =
            prompt::data(&self.mark, "what the tests say now", &format!("{told}\n{}", trial.table));
        let mut hinges = None;
        if !made.held.is_empty()
            && let Ok(both) = made.code.then(&made.held)
            && self.trial(&both).await?.problem.is_none()
        {
            hinges = self.base.then(&both).ok().map(|all| (all, made.held.clone()));
        }
        Ok(not(problem, &evidence, hinges))
    }

    /// Runs the tests over edits on top of those so far, in bounded time.
    pub(super) async fn trial(&mut self, edits: &EditSet) -> Result<Trial, Error> {
        let all = self.base.then(edits).map_err(|e| Error::Internal(e.to_string()))?;
        let usual = self.baseline.as_ref().map_or(0, |before| before.duration_ms);
        let most = Duration::from_millis(usual).saturating_mul(SLOWER).max(LEAST);
        let mut cx = self.cx.clone();
        cx.budget = most.min(self.cx.budget.mul_f64(SHARE));
        let wanted = (self.require, self.job.tests.as_slice());
        let trial = try_out(&self.ws, &cx, &all, &[], self.baseline.as_ref(), wanted).await?;
        self.timings.add(&trial.run.timings);
        Ok(trial)
    }

    /// Why new tests are not kept, and what to tell about it: they have to notice when the code is wrong.
    async fn worthless(
        &mut self,
        made: &Made,
        trial: &Trial,
    ) -> Result<Option<(String, String)>, Error> {
        self.measured = self.measure(made, trial).await?;
        let Some(measure) = &self.measured else { return Ok(None) };
        let told = prompt::data(&self.mark, "small changes of the code", &measure.evidence());
        Ok(measure.problem().map(|problem| (problem, told)))
    }

    /// Why new tests are not kept: they have to pass every time.
    async fn shaky(&mut self, made: &Made, first: &Trial) -> Result<Option<String>, Error> {
        if self.job.goal != "add_tests" {
            return Ok(None);
        }
        let new = first.comparison.as_ref().map(|c| c.new_passing.clone()).unwrap_or_default();
        for _ in 1..TIMES {
            let again = self.trial(&made.code).await?;
            let lost = new
                .iter()
                .find(|id| again.run.report.outcomes.get(*id) != Some(&TestOutcome::Passed));
            if let Some(id) = lost {
                return Ok(Some(format!("{id} passes at one time and not at another")));
            }
        }
        Ok(None)
    }

    /// A change that passes, as far as it can be cross-checked.
    async fn crossed(&mut self, made: Made) -> Result<Outcome, Stop> {
        match self.cross_check(&made).await? {
            Crossed::Not(why) => Ok(self.done(made, json!({ "cross_check": why }))?),
            Crossed::Agree(inputs) => {
                let value = json!({ "outcome": "verified", "cross_check": { "inputs": inputs } });
                Ok(self.done(made, value)?)
            }
            Crossed::Differ { input, alternatives } => {
                let message = format!(
                    "two changes make the tests pass and disagree on {input}: a test for it would decide"
                );
                let mut value = self.account();
                value["input"] = json!(input);
                value["alternatives"] = json!(alternatives);
                Ok(failed(ErrorClass::Ambiguous, message, Output::of(value)))
            }
        }
    }

    fn done(&self, made: Made, found: Value) -> Result<Outcome, Error> {
        let mut value = self.account();
        if let Some(measure) = &self.measured {
            value["measure"] = json!(measure);
        }
        value["outcome"] = json!(if self.kind == Kind::File { "written" } else { "plausible" });
        if let (Value::Object(all), Value::Object(found)) = (&mut value, found) {
            all.extend(found);
        }
        if !made.held.is_empty() {
            value["held"] = held(&made.held, &made.held, false)?;
        }
        Ok(Outcome::Succeeded(edited(&made.code, value)?))
    }

    fn given_up(&self, last: Attempt) -> Result<Outcome, Stop> {
        let Attempt { problem, hinges, .. } = last;
        let mut value = self.account();
        let asked = value["model"]["calls"].as_u64().unwrap_or(0);
        let mask = |text: &str| self.ws.redactor().redact(text).into_owned();
        if let Some((edits, aside)) = hinges {
            value["held"] = held(&edits, &aside, true).map_err(Stop::Error)?;
            let names: Vec<String> = aside.paths().map(ToString::to_string).collect();
            let message = format!(
                "the tests pass only with a change of {}, which a person has to approve",
                names.join(", ")
            );
            return Ok(failed(ErrorClass::NeedsApproval, mask(&message), Output::of(value)));
        }
        let message =
            format!("the model was asked {asked} times and found no change that does: {problem}");
        Ok(failed(ErrorClass::NoPatch, mask(first_line(&message)), Output::of(value)))
    }
}

/// Edits that wait for a person: all of them, and the files that make it a person's business.
fn held(edits: &EditSet, aside: &EditSet, hinges: bool) -> Result<Value, Error> {
    let edits =
        serde_json::to_value(edits).map_err(|e| Error::Internal(format!("edits as JSON: {e}")))?;
    let files: Vec<String> = aside.paths().map(ToString::to_string).collect();
    Ok(json!({ "edits": edits, "files": files, "hinges": hinges }))
}

/// What tells data apart in this run. Its end is random, so nothing in a repository can know it.
pub(super) fn mark(cx: &TaskContext) -> String {
    let run: Vec<char> = cx.run.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
    format!("data-{}", run[run.len().saturating_sub(8)..].iter().collect::<String>())
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

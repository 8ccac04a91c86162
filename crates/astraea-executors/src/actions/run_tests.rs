//! run_tests: the tests after the edits, compared with the baseline.

use std::sync::Arc;

use astraea_code_access::EditSet;
use astraea_engine::{ErrorClass, Outcome, Output, TaskContext};
use async_trait::async_trait;
use serde_json::{Value, json};

use super::Action;
use super::answer::failed;
use super::args::Args;
use super::suite::{SuiteRun, excuse, mark_flaky, measure, run_suite};
use crate::evidence::{
    Change, Comparison, TestId, TestReport, Verdict, comparison_table, report_table,
};
use crate::runners::RunnerKind;
use crate::{Error, Workspace};

pub(super) const PYTHON: &[RunnerKind] = &[RunnerKind::Pytest, RunnerKind::Unittest];
pub(super) const NODE: &[RunnerKind] = &[RunnerKind::Node, RunnerKind::Jest, RunnerKind::Npm];

/// Runs the tests and says whether they vouch for the edits.
#[derive(Debug)]
pub(super) struct RunTests {
    /// The kinds of runner; all when empty.
    pub(super) only: &'static [RunnerKind],
}

/// What the caller wants of the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Require {
    /// Something bad before passes now, and nothing is worse.
    Improve,
    /// Nothing is worse.
    Hold,
    /// Nothing is worse, and a test passes that was not there before.
    Grow,
    /// Nothing that was there is worse; new tests may fail.
    Scaffold,
}

impl Require {
    /// What the argument `require` asks for.
    pub(crate) fn of(cx: &TaskContext) -> Result<Option<Self>, Error> {
        let args = Args::of(cx);
        Ok(Some(match args.text(&["require"])? {
            None => return Ok(None),
            Some("improve") => Self::Improve,
            Some("hold") => Self::Hold,
            Some("grow") => Self::Grow,
            Some("scaffold") => Self::Scaffold,
            Some(_) => {
                return Err(args.wrong("require", "must be improve, hold, grow or scaffold"));
            }
        }))
    }
}

/// A test run over edits, and what it says about them.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) run: SuiteRun,
    pub(crate) comparison: Option<Comparison>,
    /// Why it does not vouch for the edits.
    pub(crate) problem: Option<(ErrorClass, String)>,
    /// Outcomes, and what changed, for people and models.
    pub(crate) table: String,
}

/// Runs the tests over edits and judges: what is bad now and was not is run once more, so that flaky tests are known.
pub(crate) async fn try_out(
    ws: &Arc<Workspace>,
    cx: &TaskContext,
    edits: &EditSet,
    only: &[RunnerKind],
    baseline: Option<&TestReport>,
    (require, listed): (Option<Require>, &[String]),
) -> Result<Trial, Error> {
    let mut run = run_suite(ws, cx, edits, only, &[]).await?;
    if baseline.is_none_or(|before| !Comparison::new(before, &run.report).holds()) {
        mark_flaky(ws, cx, edits, only, &mut run).await?;
        if let Some(before) = baseline.filter(|_| !edits.is_empty()) {
            excuse(ws, cx, only, before, &mut run).await?;
        }
    }
    let comparison = baseline.map(|before| Comparison::new(before, &run.report));
    let problem = judge(&run.report, baseline.zip(comparison.as_ref()), require, listed);
    let changes = match (baseline, &comparison) {
        (Some(before), Some(c)) => comparison_table(before, &run.report, c),
        _ => String::new(),
    };
    let table = format!("{}{changes}", report_table(&run.report));
    Ok(Trial { run, comparison, problem, table })
}

#[async_trait]
impl Action for RunTests {
    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        let require = Require::of(cx)?;
        let listed = Args::of(cx).texts("tests")?;
        let baseline = baseline(cx)?;
        let edits = ws.edits_so_far(cx)?;
        let wanted = (require, listed.as_slice());
        let trial = try_out(ws, cx, &edits, self.only, baseline.as_ref(), wanted).await?;
        let Trial { mut run, comparison, problem, mut table } = trial;
        if problem.is_none() && !edits.is_empty() {
            cx.progress("coverage");
            run.report.coverage = measure(ws, cx, &edits, &run).await;
            if let Some(coverage) = &run.report.coverage {
                let files: Vec<String> = edits.paths().map(ToString::to_string).collect();
                table.push_str(&format!("coverage: {}\n", coverage.line(&files)));
            }
        }
        let value = json!({
            "evidence": to_value(&run.report)?,
            "comparison": comparison.as_ref().map(to_value).transpose()?,
            "verdict": run.report.verdict(),
            "table": table,
            "missing": run.report.environment.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "timings": run.timings,
        });
        let output = ws.with_tails(Output::of(value), &run.stdout, &run.stderr);
        Ok(match problem {
            None => Outcome::Succeeded(output),
            Some((class, message)) => failed(class, message, output),
        })
    }
}

fn to_value<T: serde::Serialize>(value: &T) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(|e| Error::Internal(format!("evidence as JSON: {e}")))
}

/// The report to compare with: given, or from `observe`, or from the first task that ran tests.
pub(crate) fn baseline(cx: &TaskContext) -> Result<Option<TestReport>, Error> {
    let read = |value: &Value| serde_json::from_value::<TestReport>(value.clone());
    if let Some(value) = Args::of(cx).get("baseline") {
        return read(value).map(Some).map_err(|e| {
            Error::argument(&cx.task.action, "baseline", format!("is no test report: {e}"))
        });
    }
    let inputs = cx.inputs();
    let observe = inputs.iter().filter(|(id, _)| id.as_str() == "observe");
    let found = observe.chain(inputs.iter()).find_map(|(_, output)| {
        let value = output.value.get("evidence").filter(|v| v.get("outcomes").is_some())?;
        read(value).ok()
    });
    // where nothing ran before there is nothing to compare with
    Ok(found.filter(|report| !report.runner.is_empty()))
}

/// What is wrong with the outcome, if anything is.
fn judge(
    after: &TestReport,
    compared: Option<(&TestReport, &Comparison)>,
    require: Option<Require>,
    listed: &[String],
) -> Option<(ErrorClass, String)> {
    let verdict = after.verdict();
    let say = |class, message: String| Some((class, message));
    match verdict {
        // What was missing before too, and does not keep the named tests from passing, is not in the way.
        Verdict::Environment
            if !listed.is_empty()
                && compared.is_some_and(|(before, _)| {
                    after.environment.iter().all(|one| before.environment.contains(one))
                }) => {}
        Verdict::Environment => {
            let missing: Vec<String> = after.environment.iter().map(ToString::to_string).collect();
            return say(
                ErrorClass::Environment,
                format!("the tests cannot run here: {} missing", missing.join(", ")),
            );
        }
        Verdict::TimedOut => {
            return say(ErrorClass::TimeoutError, "the tests did not end in time".to_owned());
        }
        Verdict::NoTests => {
            return say(ErrorClass::TestFailure, "no test ran: that is no evidence".to_owned());
        }
        Verdict::Crashed => {
            return say(
                ErrorClass::TestFailure,
                format!("the test run broke off ({})", after.exit),
            );
        }
        Verdict::Passed | Verdict::Failed | Verdict::CollectionError => {}
    }
    let Some((before, c)) = compared else {
        let allowed = require == Some(Require::Scaffold);
        if verdict != Verdict::Passed && !allowed {
            return say(ErrorClass::TestFailure, summary(after));
        }
        return listed_failing(after, listed);
    };
    let scaffold = require == Some(Require::Scaffold);
    let lost = [("broke", &c.broken), ("made vanish", &c.vanished), ("silenced", &c.silenced)]
        .into_iter()
        .find(|(_, tests)| !tests.is_empty());
    if let Some((word, tests)) = lost {
        return say(ErrorClass::TestFailure, format!("the edits {word} {}", names(tests)));
    }
    if !c.newly_unloadable.is_empty() {
        let what = c.newly_unloadable.join(", ");
        return say(ErrorClass::TestFailure, format!("{what} cannot be loaded any more"));
    }
    if scaffold {
        return None;
    }
    if !c.new_failing.is_empty() && before.collection_errors.is_empty() {
        return say(ErrorClass::TestFailure, format!("new tests fail: {}", names(&c.new_failing)));
    }
    if c.verdict == Change::Worse {
        return say(ErrorClass::TestFailure, "the tests say less than before".to_owned());
    }
    if let Some(problem) = listed_failing(after, listed) {
        return Some(problem);
    }
    let was_bad = before.verdict() != Verdict::Passed;
    let improve = require == Some(Require::Improve) || (require.is_none() && was_bad);
    if improve && c.verdict != Change::Better {
        let still = if c.still_failing.is_empty() {
            "nothing that failed passes now".to_owned()
        } else {
            format!("still failing: {}", names(&c.still_failing))
        };
        return say(ErrorClass::TestFailure, still);
    }
    if after.counts.passed == 0 {
        return say(ErrorClass::TestFailure, format!("nothing passes: {}", summary(after)));
    }
    if require == Some(Require::Grow) && c.new_passing.is_empty() {
        return say(ErrorClass::TestFailure, "no new test shows it".to_owned());
    }
    None
}

/// Every test that was named must pass, and every name must mean a test.
fn listed_failing(after: &TestReport, listed: &[String]) -> Option<(ErrorClass, String)> {
    for typed in listed {
        let mut known = after.outcomes.iter().filter(|(id, _)| id.matches(typed)).peekable();
        if known.peek().is_none() {
            return Some((ErrorClass::TestFailure, format!("no test is called {typed}")));
        }
        if let Some((id, outcome)) = known.find(|(id, o)| o.is_bad() || after.flaky.contains(*id)) {
            return Some((ErrorClass::TestFailure, format!("still {outcome}: {id}")));
        }
        let passed = after
            .outcomes
            .iter()
            .any(|(id, o)| id.matches(typed) && !o.is_bad() && o.word() == "passed");
        if !passed {
            return Some((
                ErrorClass::TestFailure,
                format!("{typed} is skipped, which shows nothing"),
            ));
        }
    }
    None
}

fn summary(report: &TestReport) -> String {
    let failing: Vec<TestId> = report.failing().cloned().collect();
    if failing.is_empty() {
        let what: Vec<&str> = report.collection_errors.iter().map(|e| e.what.as_str()).collect();
        return format!("cannot be loaded: {}", what.join(", "));
    }
    format!("{} of {} tests fail: {}", failing.len(), report.counts.total(), names(&failing))
}

fn names(tests: &[TestId]) -> String {
    let mut text = tests.iter().take(3).map(TestId::as_str).collect::<Vec<_>>().join(", ");
    if tests.len() > 3 {
        text.push_str(&format!(" and {} more", tests.len() - 3));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::TestOutcome::{self, Failed, Passed, Skipped};

    fn report(outcomes: &[(&str, TestOutcome)]) -> TestReport {
        let mut report = TestReport {
            runner: "pytest".into(),
            complete: true,
            clean_exit: outcomes.iter().all(|(_, o)| !o.is_bad()),
            ..Default::default()
        };
        for (id, outcome) in outcomes {
            report.record((*id).into(), *outcome);
        }
        report.recount();
        report
    }

    fn check(
        before: &[(&str, TestOutcome)],
        after: &[(&str, TestOutcome)],
        require: Require,
        listed: &[&str],
    ) -> String {
        let (before, after) = (report(before), report(after));
        let comparison = Comparison::new(&before, &after);
        let listed: Vec<String> = listed.iter().map(|l| (*l).to_owned()).collect();
        match judge(&after, Some((&before, &comparison)), Some(require), &listed) {
            None => "good".to_owned(),
            Some((class, message)) => format!("{class}: {message}"),
        }
    }

    #[test]
    fn a_win_fixes_something_and_loses_nothing() {
        let before = [("a", Passed), ("b", Failed)];
        assert_eq!(check(&before, &[("a", Passed), ("b", Passed)], Require::Improve, &[]), "good");
        assert_eq!(check(&before, &before, Require::Improve, &[]), "TestFailure: still failing: b");
        assert_eq!(check(&before, &before, Require::Hold, &[]), "good");
        assert_eq!(
            check(&before, &[("a", Passed)], Require::Hold, &[]),
            "TestFailure: the edits made vanish b"
        );
        assert_eq!(
            check(&before, &[("a", Passed), ("b", Skipped)], Require::Improve, &[]),
            "TestFailure: the edits silenced b"
        );
        assert_eq!(
            check(&before, &[], Require::Hold, &[]),
            "TestFailure: no test ran: that is no evidence"
        );
    }

    #[test]
    fn a_listed_test_must_pass() {
        let before = [("a", Failed), ("b", Failed)];
        let after = [("a", Passed), ("b", Failed)];
        assert_eq!(check(&before, &after, Require::Improve, &["a"]), "good");
        assert_eq!(
            check(&before, &after, Require::Improve, &["b"]),
            "TestFailure: still failed: b"
        );
        assert_eq!(
            check(&before, &after, Require::Improve, &["c"]),
            "TestFailure: no test is called c"
        );
    }

    #[test]
    fn what_is_new_needs_a_test_of_its_own() {
        let before = [("a", Passed)];
        let after = [("a", Passed), ("new", Passed)];
        assert_eq!(check(&before, &after, Require::Grow, &[]), "good");
        assert_eq!(
            check(&before, &before, Require::Grow, &[]),
            "TestFailure: no new test shows it"
        );
        assert_eq!(
            check(&before, &[("new", Passed)], Require::Grow, &[]),
            "TestFailure: the edits made vanish a"
        );
    }

    #[test]
    fn a_scaffold_may_fail_but_not_break() {
        let before = [("a", Passed)];
        let after = [("a", Passed), ("new", Failed)];
        assert_eq!(check(&before, &after, Require::Scaffold, &[]), "good");
        assert_eq!(check(&before, &after, Require::Hold, &[]), "TestFailure: new tests fail: new");
        assert_eq!(
            check(&before, &[("a", Failed), ("new", Failed)], Require::Scaffold, &[]),
            "TestFailure: the edits broke a"
        );
    }
}

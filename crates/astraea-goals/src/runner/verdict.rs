//! What the end of a graph means for the goal: an outcome, or another plan.

use std::sync::Arc;

use astraea_engine::{ErrorClass, Failure, Output, RunResult, RunStatus};
use astraea_executors::{Comparison, TestId, TestReport};
use astraea_taskgraph::TaskId;

use crate::lower::{OBSERVE, is_check, is_edit};
use crate::planning::PlanRecord;
use crate::result::{Evidence, EvidenceRow, Outcome};

/// What to do after a graph has ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Next {
    /// The goal has ended so.
    Finish(Outcome, String),
    /// Ask the planner again; these actions are ruled out.
    Replan {
        actions: Vec<String>,
        /// The outcome, if there is no other way.
        otherwise: (Outcome, String),
    },
}

/// Judges the end of a graph. `late` says that the goal's time was up, or as good as.
pub(crate) fn judge(
    goal: &str,
    tests: &[String],
    plan: Option<&PlanRecord>,
    result: &RunResult,
    late: bool,
) -> Next {
    match in_time(goal, tests, plan, result, late) {
        // What fails at the last moment may have failed for want of time.
        Next::Finish(Outcome::Failed, why)
        | Next::Replan { otherwise: (Outcome::Failed, why), .. }
            if late =>
        {
            Next::Finish(Outcome::TimedOut, format!("{TIME_IS_UP} ({why})"))
        }
        next => next,
    }
}

const TIME_IS_UP: &str = "the time limit was reached; `astra resume` goes on from here with as much time again, `astra run --timeout` begins with more";

fn in_time(
    goal: &str,
    tests: &[String],
    plan: Option<&PlanRecord>,
    result: &RunResult,
    late: bool,
) -> Next {
    let finish = |outcome, text: &str| Next::Finish(outcome, text.to_owned());
    let status = match result.status {
        RunStatus::Cancelled if late => RunStatus::TimedOut,
        status => status,
    };
    match status {
        RunStatus::Succeeded => match plan {
            Some(plan) if plan.no_plan.is_none() => succeeded(goal, tests, plan, result),
            Some(plan) => no_plan(goal, tests, plan, result),
            None => finish(Outcome::Failed, "the repository was not observed"),
        },
        RunStatus::TimedOut => finish(Outcome::TimedOut, TIME_IS_UP),
        RunStatus::BudgetExhausted => waiting(result),
        RunStatus::Cancelled => {
            finish(Outcome::Interrupted, "stopped; `astra resume` goes on from here")
        }
        _ => failed(result),
    }
}

/// What a run waits for that ended before its work did: a provider, a budget.
fn waiting(result: &RunResult) -> Next {
    let of = |class| result.failures.values().find(|failure| failure.class == class);
    let says =
        |outcome, failure: &Failure| Next::Finish(outcome, first_line(&failure.message).to_owned());
    if let Some(failure) = of(ErrorClass::Provider) {
        return says(Outcome::Provider, failure);
    }
    if let Some(failure) = of(ErrorClass::Budget) {
        return says(Outcome::Budget, failure);
    }
    let text = "the retry budget is used up; `astra resume` tries once more from here";
    Next::Finish(Outcome::Budget, text.to_owned())
}

fn succeeded(goal: &str, tests: &[String], plan: &PlanRecord, result: &RunResult) -> Next {
    let finish = |outcome, text: String| Next::Finish(outcome, text);
    let used = |action: &str| plan.steps.iter().any(|s| s.name.eq_ignore_ascii_case(action));
    if used("scaffold") {
        return finish(
            Outcome::Scaffold,
            "a scaffold, not a solution: its test fails until somebody fills it in".to_owned(),
        );
    }
    let edits = plan.steps.iter().any(|s| is_edit(&s.name.to_lowercase()))
        || result.graph.tasks().any(|task| !task.writes.is_empty());
    let Some(evidence) = evidence(tests, result) else {
        let held: Vec<String> = held(result);
        if !edits && !held.is_empty() {
            let what = held.join(", ");
            return finish(
                Outcome::Plausible,
                format!(
                    "nothing was changed, and what was asked holds: {what}; no test was asked for"
                ),
            );
        }
        return finish(
            Outcome::Failed,
            "no test ran, so nothing vouches for the result".to_owned(),
        );
    };
    if evidence.tests_run == 0 || evidence.passed == 0 {
        return finish(
            Outcome::Failed,
            "no test ran, so nothing vouches for the result".to_owned(),
        );
    }
    if !evidence.broken.is_empty() || !evidence.vanished.is_empty() {
        return finish(Outcome::Failed, "tests that passed before do not pass now".to_owned());
    }
    let must_all_pass = goal == "fix_bug" || !edits;
    if must_all_pass && !evidence.still_failing.is_empty() {
        return finish(
            Outcome::Failed,
            format!(
                "still failing: {}; name the test that matters with `--test` if the others do not",
                evidence.still_failing.join(", ")
            ),
        );
    }
    if let Some(summary) = characterised(result) {
        return finish(Outcome::Verified, summary);
    }
    let verified = result
        .outputs
        .values()
        .any(|out| out.value.get("outcome").and_then(|o| o.as_str()) == Some("verified"));
    let fixed = match evidence.fixed.len() {
        0 if evidence.passed < evidence.tests_run => format!(
            "no outcome changed: {} of {} tests pass, as before",
            evidence.passed, evidence.tests_run
        ),
        0 if evidence.passed == 1 => "the one test holds".to_owned(),
        0 => format!("all {} tests hold", evidence.passed),
        1 => format!("{} passes now and nothing got worse", evidence.fixed[0]),
        n => format!("{n} failing tests pass now and nothing got worse"),
    };
    let fixed = format!("{fixed}{}", measured(result));
    let apply = if delivered(result).is_some() {
        "; `astra apply` brings it into your checkout"
    } else {
        ""
    };
    if verified {
        finish(Outcome::Verified, format!("{fixed}; other candidates and inputs agree{apply}"))
    } else {
        finish(Outcome::Plausible, format!("{fixed}; not cross-checked beyond the tests{apply}"))
    }
}

/// How many small changes of the code the new tests of a model notice.
fn measured(result: &RunResult) -> String {
    let figures = result.outputs.values().find_map(|out| out.value.get("measure"));
    figures.map_or_else(String::new, |figures| {
        let count = |name: &str| figures[name].as_u64().unwrap_or(0);
        format!(
            "; the new tests notice {} of {} small changes of the code, {} were noticed before",
            count("noticed"),
            count("mutants"),
            count("noticed_before")
        )
    })
}

/// What succeeded and judges something, without tests: checks, builds, commands of the user's own.
fn held(result: &RunResult) -> Vec<String> {
    result
        .graph
        .tasks()
        .filter(|task| {
            let output = result.outputs.get(&task.id);
            output.is_some_and(|out| out.value.get("checked").is_some_and(|n| n.as_u64() > Some(0)))
        })
        .map(|task| task.action.clone())
        .collect()
}

/// What new tests are worth, where that is what was made.
fn characterised(result: &RunResult) -> Option<String> {
    let figures = result.outputs.values().find_map(|out| out.value.get("characterisation"))?;
    let count = |name: &str| figures.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
    let (tests, noticed, mutants) = (count("tests"), count("noticed"), count("mutants"));
    let apply = if delivered(result).is_some() {
        "; `astra apply` brings them into your checkout"
    } else {
        ""
    };
    Some(format!(
        "{tests} new tests pass, three times in random order; with them {noticed} of {mutants} small changes of the code \
         are noticed, {} were before. They say what the code does now, not what it should do{apply}",
        count("noticed_before")
    ))
}

fn no_plan(goal: &str, tests: &[String], plan: &PlanRecord, result: &RunResult) -> Next {
    let finish = |outcome, text: String| Next::Finish(outcome, text);
    let fact = |name: &str| plan.facts.contains_key(name);
    if fact("tests_blocked") {
        let missing = missing(result).join(", ");
        let what = if missing.is_empty() { "something is missing".to_owned() } else { missing };
        return finish(
            Outcome::Environment,
            format!("the tests cannot run here: {what}; this is no bug to chase{}", remedy(result)),
        );
    }
    if goal == "fix_bug" && !fact("edit_given") {
        if !tests.is_empty() && !fact("tests_failing") {
            return finish(Outcome::NoPlan, named_does_not_fail(tests, result));
        }
        if fact("no_tests") || !(fact("tests_failing") || fact("tests_green")) {
            return finish(
                Outcome::NoPlan,
                "no test was found: write a failing test that shows the bug, then run this again"
                    .to_owned(),
            );
        }
        if !fact("tests_failing") {
            return finish(
                Outcome::NoPlan,
                "every test passes: write a failing test that shows the bug, then run this again"
                    .to_owned(),
            );
        }
        if fact("model_available") {
            let text = "tests fail, and every way to mend them was tried".to_owned();
            return finish(Outcome::Failed, text);
        }
        return finish(
            Outcome::Failed,
            format!(
                "{}, and there is no way to repair this language without a model: {}",
                failing(result),
                crate::model::HOW
            ),
        );
    }
    if goal == "refactor_code" && (fact("no_tests") || !fact("has_test_framework")) {
        return finish(
            Outcome::NoPlan,
            "no test was found: without tests nothing can show that a refactoring keeps what the \
             code does"
                .to_owned(),
        );
    }
    let why = plan.no_plan.clone().unwrap_or_default();
    let advice = match goal {
        "refactor_code" => {
            ": say what is wanted (`rename X to Y`; `--context '{\"rules\": \"python\"}'`; a file with `search` and \
             `replace`), install a formatter (ruff, rustfmt, prettier, gofmt), or name a model"
        }
        _ => "",
    };
    finish(Outcome::NoPlan, format!("there is no way to do this here{advice}\n{why}"))
}

/// What brings the packages that are missing, as `observe` says it.
fn remedy(result: &RunResult) -> String {
    let said =
        observed(result).and_then(|out| out.value.get("remedy")?.as_str().map(str::to_owned));
    said.map(|text| format!(" ({text})")).unwrap_or_default()
}

/// Which tests fail, as `observe` says it.
fn failing(result: &RunResult) -> String {
    let names: Vec<String> = observed(result)
        .and_then(|out| serde_json::from_value(out.value.get("failing")?.clone()).ok())
        .unwrap_or_default();
    match names.as_slice() {
        [] => "tests fail".to_owned(),
        [one] => format!("{one} fails"),
        [one, two] => format!("{one} and {two} fail"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more tests fail", rest.len()),
    }
}

/// Why the tests that were asked for show no bug: one is unknown here, or all of them pass.
fn named_does_not_fail(tests: &[String], result: &RunResult) -> String {
    let report = observed(result).and_then(|out| report(out)).unwrap_or_default();
    let unknown = tests.iter().find(|typed| !report.outcomes.keys().any(|id| id.matches(typed)));
    match (unknown, report.collection_errors.first()) {
        (Some(name), Some(error)) => format!(
            "{name} was not run: {} cannot be loaded; mend that first, or leave `--test` out to see why",
            error.what
        ),
        (Some(name), None) => format!(
            "no test that was found and run is named {name}: check the name given with `--test`, or \
             leave it out"
        ),
        (None, _) => format!(
            "{} does not fail: name a test that shows the bug with `--test`, or write one",
            tests.join(", ")
        ),
    }
}

fn failed(result: &RunResult) -> Next {
    let first = result.graph.tasks().find_map(|task| {
        result.failures.get(&task.id).map(|failure| (task.id.clone(), task.action.clone(), failure))
    });
    let Some((id, action, failure)) = first else {
        return Next::Finish(Outcome::Failed, "a task did not run to its end".to_owned());
    };
    let text = format!("{action}: {}", first_line(&failure.message));
    if refused(failure) {
        return Next::Finish(Outcome::Refused, text);
    }
    let end = |outcome| Next::Finish(outcome, text.clone());
    match failure.class {
        ErrorClass::Ambiguous => end(Outcome::Ambiguous),
        ErrorClass::Environment => end(Outcome::Environment),
        ErrorClass::Scaffold => end(Outcome::Scaffold),
        ErrorClass::NeedsApproval => end(Outcome::NeedsApproval),
        ErrorClass::Cancelled => end(Outcome::Interrupted),
        ErrorClass::ConfigError | ErrorClass::AdmitRejected => end(Outcome::Failed),
        _ if id.as_str() == OBSERVE => end(Outcome::Failed),
        _ => Next::Replan {
            actions: ruled_out(result, &id, &action),
            otherwise: (Outcome::Failed, text),
        },
    }
}

/// A no of the policy is final: no other way around it is looked for.
fn refused(failure: &Failure) -> bool {
    failure.message.contains("access_denied")
        || failure.message.contains("not a path inside the repository")
}

/// The actions that a failure speaks against: the one that failed, or, where a check failed, those
/// whose work it judged.
fn ruled_out(result: &RunResult, id: &TaskId, action: &str) -> Vec<String> {
    if !is_check(action) {
        return vec![action.to_owned()];
    }
    let mut stack = vec![id.clone()];
    let mut seen: Vec<TaskId> = Vec::new();
    let mut actions = Vec::new();
    while let Some(id) = stack.pop() {
        for before in result.graph.dependencies(&id).unwrap_or_default() {
            if seen.contains(&before) {
                continue;
            }
            if let Some(task) = result.graph.task(&before)
                && (is_edit(&task.action) || !task.writes.is_empty())
                && !actions.contains(&task.action)
            {
                actions.push(task.action.clone());
            }
            seen.push(before.clone());
            stack.push(before);
        }
    }
    if actions.is_empty() {
        actions.push(action.to_owned());
    }
    actions
}

/// What is missing here, as `observe` or a failed task says it.
pub(crate) fn missing(result: &RunResult) -> Vec<String> {
    let from = |output: &Output| -> Vec<String> {
        let list = output.value.get("missing").and_then(|m| m.as_array()).cloned();
        list.unwrap_or_default()
            .iter()
            .map(|item| match item {
                serde_json::Value::String(text) => text.clone(),
                other => {
                    let field = |name: &str| {
                        other.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned()
                    };
                    format!("{} {}", field("kind"), field("name")).trim().to_owned()
                }
            })
            .collect()
    };
    let mut all: Vec<String> = result.outputs.values().flat_map(|o| from(o)).collect();
    all.extend(result.failures.values().flat_map(|f| from(&f.output)));
    if let Some(report) = observed(result).and_then(|out| report(out)) {
        all.extend(report.environment.iter().map(ToString::to_string));
    }
    all.sort();
    all.dedup();
    all
}

/// What `observe` (or `recall`) handed on.
pub(crate) fn observed(result: &RunResult) -> Option<&Arc<Output>> {
    result.outputs.get(&TaskId::from(OBSERVE))
}

fn report(output: &Output) -> Option<TestReport> {
    serde_json::from_value(output.value.get("evidence")?.clone()).ok()
}

/// Branch, commit and files, if a commit was made.
pub(crate) fn delivered(result: &RunResult) -> Option<&Output> {
    result
        .outputs
        .values()
        .find(|out| out.value.get("branch").is_some_and(|b| b.is_string()))
        .map(|o| &**o)
}

/// The comparison of the last test run of a graph with what was observed.
pub(crate) fn evidence(tests: &[String], result: &RunResult) -> Option<Evidence> {
    let before = observed(result).and_then(|out| report(out)).unwrap_or_default();
    let after = result
        .graph
        .tasks()
        .filter(|task| is_check(&task.action))
        .filter_map(|task| {
            result
                .outputs
                .get(&task.id)
                .and_then(|out| report(out))
                .or_else(|| result.failures.get(&task.id).and_then(|f| report(&f.output)))
        })
        .last()?;
    let files: Vec<String> = delivered(result).map(|out| out.artifacts.clone()).unwrap_or_default();
    let coverage = after.coverage.as_ref().map(|coverage| coverage.line(&files));
    Some(Evidence { coverage, ..compare(tests, &before, &after) })
}

fn compare(tests: &[String], before: &TestReport, after: &TestReport) -> Evidence {
    let asked = |id: &TestId| tests.is_empty() || tests.iter().any(|typed| id.matches(typed));
    let difference = Comparison::between(before, after, |_| true);
    let names = |ids: &[TestId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut broken = names(&difference.broken);
    broken.extend(names(&difference.silenced));
    broken.extend(difference.newly_unloadable.iter().cloned());
    // A test outside the scope that was not run again has not vanished.
    let vanished = difference.vanished.iter().filter(|id| asked(id)).map(ToString::to_string);
    let still = difference.still_failing.iter().chain(&difference.new_failing);
    let still_failing = still.filter(|id| asked(id)).map(ToString::to_string).collect();
    let mut rows: Vec<EvidenceRow> = Vec::new();
    let mut ids: Vec<&TestId> = before.outcomes.keys().chain(after.outcomes.keys()).collect();
    ids.sort();
    ids.dedup();
    for id in ids {
        let (old, new) = (before.outcomes.get(id), after.outcomes.get(id));
        let bad = new.is_some_and(|outcome| outcome.is_bad());
        if new.is_none() && !asked(id) {
            continue;
        }
        if old != new || bad {
            rows.push(EvidenceRow {
                test: id.to_string(),
                before: old.map(ToString::to_string),
                after: match new {
                    Some(outcome) if outcome.is_bad() && after.flaky.contains(id) => {
                        Some(format!("{outcome}, flaky"))
                    }
                    new => new.map(ToString::to_string),
                },
            });
        }
    }
    let skipped = after.counts.skipped;
    Evidence {
        runner: after.runner.clone(),
        tier: after.tier.clone(),
        tests_run: after.counts.total().saturating_sub(skipped),
        passed: after.counts.passed,
        fixed: names(&difference.fixed),
        broken,
        still_failing,
        vanished: vanished.collect(),
        rows,
        coverage: None,
    }
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default()
}

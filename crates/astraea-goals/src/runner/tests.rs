//! Whole runs with scripted executors: what is planned, run, replanned, resumed and reported.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use astraea_engine::{
    CancellationToken, ErrorClass, Executor, ExecutorError, Failure, Journal, JournalError,
    ManualClock, MemoryJournal, NewRecord, Outcome as Answer, Output, Record, Registry, RunId,
    TaskContext,
};
use astraea_executors::{TestOutcome, TestReport};
use async_trait::async_trait;
use expect_test::expect;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::*;
use crate::context::GoalContext;
use crate::domain::CodingDomain;
use crate::envelope::Envelope;
use crate::planning::{Planner, missing_actions};
use crate::result::{GoalResult, Outcome};

type Script = Arc<dyn Fn(&TaskContext) -> Answer + Send + Sync>;

/// An executor that answers from a closure, and writes down that it was asked.
struct Scripted {
    script: Script,
    /// Where two tasks have to meet, if they do.
    meet: Option<Arc<tokio::sync::Barrier>>,
    /// Never answers.
    hangs: bool,
    log: Arc<Mutex<Vec<String>>>,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

#[async_trait]
impl Executor for Scripted {
    async fn execute(&self, cx: &TaskContext) -> Result<Answer, ExecutorError> {
        self.log.lock().unwrap().push(format!("{}/{}", cx.graph, cx.task.id));
        if let Some(meet) = &self.meet {
            meet.wait().await;
        }
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Ok((self.script)(cx))
    }
}

fn report(outcomes: &[(&str, TestOutcome)]) -> TestReport {
    let mut report = TestReport {
        runner: "unittest".to_owned(),
        tier: "A".to_owned(),
        complete: true,
        clean_exit: outcomes.iter().all(|(_, outcome)| !outcome.is_bad()),
        ..TestReport::default()
    };
    for (test, outcome) in outcomes {
        report.record((*test).into(), *outcome);
    }
    report.recount();
    report
}

fn tests_say(outcomes: &[(&str, TestOutcome)]) -> Value {
    json!({ "evidence": report(outcomes) })
}

const FAILING: &[(&str, TestOutcome)] =
    &[("t::good", TestOutcome::Passed), ("t::bad", TestOutcome::Failed)];
const GREEN: &[(&str, TestOutcome)] =
    &[("t::good", TestOutcome::Passed), ("t::bad", TestOutcome::Passed)];

/// A journal in memory that remembers where one commit ended and the next began.
#[derive(Debug)]
struct Batches {
    inner: MemoryJournal,
    ends: Mutex<Vec<usize>>,
}

#[async_trait]
impl Journal for Batches {
    async fn append(&self, batch: Vec<NewRecord>) -> Result<Vec<Record>, JournalError> {
        let answer = self.inner.append(batch).await?;
        self.ends.lock().unwrap().push(self.inner.records().len());
        Ok(answer)
    }

    async fn read(&self, run: &RunId, after_seq: u64) -> Result<Vec<Record>, JournalError> {
        self.inner.read(run, after_seq).await
    }

    fn commits(&self) -> u64 {
        self.inner.commits()
    }
}

/// A world of scripted executors; by default a failing test that `repair` mends.
struct World {
    goal: &'static str,
    context: Value,
    facts: Value,
    before: &'static [(&'static str, TestOutcome)],
    scripts: BTreeMap<&'static str, Script>,
    meet: BTreeMap<&'static str, Arc<tokio::sync::Barrier>>,
    hangs: Option<&'static str>,
    replans: u32,
    timeout_ms: u64,
    cancel: CancellationToken,
    journal: Arc<Batches>,
    log: Arc<Mutex<Vec<String>>>,
    announced: Arc<Mutex<Vec<Record>>>,
}

impl World {
    fn new(goal: &'static str) -> Self {
        let done = |value: Value| -> Script {
            Arc::new(move |_| Answer::Succeeded(Output::of(value.clone())))
        };
        let edit = |path: &'static str| -> Script {
            Arc::new(move |_| Answer::Succeeded(Output::of(json!({})).with_artifacts([path])))
        };
        let mut scripts: BTreeMap<&'static str, Script> = BTreeMap::new();
        scripts.insert(
            "repair",
            Arc::new(|_| {
                Answer::Succeeded(
                    Output::of(json!({ "outcome": "verified" })).with_artifacts(["a.py"]),
                )
            }),
        );
        for action in ["modify_code", "apply_fixes", "format", "scaffold"] {
            scripts.insert(action, edit("a.py"));
        }
        scripts.insert(
            "create_file",
            Arc::new(|cx| {
                let path = cx.task.args["path"].as_str().unwrap_or_default().to_owned();
                Answer::Succeeded(Output::of(json!({})).with_artifacts([path]))
            }),
        );
        scripts.insert("run_tests", done(tests_say(GREEN)));
        scripts.insert("commit", done(json!({
            "branch": "astra/goal-00000000-000000", "commit": "c0ffee", "files": ["a.py"], "overlaps": []
        })));
        Self {
            goal,
            context: json!({}),
            facts: json!({
                "has_codebase": true, "has_test_framework": true, "tests_failing": true,
                "repairer_available": true, "language": "python", "runner": "unittest",
            }),
            before: FAILING,
            scripts,
            meet: BTreeMap::new(),
            hangs: None,
            replans: 3,
            timeout_ms: 60_000,
            cancel: CancellationToken::new(),
            journal: Arc::new(Batches {
                inner: MemoryJournal::with_clock(Arc::new(ManualClock::new(1_700_000_000_000))),
                ends: Mutex::default(),
            }),
            log: Arc::default(),
            announced: Arc::default(),
        }
    }

    fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts[name] = value.into();
        self
    }

    fn context(mut self, context: Value) -> Self {
        self.context = context;
        self
    }

    fn on(
        mut self,
        action: &'static str,
        script: impl Fn(&TaskContext) -> Answer + Send + Sync + 'static,
    ) -> Self {
        self.scripts.insert(action, Arc::new(script));
        self
    }

    fn fails(
        self,
        action: &'static str,
        class: ErrorClass,
        message: &'static str,
        value: Value,
    ) -> Self {
        self.on(action, move |_| {
            Answer::Failed(Failure::new(class, message).with_output(Output::of(value.clone())))
        })
    }

    fn registry(&self) -> Registry {
        let mut registry = Registry::new();
        let observed = json!({ "facts": self.facts, "evidence": report(self.before), "missing": ["127.0.0.1:5432"] });
        let observe: Script = Arc::new(move |_| Answer::Succeeded(Output::of(observed.clone())));
        for (action, script) in self.scripts.iter().chain([(&"observe", &observe)]) {
            let executor = Scripted {
                script: script.clone(),
                meet: self.meet.get(action).cloned(),
                hangs: self.hangs == Some(*action),
                log: self.log.clone(),
            };
            registry = registry.with(*action, Arc::new(executor));
        }
        registry
    }

    fn started(&self) -> Arc<Started> {
        let snapshot = json!({
            "id": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
            "head": "e83c5163316f89bfbde7d9ab23ca2e25604af290",
            "branch": "main", "dirty": [], "submodules": [], "left_out": []
        });
        Arc::new(Started {
            goal_id: "0123456789abcdef".to_owned(),
            goal: self.goal.to_owned(),
            goal_text: format!("{}: it is wrong", self.goal),
            text: "it is wrong".to_owned(),
            context: self.context.clone(),
            tests: Vec::new(),
            directory: None,
            limits: LimitsRecord {
                timeout_ms: self.timeout_ms,
                retry_tokens: 10,
                concurrency: 3,
                replans: self.replans,
            },
            snapshot: serde_json::from_value(snapshot).unwrap(),
            methods: Vec::new(),
            idempotency_key: None,
            notes: Vec::new(),
        })
    }

    async fn drive(&self, start: Option<Start>) -> GoalResult {
        let started = self.started();
        let run = RunId::new("run-1");
        let planner = Arc::new(Planner {
            domain: CodingDomain::load(Vec::new()).unwrap(),
            context: GoalContext::new(&started.context).unwrap(),
            goal: started.goal.clone(),
            text: started.text.clone(),
            goal_id: started.goal_id.clone(),
            run: run.to_string(),
            tests: Vec::new(),
            timeout_ms: started.limits.timeout_ms,
            missing: missing_actions(&self.registry()),
        });
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let finisher = Arc::new(Finisher {
            run: run.clone(),
            started: started.clone(),
            started_ms: 1_700_000_000_000,
            clock: clock.clone(),
            redactor: Arc::new(astraea_redact::Redactor::new(
                astraea_redact::RedactOptions::default(),
            )),
            begun: std::time::Instant::now(),
            before: Timings::new(),
            journal_us: Arc::new(AtomicU64::new(0)),
            commits: Arc::new(AtomicU64::new(0)),
            closing: crate::bookkeeping::closing,
        });
        let (records, mut receiver) = mpsc::unbounded_channel();
        let drive = Drive {
            run: run.clone(),
            started: started.clone(),
            planner,
            registry: self.registry(),
            journal: self.journal.clone(),
            clock,
            records,
            cancel: self.cancel.clone(),
            finisher,
        };
        let start = start.unwrap_or_else(|| {
            let payload = serde_json::to_value(&*started).unwrap();
            Start::Fresh(vec![NewRecord::new(GOAL_STARTED, payload).with_run(run)])
        });
        let result = drive.run(start).await.unwrap();
        while let Ok(record) = receiver.try_recv() {
            self.announced.lock().unwrap().push(record);
        }
        result
    }

    async fn run(&self) -> GoalResult {
        self.drive(None).await
    }

    /// What was asked of the executors, in order.
    fn asked(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    fn types(&self) -> Vec<String> {
        let announced = self.announced.lock().unwrap();
        announced.iter().flat_map(Envelope::from_record).map(|envelope| envelope.kind).collect()
    }
}

fn names(tasks: &[crate::result::TaskResult]) -> Vec<String> {
    tasks.iter().map(|task| format!("{} {}", task.action_name, task.state)).collect()
}

#[tokio::test]
async fn a_repaired_bug_is_five_commits_and_a_report() {
    let world = World::new("fix_bug");
    let mut result = world.run().await;
    assert_eq!((result.outcome, result.exit_code, result.success), (Outcome::Verified, 0, true));
    assert_eq!(result.methods_used, ["fix_bug_repair"]);
    assert_eq!(
        world.asked(),
        ["plan-1/observe", "plan-1/repair", "plan-1/run_tests", "plan-1/commit"]
    );
    assert_eq!(result.evidence.as_ref().unwrap().fixed, ["t::bad"]);
    let commits = world.journal.commits();
    assert!(commits <= 5, "{commits} journal commits");
    result.execution_time_ms = 172.46;
    expect![[r#"
        🎯 Goal Execution Complete

        GOAL: fix_bug: it is wrong
        STATUS: ✓ SUCCESS
        EXECUTION TIME: 172.5ms

        📊 TASKS:
          Total: 3
          Completed: 3
          Failed: 0

        ✓ COMPLETED TASKS:
          - repair (a.py)
          - run_tests
          - commit

        OUTCOME: verified — t::bad passes now and nothing got worse; other candidates and inputs agree; `astra apply` brings it into your checkout

        🧪 EVIDENCE: 2 of 2 tests pass (unittest, sandbox tier A)
          - t::bad: failed → passed

        🌿 BRANCH: astra/goal-00000000-000000 (c0ffee)
          - a.py

        RUN: run-1 · LEDGER: none
    "#]]
    .assert_eq(&result.to_text());
    let types = world.types();
    for pair in [
        "goal_started",
        "graph_started",
        "task_started",
        "task_succeeded",
        "observed",
        "planned",
        "delivered",
        "goal_finished",
    ]
    .windows(2)
    {
        let at = |name: &str| {
            types.iter().position(|t| t == name).unwrap_or_else(|| panic!("{name} in {types:?}"))
        };
        assert!(at(pair[0]) < at(pair[1]), "{pair:?} in {types:?}");
    }
}

#[tokio::test]
async fn the_callers_edit_goes_first_and_a_failed_way_leads_to_another() {
    let world = World::new("fix_bug")
        .context(json!({ "file_path": "a.py", "search": "x", "replace": "y" }))
        .on("run_tests", |cx| {
            if cx.graph.as_str() == "plan-1" {
                Answer::Failed(
                    Failure::new(ErrorClass::TestFailure, "1 test failed")
                        .with_output(Output::of(tests_say(FAILING))),
                )
            } else {
                Answer::Succeeded(Output::of(tests_say(GREEN)))
            }
        });
    let result = world.run().await;
    assert_eq!(result.outcome, Outcome::Verified);
    assert_eq!((result.plan_id.as_deref(), result.replans), (Some("plan-2"), 1));
    assert_eq!(names(&result.failed_tasks), [""; 0]);
    assert_eq!(names(&result.superseded_tasks), ["run_tests failed", "commit aborted"]);
    let text = result.to_text();
    assert!(text.contains("SUPERSEDED") && !text.contains("✗"), "{text}");
    let types = world.types();
    assert!(types.contains(&"replanned".to_owned()), "{types:?}");
}

/// The caller's context makes `fix_bug_simple` the cheapest; what it fails at is never tried again.
#[tokio::test]
async fn defect_08_a_plan_that_failed_is_never_made_again() {
    let world = World::new("fix_bug")
        .fact("fixer_available", true)
        .context(json!({ "file_path": "a.py", "search": "x", "replace": "y" }))
        .fails("run_tests", ErrorClass::TestFailure, "1 test failed", tests_say(FAILING));
    let result = world.run().await;
    assert_eq!((result.outcome, result.exit_code), (Outcome::Failed, 1));
    let edits: Vec<_> = world
        .asked()
        .into_iter()
        .filter(|task| task.contains("modify") || task.contains("repair") || task.contains("fixes"))
        .collect();
    assert_eq!(edits, ["plan-1/modify_code", "plan-2/repair", "plan-3/apply_fixes"]);
    assert!(result.to_text().contains("STATUS: ✗ FAILED"));
}

#[tokio::test]
async fn a_method_whose_action_nothing_carries_out_is_not_planned() {
    let mut world = World::new("fix_bug").fact("fixer_available", true);
    world.scripts.remove("repair");
    let result = world.run().await;
    assert_eq!(
        (result.methods_used.as_slice(), result.success),
        (&["fix_bug_linter".to_owned()][..], true)
    );
}

#[tokio::test]
async fn the_number_of_plans_is_capped() {
    let mut world = World::new("fix_bug").fact("fixer_available", true).fails(
        "run_tests",
        ErrorClass::TestFailure,
        "1 test failed",
        tests_say(FAILING),
    );
    world.replans = 0;
    let result = world.run().await;
    assert_eq!((result.outcome, result.replans), (Outcome::Failed, 0));
    assert!(result.summary.contains("budget"), "{}", result.summary);
}

#[tokio::test]
async fn defect_06_independent_steps_run_together() {
    let mut world = World::new("implement_feature").context(json!({
        "file_path": "a.py", "new_content": "x = 1\n",
        "test_path": "test_a.py", "test_content": "assert True\n",
    }));
    // Each waits for the other: one after the other they would never end.
    world.meet.insert("create_file", Arc::new(tokio::sync::Barrier::new(2)));
    let result = world.run().await;
    assert_eq!(result.methods_used, ["implement_feature_full"]);
    assert_eq!(result.outcome, Outcome::Plausible, "{}", result.to_text());
    assert_eq!(result.artifacts, ["a.py", "test_a.py"]);
}

#[tokio::test(start_paused = true)]
async fn defect_07_the_timeout_holds_and_the_run_can_be_resumed() {
    let mut world = World::new("fix_bug");
    world.hangs = Some("repair");
    world.timeout_ms = 1_000;
    let result = world.run().await;
    assert_eq!((result.outcome, result.exit_code), (Outcome::TimedOut, 5));
    world.hangs = None;
    let start = Start::Resume { graphs: 1, plans: BTreeMap::new(), prelude: Vec::new() };
    let again = world.drive(Some(start)).await;
    assert_eq!(again.outcome, Outcome::Verified, "{}", again.to_text());
    let observed = world.asked().iter().filter(|task| task.ends_with("observe")).count();
    assert_eq!(observed, 1, "what had finished does not run again");
}

/// A later plan gets what is left of the time; when it is resumed it gets the whole again.
#[tokio::test(start_paused = true)]
async fn defect_07_a_later_plan_is_stopped_too_and_has_time_again_when_resumed() {
    let edit = json!({ "file_path": "a.py", "search": "x", "replace": "y" });
    let mut world = World::new("fix_bug").context(edit).on("run_tests", |cx| {
        if cx.graph.as_str() == "plan-1" {
            Answer::Failed(Failure::new(ErrorClass::TestFailure, "1 test failed"))
        } else {
            Answer::Succeeded(Output::of(tests_say(GREEN)))
        }
    });
    world.hangs = Some("repair");
    world.timeout_ms = 1_000;
    let result = world.run().await;
    assert_eq!((result.outcome, result.replans), (Outcome::TimedOut, 1), "{}", result.to_text());
    world.hangs = None;
    let records = world.journal.inner.records();
    let plan = records.iter().find(|record| record.kind == REPLANNED).unwrap();
    let plan: crate::planning::PlanRecord =
        serde_json::from_value(plan.payload["plan"].clone()).unwrap();
    let plans = [("plan-2".to_owned(), plan)].into();
    let again = world.drive(Some(Start::Resume { graphs: 2, plans, prelude: Vec::new() })).await;
    assert_eq!(again.outcome, Outcome::Verified, "{}", again.to_text());
}

#[tokio::test]
async fn defect_10_what_never_ran_prevents_success() {
    let world =
        World::new("fix_bug").fails("commit", ErrorClass::CommandFailure, "no room", json!({}));
    let result = world.run().await;
    assert!(!result.success);
    assert_eq!(names(&result.failed_tasks), ["commit failed"]);
    let world = World::new("fix_bug").fails(
        "repair",
        ErrorClass::NoPatch,
        "no edit was found",
        json!({
            "suspicious": [{ "file": "a.py", "line": 3, "score": 0.9, "text": "return x" }]
        }),
    );
    let result = world.run().await;
    assert_eq!(
        names(&result.failed_tasks),
        ["repair failed", "run_tests aborted", "commit aborted"]
    );
    assert_eq!(result.total_tasks, 3);
    assert!(result.to_text().contains("a.py:3"), "{}", result.to_text());
}

#[tokio::test]
async fn a_success_needs_a_test_that_ran() {
    for outcomes in [&[][..], &[("t::bad", TestOutcome::Skipped)]] {
        let world = World::new("fix_bug")
            .on("run_tests", move |_| Answer::Succeeded(Output::of(tests_say(outcomes))));
        let result = world.run().await;
        assert!(!result.success, "{}", result.to_text());
        assert!(result.to_text().contains("✗ FAILED"));
    }
}

#[tokio::test]
async fn a_bug_that_still_fails_or_breaks_another_test_is_no_success() {
    let broken: &[(&str, TestOutcome)] =
        &[("t::good", TestOutcome::Failed), ("t::bad", TestOutcome::Passed)];
    for outcomes in [FAILING, broken] {
        let world = World::new("fix_bug")
            .on("run_tests", move |_| Answer::Succeeded(Output::of(tests_say(outcomes))));
        assert_eq!(world.run().await.outcome, Outcome::Failed);
    }
}

#[tokio::test]
async fn fix_bug_without_a_failing_test_asks_for_one() {
    let green = World {
        before: GREEN,
        ..World::new("fix_bug").fact("tests_failing", false).fact("tests_green", true)
    };
    let none = World {
        before: &[],
        ..World::new("fix_bug").fact("tests_failing", false).fact("no_tests", true)
    };
    for world in [green, none] {
        let result = world.run().await;
        assert_eq!((result.outcome, result.exit_code), (Outcome::NoPlan, 3));
        assert!(result.summary.contains("failing test"), "{}", result.summary);
        assert_eq!(world.asked(), ["plan-1/observe"]);
    }
}

#[tokio::test]
async fn tests_that_cannot_run_here_are_no_bug_to_chase() {
    let world = World::new("fix_bug").fact("tests_blocked", true);
    let result = world.run().await;
    assert_eq!((result.outcome, result.exit_code), (Outcome::Environment, 1));
    assert_eq!(result.missing, ["127.0.0.1:5432"]);
}

#[tokio::test]
async fn a_no_of_the_policy_is_final() {
    let world = World::new("fix_bug")
        .context(json!({ "file_path": ".env", "new_content": "TOKEN=2" }))
        .fails(
            "modify_code",
            ErrorClass::ModificationError,
            "access_denied:forbidden_path: .env",
            json!({}),
        );
    let result = world.run().await;
    assert_eq!((result.outcome, result.exit_code), (Outcome::Refused, 1));
    assert_eq!(world.asked(), ["plan-1/observe", "plan-1/modify_code"]);
    assert!(result.to_text().contains("access_denied:forbidden_path"));
}

#[tokio::test]
async fn candidates_that_disagree_are_ambiguous() {
    let world = World::new("fix_bug").fails(
        "repair",
        ErrorClass::Ambiguous,
        "two edits disagree",
        json!({ "input": "f(0)" }),
    );
    let result = world.run().await;
    assert_eq!((result.outcome, result.exit_code), (Outcome::Ambiguous, 1));
    assert_eq!(result.ambiguous_input.as_deref(), Some("f(0)"));
}

#[tokio::test]
async fn without_a_model_a_feature_is_a_scaffold() {
    for goal in ["implement_feature", "add_tests"] {
        let world = World::new(goal).fact("tests_failing", false).fact("tests_green", true);
        let result = world.run().await;
        assert_eq!((result.outcome, result.exit_code), (Outcome::Scaffold, 1));
        assert!(result.branch.is_some() && result.to_text().contains("✗ FAILED"));
    }
}

/// The process may die after any commit: what is in the journal then is enough to go on, and
/// nothing that had finished runs again.
#[tokio::test]
async fn a_run_that_was_killed_after_any_commit_goes_on() {
    let script = |cx: &TaskContext| {
        if cx.graph.as_str() == "plan-1" {
            Answer::Failed(
                Failure::new(ErrorClass::TestFailure, "1 failed")
                    .with_output(Output::of(tests_say(FAILING))),
            )
        } else {
            Answer::Succeeded(Output::of(tests_say(GREEN)))
        }
    };
    let world = || {
        World::new("fix_bug")
            .context(json!({ "file_path": "a.py", "search": "x", "replace": "y" }))
            .on("run_tests", script)
    };
    let whole = world();
    assert!(whole.run().await.success);
    let records = whole.journal.inner.records();
    let ends = whole.journal.ends.lock().unwrap().clone();
    assert!(ends.len() >= 7, "{ends:?}");
    for cut in ends {
        let after = world();
        let kept = &records[..cut];
        if kept.iter().all(|record| record.kind != "graph_started") {
            continue;
        }
        for record in kept {
            let new = NewRecord {
                run: record.run.clone(),
                graph: record.graph.clone(),
                kind: record.kind.clone(),
                payload: record.payload.clone(),
            };
            after.journal.append(vec![new]).await.unwrap();
        }
        if kept.iter().any(|record| record.kind == GOAL_FINISHED) {
            continue;
        }
        let graphs = kept.iter().filter(|record| record.kind == "graph_started").count();
        let plans = kept
            .iter()
            .filter(|record| record.kind == REPLANNED)
            .map(|record| serde_json::from_value(record.payload["plan"].clone()).unwrap())
            .map(|plan: crate::planning::PlanRecord| (plan.plan_id.clone(), plan))
            .collect();
        let result = after.drive(Some(Start::Resume { graphs, plans, prelude: Vec::new() })).await;
        assert!(result.success, "after {cut} records: {}", result.to_text());
        for record in kept.iter().filter(|record| record.kind == "task_succeeded") {
            let name = format!(
                "{}/{}",
                record.graph.as_ref().unwrap(),
                record.payload["task"].as_str().unwrap()
            );
            assert!(!after.asked().contains(&name), "after {cut} records {name} ran again");
        }
    }
}

#[tokio::test]
async fn what_stops_a_run_is_no_failure() {
    let world = World::new("fix_bug");
    let cancel = world.cancel.clone();
    let world = world.on("repair", move |_| {
        cancel.cancel();
        Answer::Succeeded(Output::of(json!({ "outcome": "verified" })))
    });
    let result = world.run().await;
    assert_eq!((result.outcome, result.exit_code), (Outcome::Interrupted, 130));
}

#[tokio::test]
async fn every_event_is_as_the_schema_says() {
    let world = World::new("fix_bug")
        .context(json!({ "file_path": "a.py", "search": "x", "replace": "y" }))
        .on("run_tests", |cx| {
            if cx.graph.as_str() == "plan-1" {
                Answer::Failed(Failure::new(ErrorClass::TestFailure, "1 test failed"))
            } else {
                Answer::Succeeded(Output::of(tests_say(GREEN)))
            }
        });
    world.run().await;
    let announced = world.announced.lock().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for envelope in announced.iter().flat_map(Envelope::from_record) {
        let Some((_, fields)) = Envelope::types().iter().find(|(name, _)| *name == envelope.kind)
        else {
            assert!(envelope.kind.starts_with("goal_"), "{envelope:?}");
            continue;
        };
        let known =
            |name: &str| fields.iter().any(|(field, _)| field.trim_end_matches('?') == name);
        for field in envelope.fields.keys() {
            assert!(known(field), "{} has an undeclared field {field}", envelope.kind);
        }
        for (field, ty) in fields.iter().filter(|(field, _)| !field.ends_with('?')) {
            let value = envelope
                .fields
                .get(*field)
                .unwrap_or_else(|| panic!("{} lacks {field}", envelope.kind));
            let fits = match *ty {
                "string" => value.is_string(),
                "string?" => value.is_string() || value.is_null(),
                "strings" => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
                "integer" => value.is_u64(),
                "number" => value.is_number(),
                "boolean" => value.is_boolean(),
                "object" => value.is_object(),
                _ => true,
            };
            assert!(fits, "{}.{field} is {value}, not {ty}", envelope.kind);
        }
        seen.insert(envelope.kind.clone());
    }
    for kind in [
        "goal_started",
        "observed",
        "planned",
        "replanned",
        "delivered",
        "goal_finished",
        "task_failed",
        "task_aborted",
        "graph_finished",
    ] {
        assert!(seen.contains(kind), "{kind}");
    }
}

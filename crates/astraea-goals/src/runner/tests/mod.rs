//! Whole runs with scripted executors.

mod outcomes;
mod stops;

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
    tests: &'static [&'static str],
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
            tests: &[],
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
        let observed = json!({ "facts": self.facts, "failing": ["t::bad"], "evidence": report(self.before), "missing": ["127.0.0.1:5432"] });
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
            tests: self.tests.iter().map(|&test| test.to_owned()).collect(),
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
            from_revision: false,
            test_command: None,
            through_tool: false,
            push: false,
            pull_request: false,
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
            tests: self.tests.iter().map(|&test| test.to_owned()).collect(),
            timeout_ms: started.limits.timeout_ms,
            missing: missing_actions(&self.registry()),
            learned: Default::default(),
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
            model: None,
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

//! What failures, hooks, panics and growth come to.

use std::sync::Arc;

use astraea_engine::{
    ErrorClass, MemoryJournal, RunRequest, RunStatus, TaskEvent,
    taskgraph::{DependencyPolicy, GraphOptions, OnFailure, Task},
};
use tokio::sync::mpsc;

use crate::support::{Act, Scripted, engine, graph, graph_with, run, states};

#[tokio::test(start_paused = true)]
async fn behaviour_12_a_failed_dependency_aborts_or_skips_by_policy() {
    let executor = Scripted::new(&[("a", &[Act::Fail(ErrorClass::TestFailure)])]);
    let mut g = graph(&["a", "abort: a"]);
    g.add_task(Task::new("skip", "work").with_policy(DependencyPolicy::Skip), ["a"]).unwrap();
    g.add_task(Task::new("after", "work").with_policy(DependencyPolicy::Skip), ["abort"]).unwrap();
    g.add_task(Task::new("free", "work"), [""; 0]).unwrap();
    let result = run(&executor, g).await;
    assert_eq!(
        states(&result),
        ["a failed", "abort aborted", "skip skipped", "after skipped", "free succeeded"]
    );
    assert_eq!(result.status, RunStatus::Failed);
    assert_eq!(executor.calls_of("a"), 1, "a test failure is not retried");
}

#[tokio::test(start_paused = true)]
async fn behaviour_13_continue_if_any_needs_one_success() {
    let any = |id: &str| Task::new(id, "work").with_policy(DependencyPolicy::ContinueIfAny);
    let fail = [Act::Fail(ErrorClass::TestFailure)];
    let executor = Scripted::new(&[("bad", &fail), ("worse", &fail)]);
    let mut g = graph(&["good", "bad", "worse"]);
    g.add_task(any("one"), ["good", "bad"]).unwrap();
    g.add_task(any("none"), ["bad", "worse"]).unwrap();
    let result = run(&executor, g).await;
    assert_eq!(states(&result)[3..], ["one succeeded", "none aborted"]);
}

#[tokio::test(start_paused = true)]
async fn defect_10_aborted_or_skipped_tasks_prevent_success() {
    let executor = Scripted::new(&[("a", &[Act::Fail(ErrorClass::TestFailure)])]);
    let options = GraphOptions::default().with_on_failure(OnFailure::SkipDependents);
    let result = run(&executor, graph_with(&["a", "b: a", "c: b", "d"], options, |t| t)).await;
    assert_eq!(states(&result), ["a failed", "b skipped", "c skipped", "d succeeded"]);
    assert_eq!(result.status, RunStatus::Failed);

    let options = GraphOptions::default().with_on_failure(OnFailure::StopAll).with_max_parallel(1);
    let result = run(&executor, graph_with(&["a", "b", "c: b"], options, |t| t)).await;
    assert_eq!(states(&result), ["a failed", "b aborted", "c aborted"]);
}

#[tokio::test(start_paused = true)]
async fn hooks_run_in_order_and_each_no_has_its_class() {
    for (refuse, class, ran) in [
        ("admit", ErrorClass::AdmitRejected, vec!["admit"]),
        ("preflight", ErrorClass::PreflightRejected, vec!["admit", "preflight"]),
        (
            "postcondition",
            ErrorClass::PostconditionFailed,
            vec!["admit", "preflight", "execute", "postcondition"],
        ),
    ] {
        let executor = Arc::new(Scripted { refuse: Some(refuse), ..Scripted::default() });
        let result = run(&executor, graph(&["a"])).await;
        assert_eq!(result.failures[&"a".into()].class, class);
        assert_eq!(*executor.hooks.lock().unwrap(), ran);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_of_its_task_only() {
    let executor = Scripted::new(&[("a", &[Act::Panic])]);
    let result = run(&executor, graph(&["a", "b"])).await;
    assert_eq!(states(&result), ["a failed", "b succeeded"]);
    let failure = &result.failures[&"a".into()];
    assert_eq!(failure.class, ErrorClass::Panicked);
    assert!(failure.message.contains("scripted"));
}

#[tokio::test(start_paused = true)]
async fn a_graph_grows_while_it_runs() {
    let grow = vec![
        (Task::new("y", "work"), vec!["x".into(), "a".into()]),
        (Task::new("x", "work"), vec!["a".into()]),
    ];
    let executor = Scripted::new(&[("a", &[Act::Grow(grow)])]);
    let result = run(&executor, graph(&["a", "b: a"])).await;
    assert_eq!(states(&result), ["a succeeded", "b succeeded", "x succeeded", "y succeeded"]);

    // A circle is refused, and the task that wanted it fails.
    let circle = vec![
        (Task::new("x", "work"), vec!["y".into()]),
        (Task::new("y", "work"), vec!["x".into()]),
    ];
    let executor = Scripted::new(&[("a", &[Act::Grow(circle)])]);
    let result = run(&executor, graph(&["a"])).await;
    assert_eq!(states(&result), ["a failed"]);
    assert_eq!(result.failures[&"a".into()].class, ErrorClass::ConfigError);
}

#[derive(Debug)]
struct Sees(std::sync::Mutex<Vec<String>>);

#[async_trait::async_trait]
impl astraea_engine::Executor for Sees {
    async fn execute(
        &self,
        cx: &astraea_engine::TaskContext,
    ) -> Result<astraea_engine::Outcome, astraea_engine::ExecutorError> {
        let inputs: Vec<String> = cx.inputs().iter().map(|(id, _)| id.to_string()).collect();
        self.0.lock().unwrap().push(format!("{}: {}", cx.task.id, inputs.join(" ")));
        cx.progress("halfway");
        Ok(astraea_engine::Outcome::Succeeded(astraea_engine::Output::default()))
    }
}

#[tokio::test(start_paused = true)]
async fn inputs_are_all_transitive_outputs_in_order_and_progress_is_announced() {
    let sees = Arc::new(Sees(Default::default()));
    let registry = astraea_engine::Registry::new().with("work", sees.clone());
    let journal = Arc::new(MemoryJournal::new());
    let engine = astraea_engine::Engine::new(
        Default::default(),
        registry,
        journal.clone(),
        Arc::new(astraea_engine::SystemClock),
    );
    let (events, mut heard) = mpsc::unbounded_channel();
    let request =
        RunRequest::new("r", "g", graph(&["a", "b: a", "c: a", "d: c b", "e"])).with_events(events);
    engine.run(request).await.unwrap();
    assert!(sees.0.lock().unwrap().contains(&"d: a b c".to_owned()));
    let mut progress = 0;
    while let Ok(record) = heard.try_recv() {
        if let Some(Ok(TaskEvent::TaskProgress { note, .. })) = TaskEvent::from_record(&record) {
            assert_eq!((note.as_str(), record.seq), ("halfway", 0));
            progress += 1;
        }
    }
    assert_eq!(progress, 5);
    assert!(journal.records().iter().all(|record| record.kind != "task_progress"));
}

#[tokio::test(start_paused = true)]
async fn durable_before_announced_and_few_commits() {
    let executor = Scripted::new(&[]);
    let journal = Arc::new(MemoryJournal::new());
    let (events, mut heard) = mpsc::unbounded_channel();
    let prelude = vec![astraea_engine::NewRecord::new("goal_created", serde_json::json!({}))];
    let request = RunRequest::new("r", "g", graph(&["a", "b: a", "c: b"]))
        .with_prelude(prelude)
        .with_events(events)
        .with_epilogue(|result| {
            assert_eq!(result.status, RunStatus::Succeeded);
            vec![astraea_engine::NewRecord::new("goal_satisfied", serde_json::json!({}))]
        });
    engine(&executor, &journal).run(request).await.unwrap();
    let kinds: Vec<String> = journal.records().into_iter().map(|r| r.kind).collect();
    assert_eq!(
        kinds,
        [
            "goal_created",
            "graph_started",
            "task_started",
            "task_succeeded",
            "task_started",
            "task_succeeded",
            "task_started",
            "task_succeeded",
            "graph_finished",
            "goal_satisfied"
        ]
    );
    // One commit for the beginning and one for each end.
    assert_eq!(astraea_engine::Journal::commits(&*journal), 4);
    let mut announced = Vec::new();
    while let Ok(record) = heard.try_recv() {
        announced.push(record);
    }
    assert_eq!(announced, journal.records());
}

/// Lets an append return only when it is told to.
#[derive(Debug)]
struct Gated {
    inner: MemoryJournal,
    gate: tokio::sync::Semaphore,
}

#[async_trait::async_trait]
impl astraea_engine::Journal for Gated {
    async fn append(
        &self,
        batch: Vec<astraea_engine::NewRecord>,
    ) -> Result<Vec<astraea_engine::Record>, astraea_engine::JournalError> {
        let permit = self.gate.acquire().await.map_err(|_| astraea_engine::JournalError::Closed)?;
        permit.forget();
        self.inner.append(batch).await
    }

    async fn read(
        &self,
        run: &astraea_engine::RunId,
        after_seq: u64,
    ) -> Result<Vec<astraea_engine::Record>, astraea_engine::JournalError> {
        self.inner.read(run, after_seq).await
    }

    fn commits(&self) -> u64 {
        self.inner.commits()
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_announced_or_started_before_it_is_durable() {
    let executor = Scripted::new(&[]);
    let journal =
        Arc::new(Gated { inner: MemoryJournal::new(), gate: tokio::sync::Semaphore::new(0) });
    let engine = crate::support::engine_with(&executor, journal.clone(), Default::default());
    let (events, mut heard) = mpsc::unbounded_channel();
    let run = engine.run(RunRequest::new("r", "g", graph(&["a", "b: a"])).with_events(events));
    let pause = || tokio::time::sleep(std::time::Duration::from_secs(60));
    let watch = async {
        pause().await;
        assert!(heard.try_recv().is_err() && executor.calls_of("a") == 0);
        journal.gate.add_permits(1);
        pause().await;
        // `a` has run, but its end is not durable, so nobody knows and `b` has not started.
        let mut kinds = Vec::new();
        while let Ok(record) = heard.try_recv() {
            kinds.push(record.kind);
        }
        assert_eq!(kinds, ["graph_started", "task_started"]);
        assert_eq!((executor.calls_of("a"), executor.calls_of("b")), (1, 0));
        journal.gate.add_permits(9);
    };
    let (result, ()) = tokio::join!(run, watch);
    assert_eq!(result.unwrap().status, RunStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_large_graph_on_several_threads() {
    let executor = Scripted::new(&[]);
    let options = GraphOptions::default().with_max_parallel(32);
    let mut g = graph_with(&[], options, |t| t);
    for n in 0..2000_usize {
        let on: Vec<String> = n.checked_sub(40).map(|m| format!("t{m}")).into_iter().collect();
        let task = Task::new(format!("t{n}"), "work").with_writes([format!("f{}", n % 97)]);
        g.add_task(task, on).unwrap();
    }
    let journal = Arc::new(MemoryJournal::new());
    let options = astraea_engine::EngineOptions::default().with_max_concurrent(32);
    let engine = crate::support::engine_with(&executor, journal, options);
    let result = engine.run(RunRequest::new("r", "g", g)).await.unwrap();
    crate::support::check_sums(&result);
    assert_eq!(result.status, RunStatus::Succeeded);
    assert_eq!(executor.calls.lock().unwrap().len(), 2000);
}

//! Concurrency, caps, locks, order.

use std::sync::{Arc, atomic::Ordering};

use astraea_engine::{
    EngineError, EngineOptions, MemoryJournal, RunRequest, RunStatus,
    taskgraph::{GraphOptions, Task, TaskGraph},
};

use crate::support::{Act, Scripted, engine_with, graph, graph_with, run, states};

#[tokio::test(start_paused = true)]
async fn defect_01_all_of_six_run_with_two_at_a_time() {
    let executor = Scripted::new(&[]);
    let engine = engine_with(
        &executor,
        Arc::new(MemoryJournal::new()),
        EngineOptions::default().with_max_concurrent(2),
    );
    let request = RunRequest::new("run", "g", graph(&["a", "b", "c", "d", "e", "f"]));
    let result = engine.run(request).await.unwrap();
    assert_eq!(result.status, RunStatus::Succeeded);
    assert_eq!(result.stats.succeeded, 6);
    assert_eq!(executor.calls.lock().unwrap().len(), 6);
    assert_eq!(executor.most.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn defect_06_independent_tasks_run_together() {
    let executor = Scripted::new(&[("a", &[Act::Sleep(100)]), ("b", &[Act::Sleep(100)])]);
    let start = tokio::time::Instant::now();
    run(&executor, graph(&["a", "b"])).await;
    assert_eq!(executor.most.load(Ordering::SeqCst), 2);
    assert!(start.elapsed().as_millis() < 200);
}

#[tokio::test(start_paused = true)]
async fn behaviour_17_priority_then_deadline_then_id() {
    let executor = Scripted::new(&[]);
    let mut graph = TaskGraph::new(GraphOptions::default().with_max_parallel(1)).unwrap();
    for task in [
        Task::new("z", "work"),
        Task::new("y", "work"),
        Task::new("late", "work").with_deadline_ms(20),
        Task::new("early", "work").with_deadline_ms(10),
        Task::new("dear", "work").with_deadline_ms(20).with_cost(2.0),
        Task::new("high", "work").with_priority(0.9),
    ] {
        graph.add_task(task, [""; 0]).unwrap();
    }
    run(&executor, graph).await;
    let calls = executor.calls.lock().unwrap();
    let order: Vec<&str> = calls.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(order, ["high", "early", "late", "dear", "y", "z"]);
}

#[tokio::test(start_paused = true)]
async fn behaviour_18_an_action_cap_of_one_holds() {
    let executor = Scripted::new(&[]);
    let options = GraphOptions::default().with_action_cap("work", 1);
    let result = run(&executor, graph_with(&["a", "b", "c"], options, |t| t)).await;
    assert_eq!(result.status, RunStatus::Succeeded);
    assert_eq!(executor.most.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn overlapping_writes_never_run_together() {
    let executor = Scripted::new(&[]);
    let graph =
        graph_with(&["a", "b", "c"], GraphOptions::default(), |t| t.with_writes(["src/**"]));
    run(&executor, graph).await;
    assert_eq!(executor.most.load(Ordering::SeqCst), 1);
    let graph = graph_with(&["a", "b", "c"], GraphOptions::default(), |t| t.with_reads(["**"]));
    run(&executor, graph).await;
    assert_eq!(executor.most.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn bad_options_and_an_empty_graph() {
    let executor = Scripted::new(&[]);
    let result = run(&executor, graph(&[])).await;
    assert_eq!(result.status, RunStatus::Succeeded);
    let engine = engine_with(
        &executor,
        Arc::new(MemoryJournal::new()),
        EngineOptions::default().with_max_concurrent(0),
    );
    let error = engine.run(RunRequest::new("r", "g", graph(&["a"]))).await.unwrap_err();
    assert!(matches!(error, EngineError::InvalidOptions { what: "max_concurrent", .. }));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_action_is_a_config_error() {
    let executor = Scripted::new(&[]);
    let mut graph = graph(&["a"]);
    graph.add_task(Task::new("x", "nobody_does_this"), [""; 0]).unwrap();
    graph.add_task(Task::new("y", "work"), ["x"]).unwrap();
    let result = run(&executor, graph).await;
    assert_eq!(result.status, RunStatus::Failed);
    assert_eq!(states(&result), ["a succeeded", "x failed", "y aborted"]);
    let failure = &result.failures[&"x".into()];
    assert_eq!(failure.class, astraea_engine::ErrorClass::ConfigError);
}

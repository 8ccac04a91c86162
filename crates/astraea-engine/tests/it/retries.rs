//! Retries, their delays and their budget.

use std::{sync::Arc, time::Duration};

use astraea_engine::{
    BreakerOptions, EngineOptions, ErrorClass, MemoryJournal, RunRequest, RunStatus, TaskEvent,
    taskgraph::GraphOptions,
};

use crate::support::{Act, Scripted, check_sums, engine_with, graph, graph_with, run, states};

fn without_breaker() -> EngineOptions {
    EngineOptions::default().with_breaker(BreakerOptions::default().with_failures(0))
}

#[tokio::test(start_paused = true)]
async fn only_transient_failures_are_retried() {
    for class in [ErrorClass::TestFailure, ErrorClass::CommandFailure, ErrorClass::NoPatch] {
        let executor = Scripted::new(&[("a", &[Act::Fail(class)])]);
        run(&executor, graph(&["a"])).await;
        assert_eq!(executor.calls_of("a"), 1, "{class}");
    }
    let flaky = [Act::Error(ErrorClass::Transient), Act::Fail(ErrorClass::Transient), Act::Ok];
    let executor = Scripted::new(&[("a", &flaky)]);
    let result = run(&executor, graph(&["a"])).await;
    assert_eq!(result.status, RunStatus::Succeeded);
    assert_eq!(
        *executor.calls.lock().unwrap(),
        [("a".into(), 1), ("a".into(), 2), ("a".into(), 3)]
    );
    assert_eq!(result.graph.attempts(&"a".into()).unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_delay_doubles_up_to_its_cap() {
    let executor = Scripted::new(&[("a", &[Act::Error(ErrorClass::Transient)])]);
    let journal = Arc::new(MemoryJournal::new());
    let engine = engine_with(&executor, journal.clone(), without_breaker());
    let g = graph_with(&["a"], GraphOptions::default(), |t| t.with_max_retries(6));
    let start = tokio::time::Instant::now();
    let result = engine.run(RunRequest::new("run", "g", g)).await.unwrap();
    assert_eq!(result.status, RunStatus::Failed);
    let delays: Vec<u64> = journal
        .records()
        .iter()
        .filter_map(|record| match TaskEvent::from_record(record) {
            Some(Ok(TaskEvent::TaskRetrying { delay_ms, .. })) => Some(delay_ms),
            _ => None,
        })
        .collect();
    assert_eq!(delays.len(), 6);
    for (delay, base) in delays.iter().zip([2000, 4000, 8000, 16_000, 20_000, 20_000]) {
        assert!((base..=base + 500).contains(delay), "{delay} {base}");
    }
    // The pauses were really made.
    assert!(start.elapsed() >= Duration::from_millis(delays.iter().sum()));
}

#[tokio::test(start_paused = true)]
async fn behaviour_20_the_sixth_retry_of_a_budget_of_five_is_refused() {
    let executor = Scripted::new(&[("a", &[Act::Error(ErrorClass::Transient)])]);
    let engine = engine_with(&executor, Arc::new(MemoryJournal::new()), without_breaker());
    let options = GraphOptions::default().with_retry_budget(5);
    let g = graph_with(&["a", "b: a"], options, |t| t.with_max_retries(10));
    let result = engine.run(RunRequest::new("run", "g", g)).await.unwrap();
    check_sums(&result);
    assert_eq!(executor.calls_of("a"), 6);
    assert_eq!(result.status, RunStatus::BudgetExhausted);
    // Both counters are charged.
    assert_eq!(result.graph.retries(&"a".into()), Some(5));
    assert_eq!((result.stats.retries, result.stats.budget_left), (5, 0));
    assert_eq!(states(&result), ["a failed", "b aborted"]);
}

#[tokio::test(start_paused = true)]
async fn defect_02_a_retry_leaks_no_slot() {
    let flaky = [Act::Error(ErrorClass::Transient), Act::Error(ErrorClass::Transient), Act::Ok];
    let names = ["a", "b", "c", "d", "e", "f"];
    let script: Vec<(&str, &[Act])> = names.iter().map(|name| (*name, &flaky[..])).collect();
    let executor = Scripted::new(&script);
    let engine = engine_with(
        &executor,
        Arc::new(MemoryJournal::new()),
        without_breaker().with_max_concurrent(2),
    );
    let options = GraphOptions::default().with_action_cap("work", 2);
    let g = graph_with(&names, options, |t| {
        let file = format!("{}.rs", t.id);
        t.with_writes([file])
    });
    let result = engine.run(RunRequest::new("run", "g", g)).await.unwrap();
    assert_eq!(result.status, RunStatus::Succeeded);
    assert_eq!(executor.calls.lock().unwrap().len(), 18);
    assert_eq!(result.stats.retries, 12);
}

//! Breakers, as a run meets them.

use std::{sync::Arc, time::Duration};

use astraea_engine::{
    BreakerOptions, BreakerState, EngineOptions, ErrorClass, MemoryJournal, RunRequest, RunStatus,
    WhenOpen,
    taskgraph::{GraphOptions, Task},
};

use crate::support::{Act, Scripted, check_sums, engine, engine_with, graph_with, states};

fn one_at_a_time() -> GraphOptions {
    GraphOptions::default().with_max_parallel(1)
}

const FIVE_BAD: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

fn ill(last: &'static [Act]) -> Arc<Scripted> {
    static BAD: [Act; 1] = [Act::Error(ErrorClass::Transient)];
    let mut script: Vec<(&str, &[Act])> = FIVE_BAD[..5].iter().map(|id| (*id, &BAD[..])).collect();
    script.push(("f", last));
    Scripted::new(&script)
}

#[tokio::test(start_paused = true)]
async fn defect_03_an_open_breaker_withholds_its_action_and_nothing_hangs() {
    let executor = ill(&[Act::Ok]);
    let journal = Arc::new(MemoryJournal::new());
    let engine = engine(&executor, &journal);
    let mut g = graph_with(&FIVE_BAD, one_at_a_time(), |t| t.with_max_retries(0));
    g.add_task(Task::new("z", "other").with_priority(0.1), [""; 0]).unwrap();
    let start = tokio::time::Instant::now();
    let result = engine.run(RunRequest::new("r", "g", g)).await.unwrap();
    check_sums(&result);
    // `z` has another action and did not wait; `f` was the trial, and its success let `g` pass.
    let order: Vec<String> = executor.calls.lock().unwrap().iter().map(|c| c.0.clone()).collect();
    assert_eq!(order, ["a", "b", "c", "d", "e", "z", "f", "g"]);
    assert!(start.elapsed() >= Duration::from_secs(30));
    assert_eq!(states(&result)[5..], ["f succeeded", "g succeeded", "z succeeded"]);
    let kinds: Vec<String> = journal.records().into_iter().map(|r| r.kind).collect();
    for kind in ["breaker_opened", "breaker_half_opened", "breaker_closed"] {
        assert_eq!(kinds.iter().filter(|k| *k == kind).count(), 1, "{kind}");
    }
    assert_eq!(engine.breakers()[0].state, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_failed_trial_opens_again() {
    let executor = ill(&[Act::Error(ErrorClass::Transient)]);
    let engine = engine(&executor, &Arc::new(MemoryJournal::new()));
    let g = graph_with(&FIVE_BAD, one_at_a_time(), |t| t.with_max_retries(0));
    let start = tokio::time::Instant::now();
    let result = engine.run(RunRequest::new("r", "g", g)).await.unwrap();
    assert_eq!(result.stats.failed, 6);
    assert_eq!(result.stats.succeeded, 1);
    assert!(start.elapsed() >= Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn the_retry_path_asks_the_breaker() {
    // One task alone opens it with its retries, and its next attempt has to wait.
    let executor = Scripted::new(&[("a", &[Act::Error(ErrorClass::Transient)])]);
    let options = EngineOptions::default().with_backoff(
        Duration::from_millis(1),
        Duration::from_millis(1),
        Duration::ZERO,
    );
    let engine = engine_with(&executor, Arc::new(MemoryJournal::new()), options);
    let g = graph_with(&["a"], GraphOptions::default(), |t| t.with_max_retries(5));
    let start = tokio::time::Instant::now();
    let result = engine.run(RunRequest::new("r", "g", g)).await.unwrap();
    assert_eq!(executor.calls_of("a"), 6);
    assert_eq!(result.status, RunStatus::Failed);
    assert!(start.elapsed() >= Duration::from_secs(30));
    assert_eq!(engine.breakers()[0].state, BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn tasks_behind_it_may_fail_at_once() {
    let executor = ill(&[Act::Ok]);
    let breaker = BreakerOptions::default().with_when_open(WhenOpen::Fail);
    let engine = engine_with(
        &executor,
        Arc::new(MemoryJournal::new()),
        EngineOptions::default().with_breaker(breaker),
    );
    let g = graph_with(&FIVE_BAD, one_at_a_time(), |t| t.with_max_retries(0));
    let start = tokio::time::Instant::now();
    let result = engine.run(RunRequest::new("r", "g", g)).await.unwrap();
    check_sums(&result);
    assert_eq!(result.stats.failed, 7);
    assert_eq!(executor.calls.lock().unwrap().len(), 5);
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn the_graph_timeout_ends_the_wait() {
    let executor = ill(&[Act::Ok]);
    let engine = engine(&executor, &Arc::new(MemoryJournal::new()));
    let options = one_at_a_time().with_timeout_ms(5_000);
    let g = graph_with(&FIVE_BAD, options, |t| t.with_max_retries(0));
    let result = engine.run(RunRequest::new("r", "g", g)).await.unwrap();
    check_sums(&result);
    assert_eq!(result.status, RunStatus::TimedOut);
    assert_eq!((result.stats.failed, result.stats.cancelled), (5, 2));
}

#[tokio::test(start_paused = true)]
async fn answers_do_not_open_it() {
    static NO: [Act; 1] = [Act::Fail(ErrorClass::TestFailure)];
    let script: Vec<(&str, &[Act])> = FIVE_BAD.iter().map(|id| (*id, &NO[..])).collect();
    let executor = Scripted::new(&script);
    let engine = engine(&executor, &Arc::new(MemoryJournal::new()));
    let g = graph_with(&FIVE_BAD, one_at_a_time(), |t| t);
    let result = engine.run(RunRequest::new("r", "g", g)).await.unwrap();
    assert_eq!(result.stats.failed, 7);
    assert!(engine.breakers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_runs_of_one_engine_share_one_trial() {
    let executor = ill(&[Act::Sleep(1_000)]);
    let engine = engine(&executor, &Arc::new(MemoryJournal::new()));
    let first = graph_with(&FIVE_BAD[..5], one_at_a_time(), |t| t.with_max_retries(0));
    engine.run(RunRequest::new("r", "g", first)).await.unwrap();
    let start = tokio::time::Instant::now();
    let (one, two) = tokio::join!(
        engine.run(RunRequest::new("one", "g", graph_with(&["f"], one_at_a_time(), |t| t))),
        engine.run(RunRequest::new("two", "g", graph_with(&["f"], one_at_a_time(), |t| t))),
    );
    assert_eq!(one.unwrap().status, RunStatus::Succeeded);
    assert_eq!(two.unwrap().status, RunStatus::Succeeded);
    // The second waited for the first one's trial.
    assert!(start.elapsed() >= Duration::from_millis(31_900), "{:?}", start.elapsed());
}

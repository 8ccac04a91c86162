//! Timeouts and cancellation.

use std::{sync::atomic::Ordering, time::Duration};

use astraea_engine::{ErrorClass, RunStatus, taskgraph::GraphOptions};

use crate::support::{Act, Scripted, graph, graph_with, run, run_cancelled_after, states};

#[tokio::test(start_paused = true)]
async fn a_task_that_takes_too_long_is_stopped_and_dropped() {
    let executor = Scripted::new(&[("a", &[Act::Stuck])]);
    let g = graph_with(&["a", "b"], GraphOptions::default(), |t| t.with_timeout_ms(100));
    let start = tokio::time::Instant::now();
    let result = run(&executor, g).await;
    assert_eq!(states(&result), ["a failed", "b succeeded"]);
    assert_eq!(result.failures[&"a".into()].class, ErrorClass::TimeoutError);
    assert_eq!(executor.stops.load(Ordering::SeqCst), 1);
    // Its time, and the grace period.
    assert!(start.elapsed() <= Duration::from_millis(5_200));
    assert_eq!(executor.now.load(Ordering::SeqCst), 0, "it was dropped");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_listens_needs_no_grace() {
    let executor = Scripted::new(&[("a", &[Act::Polite])]);
    let g = graph_with(&["a"], GraphOptions::default(), |t| t.with_timeout_ms(100));
    let start = tokio::time::Instant::now();
    let result = run(&executor, g).await;
    assert_eq!(result.failures[&"a".into()].class, ErrorClass::TimeoutError);
    assert!(start.elapsed() < Duration::from_millis(200));
}

#[tokio::test(start_paused = true)]
async fn defect_07_the_timeout_of_the_graph_holds() {
    let executor = Scripted::new(&[("a", &[Act::Stuck]), ("b", &[Act::Sleep(10)])]);
    let options = GraphOptions::default().with_timeout_ms(1000);
    let start = tokio::time::Instant::now();
    let result = run(&executor, graph_with(&["a", "b", "c: a"], options, |t| t)).await;
    assert_eq!(result.status, RunStatus::TimedOut);
    assert_eq!(states(&result), ["a cancelled", "b succeeded", "c cancelled"]);
    assert!(start.elapsed() <= Duration::from_millis(6_100));
    assert_eq!(executor.stops.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn calling_off_stops_the_work() {
    let executor = Scripted::new(&[("a", &[Act::Stuck]), ("b", &[Act::Polite])]);
    let result = run_cancelled_after(&executor, graph(&["a", "b", "c: a", "d: b"]), 50).await;
    assert_eq!(result.status, RunStatus::Cancelled);
    // What came to its end all the same stands.
    assert_eq!(states(&result), ["a cancelled", "b succeeded", "c cancelled", "d cancelled"]);
    assert_eq!(executor.now.load(Ordering::SeqCst), 0);

    let executor = Scripted::new(&[]);
    let result = run_cancelled_after(&executor, graph(&[]), 0).await;
    assert_eq!(result.status, RunStatus::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn calling_off_during_a_retry_delay_does_not_wait_for_it() {
    let executor = Scripted::new(&[("a", &[Act::Error(ErrorClass::Transient)])]);
    let start = tokio::time::Instant::now();
    let result = run_cancelled_after(&executor, graph(&["a"]), 50).await;
    assert_eq!(result.status, RunStatus::Cancelled);
    assert!(start.elapsed() < Duration::from_millis(100));
}

/// Blocks its thread until the other end of the channel is dropped.
#[derive(Debug)]
struct Blocks(std::sync::Mutex<std::sync::mpsc::Receiver<()>>);

#[async_trait::async_trait]
impl astraea_engine::Executor for Blocks {
    async fn execute(
        &self,
        _cx: &astraea_engine::TaskContext,
    ) -> Result<astraea_engine::Outcome, astraea_engine::ExecutorError> {
        // The sender never sends.
        let _ = self.0.lock().unwrap().recv();
        Ok(astraea_engine::Outcome::Succeeded(Default::default()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_blocks_its_thread_is_given_up() {
    let (keep, never) = std::sync::mpsc::channel();
    let blocks = std::sync::Arc::new(Blocks(std::sync::Mutex::new(never)));
    let registry = astraea_engine::Registry::new().with("work", blocks);
    let options = astraea_engine::EngineOptions::default().with_grace(Duration::from_millis(10));
    let engine = astraea_engine::Engine::new(
        options,
        registry,
        std::sync::Arc::new(astraea_engine::MemoryJournal::new()),
        std::sync::Arc::new(astraea_engine::SystemClock),
    );
    let g = graph_with(&["a"], GraphOptions::default(), |t| t.with_timeout_ms(50));
    let result = engine.run(astraea_engine::RunRequest::new("r", "g", g)).await;
    drop(keep);
    let result = result.unwrap();
    assert_eq!(result.failures[&"a".into()].class, ErrorClass::TimeoutError);
    assert!(result.failures[&"a".into()].message.contains("given up"));
}

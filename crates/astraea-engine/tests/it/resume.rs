//! Runs cut short and gone on with, in one process.

use std::sync::Arc;

use astraea_engine::{
    EngineError, ErrorClass, GraphId, Journal, JournalError, MemoryJournal, NewRecord, Record,
    ResumeRequest, RunId, RunRequest, RunStatus,
    taskgraph::{GraphOptions, Task},
};
use async_trait::async_trait;

use crate::support::{Act, Scripted, check_sums, engine, engine_with, graph, graph_with, states};

/// A journal whose process "dies": from some append on, nothing is kept any more.
#[derive(Debug)]
struct Dying {
    inner: MemoryJournal,
    left: std::sync::atomic::AtomicI64,
}

#[async_trait]
impl Journal for Dying {
    async fn append(&self, batch: Vec<NewRecord>) -> Result<Vec<Record>, JournalError> {
        if self.left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) <= 0 {
            return Err(JournalError::DiskFull { path: "state.db".into() });
        }
        self.inner.append(batch).await
    }

    async fn read(&self, run: &RunId, after_seq: u64) -> Result<Vec<Record>, JournalError> {
        self.inner.read(run, after_seq).await
    }

    fn commits(&self) -> u64 {
        self.inner.commits()
    }
}

const DIAMOND: [&str; 5] = ["a", "b: a", "c: a", "d: b c", "e"];

#[tokio::test(start_paused = true)]
async fn whatever_append_is_lost_nothing_finished_runs_again() {
    for appends in 0..8 {
        let grow = vec![(Task::new("x", "work"), vec!["b".into()])];
        let executor = Scripted::new(&[
            ("b", &[Act::Grow(grow)]),
            ("c", &[Act::Error(ErrorClass::Transient), Act::Ok]),
        ]);
        let journal = Arc::new(Dying {
            inner: MemoryJournal::new(),
            left: std::sync::atomic::AtomicI64::new(appends),
        });
        let engine = engine_with(&executor, journal.clone(), Default::default());
        let outcome = engine.run(RunRequest::new("run", "g", graph(&DIAMOND))).await;
        if let Ok(result) = outcome {
            assert_eq!(result.status, RunStatus::Succeeded, "it needed {appends} appends only");
            continue;
        }
        assert!(matches!(outcome, Err(EngineError::Journal(JournalError::DiskFull { .. }))));
        let done: Vec<String> = journal
            .inner
            .records()
            .iter()
            .filter(|record| record.kind == "task_succeeded")
            .map(|record| record.payload["task"].as_str().unwrap().to_owned())
            .collect();
        executor.calls.lock().unwrap().clear();

        // There is room again.
        journal.left.store(i64::MAX, std::sync::atomic::Ordering::SeqCst);
        let resumed = engine.resume(ResumeRequest::new("run", "g")).await;
        if appends == 0 {
            assert!(matches!(resumed, Err(EngineError::NothingToResume { .. })));
            continue;
        }
        let result = resumed.unwrap();
        check_sums(&result);
        assert_eq!(result.status, RunStatus::Succeeded);
        assert_eq!(result.outputs.len(), 6);
        for id in done {
            assert_eq!(executor.calls_of(&id), 0, "{id} ran again after {appends} appends");
        }
        // A third time there is nothing to do.
        executor.calls.lock().unwrap().clear();
        let again = engine.resume(ResumeRequest::new("run", "g")).await.unwrap();
        assert_eq!((again.status, again.stats), (result.status, result.stats));
        assert_eq!(again.outputs, result.outputs);
        assert!(executor.calls.lock().unwrap().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_called_off_goes_on() {
    let executor = Scripted::new(&[("b", &[Act::Stuck, Act::Ok])]);
    let journal = Arc::new(MemoryJournal::new());
    let engine = engine(&executor, &journal);
    let cancel = astraea_engine::CancellationToken::new();
    let request = RunRequest::new("run", "g", graph(&DIAMOND)).with_cancel(cancel.clone());
    let (result, ()) = tokio::join!(engine.run(request), async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        cancel.cancel();
    });
    let result = result.unwrap();
    assert_eq!(result.status, RunStatus::Cancelled);
    assert!(result.status.is_resumable());
    let result = engine
        .resume(ResumeRequest::new("run", "g").with_epilogue(|result| {
            vec![NewRecord::new("end", serde_json::json!(result.stats.total))]
        }))
        .await
        .unwrap();
    check_sums(&result);
    assert_eq!(result.status, RunStatus::Succeeded);
    for id in ["a", "c", "d", "e"] {
        assert_eq!(executor.calls_of(id), 1, "{id}");
    }
    assert_eq!(
        *executor.calls.lock().unwrap().iter().rfind(|c| c.0 == "b").unwrap(),
        ("b".into(), 2)
    );
    assert_eq!(journal.records().last().unwrap().kind, "end");
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_is_answered_from_the_journal() {
    let executor = Scripted::new(&[("b", &[Act::Fail(ErrorClass::TestFailure)])]);
    let engine = engine(&executor, &Arc::new(MemoryJournal::new()));
    let first = engine.run(RunRequest::new("run", "g", graph(&DIAMOND))).await.unwrap();
    let calls = executor.calls.lock().unwrap().len();
    let again = engine.resume(ResumeRequest::new("run", "g")).await.unwrap();
    assert_eq!(states(&again), states(&first));
    assert_eq!(again.failures, first.failures);
    assert_eq!(again.status, RunStatus::Failed);
    assert_eq!(executor.calls.lock().unwrap().len(), calls);
}

#[tokio::test(start_paused = true)]
async fn an_empty_budget_is_forgiven_once_a_resume() {
    let bad = Act::Error(ErrorClass::Transient);
    let executor = Scripted::new(&[("a", &[bad.clone(), bad.clone(), bad, Act::Ok])]);
    let engine = engine(&executor, &Arc::new(MemoryJournal::new()));
    let options = GraphOptions::default().with_retry_budget(1);
    let g = graph_with(&["a", "b: a", "c"], options, |t| t);
    let result = engine.run(RunRequest::new("run", "g", g)).await.unwrap();
    assert_eq!(result.status, RunStatus::BudgetExhausted);
    let result = engine.resume(ResumeRequest::new("run", "g")).await.unwrap();
    assert_eq!(result.status, RunStatus::BudgetExhausted);
    let result = engine.resume(ResumeRequest::new("run", "g")).await.unwrap();
    assert_eq!(result.status, RunStatus::Succeeded);
    assert_eq!(executor.calls_of("a"), 4);
    assert_eq!(executor.calls_of("c"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_budget_or_a_provider_is_done_when_the_run_is_resumed() {
    for class in [ErrorClass::Budget, ErrorClass::Provider] {
        let executor = Scripted::new(&[("a", &[Act::Error(class), Act::Ok])]);
        let engine = engine(&executor, &Arc::new(MemoryJournal::new()));
        let g = graph(&["a", "b: a", "c"]);
        let result = engine.run(RunRequest::new("run", "g", g)).await.unwrap();
        assert_eq!(result.status, RunStatus::BudgetExhausted);
        assert_eq!(result.failures.values().map(|f| f.class).collect::<Vec<_>>(), [class]);
        assert_eq!(executor.calls_of("a"), 1);
        let result = engine.resume(ResumeRequest::new("run", "g")).await.unwrap();
        assert_eq!(result.status, RunStatus::Succeeded);
        assert_eq!((executor.calls_of("a"), executor.calls_of("c")), (2, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn graphs_of_one_run_do_not_mix_and_nonsense_is_an_error() {
    let executor = Scripted::new(&[]);
    let journal = Arc::new(MemoryJournal::new());
    let engine = engine(&executor, &journal);
    engine.run(RunRequest::new("run", "observe", graph(&["o"]))).await.unwrap();
    engine.run(RunRequest::new("run", "plan-1", graph(&["p"]))).await.unwrap();
    let result = engine.resume(ResumeRequest::new("run", "observe")).await.unwrap();
    assert_eq!(states(&result), ["o succeeded"]);
    let error = engine.resume(ResumeRequest::new("run", "plan-2")).await.unwrap_err();
    assert!(matches!(error, EngineError::NothingToResume { .. }));

    let wrong = NewRecord::new("task_started", serde_json::json!({ "type": "task_started" }))
        .with_run(RunId::new("run"))
        .with_graph(GraphId::new("observe"));
    journal.append(vec![wrong]).await.unwrap();
    let error = engine.resume(ResumeRequest::new("run", "observe")).await.unwrap_err();
    assert!(matches!(error, EngineError::CorruptHistory { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_run_stops_its_tasks_and_goes_on_later() {
    let executor = Scripted::new(&[("a", &[Act::Stuck, Act::Ok])]);
    let engine = engine(&executor, &Arc::new(MemoryJournal::new()));
    let run = engine.run(RunRequest::new("run", "g", graph(&["a", "b", "c: a"])));
    let second = std::time::Duration::from_secs(1);
    assert!(tokio::time::timeout(second, run).await.is_err());
    tokio::time::sleep(second).await;
    assert_eq!(executor.now.load(std::sync::atomic::Ordering::SeqCst), 0);
    let result = engine.resume(ResumeRequest::new("run", "g")).await.unwrap();
    check_sums(&result);
    assert_eq!(result.status, RunStatus::Succeeded);
    assert_eq!((executor.calls_of("a"), executor.calls_of("b")), (2, 1));
}

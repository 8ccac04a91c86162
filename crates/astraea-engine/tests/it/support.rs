//! A scripted executor and short ways to run it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use astraea_engine::{
    CancellationToken, Engine, EngineOptions, ErrorClass, Executor, ExecutorError, Failure,
    Journal, ManualClock, MemoryJournal, Outcome, Output, Registry, Rejection, RunRequest,
    RunResult, TaskContext,
    taskgraph::{GraphOptions, Task, TaskGraph, TaskId},
};
use async_trait::async_trait;

/// What the executor does at one call.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Ok,
    Grow(Vec<(Task, Vec<TaskId>)>),
    Fail(ErrorClass),
    Error(ErrorClass),
    Panic,
    /// Sleeps, then succeeds.
    Sleep(u64),
    /// Sleeps for ever, whatever the token says.
    Stuck,
    /// Sleeps until it is cancelled, then succeeds.
    Polite,
}

/// Does what a script says, by task and call, and counts.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    pub(crate) script: Mutex<HashMap<String, Vec<Act>>>,
    /// Task and attempt of every call to `execute`, in order.
    pub(crate) calls: Mutex<Vec<(String, u32)>>,
    pub(crate) stops: AtomicUsize,
    pub(crate) now: AtomicUsize,
    pub(crate) most: AtomicUsize,
    pub(crate) hooks: Mutex<Vec<&'static str>>,
    pub(crate) refuse: Option<&'static str>,
}

impl Scripted {
    pub(crate) fn new(script: &[(&str, &[Act])]) -> Arc<Self> {
        let script = script.iter().map(|(id, acts)| ((*id).to_owned(), acts.to_vec())).collect();
        Arc::new(Self { script: Mutex::new(script), ..Self::default() })
    }

    pub(crate) fn calls_of(&self, id: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|(task, _)| task == id).count()
    }

    fn next(&self, id: &str) -> Act {
        let mut script = self.script.lock().unwrap();
        match script.get_mut(id) {
            Some(acts) if acts.len() > 1 => acts.remove(0),
            Some(acts) => acts.first().cloned().unwrap_or(Act::Ok),
            None => Act::Ok,
        }
    }

    fn hook(&self, name: &'static str) -> Result<(), Rejection> {
        self.hooks.lock().unwrap().push(name);
        if self.refuse == Some(name) { Err(Rejection::new("no", name)) } else { Ok(()) }
    }
}

/// Counts one more running task for as long as it lives.
struct Inside<'a>(&'a Scripted);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Executor for Scripted {
    async fn admit(&self, _cx: &TaskContext) -> Result<(), Rejection> {
        self.hook("admit")
    }

    async fn preflight(&self, _cx: &TaskContext) -> Result<(), Rejection> {
        self.hook("preflight")
    }

    async fn execute(&self, cx: &TaskContext) -> Result<Outcome, ExecutorError> {
        self.hooks.lock().unwrap().push("execute");
        let id = cx.task.id.as_str();
        self.calls.lock().unwrap().push((id.to_owned(), cx.attempt));
        let running = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        let _inside = Inside(self);
        tokio::task::yield_now().await;
        match self.next(id) {
            Act::Ok => {}
            Act::Grow(grow) => {
                return Ok(Outcome::Succeeded(Output { grow, ..Output::default() }));
            }
            Act::Fail(class) => return Ok(Outcome::Failed(Failure::new(class, "scripted"))),
            Act::Error(class) => return Err(ExecutorError::new(class, "scripted")),
            // Like a panic, but it prints nothing.
            Act::Panic => std::panic::resume_unwind(Box::new("scripted")),
            Act::Sleep(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Act::Stuck => std::future::pending().await,
            Act::Polite => cx.cancel.cancelled().await,
        }
        Ok(Outcome::Succeeded(Output::of(serde_json::json!({ "from": id }))))
    }

    async fn postcondition(&self, _cx: &TaskContext, _output: &Output) -> Result<(), Rejection> {
        self.hook("postcondition")
    }

    async fn stop(&self, _cx: &TaskContext) {
        self.stops.fetch_add(1, Ordering::SeqCst);
    }
}

/// An engine whose only action is `work`.
pub(crate) fn engine(executor: &Arc<Scripted>, journal: &Arc<MemoryJournal>) -> Engine {
    engine_with(executor, journal.clone(), EngineOptions::default())
}

pub(crate) fn engine_with(
    executor: &Arc<Scripted>,
    journal: Arc<dyn Journal>,
    options: EngineOptions,
) -> Engine {
    let registry = Registry::new().with("work", executor.clone()).with_alias("other", "work");
    Engine::new(options, registry, journal, Arc::new(ManualClock::new(1_000)))
}

/// Tasks of action `work` written as `id: dependency dependency`.
pub(crate) fn graph(lines: &[&str]) -> TaskGraph {
    graph_with(lines, GraphOptions::default(), |task| task)
}

pub(crate) fn graph_with(
    lines: &[&str],
    options: GraphOptions,
    shape: impl Fn(Task) -> Task,
) -> TaskGraph {
    let mut graph = TaskGraph::new(options).unwrap();
    for line in lines {
        let (id, dependencies) = line.split_once(':').unwrap_or((line, ""));
        graph.add_task(shape(Task::new(id, "work")), dependencies.split_whitespace()).unwrap();
    }
    graph
}

pub(crate) async fn run(executor: &Arc<Scripted>, graph: TaskGraph) -> RunResult {
    let journal = Arc::new(MemoryJournal::new());
    let engine = engine(executor, &journal);
    let result = engine.run(RunRequest::new("run", "g", graph)).await.unwrap();
    check_sums(&result);
    result
}

pub(crate) async fn run_cancelled_after(
    executor: &Arc<Scripted>,
    graph: TaskGraph,
    ms: u64,
) -> RunResult {
    let journal = Arc::new(MemoryJournal::new());
    let engine = engine(executor, &journal);
    let cancel = CancellationToken::new();
    let request = RunRequest::new("run", "g", graph).with_cancel(cancel.clone());
    let later = async {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(engine.run(request), later);
    let result = result.unwrap();
    check_sums(&result);
    result
}

/// Nothing is left in the middle, and the counts add up.
pub(crate) fn check_sums(result: &RunResult) {
    let s = &result.stats;
    assert_eq!(s.pending + s.ready + s.running, 0, "{s:?}");
    assert_eq!(s.succeeded + s.failed + s.aborted + s.skipped + s.cancelled, s.total, "{s:?}");
    assert_eq!(result.outputs.len(), s.succeeded);
    assert!(result.failures.len() >= s.failed);
    assert_eq!(*s, result.graph.stats());
    let succeeded = result.status == astraea_engine::RunStatus::Succeeded;
    assert_eq!(succeeded, s.succeeded == s.total);
}

/// The states of a graph, as `id state` in order.
pub(crate) fn states(result: &RunResult) -> Vec<String> {
    let graph = &result.graph;
    graph.tasks().map(|t| format!("{} {}", t.id, graph.state(&t.id).unwrap())).collect()
}

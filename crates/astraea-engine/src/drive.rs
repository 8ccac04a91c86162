//! The loop that drives one graph: start what may start, write down what happened, wait for the next thing.
//!
//! Everything one turn of the loop decides goes into one append; only when that is durable is it announced, and only
//! then do the tasks it started begin. While an append is awaited, further ends pile up and share the next one.

mod due;
mod ends;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    sync::Arc,
    time::Duration,
};

use astraea_taskgraph::{Change, GraphError, GraphOptions, TaskGraph, TaskId, TaskState};
use rustc_hash::FxHashMap;
use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
    time::{self, Instant},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    Engine, EngineError, Epilogue, ErrorClass, Failure, GraphId, JournalError, NewRecord, Output,
    Record, RunId, RunResult, RunStatus, TaskContext, TaskEvent, WhenOpen,
    attempt::{self, Done},
    breaker::{Admission, Trial},
    context::{Inputs, Listener, Store},
};

/// How long beyond all limits a task is waited for that does not yield to the runtime.
const SLACK: Duration = Duration::from_secs(1);
/// Stands for "no time limit" (some runtimes cannot add more to an instant).
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);

pub(crate) struct Begin {
    pub(crate) run: RunId,
    pub(crate) graph_id: GraphId,
    pub(crate) graph: TaskGraph,
    pub(crate) prelude: Vec<NewRecord>,
    pub(crate) cancel: CancellationToken,
    pub(crate) events: Option<mpsc::UnboundedSender<Record>>,
    pub(crate) epilogue: Option<Epilogue>,
    pub(crate) resumed: Option<Resumed>,
}

/// What is known of a graph that is gone on with.
pub(crate) struct Resumed {
    pub(crate) outputs: BTreeMap<TaskId, Arc<Output>>,
    pub(crate) failures: BTreeMap<TaskId, Failure>,
    /// The tasks that run again.
    pub(crate) again: Vec<TaskId>,
}

/// A task that has been started.
struct Running {
    attempt: u32,
    abort: Option<AbortHandle>,
    trial: Option<Trial>,
    /// When it is given up, whether or not it has answered.
    hard: Instant,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(abort) = &self.abort {
            abort.abort();
        }
    }
}

pub(crate) struct Driver<'a> {
    engine: &'a Engine,
    run: RunId,
    graph_id: GraphId,
    graph: TaskGraph,
    cancel: CancellationToken,
    events: Option<mpsc::UnboundedSender<Record>>,
    epilogue: Option<Epilogue>,
    /// Whether anybody wants records at all.
    records_wanted: bool,
    batch: Vec<NewRecord>,
    spawns: Vec<TaskId>,
    store: Arc<Store>,
    failures: BTreeMap<TaskId, Failure>,
    running: FxHashMap<TaskId, Running>,
    delayed: BinaryHeap<Reverse<(Instant, TaskId)>>,
    /// Actions held back by a breaker, and until when if that is known.
    held: FxHashMap<String, Option<Instant>>,
    breakers: watch::Receiver<u64>,
    report: mpsc::UnboundedSender<Done>,
    ends: mpsc::UnboundedReceiver<Done>,
    halt: CancellationToken,
    _halt_on_drop: DropGuard,
    deadline: Instant,
    /// No running task has to be given up before this.
    watchdog: Instant,
    stopped: Option<RunStatus>,
    budget_exhausted: bool,
    started_ms: u64,
}

impl<'a> Driver<'a> {
    pub(crate) fn new(engine: &'a Engine, begin: Begin) -> Result<Self, EngineError> {
        if engine.options.max_concurrent == 0 {
            return Err(EngineError::InvalidOptions {
                what: "max_concurrent",
                value: "0".to_owned(),
                rule: "it must be at least 1",
            });
        }
        let now = Instant::now();
        let (report, ends) = mpsc::unbounded_channel();
        let halt = CancellationToken::new();
        let store = Arc::new(Store::default());
        store.follow(&begin.graph);
        let timeout = Duration::from_millis(begin.graph.options().timeout_ms).min(FAR);
        let mut driver = Self {
            engine,
            run: begin.run,
            graph_id: begin.graph_id,
            cancel: begin.cancel,
            records_wanted: !engine.journal.discards() || begin.events.is_some(),
            events: begin.events,
            epilogue: begin.epilogue,
            batch: begin.prelude,
            spawns: Vec::new(),
            store,
            failures: BTreeMap::new(),
            running: FxHashMap::default(),
            delayed: BinaryHeap::new(),
            held: FxHashMap::default(),
            breakers: engine.board.subscribe(),
            report,
            ends,
            _halt_on_drop: halt.clone().drop_guard(),
            halt,
            deadline: now + timeout,
            watchdog: now + FAR,
            stopped: None,
            budget_exhausted: false,
            started_ms: engine.clock.now_ms(),
            graph: begin.graph,
        };
        match begin.resumed {
            None if driver.records_wanted => {
                let graph = driver.graph.to_json();
                driver.note(|| TaskEvent::GraphStarted { graph });
            }
            None => {}
            Some(Resumed { outputs, failures, again }) => {
                driver.failures = failures;
                for (id, output) in outputs {
                    if let Some(position) = driver.graph.position(&id) {
                        driver.store.put(position, output);
                    }
                }
                driver.note(|| TaskEvent::GraphResumed { again });
            }
        }
        Ok(driver)
    }

    pub(crate) async fn drive(mut self) -> Result<RunResult, EngineError> {
        if self.cancel.is_cancelled() {
            self.stop(RunStatus::Cancelled);
        }
        let mut timer = std::pin::pin!(time::sleep_until(self.deadline));
        let mut ends = Vec::new();
        loop {
            if self.stopped.is_none() {
                self.fill()?;
            }
            if self.running.is_empty() && self.nothing_to_wait_for() {
                return self.finish().await;
            }
            if let Err(error) = self.commit().await {
                self.give_up().await;
                return Err(error.into());
            }
            let wake_at = self.next_wake();
            if timer.deadline() != wake_at {
                timer.as_mut().reset(wake_at);
            }
            let stopped = self.stopped.is_some();
            let held = !self.held.is_empty();
            tokio::select! {
                biased;
                () = self.cancel.cancelled(), if !stopped => self.stop(RunStatus::Cancelled),
                _ = self.ends.recv_many(&mut ends, 256) => {}
                () = &mut timer => {}
                _ = self.breakers.changed(), if held => self.release_all(),
            }
            self.on_time();
            for done in ends.drain(..) {
                self.on_end(done)?;
            }
        }
    }

    /// Starts what may start now.
    fn fill(&mut self) -> Result<(), GraphError> {
        while self.running.len() < self.engine.options.max_concurrent {
            let Some(id) = self.graph.next_startable() else { break };
            let Some(task) = self.graph.task(&id).cloned() else { break };
            let known = self.engine.registry.get(&task.action).is_some();
            let admission =
                if known { self.engine.board.admit(&task.action) } else { Admission::Pass };
            if let Admission::Refused { until } = admission
                && self.engine.options.breaker.when_open == WhenOpen::Wait
            {
                self.graph.limit_action(&task.action, Some(0));
                let until = until.map(|ms| self.engine.board.instant(ms));
                self.held.insert(task.action.clone(), until);
                continue;
            }
            let now_ms = self.engine.clock.now_ms();
            self.graph.start(&id, now_ms)?;
            let attempts = self.graph.attempts(&id).unwrap_or_default();
            let attempt = attempts.last().map_or(1, |last| last.number);
            if admission == Admission::Trial {
                let action = task.action.clone();
                self.note(|| TaskEvent::BreakerHalfOpened { action });
            }
            self.note(|| TaskEvent::TaskStarted {
                task: id.clone(),
                action: task.action.clone(),
                attempt,
            });
            if !known || matches!(admission, Admission::Refused { .. }) {
                let failure = if known {
                    let message = format!("the breaker of action `{}` is open", task.action);
                    Failure::new(ErrorClass::Transient, message)
                } else {
                    let message = format!("no executor is registered for action `{}`", task.action);
                    Failure::new(ErrorClass::ConfigError, message)
                };
                self.fail(&id, attempt, failure, false)?;
                continue;
            }
            let trial = (admission == Admission::Trial)
                .then(|| Trial::new(self.engine.board.clone(), &task.action));
            let limit = Duration::from_millis(task.timeout_ms).min(FAR);
            let grace = self.engine.options.grace.min(FAR);
            let hard = Instant::now() + limit + grace + SLACK;
            self.watchdog = self.watchdog.min(hard);
            self.running.insert(id.clone(), Running { attempt, abort: None, trial, hard });
            self.spawns.push(id);
        }
        Ok(())
    }

    /// Makes what was decided durable, announces it, and lets the started tasks begin.
    async fn commit(&mut self) -> Result<(), JournalError> {
        if !self.batch.is_empty() {
            let batch = std::mem::take(&mut self.batch);
            let records = self.engine.journal.append(batch).await?;
            self.announce(records);
        }
        for id in std::mem::take(&mut self.spawns) {
            self.spawn(&id);
        }
        Ok(())
    }

    fn announce(&self, records: Vec<Record>) {
        if let Some(events) = &self.events {
            for record in records {
                // Nobody listening any more is no reason to stop.
                let _ = events.send(record);
            }
        }
    }

    fn spawn(&mut self, id: &TaskId) {
        let Some(task) = self.graph.task(id).cloned() else { return };
        let Some(executor) = self.engine.registry.get(&task.action).cloned() else { return };
        let Some(position) = self.graph.position(id) else { return };
        let Some(running) = self.running.get_mut(id) else { return };
        let left = self.deadline.saturating_duration_since(Instant::now());
        let cx = TaskContext {
            run: self.run.clone(),
            graph: self.graph_id.clone(),
            attempt: running.attempt,
            cancel: self.halt.child_token(),
            budget: Duration::from_millis(task.timeout_ms).min(left),
            task,
            inputs: Inputs::Of { store: self.store.clone(), position },
            listener: self
                .events
                .clone()
                .map(|events| Listener { events, clock: self.engine.clock.clone() }),
        };
        let grace = self.engine.options.grace.min(FAR);
        let handle = tokio::spawn(attempt::run(executor, cx, grace, self.report.clone()));
        running.abort = Some(handle.abort_handle());
    }

    fn nothing_to_wait_for(&mut self) -> bool {
        if self.graph.is_finished() {
            return true;
        }
        if self.stopped.is_none() && !(self.delayed.is_empty() && self.held.is_empty()) {
            return false;
        }
        // What is left can never start. There is no known way to get here; better an honest failure than a hang.
        let changes = self.graph.abort_waiting();
        self.note_changes(&changes, "it could never start");
        true
    }

    async fn finish(mut self) -> Result<RunResult, EngineError> {
        let stats = self.graph.stats();
        let status = if self.graph.is_success() {
            RunStatus::Succeeded
        } else if let Some(stopped) = self.stopped {
            stopped
        } else if self.budget_exhausted {
            RunStatus::BudgetExhausted
        } else {
            RunStatus::Failed
        };
        self.note(|| TaskEvent::GraphFinished { status, stats });
        let result = RunResult {
            run: self.run.clone(),
            graph_id: self.graph_id.clone(),
            status,
            outputs: self.store.all().into_iter().collect(),
            failures: std::mem::take(&mut self.failures),
            stats,
            started_ms: self.started_ms,
            ended_ms: self.engine.clock.now_ms(),
            graph: std::mem::replace(&mut self.graph, TaskGraph::new(GraphOptions::default())?),
        };
        let Some(epilogue) = self.epilogue.take() else {
            self.commit().await?;
            return Ok(result);
        };
        let without = self.batch.clone();
        self.batch.extend(epilogue(&result));
        match self.commit().await {
            Ok(()) => Ok(result),
            Err(JournalError::Rejected { code, message }) => {
                // The end of the graph stands, whatever becomes of the caller's records.
                self.batch = without;
                self.commit().await?;
                Err(EngineError::EpilogueRejected { code, message, result: Box::new(result) })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The journal is gone: stops all that runs, and writes nothing.
    async fn give_up(&mut self) {
        self.spawns.clear();
        self.halt.cancel();
        self.running.retain(|_, running| running.abort.is_some());
        let until = Instant::now() + self.engine.options.grace.min(FAR) + SLACK;
        while !self.running.is_empty() {
            match time::timeout_at(until, self.ends.recv()).await {
                Ok(Some(done)) => drop(self.running.remove(&done.task)),
                _ => break,
            }
        }
    }

    fn action(&self, id: &TaskId) -> String {
        self.graph.task(id).map(|task| task.action.clone()).unwrap_or_default()
    }

    fn note(&mut self, event: impl FnOnce() -> TaskEvent) {
        if !self.records_wanted {
            return;
        }
        let event = event();
        self.batch.push(NewRecord {
            run: Some(self.run.clone()),
            graph: Some(self.graph_id.clone()),
            kind: event.kind().to_owned(),
            payload: event.to_payload(),
        });
    }

    fn note_changes(&mut self, changes: &[Change], reason: &str) {
        for change in changes {
            let (task, because) = (change.task.clone(), change.because.clone());
            match change.to {
                TaskState::Skipped => self.note(|| TaskEvent::TaskSkipped { task, because }),
                TaskState::Aborted => self.note(|| TaskEvent::TaskAborted { task, because }),
                TaskState::Cancelled => {
                    let reason = reason.to_owned();
                    self.note(|| TaskEvent::TaskCancelled { task, reason });
                }
                _ => {}
            }
        }
    }
}

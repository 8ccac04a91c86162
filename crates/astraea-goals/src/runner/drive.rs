//! The loop over the graphs of a run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use astraea_engine::{
    CancellationToken, Clock, Engine, EngineOptions, Journal, NewRecord, Output, Record, Registry,
    ResumeRequest, RunId, RunRequest, RunResult,
};
use astraea_taskgraph::{GraphOptions, Task, TaskGraph};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tracing::Instrument as _;

use super::finish::{Finisher, Past};
use super::observe::{ObserveAndPlan, RECALL, Recall, plan_of};
use super::verdict::{Next, judge, observed};
use super::{REPLANNED, Started};
use crate::error::GoalError;
use crate::lower::{OBSERVE, deferred};
use crate::planning::{PlanRecord, Planned, Planner, Tried};
use crate::result::{GoalResult, Outcome};

/// How a run begins.
#[derive(Debug)]
pub(crate) enum Start {
    /// From nothing; these records are committed with the first start.
    Fresh(Vec<NewRecord>),
    /// From the journal: the graphs it holds, and the plans of those after the first.
    Resume {
        graphs: usize,
        plans: BTreeMap<String, PlanRecord>,
        /// Committed with the first start that follows.
        prelude: Vec<NewRecord>,
    },
}

/// One run, with all that it needs.
#[derive(Debug)]
pub(crate) struct Drive {
    pub(crate) run: RunId,
    pub(crate) started: Arc<Started>,
    pub(crate) planner: Arc<Planner>,
    pub(crate) registry: Registry,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) records: mpsc::UnboundedSender<Record>,
    pub(crate) cancel: CancellationToken,
    pub(crate) finisher: Arc<Finisher>,
}

impl Drive {
    /// Carries the run out to its end.
    ///
    /// # Errors
    /// Where the journal or the engine fails; a goal that is not achieved is a result.
    pub(crate) async fn run(self, start: Start) -> Result<GoalResult, GoalError> {
        let span = tracing::info_span!("goal", run = %self.run, goal = %self.started.goal);
        self.graphs(start).instrument(span).await
    }

    async fn graphs(self, start: Start) -> Result<GoalResult, GoalError> {
        let begun = Instant::now();
        let (known, known_plans, mut prelude) = match start {
            Start::Fresh(prelude) => (0, BTreeMap::new(), prelude),
            Start::Resume { graphs, plans, prelude } => (graphs, plans, prelude),
        };
        let mut past: Vec<Past> = Vec::new();
        let mut tried = Tried::default();
        let mut seen: Option<Arc<Output>> = None;
        let mut planned: Option<Planned> = None;
        loop {
            let number = past.len() + 1;
            let id = plan_id(number);
            let engine = self.engine(seen.as_ref());
            // The plan of a later graph is known before it starts; that of the first grows in it.
            let plan = planned
                .as_ref()
                .map(|planned| planned.record.clone())
                .or_else(|| known_plans.get(&id).cloned());
            let finished: Arc<Mutex<Option<GoalResult>>> = Arc::default();
            let deadline = Deadline::new(&self.cancel, self.left(begun));
            let epilogue = {
                let (finisher, past, plan) = (self.finisher.clone(), past.clone(), plan.clone());
                let (finished, started) = (finished.clone(), self.started.clone());
                let clock = deadline.watch(begun, self.started.limits.timeout_ms);
                move |result: &RunResult| {
                    let plan = plan.or_else(|| observed(result).and_then(|out| plan_of(out)));
                    let late = clock.is_late();
                    match judge(&started.goal, &started.tests, plan.as_ref(), result, late) {
                        Next::Replan { .. } => Vec::new(),
                        Next::Finish(outcome, summary) => {
                            let mut past = past;
                            past.push(Past { plan, result: Arc::new(result.clone()) });
                            let (goal, records) = finisher.finish(&past, outcome, &summary);
                            *finished.lock().unwrap_or_else(PoisonError::into_inner) = Some(goal);
                            records
                        }
                    }
                }
            };
            let result = if number <= known {
                let request = ResumeRequest::new(self.run.clone(), id.as_str())
                    .with_prelude(if number == known {
                        std::mem::take(&mut prelude)
                    } else {
                        Vec::new()
                    })
                    .with_cancel(deadline.cancel.clone())
                    .with_events(self.records.clone())
                    .with_epilogue(epilogue);
                engine.resume(request).await
            } else {
                let graph = self.graph(planned.take())?;
                let request = RunRequest::new(self.run.clone(), id.as_str(), graph)
                    .with_prelude(std::mem::take(&mut prelude))
                    .with_cancel(deadline.cancel.clone())
                    .with_events(self.records.clone())
                    .with_epilogue(epilogue);
                engine.run(request).await
            }
            .map_err(|error| GoalError::Journal(error.to_string()))?;

            let done = finished.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(goal) = done {
                return Ok(goal);
            }
            if let Some(output) = observed(&result) {
                seen = Some(output.clone());
            }
            let plan = plan.or_else(|| seen.as_deref().and_then(plan_of));
            let late = deadline.watch(begun, self.started.limits.timeout_ms).is_late();
            drop(deadline);
            let Started { goal, tests, .. } = &*self.started;
            let next = judge(goal, tests, plan.as_ref(), &result, late);
            if let Some(plan) = &plan {
                tried.plans.push(plan.steps.clone());
            }
            tried.hints.learn(&result);
            past.push(Past { plan, result: Arc::new(result) });
            let (actions, otherwise) = match next {
                Next::Finish(outcome, summary) => {
                    return self.finish(&past, outcome, &summary).await;
                }
                Next::Replan { actions, otherwise } => (actions, otherwise),
            };
            for action in actions {
                if !tried.actions.contains(&action) {
                    tried.actions.push(action);
                }
            }
            if number < known {
                // The journal holds the plan that followed.
                continue;
            }
            if self.cancel.is_cancelled() {
                let text = "stopped; `astra resume` goes on from here";
                return self.finish(&past, Outcome::Interrupted, text).await;
            }
            if u64::from(self.started.limits.replans) < number as u64 {
                let text = format!("{}; no plan is left in the budget of {number}", otherwise.1);
                return self.finish(&past, otherwise.0, &text).await;
            }
            if self.left(begun) == 0 {
                let text = "the time limit was reached; `astra resume` goes on from here";
                return self.finish(&past, Outcome::TimedOut, text).await;
            }
            let next_id = plan_id(number + 1);
            let looked = seen.as_ref().map_or(Value::Null, |out| out.value.clone());
            let next = self.planner.plan(&next_id, &looked, &tried)?;
            if next.record.no_plan.is_some() {
                let text = match past.len() {
                    1 => otherwise.1,
                    n => format!("{n} ways were tried; the last: {}", otherwise.1),
                };
                return self.finish(&past, otherwise.0, &text).await;
            }
            tracing::info!(plan = %next_id, because = %otherwise.1, "planning again");
            let payload =
                json!({ "plan": next.record, "because": otherwise.1, "ruled_out": tried.actions });
            let decision = json!({
                "decision": "replan", "plan": next_id, "methods": next.record.methods_used,
                "because": otherwise.1, "ruled_out": tried.actions,
            });
            prelude.push(
                NewRecord::new("decision_made", decision)
                    .with_run(self.run.clone())
                    .with_graph(next_id.as_str().into()),
            );
            prelude.push(
                NewRecord::new(REPLANNED, payload)
                    .with_run(self.run.clone())
                    .with_graph(next_id.as_str().into()),
            );
            planned = Some(next);
        }
    }

    /// Milliseconds until the deadline.
    fn left(&self, begun: Instant) -> u64 {
        let spent = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.started.limits.timeout_ms.saturating_sub(spent)
    }

    /// The first graph has one task; a later one recalls what was seen and holds its plan.
    ///
    /// Its own time limit is that of a whole goal, because it is what a later `resume` gets; what is
    /// left of this sitting is the [`Deadline`]'s business.
    fn graph(&self, planned: Option<Planned>) -> Result<TaskGraph, GoalError> {
        let limits = &self.started.limits;
        let options = GraphOptions::default()
            .with_timeout_ms(limits.timeout_ms)
            .with_retry_budget(limits.retry_tokens)
            .with_max_parallel(limits.concurrency);
        let internal =
            |error: astraea_taskgraph::GraphError| GoalError::Internal(error.to_string());
        let mut graph = TaskGraph::new(options).map_err(internal)?;
        let first = if planned.is_some() { RECALL } else { OBSERVE };
        // A little longer than the graph's own limit, so that it is the graph's that ends the run.
        let timeout_ms = limits.timeout_ms.saturating_add(5_000);
        let args = json!({ "tests": self.started.tests, "directory": self.started.directory });
        let task = Task::new(OBSERVE, first)
            .with_args(if planned.is_some() { Value::Null } else { args })
            .with_reads(["**"])
            .with_timeout_ms(timeout_ms);
        graph.add_task(task, [""; 0]).map_err(internal)?;
        if let Some(planned) = planned {
            graph.extend(deferred(planned.tasks)).map_err(internal)?;
        }
        Ok(graph)
    }

    fn engine(&self, seen: Option<&Arc<Output>>) -> Engine {
        let mut registry = self.registry.clone();
        if let Some(inner) = registry.get(OBSERVE).cloned() {
            let observe = ObserveAndPlan { inner, planner: self.planner.clone() };
            registry = registry.with(OBSERVE, Arc::new(observe));
        }
        if let Some(seen) = seen {
            registry = registry.with(RECALL, Arc::new(Recall { seen: seen.clone() }));
        }
        let options = EngineOptions::default().with_max_concurrent(self.started.limits.concurrency);
        Engine::new(options, registry, self.journal.clone(), self.clock.clone())
    }

    /// Ends the run in a commit of its own.
    async fn finish(
        &self,
        past: &[Past],
        outcome: Outcome,
        summary: &str,
    ) -> Result<GoalResult, GoalError> {
        let (goal, records) = self.finisher.finish(past, outcome, summary);
        let journal = |error: astraea_engine::JournalError| GoalError::Journal(error.to_string());
        for record in self.journal.append(records).await.map_err(journal)? {
            // Nobody listening is no error.
            let _ = self.records.send(record);
        }
        Ok(goal)
    }
}

/// Cancels a graph when the time of the goal is up.
#[derive(Debug)]
struct Deadline {
    cancel: CancellationToken,
    passed: Arc<AtomicBool>,
    timer: tokio::task::JoinHandle<()>,
}

impl Deadline {
    fn new(parent: &CancellationToken, left_ms: u64) -> Self {
        let (cancel, passed) = (parent.child_token(), Arc::new(AtomicBool::new(false)));
        let (token, flag) = (cancel.clone(), passed.clone());
        let timer = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(left_ms)).await;
            flag.store(true, Ordering::SeqCst);
            token.cancel();
        });
        Self { cancel, passed, timer }
    }

    fn watch(&self, begun: Instant, timeout_ms: u64) -> Watch {
        Watch { passed: self.passed.clone(), begun, timeout_ms }
    }
}

/// Tells whether what failed may have failed for want of time.
#[derive(Debug)]
struct Watch {
    passed: Arc<AtomicBool>,
    begun: Instant,
    timeout_ms: u64,
}

impl Watch {
    /// The time is up, or all but the last twentieth of it is gone.
    fn is_late(&self) -> bool {
        let spent = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.passed.load(Ordering::SeqCst)
            || self.timeout_ms.saturating_sub(spent) * 20 < self.timeout_ms
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.timer.abort();
    }
}

pub(crate) fn plan_id(number: usize) -> String {
    format!("plan-{number}")
}

//! A graph rebuilt from its journal.

use std::{collections::BTreeMap, sync::Arc};

use astraea_taskgraph::{GraphError, TaskGraph, TaskId, TaskState};

use crate::{
    EngineError, Failure, GraphId, Output, Record, RunId, RunResult, RunStatus, TaskEvent,
};

/// What the journal tells of a graph.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) graph: TaskGraph,
    pub(crate) outputs: BTreeMap<TaskId, Arc<Output>>,
    pub(crate) failures: BTreeMap<TaskId, Failure>,
    status: Option<RunStatus>,
    started_ms: u64,
    ended_ms: u64,
    /// It has ended, and there is nothing to go on with.
    pub(crate) ended: bool,
}

impl History {
    pub(crate) fn into_result(self, run: RunId, graph_id: GraphId) -> RunResult {
        RunResult {
            run,
            graph_id,
            status: self.status.unwrap_or(RunStatus::Failed),
            stats: self.graph.stats(),
            graph: self.graph,
            outputs: self.outputs,
            failures: self.failures,
            started_ms: self.started_ms,
            ended_ms: self.ended_ms,
        }
    }
}

/// Reads the records of a run; those of other graphs and of other programs are passed over.
pub(crate) fn replay(
    run: &RunId,
    graph: &GraphId,
    records: &[Record],
) -> Result<History, EngineError> {
    let own: Vec<&Record> =
        records.iter().filter(|record| record.graph.as_ref() == Some(graph)).collect();
    let Some(first) = own.iter().rposition(|record| record.kind == "graph_started") else {
        return Err(EngineError::NothingToResume {
            run: run.to_string(),
            graph: graph.to_string(),
        });
    };
    let own = &own[first..];
    // A task that failed only because the budget was empty is tried once more; if what came after rests on its failure,
    // it stays failed.
    read(own, true).or_else(|_| read(own, false))
}

fn read(records: &[&Record], forgive_budget: bool) -> Result<History, EngineError> {
    let mut history: Option<History> = None;
    for record in records {
        let corrupt = |message: String| EngineError::CorruptHistory { seq: record.seq, message };
        let Some(event) = TaskEvent::from_record(record) else { continue };
        let event = event.map_err(|error| corrupt(error.to_string()))?;
        match (&mut history, event) {
            (None, TaskEvent::GraphStarted { graph }) => {
                history = Some(History {
                    graph: TaskGraph::from_json(graph).map_err(|e| corrupt(e.to_string()))?,
                    outputs: BTreeMap::new(),
                    failures: BTreeMap::new(),
                    status: None,
                    started_ms: record.ts_ms,
                    ended_ms: record.ts_ms,
                    ended: false,
                });
            }
            (None, _) => return Err(corrupt("it comes before the graph".to_owned())),
            (Some(history), event) => {
                history.ended_ms = record.ts_ms;
                apply(history, event, record.ts_ms, forgive_budget)
                    .map_err(|error| corrupt(error.to_string()))?;
            }
        }
    }
    let mut history = history.ok_or_else(|| EngineError::CorruptHistory {
        seq: 0,
        message: "there is no graph".to_owned(),
    })?;
    history.ended = history.status.is_some() && history.graph.is_finished();
    Ok(history)
}

/// Skips, aborts and calls-off are not read: the graph derives the first two again, and what was called off is to go on.
fn apply(
    history: &mut History,
    event: TaskEvent,
    ts_ms: u64,
    forgive_budget: bool,
) -> Result<(), GraphError> {
    let graph = &mut history.graph;
    match event {
        TaskEvent::GraphResumed { .. } => {
            reopen(graph, ts_ms)?;
            history.status = None;
            history.started_ms = ts_ms;
        }
        TaskEvent::TaskStarted { task, .. } => {
            if graph.state(&task) == Some(TaskState::Pending) {
                graph.wake(&task)?;
            }
            graph.start(&task, ts_ms)?;
        }
        TaskEvent::TaskSucceeded { task, output, .. } => {
            graph.extend(output.grow.clone())?;
            graph.succeed(&task, ts_ms)?;
            history.failures.remove(&task);
            history.outputs.insert(task, output);
        }
        TaskEvent::TaskFailed { task, budget_exhausted: true, .. } if forgive_budget => {
            graph.requeue(&task, ts_ms, "the retry budget was empty")?;
        }
        TaskEvent::TaskFailed { task, class, message, output, .. } => {
            graph.fail(&task, ts_ms, &message)?;
            let output = Arc::unwrap_or_clone(output);
            history.failures.insert(task, Failure { class, message, output });
        }
        TaskEvent::TaskRetrying { task, message, delay_ms, .. } => {
            graph.retry(&task, ts_ms, &message, ts_ms.saturating_add(delay_ms))?;
        }
        TaskEvent::GraphFinished { status, .. } => history.status = Some(status),
        _ => {}
    }
    Ok(())
}

/// Makes tasks that were running, or waiting for a retry, ready again; the ones that were running.
pub(crate) fn reopen(graph: &mut TaskGraph, now_ms: u64) -> Result<Vec<TaskId>, GraphError> {
    let stats = graph.stats();
    if stats.running == 0 && stats.retries == 0 {
        return Ok(Vec::new());
    }
    let ids: Vec<TaskId> = graph.tasks().map(|task| task.id.clone()).collect();
    let mut again = Vec::new();
    for id in ids {
        match graph.state(&id) {
            Some(TaskState::Running) => {
                graph.requeue(&id, now_ms, "cut short")?;
                again.push(id);
            }
            Some(TaskState::Pending) => {
                // Refused unless it waits for a retry.
                let _ = graph.wake(&id);
            }
            _ => {}
        }
    }
    Ok(again)
}

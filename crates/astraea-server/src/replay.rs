//! Task graphs as the journal tells of them: those that have ended and those that go on.

use std::collections::BTreeMap;

use astraea_engine::{GraphId, Record, RunId, TaskEvent, open_reader, read_records};
use astraea_goals::{Astra, GoalError};
use astraea_taskgraph::{GraphError, TaskGraph};
use serde_json::{Value, json};

/// A graph and what belongs to it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) run: String,
    pub(crate) name: String,
    pub(crate) graph: TaskGraph,
    pub(crate) status: Option<String>,
    pub(crate) started_ms: u64,
    pub(crate) last_ms: u64,
    /// By action: `closed`, `open` or `half_open`, as last told.
    pub(crate) breakers: BTreeMap<String, &'static str>,
    /// By task: what it said last, and in which class it failed.
    pub(crate) notes: BTreeMap<String, Value>,
}

impl Seen {
    pub(crate) fn id(&self) -> String {
        format!("{}:{}", self.run, self.name)
    }

    pub(crate) fn summary(&self) -> Value {
        let alive = if self.status.is_some() { "finished" } else { "unfinished" };
        json!({"id": self.id(), "run": self.run, "graph": self.name, "state": alive, "status": self.status,
            "started_ms": self.started_ms, "last_ms": self.last_ms, "stats": self.graph.stats()})
    }
}

/// The graphs of a run, in the order they began.
pub(crate) fn of_run(astra: &Astra, run: &str) -> Result<Vec<Seen>, GoalError> {
    let journal = |error: astraea_engine::JournalError| GoalError::Journal(error.to_string());
    let reader = open_reader(astra.repository().state().db_path()).map_err(journal)?;
    let records = read_records(&reader, Some(&RunId::new(run)), 0, usize::MAX).map_err(journal)?;
    Ok(replay(run, &records))
}

fn replay(run: &str, records: &[Record]) -> Vec<Seen> {
    let mut graphs: Vec<Seen> = Vec::new();
    for record in records {
        let (Some(name), Some(Ok(event))) =
            (record.graph.as_ref().map(GraphId::as_str), TaskEvent::from_record(record))
        else {
            continue;
        };
        if let TaskEvent::GraphStarted { graph } = event {
            if let Ok(graph) = TaskGraph::from_json(graph) {
                graphs.retain(|seen| seen.name != name);
                graphs.push(Seen {
                    run: run.to_owned(),
                    name: name.to_owned(),
                    graph,
                    status: None,
                    started_ms: record.ts_ms,
                    last_ms: record.ts_ms,
                    breakers: BTreeMap::new(),
                    notes: BTreeMap::new(),
                });
            }
            continue;
        }
        if let Some(seen) = graphs.iter_mut().find(|seen| seen.name == name) {
            seen.last_ms = record.ts_ms;
            // What does not fit is left out: this is a view, and the engine is the judge.
            if let Err(error) = apply(seen, event, record.ts_ms) {
                tracing::debug!(%error, seq = record.seq, "an event does not fit its graph");
            }
        }
    }
    graphs
}

fn apply(seen: &mut Seen, event: TaskEvent, ts_ms: u64) -> Result<(), GraphError> {
    let graph = &mut seen.graph;
    match event {
        TaskEvent::GraphResumed { again } => {
            seen.status = None;
            for task in &again {
                graph.requeue(task, ts_ms, "cut short")?;
            }
        }
        TaskEvent::TaskStarted { task, .. } => {
            let _ = graph.wake(&task);
            graph.start(&task, ts_ms)?;
        }
        TaskEvent::TaskSucceeded { task, output, .. } => {
            graph.extend(output.grow.clone())?;
            graph.succeed(&task, ts_ms)?;
            let artifacts = json!({"artifacts": output.artifacts, "stdout": output.stdout, "stderr": output.stderr});
            seen.notes.insert(task.to_string(), artifacts);
        }
        TaskEvent::TaskFailed { task, class, message, output, .. } => {
            graph.fail(&task, ts_ms, &message)?;
            let note = json!({"error": message, "error_class": class, "stdout": output.stdout, "stderr": output.stderr});
            seen.notes.insert(task.to_string(), note);
        }
        TaskEvent::TaskRetrying { task, message, delay_ms, .. } => {
            graph.retry(&task, ts_ms, &message, ts_ms.saturating_add(delay_ms))?;
        }
        TaskEvent::TaskCancelled { task, reason } => {
            graph.cancel(&task, ts_ms, &reason)?;
        }
        TaskEvent::TaskAborted { .. } if seen.status.is_none() => {}
        TaskEvent::BreakerOpened { action, .. } => {
            seen.breakers.insert(action, "open");
        }
        TaskEvent::BreakerHalfOpened { action } => {
            seen.breakers.insert(action, "half_open");
        }
        TaskEvent::BreakerClosed { action } => {
            seen.breakers.insert(action, "closed");
        }
        TaskEvent::GraphFinished { status, .. } => {
            seen.status =
                serde_json::to_value(status).ok().and_then(|s| s.as_str().map(str::to_owned));
            graph.abort_waiting();
        }
        _ => {}
    }
    Ok(())
}

//! What an executor is told.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use astraea_taskgraph::{Task, TaskGraph, TaskId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{Clock, GraphId, Output, Record, RunId, TaskEvent};

/// One attempt at one task. Cheap to clone, so that work on another thread can take it along.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskContext {
    /// The run.
    pub run: RunId,
    /// The graph in the run.
    pub graph: GraphId,
    /// The task.
    pub task: Arc<Task>,
    /// 1 for the first.
    pub attempt: u32,
    /// Cancelled when the work has to stop.
    pub cancel: CancellationToken,
    /// How long this attempt may take, wall-clock.
    pub budget: Duration,
    pub(crate) inputs: Inputs,
    pub(crate) listener: Option<Listener>,
}

#[derive(Clone, Debug)]
pub(crate) enum Inputs {
    Given(Vec<(TaskId, Arc<Output>)>),
    Of { store: Arc<Store>, position: usize },
}

#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) events: mpsc::UnboundedSender<Record>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl TaskContext {
    /// A context outside any engine, for tests of executors.
    pub fn standalone(task: Task) -> Self {
        let budget = Duration::from_millis(task.timeout_ms);
        Self {
            run: RunId::new("run"),
            graph: GraphId::new("graph"),
            task: Arc::new(task),
            attempt: 1,
            cancel: CancellationToken::new(),
            budget,
            inputs: Inputs::Given(Vec::new()),
            listener: None,
        }
    }

    /// Sets what [`inputs`](Self::inputs) yields, for tests of executors.
    #[must_use]
    pub fn with_inputs(mut self, inputs: Vec<(TaskId, Arc<Output>)>) -> Self {
        self.inputs = Inputs::Given(inputs);
        self
    }

    /// The outputs of all tasks this one depends on, directly or not, that succeeded, in topological order.
    ///
    /// They are gathered when asked for, in time proportional to the dependencies.
    pub fn inputs(&self) -> Vec<(TaskId, Arc<Output>)> {
        match &self.inputs {
            Inputs::Given(inputs) => inputs.clone(),
            Inputs::Of { store, position } => store.before(*position),
        }
    }

    /// Tells those who listen how far it is. Announced at once and not journaled.
    pub fn progress(&self, note: &str) {
        let Some(listener) = &self.listener else { return };
        let event = TaskEvent::TaskProgress { task: self.task.id.clone(), note: note.to_owned() };
        // Nobody listening any more is no reason to stop.
        let _ = listener.events.send(Record {
            seq: 0,
            ts_ms: listener.clock.now_ms(),
            run: Some(self.run.clone()),
            graph: Some(self.graph.clone()),
            kind: event.kind().to_owned(),
            payload: event.to_payload(),
        });
    }
}

/// The outputs of a graph, at the places of their tasks.
#[derive(Debug, Default)]
pub(crate) struct Store {
    slots: RwLock<Vec<Slot>>,
}

#[derive(Debug)]
struct Slot {
    id: TaskId,
    dependencies: Box<[u32]>,
    output: Option<Arc<Output>>,
}

impl Store {
    /// Makes room for tasks that the graph has grown by.
    pub(crate) fn follow(&self, graph: &TaskGraph) {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        for task in graph.tasks().skip(slots.len()) {
            let position = slots.len();
            slots.push(Slot {
                id: task.id.clone(),
                dependencies: graph.dependency_positions(position).map(|p| p as u32).collect(),
                output: None,
            });
        }
    }

    pub(crate) fn put(&self, position: usize, output: Arc<Output>) {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get_mut(position) {
            slot.output = Some(output);
        }
    }

    /// All outputs.
    pub(crate) fn all(&self) -> Vec<(TaskId, Arc<Output>)> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots
            .iter()
            .filter_map(|slot| slot.output.clone().map(|output| (slot.id.clone(), output)))
            .collect()
    }

    /// The outputs of what the task at a place depends on, directly or not.
    fn before(&self, position: usize) -> Vec<(TaskId, Arc<Output>)> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let mut wanted = vec![false; position.min(slots.len())];
        // Dependencies have lower places, so one pass downwards sees all.
        let mark = |slot: &Slot, wanted: &mut Vec<bool>| {
            for &dependency in &slot.dependencies {
                if let Some(entry) = wanted.get_mut(dependency as usize) {
                    *entry = true;
                }
            }
        };
        if let Some(slot) = slots.get(position) {
            mark(slot, &mut wanted);
        }
        for at in (0..wanted.len()).rev() {
            if wanted[at] {
                mark(&slots[at], &mut wanted);
            }
        }
        (0..wanted.len())
            .filter(|&at| wanted[at])
            .filter_map(|at| slots[at].output.clone().map(|output| (slots[at].id.clone(), output)))
            .collect()
    }
}

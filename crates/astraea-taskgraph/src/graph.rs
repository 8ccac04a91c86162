//! The graph: tasks and dependencies, made and grown.
//!
//! A task may depend only on tasks that are there or come with it, so the order of insertion is a topological order;
//! the other modules rely on that.

use std::sync::Arc;

use petgraph::{Direction, graph::DiGraph, graph::NodeIndex};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::{
    Attempt, DependencyPolicy, GraphError, GraphOptions, OnFailure, Task, TaskId, TaskState,
    queue::{ClassIx, Key, Queue},
};

/// One change of state that a call brought about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The task.
    pub task: TaskId,
    /// Before.
    pub from: TaskState,
    /// After.
    pub to: TaskState,
    /// The task whose end decided it, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<TaskId>,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) task: Arc<Task>,
    pub(crate) state: TaskState,
    pub(crate) class: ClassIx,
    /// Dependencies, those that have not ended, and those that succeeded.
    pub(crate) needs: u32,
    pub(crate) waiting: u32,
    pub(crate) ok: u32,
    pub(crate) retries: u32,
    /// Set while it is pending because of a retry.
    pub(crate) delayed_until: Option<u64>,
    pub(crate) because: Option<NodeIndex>,
    pub(crate) attempts: Vec<Attempt>,
}

/// What a saved graph says about a task beyond its definition.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) state: TaskState,
    pub(crate) retries: u32,
    pub(crate) delayed_until: Option<u64>,
    pub(crate) because: Option<TaskId>,
    pub(crate) attempts: Vec<Attempt>,
}

/// Tasks, their dependencies, and where each stands.
///
/// Nothing here runs anything: whoever does asks [`next_startable`](Self::next_startable), says
/// [`start`](Self::start), and reports how it ended with [`succeed`](Self::succeed), [`fail`](Self::fail),
/// [`retry`](Self::retry) or [`cancel`](Self::cancel). Each call answers with all changes of state it brought about,
/// those of dependents included. A call that is refused changes nothing.
///
/// Times are milliseconds that the caller passes in.
#[derive(Clone, Debug)]
pub struct TaskGraph {
    pub(crate) options: GraphOptions,
    pub(crate) graph: DiGraph<Node, ()>,
    pub(crate) index: FxHashMap<TaskId, NodeIndex>,
    pub(crate) queue: Queue,
    pub(crate) counts: [usize; 8],
    pub(crate) attempts: u64,
    pub(crate) budget_used: u32,
    /// A failure stopped the graph ([`OnFailure::StopAll`]).
    pub(crate) stopped_by: Option<NodeIndex>,
}

impl TaskGraph {
    /// An empty graph.
    ///
    /// # Errors
    /// [`GraphError::Invalid`] if `max_parallel` or a cap is 0.
    pub fn new(options: GraphOptions) -> Result<Self, GraphError> {
        if options.max_parallel == 0 {
            return Err(invalid("max_parallel".into(), 0, "it must be at least 1"));
        }
        if let Some((action, _)) = options.action_caps.iter().find(|(_, cap)| **cap == 0) {
            return Err(invalid(
                format!("the cap of action `{action}`"),
                0,
                "it must be at least 1",
            ));
        }
        let queue = Queue::new(options.max_parallel, options.action_caps.clone());
        Ok(Self {
            options,
            graph: DiGraph::new(),
            index: FxHashMap::default(),
            queue,
            counts: [0; 8],
            attempts: 0,
            budget_used: 0,
            stopped_by: None,
        })
    }

    /// Adds one task that depends on tasks which are there, in whatever state.
    ///
    /// # Errors
    /// [`GraphError::DuplicateId`], [`GraphError::UnknownDependency`], [`GraphError::Cycle`] (it depends on itself) or
    /// [`GraphError::Invalid`].
    pub fn add_task<D: Into<TaskId>>(
        &mut self,
        task: Task,
        dependencies: impl IntoIterator<Item = D>,
    ) -> Result<Vec<Change>, GraphError> {
        let dependencies: Vec<TaskId> = dependencies.into_iter().map(Into::into).collect();
        check(&task)?;
        if self.index.contains_key(&task.id) {
            return Err(GraphError::DuplicateId(task.id));
        }
        for dependency in &dependencies {
            if *dependency == task.id {
                return Err(GraphError::Cycle(vec![task.id]));
            }
            if !self.index.contains_key(dependency) {
                return Err(GraphError::UnknownDependency {
                    task: task.id,
                    dependency: dependency.clone(),
                });
            }
        }
        let mut changes = Vec::new();
        self.insert(task, &dependencies, None, &mut changes);
        Ok(changes)
    }

    /// Adds many tasks at once, in any order, all or none. They may depend on each other and on tasks that are there,
    /// in whatever state; a graph may grow so while it runs.
    ///
    /// # Errors
    /// As [`add_task`](Self::add_task); [`GraphError::Cycle`] lists a circle among the new tasks.
    pub fn extend(&mut self, tasks: Vec<(Task, Vec<TaskId>)>) -> Result<Vec<Change>, GraphError> {
        let order = self.order_of(&tasks)?;
        let mut slots: Vec<Option<(Task, Vec<TaskId>)>> = tasks.into_iter().map(Some).collect();
        let mut changes = Vec::new();
        for at in order {
            if let Some((task, dependencies)) = slots[at].take() {
                self.insert(task, &dependencies, None, &mut changes);
            }
        }
        Ok(changes)
    }

    /// Checks what `extend` was given and finds an order in which each task comes after what it depends on.
    pub(crate) fn order_of(&self, tasks: &[(Task, Vec<TaskId>)]) -> Result<Vec<usize>, GraphError> {
        let mut new: FxHashMap<&TaskId, usize> = FxHashMap::default();
        for (at, (task, _)) in tasks.iter().enumerate() {
            check(task)?;
            if self.index.contains_key(&task.id) || new.insert(&task.id, at).is_some() {
                return Err(GraphError::DuplicateId(task.id.clone()));
            }
        }
        let mut missing = vec![0u32; tasks.len()];
        let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); tasks.len()];
        for (at, (task, dependencies)) in tasks.iter().enumerate() {
            for dependency in dependencies {
                if let Some(&on) = new.get(dependency) {
                    missing[at] += 1;
                    needed_by[on].push(at);
                } else if !self.index.contains_key(dependency) {
                    return Err(GraphError::UnknownDependency {
                        task: task.id.clone(),
                        dependency: dependency.clone(),
                    });
                }
            }
        }
        let mut order: Vec<usize> = (0..tasks.len()).filter(|&at| missing[at] == 0).collect();
        let mut done = 0;
        while let Some(&at) = order.get(done) {
            done += 1;
            for &next in &needed_by[at] {
                missing[next] -= 1;
                if missing[next] == 0 {
                    order.push(next);
                }
            }
        }
        if order.len() == tasks.len() {
            return Ok(stable_order(tasks, &new));
        }
        // Every task that is left depends on another that is left: walk until one comes again.
        let left = |at: usize| missing[at] > 0;
        let mut path: Vec<usize> = Vec::new();
        let mut at = (0..tasks.len()).find(|&at| left(at)).unwrap_or(0);
        let mut seen = FxHashSet::default();
        while seen.insert(at) {
            path.push(at);
            let next = tasks[at].1.iter().filter_map(|d| new.get(d).copied()).find(|&d| left(d));
            let Some(next) = next else { break };
            at = next;
        }
        let from = path.iter().position(|&p| p == at).unwrap_or(0);
        Err(GraphError::Cycle(path[from..].iter().map(|&p| tasks[p].0.id.clone()).collect()))
    }

    /// Inserts a task that has been checked.
    pub(crate) fn insert(
        &mut self,
        task: Task,
        dependencies: &[TaskId],
        restored: Option<Restored>,
        changes: &mut Vec<Change>,
    ) -> NodeIndex {
        let class = self.queue.class(&task);
        let id = task.id.clone();
        let node = self.graph.add_node(Node {
            task: Arc::new(task),
            state: TaskState::Pending,
            class,
            needs: 0,
            waiting: 0,
            ok: 0,
            retries: 0,
            delayed_until: None,
            because: None,
            attempts: Vec::new(),
        });
        self.index.insert(id, node);
        self.counts[TaskState::Pending as usize] += 1;

        let (mut needs, mut waiting, mut ok, mut bad) = (0, 0, 0, None);
        let mut seen = FxHashSet::default();
        for dependency in dependencies {
            let Some(&on) = self.index.get(dependency) else { continue };
            if dependencies.len() > 1 && !seen.insert(on) {
                continue;
            }
            self.graph.add_edge(on, node, ());
            needs += 1;
            match self.graph[on].state {
                TaskState::Succeeded => ok += 1,
                state if state.is_final() => bad = bad.or(Some(on)),
                _ => waiting += 1,
            }
        }
        let entry = &mut self.graph[node];
        (entry.needs, entry.waiting, entry.ok) = (needs, waiting, ok);
        if let Some(restored) = restored {
            self.restore(node, restored);
        } else if let Some(stopper) = self.stopped_by {
            self.set(node, TaskState::Aborted, Some(stopper), changes);
        } else if let Some((to, because)) = self.verdict(node, bad) {
            self.set(node, to, because, changes);
        }
        node
    }

    fn restore(&mut self, node: NodeIndex, restored: Restored) {
        let because = restored.because.and_then(|id| self.index.get(&id).copied());
        let entry = &mut self.graph[node];
        entry.retries = restored.retries;
        entry.delayed_until = restored.delayed_until;
        entry.because = because;
        self.attempts += restored.attempts.len() as u64;
        entry.attempts = restored.attempts;
        entry.state = restored.state;
        self.counts[TaskState::Pending as usize] -= 1;
        self.counts[restored.state as usize] += 1;
        let (class, key) = (entry.class, Key::new(&entry.task, node));
        match restored.state {
            TaskState::Ready => self.queue.push(class, key),
            TaskState::Running => self.queue.start(class, &key),
            _ => {}
        }
    }

    /// What a pending task's dependencies make of it, if they have decided. `bad` is one that did not succeed.
    pub(crate) fn verdict(
        &self,
        node: NodeIndex,
        bad: Option<NodeIndex>,
    ) -> Option<(TaskState, Option<NodeIndex>)> {
        let entry = &self.graph[node];
        let lost = entry.needs - entry.waiting - entry.ok;
        let not_run = match (self.options.on_failure, entry.task.policy) {
            (OnFailure::SkipDependents, _) | (_, DependencyPolicy::Skip) => TaskState::Skipped,
            _ => TaskState::Aborted,
        };
        match entry.task.policy {
            DependencyPolicy::ContinueIfAny if entry.waiting > 0 => None,
            DependencyPolicy::ContinueIfAny if entry.needs > 0 && entry.ok == 0 => {
                Some((not_run, bad))
            }
            DependencyPolicy::ContinueIfAny => Some((TaskState::Ready, None)),
            _ if lost > 0 => Some((not_run, bad)),
            _ if entry.waiting == 0 => Some((TaskState::Ready, None)),
            _ => None,
        }
    }

    /// The options it was made with.
    pub fn options(&self) -> &GraphOptions {
        &self.options
    }

    /// How many tasks it holds.
    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// Whether it holds no task.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is such a task.
    pub fn contains(&self, id: &TaskId) -> bool {
        self.index.contains_key(id)
    }

    /// A task's definition.
    pub fn task(&self, id: &TaskId) -> Option<&Arc<Task>> {
        self.node(id).map(|node| &node.task)
    }

    /// All tasks, each after those it depends on.
    pub fn tasks(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.graph.node_weights().map(|node| &node.task)
    }

    /// Where a task stands.
    pub fn state(&self, id: &TaskId) -> Option<TaskState> {
        self.node(id).map(|node| node.state)
    }

    /// The starts of a task so far.
    pub fn attempts(&self, id: &TaskId) -> Option<&[Attempt]> {
        self.node(id).map(|node| node.attempts.as_slice())
    }

    /// How often a task has been retried (charged).
    pub fn retries(&self, id: &TaskId) -> Option<u32> {
        self.node(id).map(|node| node.retries)
    }

    /// What a task depends on, directly, in the order of insertion.
    pub fn dependencies(&self, id: &TaskId) -> Option<Vec<TaskId>> {
        self.neighbours(id, Direction::Incoming)
    }

    /// What depends on a task, directly, in the order of insertion.
    pub fn dependents(&self, id: &TaskId) -> Option<Vec<TaskId>> {
        self.neighbours(id, Direction::Outgoing)
    }

    /// The place of a task in the order of [`tasks`](Self::tasks). Never changes; dependencies have lower places.
    pub fn position(&self, id: &TaskId) -> Option<usize> {
        self.index.get(id).map(|node| node.index())
    }

    /// The places of the tasks that the task at a place depends on, directly; nothing if there is no such place.
    pub fn dependency_positions(&self, position: usize) -> impl Iterator<Item = usize> + '_ {
        let node = NodeIndex::new(position.min(u32::MAX as usize - 1));
        self.graph.neighbors_directed(node, Direction::Incoming).map(NodeIndex::index)
    }

    fn node(&self, id: &TaskId) -> Option<&Node> {
        self.index.get(id).map(|&node| &self.graph[node])
    }

    fn neighbours(&self, id: &TaskId, direction: Direction) -> Option<Vec<TaskId>> {
        let &node = self.index.get(id)?;
        let mut nodes: Vec<NodeIndex> = self.graph.neighbors_directed(node, direction).collect();
        nodes.sort_unstable();
        Some(nodes.into_iter().map(|n| self.graph[n].task.id.clone()).collect())
    }
}

/// The order in which the tasks were given, except that dependencies are moved before what depends on them. There is no
/// cycle.
fn stable_order(tasks: &[(Task, Vec<TaskId>)], index: &FxHashMap<&TaskId, usize>) -> Vec<usize> {
    let mut order = Vec::with_capacity(tasks.len());
    let mut placed = vec![false; tasks.len()];
    let mut stack: Vec<usize> = Vec::new();
    for at in 0..tasks.len() {
        stack.push(at);
        while let Some(&top) = stack.last() {
            let missing = tasks[top].1.iter().filter_map(|d| index.get(d)).find(|&&d| !placed[d]);
            match missing {
                Some(&dependency) if !placed[top] => stack.push(dependency),
                _ => {
                    stack.pop();
                    if !std::mem::replace(&mut placed[top], true) {
                        order.push(top);
                    }
                }
            }
        }
    }
    order
}

fn check(task: &Task) -> Result<(), GraphError> {
    let of = |field: &str| format!("the {field} of task `{}`", task.id);
    if task.id.as_str().is_empty() {
        return Err(invalid("the id of a task".into(), "empty", "give it a name"));
    }
    if task.action.is_empty() {
        return Err(invalid(of("action"), "empty", "name what is to be done"));
    }
    if !task.priority.is_finite() {
        return Err(invalid(of("priority"), task.priority, "it must be a finite number"));
    }
    if !task.cost.is_finite() || task.cost < 0.0 {
        return Err(invalid(of("cost"), task.cost, "it must be a finite number, 0 or more"));
    }
    if task.timeout_ms == 0 {
        return Err(invalid(of("timeout_ms"), 0, "it must be at least 1"));
    }
    Ok(())
}

pub(crate) fn invalid(what: String, value: impl ToString, rule: &'static str) -> GraphError {
    GraphError::Invalid { what, value: value.to_string(), rule }
}

//! The graph: tasks, dependencies, and the transitions between states.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Attempt, Blocked, CriticalPath, GraphError, GraphOptions, Stats, Task, TaskId, TaskState,
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

type Changes = Result<Vec<Change>, GraphError>;

/// Tasks, their dependencies and where each stands.
#[derive(Clone, Debug)]
pub struct TaskGraph {
    options: GraphOptions,
}

#[expect(missing_docs, reason = "skeleton")]
#[expect(unused_variables, reason = "skeleton")]
#[expect(clippy::todo, clippy::missing_errors_doc, reason = "skeleton")]
impl TaskGraph {
    pub fn new(options: GraphOptions) -> Result<Self, GraphError> {
        todo!()
    }
    /// Adds one task that depends on tasks which are there.
    pub fn add_task<D: Into<TaskId>>(
        &mut self,
        task: Task,
        dependencies: impl IntoIterator<Item = D>,
    ) -> Changes {
        todo!()
    }
    /// Adds many at once, in any order, all or none; also while the graph runs.
    pub fn extend(&mut self, tasks: Vec<(Task, Vec<TaskId>)>) -> Changes {
        todo!()
    }
    pub fn options(&self) -> &GraphOptions {
        &self.options
    }
    pub fn len(&self) -> usize {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        todo!()
    }
    pub fn contains(&self, id: &TaskId) -> bool {
        todo!()
    }
    pub fn task(&self, id: &TaskId) -> Option<&Arc<Task>> {
        todo!()
    }
    /// In topological order.
    pub fn tasks(&self) -> impl Iterator<Item = &Arc<Task>> {
        std::iter::empty()
    }
    pub fn state(&self, id: &TaskId) -> Option<TaskState> {
        todo!()
    }
    pub fn attempts(&self, id: &TaskId) -> Option<&[Attempt]> {
        todo!()
    }
    pub fn retries(&self, id: &TaskId) -> Option<u32> {
        todo!()
    }
    pub fn dependencies(&self, id: &TaskId) -> Option<Vec<TaskId>> {
        todo!()
    }
    pub fn dependents(&self, id: &TaskId) -> Option<Vec<TaskId>> {
        todo!()
    }
    /// Ready tasks in order (whether or not a cap or lock is in the way now).
    pub fn ready(&self) -> Vec<TaskId> {
        todo!()
    }
    /// The first ready task that caps and locks allow to start now.
    pub fn next_startable(&mut self) -> Option<TaskId> {
        todo!()
    }
    pub fn is_finished(&self) -> bool {
        todo!()
    }
    /// Every task succeeded.
    pub fn is_success(&self) -> bool {
        todo!()
    }
    pub fn start(&mut self, id: &TaskId, now_ms: u64) -> Changes {
        todo!()
    }
    pub fn succeed(&mut self, id: &TaskId, now_ms: u64) -> Changes {
        todo!()
    }
    pub fn fail(&mut self, id: &TaskId, now_ms: u64, error: &str) -> Changes {
        todo!()
    }
    /// running → pending, charged to the task and to the graph.
    pub fn retry(&mut self, id: &TaskId, now_ms: u64, error: &str, not_before_ms: u64) -> Changes {
        todo!()
    }
    /// Ends the delay of a retry: pending → ready.
    pub fn wake(&mut self, id: &TaskId) -> Changes {
        todo!()
    }
    /// running → ready without a charge (a crash cut it short).
    pub fn requeue(&mut self, id: &TaskId, now_ms: u64, why: &str) -> Changes {
        todo!()
    }
    pub fn cancel(&mut self, id: &TaskId, now_ms: u64, why: &str) -> Changes {
        todo!()
    }
    /// All that have not started become cancelled.
    pub fn cancel_waiting(&mut self) -> Vec<Change> {
        todo!()
    }
    /// All that have not started become aborted.
    pub fn abort_waiting(&mut self) -> Vec<Change> {
        todo!()
    }
    /// A limit for an action on top of its cap; 0 holds it back; none lifts it.
    pub fn limit_action(&mut self, action: &str, limit: Option<usize>) {
        todo!()
    }
    pub fn stats(&self) -> Stats {
        todo!()
    }
    pub fn why_blocked(&self, id: &TaskId) -> Result<Vec<Blocked>, GraphError> {
        todo!()
    }
    pub fn critical_path(&self) -> CriticalPath {
        todo!()
    }
    pub fn to_dot(&self) -> String {
        todo!()
    }
    pub fn to_mermaid(&self) -> String {
        todo!()
    }
    pub fn to_ascii(&self) -> String {
        todo!()
    }
    pub fn to_json(&self) -> serde_json::Value {
        todo!()
    }
    pub fn from_json(value: serde_json::Value) -> Result<Self, GraphError> {
        todo!()
    }
}

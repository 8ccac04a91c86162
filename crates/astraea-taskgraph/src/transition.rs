//! The transitions: every arrow of the picture at [`TaskState`] is one method here.

use petgraph::graph::NodeIndex;

use crate::{
    Attempt, AttemptEnd, Change, GraphError, OnFailure, TaskGraph, TaskId, TaskState,
    queue::{Key, Obstacle},
};

impl TaskGraph {
    /// All ready tasks in order: priority high, deadline early, cost low, id. Caps and locks are not looked at.
    ///
    /// Costs time in proportion to the ready tasks; use [`next_startable`](Self::next_startable) to run a graph.
    pub fn ready(&self) -> Vec<TaskId> {
        self.queue.in_order().into_iter().map(|key| key.id.clone()).collect()
    }

    /// The first ready task that `max_parallel`, caps, limits and locks allow to start now.
    ///
    /// A task whose lock is taken does not keep later ones from starting.
    pub fn next_startable(&mut self) -> Option<TaskId> {
        let node = self.queue.first_startable()?;
        Some(self.graph[node].task.id.clone())
    }

    /// ready → running; a new attempt begins.
    ///
    /// # Errors
    /// [`GraphError::NotStartable`] if a cap, a limit or a lock is in the way, [`GraphError::UnknownTask`],
    /// [`GraphError::IllegalTransition`].
    pub fn start(&mut self, id: &TaskId, now_ms: u64) -> Result<Vec<Change>, GraphError> {
        let node = self.expect(id, TaskState::Ready, TaskState::Running)?;
        if let Some(obstacle) = self.queue.obstacle(self.graph[node].class) {
            let reason = match obstacle {
                Obstacle::MaxParallel(max) => format!("{max} tasks run already"),
                Obstacle::Held => "its action is held back".to_owned(),
                Obstacle::Cap(cap) => format!("{cap} tasks of its action run already"),
                Obstacle::Lock(_) => {
                    "a running task reads or writes what it writes, or writes what it reads".into()
                }
            };
            return Err(GraphError::NotStartable { task: id.clone(), reason });
        }
        let mut changes = Vec::with_capacity(1);
        self.set(node, TaskState::Running, None, &mut changes);
        let entry = &mut self.graph[node];
        let number = entry.attempts.last().map_or(1, |last| last.number.saturating_add(1));
        entry.attempts.push(Attempt {
            number,
            started_ms: now_ms,
            ended_ms: None,
            end: None,
            error: None,
        });
        self.attempts += 1;
        Ok(changes)
    }

    /// running → succeeded; dependents may become ready.
    ///
    /// # Errors
    /// [`GraphError::UnknownTask`], [`GraphError::IllegalTransition`].
    pub fn succeed(&mut self, id: &TaskId, now_ms: u64) -> Result<Vec<Change>, GraphError> {
        let node = self.expect(id, TaskState::Running, TaskState::Succeeded)?;
        self.end_attempt(node, now_ms, AttemptEnd::Succeeded, None);
        let mut changes = Vec::new();
        self.set(node, TaskState::Succeeded, None, &mut changes);
        self.settle(node, &mut changes);
        Ok(changes)
    }

    /// running → failed, for good; what that means for others is up to their policies and to
    /// [`OnFailure`](crate::OnFailure).
    ///
    /// # Errors
    /// [`GraphError::UnknownTask`], [`GraphError::IllegalTransition`].
    pub fn fail(
        &mut self,
        id: &TaskId,
        now_ms: u64,
        error: &str,
    ) -> Result<Vec<Change>, GraphError> {
        let node = self.expect(id, TaskState::Running, TaskState::Failed)?;
        self.end_attempt(node, now_ms, AttemptEnd::Failed, Some(error));
        let mut changes = Vec::new();
        self.set(node, TaskState::Failed, None, &mut changes);
        self.settle(node, &mut changes);
        if self.options.on_failure == OnFailure::StopAll {
            self.stopped_by.get_or_insert(node);
            self.drop_waiting(TaskState::Aborted, Some(node), &mut changes);
        }
        Ok(changes)
    }

    /// Whether [`retry`](Self::retry) would be granted.
    ///
    /// # Errors
    /// The refusal it would give.
    pub fn may_retry(&self, id: &TaskId) -> Result<(), GraphError> {
        let node = self.expect(id, TaskState::Running, TaskState::Pending)?;
        let entry = &self.graph[node];
        if entry.retries >= entry.task.max_retries {
            return Err(GraphError::RetriesExhausted {
                task: id.clone(),
                max_retries: entry.task.max_retries,
            });
        }
        if self.budget_used >= self.options.retry_budget {
            return Err(GraphError::BudgetExhausted {
                task: id.clone(),
                budget: self.options.retry_budget,
            });
        }
        if let Some(by) = self.stopped_by {
            return Err(GraphError::Stopped {
                task: id.clone(),
                by: self.graph[by].task.id.clone(),
            });
        }
        Ok(())
    }

    /// running → pending: the attempt failed and another follows. Charges one retry to the task and one token to the
    /// graph. The task stays pending until [`wake`](Self::wake); `not_before_ms` is only remembered.
    ///
    /// # Errors
    /// [`GraphError::RetriesExhausted`], [`GraphError::BudgetExhausted`], [`GraphError::Stopped`] (the task is still
    /// running then: say [`fail`](Self::fail)), [`GraphError::UnknownTask`], [`GraphError::IllegalTransition`].
    pub fn retry(
        &mut self,
        id: &TaskId,
        now_ms: u64,
        error: &str,
        not_before_ms: u64,
    ) -> Result<Vec<Change>, GraphError> {
        self.may_retry(id)?;
        let node = self.expect(id, TaskState::Running, TaskState::Pending)?;
        self.end_attempt(node, now_ms, AttemptEnd::Retried, Some(error));
        let entry = &mut self.graph[node];
        entry.retries += 1;
        entry.delayed_until = Some(not_before_ms);
        self.budget_used += 1;
        let mut changes = Vec::with_capacity(1);
        self.set(node, TaskState::Pending, None, &mut changes);
        Ok(changes)
    }

    /// pending → ready: the delay of a retry is over.
    ///
    /// # Errors
    /// [`GraphError::IllegalTransition`] if the task does not wait for a delay, [`GraphError::UnknownTask`].
    pub fn wake(&mut self, id: &TaskId) -> Result<Vec<Change>, GraphError> {
        let node = self.expect(id, TaskState::Pending, TaskState::Ready)?;
        if self.graph[node].delayed_until.take().is_none() {
            return Err(illegal(id, TaskState::Pending, TaskState::Ready));
        }
        let mut changes = Vec::with_capacity(1);
        self.set(node, TaskState::Ready, None, &mut changes);
        Ok(changes)
    }

    /// running → ready without a charge: a crash or a stop cut the attempt short.
    ///
    /// # Errors
    /// [`GraphError::UnknownTask`], [`GraphError::IllegalTransition`].
    pub fn requeue(
        &mut self,
        id: &TaskId,
        now_ms: u64,
        why: &str,
    ) -> Result<Vec<Change>, GraphError> {
        let node = self.expect(id, TaskState::Running, TaskState::Ready)?;
        self.end_attempt(node, now_ms, AttemptEnd::Interrupted, Some(why));
        let mut changes = Vec::with_capacity(1);
        self.set(node, TaskState::Ready, None, &mut changes);
        Ok(changes)
    }

    /// pending, ready or running → cancelled. Dependents fare as after a failure.
    ///
    /// # Errors
    /// [`GraphError::UnknownTask`], [`GraphError::IllegalTransition`].
    pub fn cancel(
        &mut self,
        id: &TaskId,
        now_ms: u64,
        why: &str,
    ) -> Result<Vec<Change>, GraphError> {
        let &node = self.index.get(id).ok_or_else(|| GraphError::UnknownTask(id.clone()))?;
        let state = self.graph[node].state;
        if state.is_final() {
            return Err(illegal(id, state, TaskState::Cancelled));
        }
        if state == TaskState::Running {
            self.end_attempt(node, now_ms, AttemptEnd::Cancelled, Some(why));
        }
        let mut changes = Vec::new();
        self.set(node, TaskState::Cancelled, None, &mut changes);
        self.settle(node, &mut changes);
        Ok(changes)
    }

    /// All tasks that are pending or ready become cancelled. Running ones are left to their ends.
    pub fn cancel_waiting(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        self.drop_waiting(TaskState::Cancelled, None, &mut changes);
        changes
    }

    /// All tasks that are pending or ready become aborted. Running ones are left to their ends.
    pub fn abort_waiting(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        self.drop_waiting(TaskState::Aborted, None, &mut changes);
        changes
    }

    /// Sets a limit for an action beside its cap: 0 holds its ready tasks back, none lifts the limit. It is not part of
    /// what is serialised.
    pub fn limit_action(&mut self, action: &str, limit: Option<usize>) {
        self.queue.limit(action, limit);
    }

    /// Whether every task has ended.
    pub fn is_finished(&self) -> bool {
        self.counts[..3].iter().all(|count| *count == 0)
    }

    /// Whether every task has succeeded.
    pub fn is_success(&self) -> bool {
        self.counts[TaskState::Succeeded as usize] == self.len()
    }

    fn expect(&self, id: &TaskId, from: TaskState, to: TaskState) -> Result<NodeIndex, GraphError> {
        let &node = self.index.get(id).ok_or_else(|| GraphError::UnknownTask(id.clone()))?;
        let state = self.graph[node].state;
        if state == from { Ok(node) } else { Err(illegal(id, state, to)) }
    }

    fn end_attempt(&mut self, node: NodeIndex, now_ms: u64, end: AttemptEnd, error: Option<&str>) {
        if let Some(attempt) = self.graph[node].attempts.last_mut() {
            attempt.ended_ms = Some(now_ms);
            attempt.end = Some(end);
            attempt.error = error.map(str::to_owned);
        }
    }

    /// Changes a state and keeps counts, queue and locks in step. The arrow has been checked.
    pub(crate) fn set(
        &mut self,
        node: NodeIndex,
        to: TaskState,
        because: Option<NodeIndex>,
        changes: &mut Vec<Change>,
    ) {
        let because_id = because.map(|by| self.graph[by].task.id.clone());
        let entry = &mut self.graph[node];
        let from = entry.state;
        debug_assert!(from.may_become(to), "{from} to {to}");
        entry.state = to;
        entry.because = because;
        if to != TaskState::Pending {
            entry.delayed_until = None;
        }
        let class = entry.class;
        match (from, to) {
            (TaskState::Ready, TaskState::Running) => {
                let key = Key::new(&entry.task, node);
                self.queue.start(class, &key);
            }
            (TaskState::Ready, _) => {
                let key = Key::new(&entry.task, node);
                self.queue.remove(class, &key);
            }
            (TaskState::Running, _) => self.queue.finish(class),
            _ => {}
        }
        if to == TaskState::Ready {
            let key = Key::new(&self.graph[node].task, node);
            self.queue.push(class, key);
        }
        self.counts[from as usize] -= 1;
        self.counts[to as usize] += 1;
        let task = self.graph[node].task.id.clone();
        changes.push(Change { task, from, to, because: because_id });
    }

    /// Tells the dependents of a task that ended, and theirs in turn where the news ends them.
    fn settle(&mut self, node: NodeIndex, changes: &mut Vec<Change>) {
        let mut ended = vec![node];
        while let Some(node) = ended.pop() {
            let succeeded = self.graph[node].state == TaskState::Succeeded;
            let first = changes.len();
            let mut edges = self.graph.neighbors(node).detach();
            while let Some(next) = edges.next_node(&self.graph) {
                let entry = &mut self.graph[next];
                entry.waiting = entry.waiting.saturating_sub(1);
                entry.ok += u32::from(succeeded);
                if entry.state != TaskState::Pending || entry.delayed_until.is_some() {
                    continue;
                }
                if let Some((to, because)) = self.verdict(next, Some(node)) {
                    self.set(next, to, because, changes);
                    if to.is_final() {
                        ended.push(next);
                    }
                }
            }
            // The graph hands out the newest edge first; report in the order of insertion.
            changes[first..].reverse();
        }
    }

    fn drop_waiting(
        &mut self,
        to: TaskState,
        because: Option<NodeIndex>,
        changes: &mut Vec<Change>,
    ) {
        let waiting: Vec<NodeIndex> = self
            .graph
            .node_indices()
            .filter(|&n| matches!(self.graph[n].state, TaskState::Pending | TaskState::Ready))
            .collect();
        for &node in &waiting {
            self.set(node, to, because, changes);
        }
        // All of them have ended the same way; their dependents are among them or have ended before.
        for node in waiting {
            let mut edges = self.graph.neighbors(node).detach();
            while let Some(next) = edges.next_node(&self.graph) {
                let entry = &mut self.graph[next];
                entry.waiting = entry.waiting.saturating_sub(1);
            }
        }
    }
}

fn illegal(task: &TaskId, from: TaskState, to: TaskState) -> GraphError {
    GraphError::IllegalTransition { task: task.clone(), from, to }
}

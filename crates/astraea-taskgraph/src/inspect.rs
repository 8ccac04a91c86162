//! Questions one asks a graph.

use petgraph::{Direction, graph::NodeIndex};
use serde::{Deserialize, Serialize};

use crate::{
    GraphError, TaskGraph, TaskId, TaskState,
    graph::Node,
    queue::{Key, Obstacle},
};

/// How many tasks stand where. The eight states add up to `total`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// All tasks.
    pub total: usize,
    /// Waiting for dependencies or a retry delay.
    pub pending: usize,
    /// Free to start.
    pub ready: usize,
    /// Started and not ended.
    pub running: usize,
    /// Ended well.
    pub succeeded: usize,
    /// Ended badly.
    pub failed: usize,
    /// Never ran to an end, because something failed or stopped.
    pub aborted: usize,
    /// Never ran, without harm.
    pub skipped: usize,
    /// Called off.
    pub cancelled: usize,
    /// Attempts started, over all tasks.
    pub attempts: u64,
    /// Retries charged, over all tasks.
    pub retries: u32,
    /// Retry tokens left in the graph's budget.
    pub budget_left: u32,
}

/// One reason why a task does not run now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Blocked {
    /// It waits for these, which have not ended.
    Dependencies {
        /// The dependencies that have not ended.
        waiting_for: Vec<TaskId>,
    },
    /// It waits for its retry delay.
    Delayed {
        /// Until when, as the caller gave it.
        until_ms: u64,
    },
    /// As many tasks of its action run as may.
    ActionCap {
        /// The action.
        action: String,
        /// The cap in force.
        cap: usize,
    },
    /// Its action is held back (an open breaker).
    ActionHeld {
        /// The action.
        action: String,
    },
    /// A running task reads or writes what it writes, or writes what it reads.
    Lock {
        /// The running task.
        holder: TaskId,
    },
    /// As many tasks run as may.
    MaxParallel {
        /// The limit in force.
        max: usize,
    },
    /// Others come first.
    Queue {
        /// The one at the head.
        first: TaskId,
    },
    /// It has ended.
    Ended {
        /// How.
        state: TaskState,
        /// The task whose end decided it, if it was another.
        because: Option<TaskId>,
    },
}

/// The chain of tasks that costs most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CriticalPath {
    /// From the first to the last.
    pub tasks: Vec<TaskId>,
    /// The sum of their costs.
    pub cost: f64,
}

impl TaskGraph {
    /// How many tasks stand where. Kept up to date by every transition, so it costs nothing to ask.
    pub fn stats(&self) -> Stats {
        let count = |state: TaskState| self.counts[state as usize];
        Stats {
            total: self.len(),
            pending: count(TaskState::Pending),
            ready: count(TaskState::Ready),
            running: count(TaskState::Running),
            succeeded: count(TaskState::Succeeded),
            failed: count(TaskState::Failed),
            aborted: count(TaskState::Aborted),
            skipped: count(TaskState::Skipped),
            cancelled: count(TaskState::Cancelled),
            attempts: self.attempts,
            retries: self.budget_used,
            budget_left: self.options.retry_budget.saturating_sub(self.budget_used),
        }
    }

    /// Why a task does not run now; empty if it runs, or if it could be started at once.
    ///
    /// # Errors
    /// [`GraphError::UnknownTask`].
    pub fn why_blocked(&self, id: &TaskId) -> Result<Vec<Blocked>, GraphError> {
        let &at = self.index.get(id).ok_or_else(|| GraphError::UnknownTask(id.clone()))?;
        let node = &self.graph[at];
        Ok(match node.state {
            TaskState::Running => Vec::new(),
            TaskState::Pending => self.why_pending(at, node),
            TaskState::Ready => self.why_waiting(at, node),
            state => vec![Blocked::Ended { state, because: node.because.map(|n| self.id(n)) }],
        })
    }

    fn why_pending(&self, at: NodeIndex, node: &Node) -> Vec<Blocked> {
        if let Some(until_ms) = node.delayed_until {
            return vec![Blocked::Delayed { until_ms }];
        }
        let mut waiting: Vec<NodeIndex> = self
            .graph
            .neighbors_directed(at, Direction::Incoming)
            .filter(|&n| !self.graph[n].state.is_final())
            .collect();
        waiting.sort_unstable();
        vec![Blocked::Dependencies {
            waiting_for: waiting.into_iter().map(|n| self.id(n)).collect(),
        }]
    }

    fn why_waiting(&self, at: NodeIndex, node: &Node) -> Vec<Blocked> {
        let action = node.task.action.clone();
        match self.queue.obstacle(node.class) {
            Some(Obstacle::MaxParallel(max)) => vec![Blocked::MaxParallel { max }],
            Some(Obstacle::Held) => vec![Blocked::ActionHeld { action }],
            Some(Obstacle::Cap(cap)) => vec![Blocked::ActionCap { action, cap }],
            Some(Obstacle::Lock(lock)) => self
                .graph
                .node_weights()
                .filter(|n| n.state == TaskState::Running && self.queue.lock_of(n.class) == lock)
                .map(|n| Blocked::Lock { holder: n.task.id.clone() })
                .collect(),
            None => {
                // Free to start; say who comes first, if somebody does.
                let first = self
                    .queue
                    .in_order()
                    .into_iter()
                    .find(|key| self.queue.obstacle(self.graph[key.node].class).is_none());
                match first {
                    Some(Key { node: first, id, .. }) if *first != at => {
                        vec![Blocked::Queue { first: id.clone() }]
                    }
                    _ => Vec::new(),
                }
            }
        }
    }

    /// The chain of dependent tasks whose costs add up to most: nothing can make the graph end before it does.
    pub fn critical_path(&self) -> CriticalPath {
        // Indices are a topological order.
        let mut best: Vec<(f64, Option<NodeIndex>)> = Vec::with_capacity(self.len());
        let mut last: Option<NodeIndex> = None;
        for at in self.graph.node_indices() {
            let mut from: (f64, Option<NodeIndex>) = (0.0, None);
            for on in self.graph.neighbors_directed(at, Direction::Incoming) {
                let cost = best[on.index()].0;
                if from.1.is_none_or(|old| cost > from.0 || (cost == from.0 && on < old)) {
                    from = (cost, Some(on));
                }
            }
            best.push((from.0 + self.graph[at].task.cost, from.1));
            if last.is_none_or(|l| best[at.index()].0 > best[l.index()].0) {
                last = Some(at);
            }
        }
        let cost = last.map_or(0.0, |l| best[l.index()].0);
        let mut tasks = Vec::new();
        while let Some(at) = last {
            tasks.push(self.id(at));
            last = best[at.index()].1;
        }
        tasks.reverse();
        CriticalPath { tasks, cost }
    }

    pub(crate) fn id(&self, at: NodeIndex) -> TaskId {
        self.graph[at].task.id.clone()
    }
}

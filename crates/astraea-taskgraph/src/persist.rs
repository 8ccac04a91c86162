//! The graph as data: JSON and back, and the idempotency key of a task.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    Attempt, GraphError, GraphOptions, Task, TaskGraph, TaskId, TaskState,
    graph::{Restored, invalid},
};

#[derive(Serialize, Deserialize)]
struct Saved {
    #[serde(default)]
    options: GraphOptions,
    #[serde(default)]
    tasks: Vec<SavedTask>,
    #[serde(default, skip_serializing_if = "is_zero")]
    budget_used: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stopped_by: Option<TaskId>,
}

#[derive(Serialize, Deserialize)]
struct SavedTask {
    #[serde(flatten)]
    task: Task,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dependencies: Vec<TaskId>,
    /// Left out while it follows from the dependencies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<TaskState>,
    #[serde(default, skip_serializing_if = "is_zero")]
    retries: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delayed_until_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    because: Option<TaskId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<Attempt>,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl TaskGraph {
    /// The graph as JSON, states and attempts included. [`from_json`](Self::from_json) reads it.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// The graph that [`to_json`](Self::to_json) wrote, or one written by hand: of a task only `id` and `action` are
    /// needed, and tasks may stand in any order.
    ///
    /// # Errors
    /// As [`extend`](Self::extend); [`GraphError::Invalid`] if it does not have the shape, or if states contradict each
    /// other.
    pub fn from_json(value: Value) -> Result<Self, GraphError> {
        let saved: Saved = serde_json::from_value(value).map_err(|error| {
            invalid("the JSON of a graph".into(), error, "write it as `to_json` does")
        })?;
        Self::from_saved(saved)
    }

    fn to_saved(&self) -> Saved {
        let tasks = self.graph.node_indices().map(|at| {
            let node = &self.graph[at];
            let fresh = node.attempts.is_empty()
                && matches!(node.state, TaskState::Pending | TaskState::Ready);
            SavedTask {
                task: Task::clone(&node.task),
                dependencies: self.dependencies(&node.task.id).unwrap_or_default(),
                state: (!fresh).then_some(node.state),
                retries: node.retries,
                delayed_until_ms: node.delayed_until,
                because: node.because.map(|by| self.id(by)),
                attempts: node.attempts.clone(),
            }
        });
        Saved {
            options: self.options.clone(),
            tasks: tasks.collect(),
            budget_used: self.budget_used,
            stopped_by: self.stopped_by.map(|by| self.id(by)),
        }
    }

    fn from_saved(saved: Saved) -> Result<Self, GraphError> {
        let mut graph = Self::new(saved.options)?;
        let mut states = Vec::with_capacity(saved.tasks.len());
        let mut tasks = Vec::with_capacity(saved.tasks.len());
        for saved in saved.tasks {
            states.push(saved.state.map(|state| Restored {
                state,
                retries: saved.retries,
                delayed_until: saved.delayed_until_ms,
                because: saved.because,
                attempts: saved.attempts,
            }));
            tasks.push((saved.task, saved.dependencies));
        }
        let order = graph.order_of(&tasks)?;
        let mut slots: Vec<Option<(Task, Vec<TaskId>)>> = tasks.into_iter().map(Some).collect();
        for at in order {
            let Some((task, dependencies)) = slots[at].take() else { continue };
            let restored = states[at].take();
            let was_restored = restored.is_some();
            let node = graph.insert(task, &dependencies, restored, &mut Vec::new());
            if was_restored && !graph.is_coherent(node) {
                return Err(invalid(
                    format!("the state of task `{}`", graph.id(node)),
                    graph.graph[node].state,
                    "it must fit the states of its dependencies",
                ));
            }
        }
        graph.budget_used = saved.budget_used;
        graph.stopped_by = match saved.stopped_by {
            Some(id) => Some(*graph.index.get(&id).ok_or(GraphError::UnknownTask(id))?),
            None => None,
        };
        Ok(graph)
    }

    /// Whether a task can have come to its state by legal transitions.
    fn is_coherent(&self, at: petgraph::graph::NodeIndex) -> bool {
        let node = &self.graph[at];
        let verdict = self.verdict(at, None).map(|(state, _)| state);
        match node.state {
            TaskState::Pending if node.delayed_until.is_some() => verdict == Some(TaskState::Ready),
            TaskState::Pending => verdict.is_none(),
            TaskState::Ready => verdict == Some(TaskState::Ready),
            TaskState::Running => {
                verdict == Some(TaskState::Ready)
                    && node.attempts.last().is_some_and(|last| last.end.is_none())
            }
            TaskState::Succeeded | TaskState::Failed => {
                verdict == Some(TaskState::Ready) && !node.attempts.is_empty()
            }
            TaskState::Aborted | TaskState::Skipped | TaskState::Cancelled => true,
        }
    }
}

impl Serialize for TaskGraph {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_saved().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TaskGraph {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_saved(Saved::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

pub(crate) fn idempotency_key(task: &Task) -> String {
    let mut text = String::new();
    let globs = |globs: &[String]| {
        let mut globs: Vec<&str> = globs.iter().map(String::as_str).collect();
        globs.sort_unstable();
        globs.dedup();
        Value::from(globs)
    };
    let (reads, writes) = (globs(&task.reads), globs(&task.writes));
    write_canonical(
        &Value::Array(vec![
            Value::from(task.action.as_str()),
            task.args.clone(),
            reads,
            writes,
            Value::from(task.version),
        ]),
        &mut text,
    );
    let digest = Sha256::digest(text.as_bytes());
    let mut hex = String::with_capacity(64);
    for byte in digest {
        for nibble in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    hex
}

/// JSON with the keys of every object in order.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (n, (key, item)) in entries.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(item, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

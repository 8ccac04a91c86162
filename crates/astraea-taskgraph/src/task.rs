//! What a task is: plain data, written once and never changed by the graph.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The name of a task, unique in its graph. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(Arc<str>);

impl TaskId {
    /// Makes an id of any string; the graph refuses an empty one.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({:?})", &*self.0)
    }
}

impl From<&str> for TaskId {
    fn from(id: &str) -> Self {
        Self::new(id)
    }
}

impl From<String> for TaskId {
    fn from(id: String) -> Self {
        Self::new(id)
    }
}

impl AsRef<str> for TaskId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// What becomes of a task when one of its dependencies does not succeed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DependencyPolicy {
    /// It is aborted as soon as one dependency has ended in anything but success.
    #[default]
    Abort,
    /// It is skipped as soon as one dependency has ended in anything but success.
    Skip,
    /// It waits for all of them and runs if at least one succeeded; if none did, it is aborted.
    ContinueIfAny,
}

/// One unit of work.
///
/// ```
/// use astraea_taskgraph::{DependencyPolicy, Task};
///
/// let task = Task::new("test", "run_tests")
///     .with_args(serde_json::json!({ "scope": "unit" }))
///     .with_reads(["**"])
///     .with_policy(DependencyPolicy::Skip);
/// assert_eq!(task.max_retries, 3);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Unique in its graph.
    pub id: TaskId,
    /// For people; the id if nothing better was given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Which executor does it.
    pub action: String,
    /// Parameters of the action.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub args: Value,
    /// Globs of the paths it reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    /// Globs of the paths it writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
    /// Higher runs first. Default 0.5.
    #[serde(default = "default_priority", skip_serializing_if = "is_default_priority")]
    pub priority: f64,
    /// Lower runs first among equals; also the length of the task on the critical path. Default 1.
    #[serde(default = "default_cost", skip_serializing_if = "is_default_cost")]
    pub cost: f64,
    /// Wall-clock milliseconds that one attempt may take. Default 300 000.
    #[serde(default = "default_timeout", skip_serializing_if = "is_default_timeout")]
    pub timeout_ms: u64,
    /// How often it may be retried after its first attempt. Default 3.
    #[serde(default = "default_retries", skip_serializing_if = "is_default_retries")]
    pub max_retries: u32,
    /// When it ought to be done, milliseconds since 1970. Orders ready tasks; enforces nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// What becomes of it when a dependency does not succeed.
    #[serde(default, skip_serializing_if = "is_default_policy")]
    pub policy: DependencyPolicy,
    /// Part of the idempotency key: raise it to have the same work count as new work.
    #[serde(default = "default_version", skip_serializing_if = "is_default_version")]
    pub version: u32,
}

const fn default_priority() -> f64 {
    0.5
}
const fn default_cost() -> f64 {
    1.0
}
const fn default_timeout() -> u64 {
    300_000
}
const fn default_retries() -> u32 {
    3
}
const fn default_version() -> u32 {
    1
}
fn is_default_priority(v: &f64) -> bool {
    *v == default_priority()
}
fn is_default_cost(v: &f64) -> bool {
    *v == default_cost()
}
fn is_default_timeout(v: &u64) -> bool {
    *v == default_timeout()
}
fn is_default_retries(v: &u32) -> bool {
    *v == default_retries()
}
fn is_default_version(v: &u32) -> bool {
    *v == default_version()
}
fn is_default_policy(v: &DependencyPolicy) -> bool {
    *v == DependencyPolicy::default()
}

impl Task {
    /// A task with the defaults, without arguments, reading and writing nothing.
    pub fn new(id: impl Into<TaskId>, action: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: String::new(),
            action: action.into(),
            args: Value::Null,
            reads: Vec::new(),
            writes: Vec::new(),
            priority: default_priority(),
            cost: default_cost(),
            timeout_ms: default_timeout(),
            max_retries: default_retries(),
            deadline_ms: None,
            policy: DependencyPolicy::default(),
            version: default_version(),
        }
    }

    /// The name for people: [`name`](Self::name), or the id where that is empty.
    pub fn title(&self) -> &str {
        if self.name.is_empty() { self.id.as_str() } else { &self.name }
    }

    /// Sets the name for people.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the arguments.
    #[must_use]
    pub fn with_args(mut self, args: Value) -> Self {
        self.args = args;
        self
    }

    /// Sets the globs it reads.
    #[must_use]
    pub fn with_reads<S: Into<String>>(mut self, globs: impl IntoIterator<Item = S>) -> Self {
        self.reads = globs.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the globs it writes.
    #[must_use]
    pub fn with_writes<S: Into<String>>(mut self, globs: impl IntoIterator<Item = S>) -> Self {
        self.writes = globs.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the priority; higher runs first.
    #[must_use]
    pub fn with_priority(mut self, priority: f64) -> Self {
        self.priority = priority;
        self
    }

    /// Sets the cost; lower runs first among equals.
    #[must_use]
    pub fn with_cost(mut self, cost: f64) -> Self {
        self.cost = cost;
        self
    }

    /// Sets the time that one attempt may take, in milliseconds.
    #[must_use]
    pub fn with_timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.timeout_ms = timeout_ms;
        self
    }

    /// Sets how often it may be retried.
    #[must_use]
    pub fn with_max_retries(mut self, max_retries: u32) -> Self {
        self.max_retries = max_retries;
        self
    }

    /// Sets the deadline, milliseconds since 1970.
    #[must_use]
    pub fn with_deadline_ms(mut self, deadline_ms: u64) -> Self {
        self.deadline_ms = Some(deadline_ms);
        self
    }

    /// Sets what becomes of it when a dependency does not succeed.
    #[must_use]
    pub fn with_policy(mut self, policy: DependencyPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the version.
    #[must_use]
    pub fn with_version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// A SHA-256, in hex, of what the task does: action, arguments, reads, writes and version.
    ///
    /// Two tasks with the same key do the same work. The id, the name, the order of object keys in the
    /// arguments and the order of the globs make no difference; the order of an array does.
    pub fn idempotency_key(&self) -> String {
        crate::persist::idempotency_key(self)
    }
}

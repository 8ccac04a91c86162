//! What a task may come to.

use std::fmt;

use astraea_taskgraph::{Task, TaskId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What kind of failure it was. Serialised as its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ErrorClass {
    /// No executor for the action, or arguments that make no sense.
    ConfigError,
    /// The executor's `admit` said no.
    AdmitRejected,
    /// The executor's `preflight` said no.
    PreflightRejected,
    /// The work was done, and `postcondition` found it wanting.
    PostconditionFailed,
    /// Tests ran and failed. An answer, never retried.
    TestFailure,
    /// A command ran and failed. An answer, not retried (one that could not be spawned is [`Transient`](Self::Transient)).
    CommandFailure,
    /// It took longer than it may.
    TimeoutError,
    /// An edit was refused or could not be made.
    ModificationError,
    /// It cannot be done here: a service, a network or a tool is missing.
    Environment,
    /// No edit was found that makes the tests pass.
    NoPatch,
    /// Several edits pass and disagree.
    Ambiguous,
    /// Only a start that fails its tests was made.
    Scaffold,
    /// A budget of the work's own (calls of a model, tokens) is used up. The run ends, and can be resumed.
    Budget,
    /// A service that the work rests on (a model provider) does not answer, after all its own retries. The run ends, and
    /// can be resumed.
    Provider,
    /// A person has to decide before it can go on.
    NeedsApproval,
    /// It may well work the next time (spawn, network, provider). The only class that is retried.
    Transient,
    /// The executor panicked.
    Panicked,
    /// Called off.
    Cancelled,
}

impl ErrorClass {
    /// Whether trying again may help.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Transient)
    }

    /// Whether the work itself is not at fault, and the same task can be done when the run is resumed: its failure ends
    /// the run as [`RunStatus::BudgetExhausted`](crate::RunStatus::BudgetExhausted).
    pub const fn waits_for_resume(self) -> bool {
        matches!(self, Self::Budget | Self::Provider)
    }

    /// Whether it says that the thing behind the action is ill, rather than that the work has a flaw:
    /// transient failures, timeouts and panics. Only these count for a circuit breaker.
    pub const fn counts_for_breaker(self) -> bool {
        matches!(self, Self::Transient | Self::TimeoutError | Self::Panicked)
    }

    /// The name as it is serialised.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConfigError => "ConfigError",
            Self::AdmitRejected => "AdmitRejected",
            Self::PreflightRejected => "PreflightRejected",
            Self::PostconditionFailed => "PostconditionFailed",
            Self::TestFailure => "TestFailure",
            Self::CommandFailure => "CommandFailure",
            Self::TimeoutError => "TimeoutError",
            Self::ModificationError => "ModificationError",
            Self::Environment => "Environment",
            Self::NoPatch => "NoPatch",
            Self::Ambiguous => "Ambiguous",
            Self::Scaffold => "Scaffold",
            Self::Budget => "Budget",
            Self::Provider => "Provider",
            Self::NeedsApproval => "NeedsApproval",
            Self::Transient => "Transient",
            Self::Panicked => "Panicked",
            Self::Cancelled => "Cancelled",
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a task made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Output {
    /// The result, for the tasks that depend on this one.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub value: Value,
    /// The end of what it printed, already redacted; cut to [`Output::TAIL_BYTES`] by the engine.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stdout: String,
    /// The same for its errors.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stderr: String,
    /// Paths of the files it made or changed, for reports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<String>,
    /// Tasks to add to the graph, each with its dependencies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grow: Vec<(Task, Vec<TaskId>)>,
}

impl Output {
    /// How many bytes of `stdout` and of `stderr` are kept.
    pub const TAIL_BYTES: usize = 8 * 1024;

    /// An output that holds only a value.
    pub fn of(value: Value) -> Self {
        Self { value, ..Self::default() }
    }

    /// Sets the end of what it printed.
    #[must_use]
    pub fn with_stdout(mut self, stdout: impl Into<String>) -> Self {
        self.stdout = stdout.into();
        self
    }

    /// Sets the end of its errors.
    #[must_use]
    pub fn with_stderr(mut self, stderr: impl Into<String>) -> Self {
        self.stderr = stderr.into();
        self
    }

    /// Sets the files it made or changed.
    #[must_use]
    pub fn with_artifacts<S: Into<String>>(mut self, paths: impl IntoIterator<Item = S>) -> Self {
        self.artifacts = paths.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a task to those that the graph shall grow by.
    #[must_use]
    pub fn with_task<D: Into<TaskId>>(
        mut self,
        task: Task,
        dependencies: impl IntoIterator<Item = D>,
    ) -> Self {
        self.grow.push((task, dependencies.into_iter().map(Into::into).collect()));
        self
    }

    pub(crate) fn clip(&mut self) {
        clip_tail(&mut self.stdout);
        clip_tail(&mut self.stderr);
    }
}

fn clip_tail(text: &mut String) {
    if text.len() > Output::TAIL_BYTES {
        let mut cut = text.len() - Output::TAIL_BYTES;
        while !text.is_char_boundary(cut) {
            cut += 1;
        }
        text.drain(..cut);
    }
}

/// A task that did not come to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind.
    pub class: ErrorClass,
    /// What happened, for people.
    pub message: String,
    /// What there is to show for it all the same; its `grow` is ignored.
    #[serde(default)]
    pub output: Output,
}

impl Failure {
    /// A failure with nothing to show.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), output: Output::default() }
    }

    /// Adds what there is to show.
    #[must_use]
    pub fn with_output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }
}

/// What an executor answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Done.
    Succeeded(Output),
    /// Done its job, and the answer is no.
    Failed(Failure),
}

/// The executor could not do its job.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{class}: {message}")]
pub struct ExecutorError {
    /// What kind; retried if it is transient.
    pub class: ErrorClass,
    /// What happened, for people.
    pub message: String,
}

impl ExecutorError {
    /// An error of a class.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }

    /// An error that may well be gone the next time.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Transient, message)
    }
}

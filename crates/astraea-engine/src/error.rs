//! Why a run could not be done.

use astraea_taskgraph::GraphError;

use crate::{JournalError, RunResult};

/// A no with its reason: from a hook of an executor, or from a projection of the journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Rejection {
    /// A short word that programs can look at.
    pub code: String,
    /// The reason, for people.
    pub message: String,
}

impl Rejection {
    /// A rejection with its code and reason.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

/// The engine could not do its job. A graph whose tasks failed is not an error but a [`RunResult`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// An option makes no sense.
    #[error("{what} is {value}, which is not allowed; {rule}")]
    InvalidOptions {
        /// Which.
        what: &'static str,
        /// What it holds.
        value: String,
        /// What it may hold.
        rule: &'static str,
    },
    /// The journal refused or lost something. What was announced before is in it; tasks that ran were stopped.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The graph ended and is journaled, but a projection refused the caller's epilogue.
    #[error(
        "the graph ended, but what was to be recorded with its end was refused ({code}): {message}"
    )]
    EpilogueRejected {
        /// From the projection.
        code: String,
        /// From the projection.
        message: String,
        /// How the graph ended.
        result: Box<RunResult>,
    },
    /// The journal knows no such graph.
    #[error("nothing to resume: the journal has no graph `{graph}` of run `{run}`")]
    NothingToResume {
        /// The run.
        run: String,
        /// The graph.
        graph: String,
    },
    /// What the journal holds of this graph cannot be replayed.
    #[error(
        "record {seq} of the journal does not fit what went before: {message}; the run cannot be resumed"
    )]
    CorruptHistory {
        /// Which record.
        seq: u64,
        /// What is wrong with it.
        message: String,
    },
    /// The graph that was given is in no state to be run.
    #[error("the graph cannot be run: {0}")]
    Graph(#[from] GraphError),
}

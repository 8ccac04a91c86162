#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attempt;
mod breaker;
mod clock;
mod context;
mod drive;
mod engine;
mod error;
mod event;
mod executor;
mod ids;
mod journal;
mod options;
mod outcome;
mod registry;
mod replay;
mod request;

pub use breaker::{BreakerReport, BreakerState};
pub use clock::{Clock, ManualClock, SystemClock};
pub use context::TaskContext;
pub use engine::Engine;
pub use error::{EngineError, Rejection};
pub use event::TaskEvent;
pub use executor::Executor;
pub use ids::{GraphId, RunId};
pub use journal::{Journal, JournalError, MemoryJournal, NewRecord, NullJournal, Record};
#[cfg(feature = "sqlite")]
pub use journal::{
    JournalOptions, Projection, SqliteJournal, Synchronous, open_reader, read_records,
};
pub use options::{BreakerOptions, EngineOptions, WhenOpen};
pub use outcome::{ErrorClass, ExecutorError, Failure, Outcome, Output};
pub use registry::Registry;
pub use request::{Epilogue, ResumeRequest, RunRequest, RunResult, RunStatus};

/// The graph this engine runs, re-exported so that one version is used.
pub use astraea_taskgraph as taskgraph;
pub use tokio_util::sync::CancellationToken;

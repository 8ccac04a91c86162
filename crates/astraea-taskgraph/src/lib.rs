#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
mod export;
mod glob;
mod graph;
mod inspect;
mod locks;
mod options;
mod persist;
mod queue;
mod state;
mod task;
mod transition;

pub use error::GraphError;
pub use glob::globs_overlap;
pub use graph::{Change, TaskGraph};
pub use inspect::{Blocked, CriticalPath, Stats};
pub use options::{GraphOptions, OnFailure};
pub use state::{Attempt, AttemptEnd, TaskState};
pub use task::{DependencyPolicy, Task, TaskId};

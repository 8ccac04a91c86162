#![doc = include_str!("../README.md")]
//!
//! # Where this crate sits
//! Layer 3: it acts only through `astraea-code-access` (files) and `astraea-sandbox` (processes), and is
//! driven by `astraea-engine`. [`publish`] alone speaks to a forge, over https.
//!
//! # Map
//! - [`Workspace`] hosts the executors: one pinned state of a repository, with edits, as something to run commands in.
//! - [`register`] adds every executor to an engine's registry.
//! - [`evidence`] is what a test run showed and what changed since a baseline.
//! - [`publish`] pushes a branch and opens a pull request, for a person who asks for it.
//! - [`runners`] finds test runners, builds their commands, reads their output; it runs nothing.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(
        feature = "files",
        feature = "tests",
        feature = "fixes",
        feature = "git",
        feature = "shell"
    )),
    allow(dead_code, reason = "helpers of the kinds of executor that were left out")
)]
#![forbid(unsafe_code)]

mod actions;
mod approval;
#[cfg(feature = "characterise")]
mod characterise;
mod error;
pub mod evidence;
#[cfg(feature = "model")]
mod model;
#[cfg(feature = "publish")]
#[cfg_attr(docsrs, doc(cfg(feature = "publish")))]
pub mod publish;
#[cfg(feature = "repair")]
mod repair;
pub mod runners;
#[cfg(feature = "testing")]
pub mod testing;
mod workspace;

#[cfg(feature = "shell")]
pub use actions::CustomCommand;
pub use actions::{SuiteRun, register, run_suite, syntax_regression};
pub use approval::Approval;
pub use error::Error;
pub use evidence::{Comparison, TestId, TestOutcome, TestReport};
#[cfg(feature = "model")]
#[cfg_attr(docsrs, doc(cfg(feature = "model")))]
pub use model::Model;
pub use workspace::{
    Prepared, Ran, RepoTree, Scope, TaskCopy, Timings, Workspace, WorkspaceOptions,
};

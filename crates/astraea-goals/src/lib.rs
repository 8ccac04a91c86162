#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
//!
//! # Where this crate sits
//! Layer 4: it puts the planner, the engine and the executors together into goals that are carried
//! out, and knows nothing of conversations, servers or terminals.
//!
//! # Map
//! - [`Astra`] is the whole API: open, execute, resume, plan, apply, undo, look around.
//! - [`ExecuteGoal`] goes in; [`GoalResult`] and [`Envelope`]s come out.
//! - [`store`] keeps goals, [`beliefs`] and scheduled [`changes`]; [`score`] ranks goals.
//! - [`classify()`] reads a goal text, [`CodingDomain`] holds the methods, [`config`] the settings.

mod astra;
pub mod beliefs;
mod bookkeeping;
pub mod changes;
mod classify;
pub mod config;
mod context;
mod domain;
mod envelope;
mod error;
mod hints;
mod home;
mod learning;
mod ledger_head;
mod lower;
mod model;
mod plan;
mod planning;
mod request;
mod result;
mod runner;
mod runs;
pub mod score;
pub mod store;
mod time;
mod timed;

pub use astra::{
    ApplyReport, ApprovedChange, Astra, AstraOptions, Check, NewApproval, PruneOptions,
    PruneReport, PrunedBranch, PublishReport, PublishRequest, ScheduleChange, UndoReport,
};
pub use classify::{BUILT_IN_GOALS, Classified, MAX_GOAL_TEXT, classify};
pub use domain::{CODING_DOMAIN, CodingDomain, MethodFile};
pub use envelope::{ENVELOPE_VERSION, Envelope, GoalEvent};
pub use error::GoalError;
pub use ledger_head::LedgerReport;
pub use plan::{PlanReport, PlanStep};
pub use request::{ExecuteGoal, Watch};
pub use result::{
    Alternative, Evidence, EvidenceRow, GoalResult, HeldChange, ModelUse, Outcome, SuspiciousLine,
    TaskResult,
};
pub use runs::{RunState, RunSummary};
pub use time::rfc3339;

pub use astraea_executors::Approval;
pub use astraea_ledger::{Event as LedgerEvent, Query as LedgerQuery, Stored as LedgerEntry};

//! Goals carried out: store, beliefs, coding domain, plan, graph, run, replanning, result.
#![forbid(unsafe_code)]

mod astra;
mod classify;
pub mod config;
mod envelope;
mod error;
mod plan;
mod request;
mod result;
mod time;

pub use astra::{Astra, AstraOptions};
pub use classify::{BUILT_IN_GOALS, Classified, MAX_GOAL_TEXT, classify};
pub use envelope::{ENVELOPE_VERSION, Envelope};
pub use error::GoalError;
pub use plan::{PlanReport, PlanStep};
pub use request::{ExecuteGoal, Watch};
pub use result::{Evidence, EvidenceRow, GoalResult, Outcome, SuspiciousLine, TaskResult};
pub use time::rfc3339;

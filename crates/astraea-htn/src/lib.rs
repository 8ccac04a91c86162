#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
//!
//! # Where this crate sits
//! Layer 0: no IO, no threads, no async, and no clock but the one passed in through [`Options::stop`] and [`Budget::elapsed`].
//!
//! # Map
//! - [`CompiledDomain`] is the whole planner: read it first.
//! - [`State`], [`Network`], [`Options`] go in; [`Plan`] or [`Explanation`] comes out.
//! - [`ast`] is the syntax tree of HDDL; [`Error`] and [`Report`] say what is wrong and where.

pub mod ast;
mod atom;
mod build;
mod compile;
mod cond;
mod depend;
mod diagnostic;
mod domain;
mod error;
mod explain;
mod external;
mod ground;
mod linear;
mod model;
mod network;
mod number;
mod objects;
mod observe;
mod options;
mod plan;
mod portfolio;
mod query;
mod replan;
mod search;
mod shorten;
mod span;
mod state;
mod store;
mod syntax;
mod types;
mod verify;

pub use atom::{Atom, Word, Words};
pub use build::{ActionBuilder, DomainBuilder, MethodBuilder};
pub use depend::{Dependency, Link};
pub use diagnostic::{Diagnostic, Report, Severity, Source};
pub use domain::{CompiledDomain, Problem};
pub use error::{Error, Limit};
pub use explain::{Candidate, Explanation, Met, Obstacle, Verdict};
pub use external::Now;
pub use network::Network;
pub use observe::{Event, Observer};
pub use options::{Accept, MethodOrder, Options, RuledOut};
pub use plan::{Done, Node, Plan, Step};
pub use portfolio::Budget;
pub use replan::Replanned;
pub use span::Span;
pub use state::State;
pub use syntax::{parse_domain, parse_problem};
pub use verify::{Fault, FaultKind};

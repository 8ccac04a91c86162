#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
//!
//! # Where this crate sits
//! Layer 0: no IO, no threads, no clock. Whoever calls [`search`] brings an [`Oracle`] that runs the tests.
//!
//! # Map
//! - [`Request`] says what is broken, [`search`] looks for the edit, [`Report`] says what was found.
//! - [`Oracle`] is the one trait to implement.
//! - [`localise`] ranks lines, [`templates`] turns suspicious lines into [`Candidate`]s.
//! - [`schemata`] puts many Rust candidates behind one run-time switch in one build.
//! - [`syntax`] says whether a text parses, [`symbols`](symbols()) what it defines.

mod candidate;
mod dialect;
mod error;
mod facts;
mod language;
pub mod localise;
mod oracle;
mod report;
mod request;
#[cfg(feature = "rust")]
pub mod schemata;
mod search;
mod source;
mod symbols;
pub mod syntax;
pub mod templates;
mod variations;

pub use candidate::{Candidate, CandidateId};
pub use error::RepairError;
pub use language::Language;
pub use oracle::{Comparison, Oracle, OracleError, Verdict, VerdictKind};
pub use report::{Disagreement, NearMiss, Outcome, Patch, Report, Suspicious};
pub use request::{FailingTest, Frame, Request, SearchOptions, TestCoverage};
pub use search::search;
pub use source::{SourceFile, SpanEdit, apply_edits};
pub use symbols::{Symbol, symbols};

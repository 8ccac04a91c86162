//! Puts many Rust candidates behind one run-time switch in one build.
//!
//! The instrumented sources read the environment variable [`SWITCH`] once; its value is the number of the candidate
//! that is switched on, and anything else runs the program as it was. See [`instrument`].

use std::collections::BTreeMap;

use crate::{Candidate, CandidateId, RepairError, SourceFile};

/// The environment variable that names the active candidate.
pub const SWITCH: &str = "ASTRA_REPAIR_SWITCH";
/// The environment variable that names a file to which the sites that ran are written.
pub const TRACE: &str = "ASTRA_REPAIR_TRACE";

/// Sources in which candidates can be switched on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Instrumented {
    /// The changed files; those without a switch are not listed.
    pub files: Vec<SourceFile>,
    /// Candidates in the build, with the number that switches each on (the value of [`SWITCH`]).
    pub switched: BTreeMap<CandidateId, u32>,
    /// Candidates that need a build of their own.
    pub individual: Vec<CandidateId>,
}

/// Builds the instrumented sources.
///
/// # Errors
/// [`RepairError::UnknownFile`] when a candidate names a file that was not given.
pub fn instrument(
    files: &[SourceFile],
    candidates: &[Candidate],
) -> Result<Instrumented, RepairError> {
    let _ = (files, candidates);
    todo!()
}

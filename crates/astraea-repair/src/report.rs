//! What a search found.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{CandidateId, SpanEdit};

/// The result of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// In one word.
    pub outcome: Outcome,
    /// Edits that make all tests pass, best first. Of an ambiguous outcome, one of each group comes first.
    pub patches: Vec<Patch>,
    /// The input on which patches differ; only of an ambiguous outcome.
    pub disagreement: Option<Disagreement>,
    /// Generated inputs on which all patches agreed.
    pub inputs_compared: u32,
    /// Variations of the best patch that were run.
    pub variations: u32,
    /// Of these, how many a test rejected.
    pub variations_rejected: u32,
    /// An input on which a variation that passes all tests gives something else: why a patch is no more than plausible.
    pub doubt: Option<Disagreement>,
    /// The lines most likely to be wrong, worst first.
    pub suspicious: Vec<Suspicious>,
    /// Edits that fixed something but not everything.
    pub near_misses: Vec<NearMiss>,
    /// Candidates given to the oracle.
    pub tried: u32,
    /// Candidates that did not compile or load.
    pub broken: u32,
    /// Candidates that ran out of time and were not tried again.
    pub timed_out: u32,
    /// Whether the search ended because it was told to or reached a budget, with candidates left.
    pub stopped_early: bool,
}

/// The outcome words. A green run alone is never called fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// All tests pass, and several candidates agreed on generated inputs: patches, or a patch and small variations of it
    /// that pass too, where the tests reject all others of at least twelve.
    Verified,
    /// All tests pass; there was nothing to cross-check with, or a small variation passes them too and behaves otherwise.
    Plausible,
    /// Several patches pass all tests and differ on an input that the report shows.
    Ambiguous,
    /// No edit made all tests pass.
    NoPatch,
}

impl Outcome {
    /// Whether there is a patch to go on with.
    pub fn has_patch(self) -> bool {
        matches!(self, Self::Verified | Self::Plausible)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Verified => "verified",
            Self::Plausible => "plausible",
            Self::Ambiguous => "ambiguous",
            Self::NoPatch => "no-patch",
        })
    }
}

/// An edit that makes all tests pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Patch {
    /// The candidate it was.
    pub id: CandidateId,
    /// What changes.
    pub edits: Vec<SpanEdit>,
    /// The template that made it.
    pub template: String,
    /// Its rank value.
    pub score: f64,
    /// First line that changes, from 1.
    pub line: u32,
    /// The lines before the edit.
    pub before: String,
    /// The lines after the edit.
    pub after: String,
}

/// An input on which patches differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disagreement {
    /// The input, as a person would write it.
    pub input: String,
    /// Patches that behave alike, group by group.
    pub groups: Vec<Vec<CandidateId>>,
    /// What each group gave.
    pub results: Vec<String>,
}

/// A line that may be wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspicious {
    /// Path of the file.
    pub file: String,
    /// Line from 1.
    pub line: u32,
    /// Between 0 and 1.
    pub score: f64,
    /// The text of the line, trimmed.
    pub text: String,
}

/// An edit that fixed something but not everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearMiss {
    /// Path of the file.
    pub file: String,
    /// First line that changes, from 1.
    pub line: u32,
    /// The template that made it.
    pub template: String,
    /// The lines before the edit.
    pub before: String,
    /// The lines after the edit.
    pub after: String,
    /// Tests it fixed.
    pub fixed: u32,
    /// Tests that still fail, or fail now.
    pub failed_tests: Vec<String>,
}

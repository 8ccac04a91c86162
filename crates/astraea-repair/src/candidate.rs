//! One thing to try.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{RepairError, SourceFile, SpanEdit, apply_edits};

/// Number of a candidate within one search, from 1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct CandidateId(pub u32);

impl fmt::Display for CandidateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

/// An edit that may be the repair, with the reason to try it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// Its number, unique within a search.
    pub id: CandidateId,
    /// What changes. All edits of one candidate lie in one file.
    pub edits: Vec<SpanEdit>,
    /// The template that made it.
    pub template: &'static str,
    /// Suspiciousness of the line times the prior of the template; higher is tried earlier.
    pub score: f64,
    /// First line that changes, from 1.
    pub line: u32,
}

impl Candidate {
    /// The file that changes, or an empty text for a candidate without edits.
    pub fn file(&self) -> &str {
        self.edits.first().map_or("", |edit| edit.file.as_str())
    }

    /// The whole text of the changed file.
    ///
    /// # Errors
    /// [`RepairError::UnknownFile`] when the file is not among those given, [`RepairError::BadSpan`] when the
    /// edits do not fit it.
    pub fn edited_text(&self, files: &[SourceFile]) -> Result<String, RepairError> {
        let path = self.file();
        let file = files
            .iter()
            .find(|file| file.path == path)
            .ok_or_else(|| RepairError::UnknownFile { file: path.to_owned() })?;
        apply_edits(&file.text, &self.edits)
    }
}

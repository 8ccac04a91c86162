//! Turns suspicious lines into candidates.

use crate::{Candidate, RepairError, Request, Suspicious};

/// Makes the candidates for the lines given, best first, without duplicates, each of valid syntax.
///
/// # Errors
/// [`RepairError::LanguageUnavailable`] when the grammar is missing.
pub fn candidates(request: &Request, lines: &[Suspicious]) -> Result<Vec<Candidate>, RepairError> {
    let _ = (request, lines);
    todo!()
}

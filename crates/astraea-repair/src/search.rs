//! The search itself.

use crate::{Oracle, RepairError, Report, Request};

/// Looks for single edits that make all tests pass.
///
/// # Errors
/// [`RepairError::NoFailingTest`] and [`RepairError::NoEditableFile`] for a request that cannot be searched,
/// [`RepairError::LanguageUnavailable`] for a missing grammar, [`RepairError::Oracle`] when the oracle breaks.
pub fn search(request: &Request, oracle: &mut dyn Oracle) -> Result<Report, RepairError> {
    let _ = (request, oracle);
    todo!()
}

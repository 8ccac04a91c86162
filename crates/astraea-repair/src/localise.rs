//! Ranks lines by how likely they are to be wrong.

use crate::{RepairError, Request, Suspicious};

/// Ranks the lines of the editable files, worst first.
///
/// # Errors
/// [`RepairError::LanguageUnavailable`] when the grammar is missing.
pub fn rank(request: &Request) -> Result<Vec<Suspicious>, RepairError> {
    let _ = request;
    todo!()
}

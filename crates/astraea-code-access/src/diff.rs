//! Edits as a unified diff.

use crate::edits::EditSet;
use crate::error::Error;
use crate::repository::Repository;
use crate::snapshot::Snapshot;

impl Repository {
    /// The edits as a unified diff with the headers git writes. Binary files are named only.
    ///
    /// # Errors
    /// [`Error::Git`] when a blob is missing.
    pub fn diff(&self, snapshot: &Snapshot, edits: &EditSet) -> Result<String, Error> {
        let _ = (snapshot, edits);
        todo!()
    }

    /// What a branch changes since its parent, as a unified diff.
    ///
    /// # Errors
    /// [`Error::NoSuchRevision`], [`Error::Git`].
    pub fn diff_branch(&self, branch: &str) -> Result<String, Error> {
        let _ = branch;
        todo!()
    }
}

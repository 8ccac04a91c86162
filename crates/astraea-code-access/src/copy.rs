//! The plain directory in which commands work.

use std::path::Path;

use crate::edits::EditSet;
use crate::error::{AccessError, Error};
use crate::path::RepoPath;
use crate::policy::Policy;
use crate::repository::Repository;
use crate::snapshot::{LeftOut, Snapshot};

/// A directory with the files of a snapshot and edits, without `.git`. Ours until dropped; then reused.
#[derive(Debug)]
pub struct WorkingCopy<'a> {
    repo: &'a Repository,
}

/// What a command changed in a working copy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// The changes the policy permits, relative to the copy's base.
    pub edits: EditSet,
    /// The changes it refuses; they are in no edit set.
    pub refused: Vec<AccessError>,
}

impl WorkingCopy<'_> {
    /// Where it is, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        let _ = self.repo;
        todo!()
    }

    /// Entries of the snapshot that were not created, such as a name that means `.git`.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        todo!()
    }

    /// What was changed in it since it was made, as edits on top of the edits it was made from.
    ///
    /// New files that git ignores are not part of it.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Git`].
    pub fn collect(&self, policy: &Policy) -> Result<Collected, Error> {
        let _ = policy;
        todo!()
    }

    /// Changes the copy in place to `edits` (on the same snapshot), undoing whatever else was written in it.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Git`].
    pub fn reset(&mut self, edits: &EditSet) -> Result<(), Error> {
        let _ = edits;
        todo!()
    }
}

impl Repository {
    /// Makes a working copy, or takes one that is free and patches the difference.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Git`].
    pub fn materialise(
        &self,
        snapshot: &Snapshot,
        edits: &EditSet,
    ) -> Result<WorkingCopy<'_>, Error> {
        let _ = (snapshot, edits, None::<RepoPath>);
        todo!()
    }
}

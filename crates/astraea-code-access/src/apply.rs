//! The one writer of the user's checkout, and the way back.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::ids::CommitId;
use crate::path::RepoPath;
use crate::repository::Repository;

/// What was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Applied {
    /// The branch it came from.
    pub branch: String,
    /// HEAD before.
    pub from: CommitId,
    /// HEAD after.
    pub to: CommitId,
    /// The files written.
    pub files: Vec<RepoPath>,
    /// True when HEAD simply moved to the branch's commit; false when a new commit was put on top.
    pub fast_forward: bool,
}

/// What an undo or redo did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Undone {
    /// The branch whose change it was.
    pub branch: String,
    /// HEAD before.
    pub from: CommitId,
    /// HEAD after.
    pub to: CommitId,
    /// The files written.
    pub files: Vec<RepoPath>,
    /// False when it had been done already and nothing was changed.
    pub changed: bool,
}

/// What was found of a transaction that did not end, and done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recovered {
    /// True when it was completed, false when it was taken back.
    pub completed: bool,
    /// Files that the user changed in between; their bytes were kept.
    pub kept: Vec<RepoPath>,
}

impl Repository {
    /// Brings a delivered branch into the user's checkout: files, index and HEAD, all or nothing.
    ///
    /// # Errors
    /// [`Error::UserChanged`], [`Error::InProgress`], [`Error::AlreadyApplied`], [`Error::RefMoved`],
    /// [`Error::NoSuchRevision`], [`Error::Busy`], [`Error::Io`], [`Error::Git`].
    pub fn apply(&self, branch: &str, time: i64) -> Result<Applied, Error> {
        let _ = (branch, time);
        todo!()
    }

    /// Takes the last applied change back, byte for byte. A second call changes nothing.
    ///
    /// # Errors
    /// [`Error::NothingToUndo`], [`Error::UserChanged`], [`Error::RefMoved`], and those of [`apply`](Self::apply).
    pub fn undo(&self) -> Result<Undone, Error> {
        todo!()
    }

    /// Puts the change that was taken back last in place again.
    ///
    /// # Errors
    /// As [`undo`](Self::undo).
    pub fn redo(&self) -> Result<Undone, Error> {
        todo!()
    }

    /// What [`open`](Self::open) found of a transaction that a crash had cut off.
    #[must_use]
    pub fn recovered(&self) -> Option<&Recovered> {
        self.recovered.as_ref()
    }

    pub(crate) fn recover(&self) -> Result<Option<Recovered>, Error> {
        Ok(None)
    }
}

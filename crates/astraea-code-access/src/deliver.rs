//! One commit on a new branch, one ref update, the checkout untouched.

use serde::{Deserialize, Serialize};

use crate::edits::EditSet;
use crate::error::Error;
use crate::ids::{CommitId, TreeId};
use crate::path::RepoPath;
use crate::repository::Repository;
use crate::snapshot::Snapshot;

/// Who a commit is by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// What to deliver.
#[derive(Debug, Clone)]
pub struct Delivery<'a> {
    /// What the edits were made from; its `head` becomes the parent.
    pub snapshot: &'a Snapshot,
    /// All edits, relative to the snapshot.
    pub edits: &'a EditSet,
    /// The branch to create, such as `astra/goal-1a2b3c4d-0f0f0f`.
    pub branch: &'a str,
    /// The whole message, trailers included.
    pub message: &'a str,
    /// Who it is by; `None`: the user's configuration, or `Astra <astra@localhost>`.
    pub author: Option<Author>,
    /// When, in seconds since 1970 (UTC).
    pub time: i64,
}

/// What was delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Delivered {
    /// The new branch.
    pub branch: String,
    /// Its commit.
    pub commit: CommitId,
    /// The commit's tree.
    pub tree: TreeId,
    /// The commit it builds on.
    pub parent: CommitId,
    /// The files it changes.
    pub files: Vec<RepoPath>,
    /// Files whose edit overlaps the user's uncommitted lines, which therefore are part of the commit.
    pub overlaps: Vec<RepoPath>,
    /// True when no identity was configured and the fallback was written.
    pub fallback_identity: bool,
}

impl Repository {
    /// Writes the edits as one commit on a new branch.
    ///
    /// The user's HEAD, index, files and stash stay as they are; no hook or filter runs. On the disk when it returns.
    ///
    /// # Errors
    /// [`Error::NothingToDeliver`], [`Error::NoCommits`], [`Error::BranchExists`], [`Error::Filtered`],
    /// [`Error::Conflict`] when an edit does not fit the snapshot, [`Error::Git`], [`Error::Io`].
    pub fn deliver(&self, delivery: &Delivery<'_>) -> Result<Delivered, Error> {
        let _ = delivery;
        todo!()
    }
}

//! What the user sees, captured into our own object store.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::ids::{BlobId, CommitId, FileMode, TreeId};
use crate::path::RepoPath;
use crate::repository::Repository;

/// What a snapshot starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base<'a> {
    /// What the user sees: HEAD with uncommitted and untracked (not ignored) work.
    Worktree,
    /// A commit, as a revision such as `main~2`.
    Commit(&'a str),
}

/// A file that a snapshot does not hold, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// The file or directory.
    pub path: RepoPath,
    /// The reason, in words.
    pub reason: String,
}

/// A state of the files, pinned. It keeps ids; the contents lie in the object store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// The tree of the files as they lie on the disk.
    pub id: TreeId,
    /// The commit it builds on, the parent of what is delivered; `None` before the first commit.
    pub head: Option<CommitId>,
    /// The branch HEAD is on; `None` when detached.
    pub branch: Option<String>,
    /// Files that differ from `head`: changed, staged, new or missing, ordered by path.
    pub dirty: Vec<RepoPath>,
    /// Submodules, kept as they are and never entered.
    pub submodules: Vec<RepoPath>,
    /// What could not be captured: too large, unreadable, a nested repository, a pipe.
    pub left_out: Vec<LeftOut>,
}

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Where it is.
    pub path: RepoPath,
    /// Its contents (for a submodule: its commit).
    pub id: BlobId,
    /// Its kind.
    pub mode: FileMode,
}

impl Repository {
    /// Pins the state of the files.
    ///
    /// Nothing is written but to our own object store. Files that git ignores, and untracked files that the policy does not
    /// let read (such as `.env`), are not captured.
    ///
    /// # Errors
    /// [`Error::NoSuchRevision`], [`Error::Git`], [`Error::Io`].
    pub fn snapshot(&self, base: Base<'_>) -> Result<Snapshot, Error> {
        let _ = base;
        todo!()
    }

    /// Directories of the user's checkout that git ignores and builds need (`node_modules`, `.venv`, `venv`, `target`,
    /// `vendor` …), and submodules that are checked out. To be mounted read-only below a throw-away layer.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn dependency_dirs(&self, snapshot: &Snapshot) -> Result<Vec<RepoPath>, Error> {
        let _ = snapshot;
        todo!()
    }
}

//! What the user sees, captured into our own object store.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::ids::{BlobId, CommitId, FileMode, TreeId};
use crate::path::RepoPath;
use crate::repository::{Repository, locked};
use crate::scan::Scan;
use crate::trees;

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
    /// let read (such as `.env`), are not captured. A snapshot outlives a kill of the process; it is not forced to the disk, so
    /// after a power cut its blobs may be missing, which reading says.
    ///
    /// # Errors
    /// [`Error::NoSuchRevision`], [`Error::Git`], [`Error::Io`].
    pub fn snapshot(&self, base: Base<'_>) -> Result<Snapshot, Error> {
        match base {
            Base::Worktree => self.snapshot_worktree(),
            Base::Commit(rev) => self.snapshot_commit(rev),
        }
    }

    /// Directories of the user's checkout that git ignores and builds need (`node_modules`, `.venv`, `venv`, `target`,
    /// `vendor` …), and submodules that are checked out. To be mounted read-only below a throw-away layer.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn dependency_dirs(&self, snapshot: &Snapshot) -> Result<Vec<RepoPath>, Error> {
        let _ = snapshot;
        Ok(self.last_scan()?.dependency_dirs.clone())
    }

    /// Single files that git ignores and Python imports: `_version.py` and compiled extension modules. To be mounted
    /// read-only.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn dependency_files(&self, snapshot: &Snapshot) -> Result<Vec<RepoPath>, Error> {
        let _ = snapshot;
        Ok(self.last_scan()?.dependency_files.clone())
    }

    /// The last look at the checkout; a new one when there was none.
    pub(crate) fn last_scan(&self) -> Result<Arc<Scan>, Error> {
        if let Some(scan) = &*locked(&self.scan) {
            return Ok(Arc::clone(scan));
        }
        let scan = Arc::new(self.scan_worktree()?);
        *locked(&self.scan) = Some(Arc::clone(&scan));
        Ok(scan)
    }

    fn snapshot_worktree(&self) -> Result<Snapshot, Error> {
        let head = self.head()?;
        let scan = Arc::new(self.scan_worktree()?);
        *locked(&self.scan) = Some(Arc::clone(&scan));
        let git = self.store.git();
        let base = match head.commit {
            Some(commit) => Some(tree_of(&git.0, commit)?),
            None => None,
        };
        let mut dirty = Vec::new();
        for change in trees::compare(&git.0, base, Some(scan.tree.oid()))? {
            let stored = scan.converted.get(&change.path);
            let only_endings = match (change.old, change.new) {
                (Some((old, mode)), Some((_, new))) => stored == Some(&old) && mode == new,
                _ => false,
            };
            if !only_endings {
                dirty.push(change.path);
            }
        }
        Ok(Snapshot {
            id: scan.tree,
            head: head.commit,
            branch: head.branch,
            dirty,
            submodules: scan.submodules.clone(),
            left_out: scan.left_out.clone(),
        })
    }

    fn snapshot_commit(&self, rev: &str) -> Result<Snapshot, Error> {
        let commit = self.commit_of(rev)?;
        let branch = self.head()?.branch;
        let git = self.store.git();
        let id = tree_of(&git.0, commit)?;
        let files = trees::flatten(&git.0, id, None)?;
        let submodules = files
            .into_iter()
            .filter(|(_, (_, mode))| *mode == FileMode::Submodule)
            .map(|(path, _)| path)
            .collect();
        Ok(Snapshot {
            id: id.into(),
            head: Some(commit),
            branch,
            dirty: Vec::new(),
            submodules,
            left_out: Vec::new(),
        })
    }

    /// The commit a revision names in the user's repository.
    pub(crate) fn commit_of(&self, rev: &str) -> Result<CommitId, Error> {
        let missing = || Error::NoSuchRevision { rev: rev.to_owned() };
        if rev.contains('\0') {
            return Err(missing());
        }
        let user = self.user();
        let object = user.0.revparse_single(rev).map_err(|_| missing())?;
        let commit = object.peel_to_commit().map_err(|_| missing())?;
        Ok(commit.id().into())
    }
}

/// The tree of a commit.
pub(crate) fn tree_of(repo: &git2::Repository, commit: CommitId) -> Result<git2::Oid, Error> {
    repo.find_commit(commit.oid())
        .map(|commit| commit.tree_id())
        .map_err(|e| Error::git(format!("read the commit {commit}"), &e))
}

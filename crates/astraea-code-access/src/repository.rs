//! The repository: what everything else starts from.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::edits::{EditBuilder, EditSet};
use crate::error::Error;
use crate::ids::{BlobId, CommitId, FileMode};
use crate::path::RepoPath;
use crate::policy::{Policy, PolicyOptions};
use crate::snapshot::{Entry, Snapshot};
use crate::state::StateDir;

/// Called before each step of a transaction that changes the user's files, with the step's name. For tests: an error
/// makes the step fail, and a hook may end the process there.
#[derive(Clone)]
pub struct FaultHook(pub Arc<dyn Fn(&str) -> io::Result<()> + Send + Sync>);

impl fmt::Debug for FaultHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultHook")
    }
}

/// How to open a repository.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Where state is kept, such as `$XDG_STATE_HOME`; `astra/<repository>/` is made in it. Created when missing.
    pub state_home: PathBuf,
    /// The policy that edits are checked against.
    pub policy: PolicyOptions,
    /// The largest untracked or changed file that a snapshot captures, in bytes. Default 16 MiB.
    pub max_capture_bytes: u64,
    /// For tests of all-or-nothing behaviour.
    pub fault: Option<FaultHook>,
}

impl OpenOptions {
    /// State below `state_home`, everything else as by default.
    pub fn new(state_home: impl Into<PathBuf>) -> Self {
        Self {
            state_home: state_home.into(),
            policy: PolicyOptions::default(),
            max_capture_bytes: 16 << 20,
            fault: None,
        }
    }

    /// With this policy.
    #[must_use]
    pub fn with_policy(mut self, policy: PolicyOptions) -> Self {
        self.policy = policy;
        self
    }

    /// With this limit for captured files, in bytes.
    #[must_use]
    pub fn with_max_capture_bytes(mut self, bytes: u64) -> Self {
        self.max_capture_bytes = bytes;
        self
    }
}

/// Where the user's HEAD stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Head {
    /// The commit; `None` before the first commit.
    pub commit: Option<CommitId>,
    /// The branch (its short name); `None` when HEAD is detached.
    pub branch: Option<String>,
}

/// A user's repository, opened once; it can be shared between threads.
#[derive(Debug)]
pub struct Repository {
    root: PathBuf,
    state: StateDir,
    policy: Policy,
}

impl Repository {
    /// Opens the repository that `path_inside` lies in.
    ///
    /// # Errors
    /// A variant for each reason: [`Error::NotADirectory`], [`Error::NoGit`], [`Error::Bare`], [`Error::Sha256`],
    /// [`Error::Reftable`], [`Error::ForeignOwned`], [`Error::Redirected`], [`Error::Unsupported`],
    /// [`Error::StateVersion`], [`Error::Policy`].
    pub fn open(path_inside: &Path, options: OpenOptions) -> Result<Self, Error> {
        let _ = (path_inside, options);
        todo!()
    }

    /// The top level of the checkout, absolute, without links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The name of the top-level directory.
    #[must_use]
    pub fn name(&self) -> String {
        todo!()
    }

    /// Where our state lies.
    #[must_use]
    pub fn state(&self) -> &StateDir {
        &self.state
    }

    /// The policy edits are checked against.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Where HEAD stands now.
    ///
    /// # Errors
    /// [`Error::Git`].
    pub fn head(&self) -> Result<Head, Error> {
        todo!()
    }

    /// The path of `path` (absolute, or relative to the directory given) inside the repository; `None` for the top level.
    ///
    /// # Errors
    /// [`Error::Path`] when it lies outside.
    pub fn relative(&self, path: &Path) -> Result<Option<RepoPath>, Error> {
        let _ = path;
        todo!()
    }

    /// The contents of a file, as the snapshot and the edits leave it.
    ///
    /// # Errors
    /// [`AccessError`](crate::AccessError) in [`Error::Access`]: forbidden, missing, too large.
    pub fn read(
        &self,
        snapshot: &Snapshot,
        edits: &EditSet,
        path: &RepoPath,
    ) -> Result<Vec<u8>, Error> {
        let _ = (snapshot, edits, path);
        todo!()
    }

    /// Every file the snapshot and the edits leave, ordered by path.
    ///
    /// # Errors
    /// [`Error::Git`].
    pub fn list(&self, snapshot: &Snapshot, edits: &EditSet) -> Result<Vec<Entry>, Error> {
        let _ = (snapshot, edits);
        todo!()
    }

    /// What is at `path` as the snapshot and the edits leave it; `None` for nothing or a directory. No policy is asked.
    ///
    /// # Errors
    /// [`Error::Git`].
    pub fn lookup(
        &self,
        snapshot: &Snapshot,
        edits: &EditSet,
        path: &RepoPath,
    ) -> Result<Option<(BlobId, FileMode)>, Error> {
        let _ = (snapshot, edits, path);
        todo!()
    }

    /// Starts a set of edits on top of a snapshot and earlier edits.
    #[must_use]
    pub fn edit<'a>(&'a self, snapshot: &'a Snapshot, edits: &'a EditSet) -> EditBuilder<'a> {
        EditBuilder::new(self, snapshot, edits)
    }

    /// The contents of a blob known to the repository or to our store. No policy is asked.
    ///
    /// # Errors
    /// [`Error::Git`] when there is none.
    pub fn blob(&self, id: BlobId) -> Result<Vec<u8>, Error> {
        let _ = id;
        todo!()
    }

    pub(crate) fn is_tree(&self, _: &Snapshot, _: &EditSet, _: &RepoPath) -> Result<bool, Error> {
        todo!()
    }
    pub(crate) fn filter_of(&self, _: &RepoPath) -> Result<Option<String>, Error> {
        todo!()
    }
    pub(crate) fn put_blob(&self, _: &[u8]) -> Result<BlobId, Error> {
        todo!()
    }
    pub(crate) fn sync_blobs(&self, _: &[BlobId]) -> Result<(), Error> {
        todo!()
    }
}

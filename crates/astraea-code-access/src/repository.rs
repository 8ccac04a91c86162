//! The repository: what everything else starts from.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use git2::ErrorCode;
use serde::{Deserialize, Serialize};

use crate::apply::Recovered;
use crate::dir::real_path;
use crate::door::Door;
use crate::edits::{EditBuilder, EditSet};
use crate::eol;
use crate::error::{AccessError, Error};
use crate::ids::{BlobId, CommitId, FileMode};
use crate::locate::{Located, locate, open_git};
use crate::path::{PathError, RepoPath};
use crate::policy::{Access, Policy, PolicyOptions};
use crate::scan::Scan;
use crate::snapshot::{Entry, Snapshot};
use crate::state::StateDir;
use crate::store::Store;
use crate::trees::{self, Files};

/// Called before each step of a transaction that changes the user's files, with the step's name. For tests: an error
/// makes the step fail, and a hook may end the process there.
#[derive(Clone)]
pub struct FaultHook(Arc<Hook>);

type Hook = dyn Fn(&str) -> io::Result<()> + Send + Sync;

impl FaultHook {
    /// A hook that calls this function.
    pub fn new(hook: impl Fn(&str) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }
}

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
    located: Located,
    door: Door,
    state: StateDir,
    policy: Policy,
    pub(crate) options: OpenOptions,
    pub(crate) store: Store,
    user: Mutex<Handle>,
    pub(crate) scan: Mutex<Option<Arc<Scan>>>,
    pub(crate) recovered: Option<Recovered>,
}

/// libgit2's handle; it has no `Debug` of its own.
pub(crate) struct Handle(pub(crate) git2::Repository);

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.path().fmt(f)
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Repository {
    /// Opens the repository that `path_inside` lies in, and ends a transaction that a crash has cut off.
    ///
    /// # Errors
    /// A variant for each reason: [`Error::NotADirectory`], [`Error::NoGit`], [`Error::Bare`], [`Error::Sha256`],
    /// [`Error::Reftable`], [`Error::ForeignOwned`], [`Error::Redirected`], [`Error::Unsupported`],
    /// [`Error::StateVersion`], [`Error::Policy`].
    pub fn open(path_inside: &Path, options: OpenOptions) -> Result<Self, Error> {
        let policy = Policy::new(options.policy.clone())?;
        let located = locate(path_inside)?;
        let user = Mutex::new(Handle(open_git(&located.gitdir, &located.root)?));
        let door = Door::open(&located.root)
            .map_err(|e| Error::io(format!("open {}", located.root.display()), e))?;
        let state = StateDir::open(&options.state_home, &located.root)?;
        let store = Store::open(&state, &located.commondir)?;
        let mut repo = Self {
            located,
            door,
            state,
            policy,
            options,
            store,
            user,
            scan: Mutex::new(None),
            recovered: None,
        };
        repo.recovered = repo.recover()?;
        repo.end_delivery()?;
        Ok(repo)
    }

    /// The top level of the checkout, absolute, without links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.located.root
    }

    /// The git directory of this checkout, absolute.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.located.gitdir
    }

    pub(crate) fn common_dir(&self) -> &Path {
        &self.located.commondir
    }

    /// The name of the top-level directory.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.located.root.file_name();
        name.map_or_else(|| "/".to_owned(), |name| name.to_string_lossy().into_owned())
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

    /// The door to the checkout.
    #[must_use]
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// libgit2's handle on the user's repository: objects, refs, attributes, configuration; never files.
    pub(crate) fn user(&self) -> MutexGuard<'_, Handle> {
        locked(&self.user)
    }

    /// Where HEAD stands now.
    ///
    /// # Errors
    /// [`Error::Git`].
    pub fn head(&self) -> Result<Head, Error> {
        let user = self.user();
        let fail = |e: git2::Error| Error::git("read HEAD", &e);
        let raw = user.0.find_reference("HEAD").map_err(fail)?;
        let target = raw.symbolic_target_bytes().map(<[u8]>::to_vec);
        let branch = target.map(|name| {
            let name = String::from_utf8_lossy(&name).into_owned();
            name.strip_prefix("refs/heads/").map_or(name.clone(), str::to_owned)
        });
        let commit = match user.0.refname_to_id("HEAD") {
            Ok(id) => Some(id.into()),
            Err(e) if matches!(e.code(), ErrorCode::NotFound | ErrorCode::UnbornBranch) => None,
            Err(e) => return Err(fail(e)),
        };
        Ok(Head { commit, branch })
    }

    /// The path of `path` (absolute, or relative to the top level) inside the repository; `None` for the top level.
    ///
    /// # Errors
    /// [`Error::Path`] when it lies outside or does not exist in a form that can be resolved.
    pub fn relative(&self, path: &Path) -> Result<Option<RepoPath>, Error> {
        let outside = || {
            Error::Path(PathError {
                shown: path.display().to_string(),
                reason: "it lies outside the repository",
            })
        };
        let full = self.located.root.join(path);
        let real = real_path(&full).or_else(|error| match (full.parent(), full.file_name()) {
            (Some(parent), Some(name)) => Ok(real_path(parent)?.join(name)),
            _ => Err(error),
        });
        let real = real.map_err(|_| outside())?;
        let rest = real.strip_prefix(&self.located.root).map_err(|_| outside())?;
        if rest.as_os_str().is_empty() {
            return Ok(None);
        }
        Ok(Some(RepoPath::new(rest.as_os_str().as_bytes())?))
    }

    /// The contents of a file, as the snapshot and the edits leave it.
    ///
    /// A symbolic link is followed inside the repository only, and its target must pass the policy too.
    ///
    /// # Errors
    /// [`AccessError`] in [`Error::Access`]: forbidden, missing, too large.
    pub fn read(
        &self,
        snapshot: &Snapshot,
        edits: &EditSet,
        path: &RepoPath,
    ) -> Result<Vec<u8>, Error> {
        self.policy.check(path, Access::Read)?;
        let target = self.resolve(snapshot, edits, path)?;
        self.policy.check(&target, Access::Read)?;
        let missing = || AccessError::FileNotFound { path: path.clone() };
        let (id, mode) = self.lookup(snapshot, edits, &target)?.ok_or_else(missing)?;
        if !mode.is_file() {
            let reason = "it is a submodule, which is never entered".into();
            return Err(AccessError::Read { path: path.clone(), reason }.into());
        }
        let limit = self.policy.options().max_read_bytes;
        let size = self.store.size(id)?;
        if size > limit {
            return Err(AccessError::FileTooLarge { path: path.clone(), size, limit }.into());
        }
        self.blob(id)
    }

    /// Where `path` leads through the symbolic links of the tree.
    fn resolve(
        &self,
        snapshot: &Snapshot,
        edits: &EditSet,
        path: &RepoPath,
    ) -> Result<RepoPath, Error> {
        let refuse =
            |reason: &str| AccessError::Read { path: path.clone(), reason: reason.to_owned() };
        let mut todo: VecDeque<Vec<u8>> = path.components().map(<[u8]>::to_vec).collect();
        let mut done: Vec<Vec<u8>> = Vec::new();
        let mut links = 0;
        while let Some(name) = todo.pop_front() {
            match name.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    done.pop()
                        .ok_or_else(|| refuse("a symbolic link leads outside the repository"))?;
                    continue;
                }
                _ => done.push(name),
            }
            let here = RepoPath::new(done.join(&b'/'))?;
            if let Some((id, FileMode::Symlink)) = self.lookup(snapshot, edits, &here)? {
                links += 1;
                if links > 40 {
                    return Err(refuse("symbolic links lead in a circle").into());
                }
                let target = self.blob(id)?;
                if target.starts_with(b"/") {
                    return Err(refuse("a symbolic link leads outside the repository").into());
                }
                done.pop();
                for part in target.split(|b| *b == b'/').rev() {
                    todo.push_front(part.to_vec());
                }
            }
        }
        if done.is_empty() {
            return Err(refuse("it is a directory").into());
        }
        Ok(RepoPath::new(done.join(&b'/'))?)
    }

    /// Every file the snapshot and the edits leave, ordered by path.
    ///
    /// # Errors
    /// [`Error::Git`].
    pub fn list(&self, snapshot: &Snapshot, edits: &EditSet) -> Result<Vec<Entry>, Error> {
        let files = self.files(snapshot, edits)?;
        Ok(files.into_iter().map(|(path, (id, mode))| Entry { path, id, mode }).collect())
    }

    pub(crate) fn files(&self, snapshot: &Snapshot, edits: &EditSet) -> Result<Files, Error> {
        let mut files = trees::flatten(&self.store.git().0, snapshot.id.oid(), None)?;
        for edit in edits {
            match edit.after {
                Some(id) => files.insert(edit.path.clone(), (id, edit.mode)),
                None => files.remove(&edit.path),
            };
        }
        Ok(files)
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
        match edits.get(path) {
            Some(edit) => Ok(edit.after.map(|id| (id, edit.mode))),
            None => trees::leaf(&self.store.git().0, snapshot.id.oid(), path),
        }
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
        self.store.read(id)
    }

    /// Whether `path` is a directory with files in it. `now` says what has become of a path since; `None`: nothing.
    pub(crate) fn is_tree(
        &self,
        snapshot: &Snapshot,
        path: &RepoPath,
        now: impl Fn(&RepoPath) -> Option<bool>,
    ) -> Result<bool, Error> {
        let git = self.store.git();
        match trees::find(&git.0, snapshot.id.oid(), path)? {
            Some((id, 0o040_000)) => {
                let files = trees::flatten(&git.0, id, Some(path))?;
                Ok(files.keys().any(|file| now(file).unwrap_or(true)))
            }
            _ => Ok(false),
        }
    }

    pub(crate) fn filter_of(&self, path: &RepoPath) -> Result<Option<String>, Error> {
        Ok(eol::filter(&self.user().0, path))
    }

    /// Keeps these bytes in our own object store, never in the user's, and gives the id under which
    /// [`blob`](Self::blob) finds them again.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Git`] when the store cannot be written.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<BlobId, Error> {
        self.store.put(bytes)
    }

    pub(crate) fn sync_blobs(&self, ids: &[BlobId]) -> Result<(), Error> {
        self.store.sync(ids)
    }

    pub(crate) fn fault(&self, step: &str) -> io::Result<()> {
        match &self.options.fault {
            Some(hook) => (hook.0)(step),
            None => Ok(()),
        }
    }
}

//! The one writer of the user's checkout, and the way back.

use git2::{Oid, RepositoryState, Signature, Time};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{AccessError, Error};
use crate::ids::{BlobId, CommitId};
use crate::path::RepoPath;
use crate::policy::enters_git;
use crate::repository::{Head, Repository};
use crate::scan::read_index;
use crate::snapshot::tree_of;
use crate::state::Lock;
use crate::transaction::{FileChange, IndexPlan, Record};
use crate::trees::{self, Change};

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
        let _lock = self.exclusive()?;
        let head = self.idle_head()?;
        let commit =
            self.commit_of(&format!("refs/heads/{branch}")).or_else(|_| self.commit_of(branch))?;
        let parent = self.only_parent(commit)?;
        let from = head.commit.ok_or(Error::NoCommits)?;
        let merged = commit == from || {
            let user = self.user();
            user.0.graph_descendant_of(from.oid(), commit.oid()).unwrap_or(false)
        };
        if merged {
            return Err(Error::AlreadyApplied { branch: branch.to_owned() });
        }
        let (changes, head_tree) = {
            let git = self.store.git();
            let odb = git.0.odb().and_then(|odb| odb.refresh());
            odb.map_err(|e| Error::git("look at the repository's objects", &e))?;
            let (old, new) = (tree_of(&git.0, parent)?, tree_of(&git.0, commit)?);
            (trees::compare(&git.0, Some(old), Some(new))?, tree_of(&git.0, from)?)
        };
        let files = self.fit(&changes, head_tree)?;
        let fast_forward = parent == from;
        let to = if fast_forward {
            commit
        } else {
            self.on_top(commit, from, head_tree, &changes, time)?
        };
        let record = Record {
            id: self.fresh_id(commit, from)?,
            branch: branch.to_owned(),
            head: ref_name(&head),
            from,
            to,
            files,
            index_before: self.index_blob()?,
            index_after: None,
            undone: false,
        };
        let files = record.files.iter().map(|change| change.path.clone()).collect();
        self.transact(record, IndexPlan::Entries)?;
        Ok(Applied { branch: branch.to_owned(), from, to, files, fast_forward })
    }

    /// Takes the last applied change back, byte for byte. A second call changes nothing; see [`redo`](Self::redo).
    ///
    /// # Errors
    /// [`Error::NothingToUndo`], [`Error::UserChanged`], [`Error::RefMoved`], and those of [`apply`](Self::apply).
    pub fn undo(&self) -> Result<Undone, Error> {
        self.turn("undo", None)
    }

    /// Takes the change back that came from `branch`, which must be the one HEAD stands at.
    ///
    /// # Errors
    /// As [`undo`](Self::undo).
    pub fn undo_branch(&self, branch: &str) -> Result<Undone, Error> {
        self.turn("undo", Some(branch))
    }

    /// Puts the change that was taken back last in place again. A second call changes nothing.
    ///
    /// # Errors
    /// As [`undo`](Self::undo).
    pub fn redo(&self) -> Result<Undone, Error> {
        self.turn("redo", None)
    }

    fn turn(&self, what: &'static str, branch: Option<&str>) -> Result<Undone, Error> {
        let _lock = self.exclusive()?;
        let back = what == "undo";
        let mut history = self.history()?;
        history.retain(|record| branch.is_none_or(|branch| record.branch == branch));
        let mut record = history.pop().ok_or(Error::NothingToUndo { what })?;
        let (from, to) = if back { (record.to, record.from) } else { (record.from, record.to) };
        let files = record.files.iter().map(|change| change.path.clone()).collect();
        let mut undone = Undone { branch: record.branch.clone(), from, to, files, changed: true };
        if record.undone == back {
            undone.changed = false;
            return Ok(undone);
        }
        let head = self.idle_head()?;
        let expected = (ref_name(&head) == record.head).then_some(head.commit).flatten();
        if expected != Some(from) {
            return Err(Error::RefMoved {
                name: record.head,
                expected: from.to_string(),
                found: head.commit.map_or_else(|| "nothing".to_owned(), |id| id.to_string()),
            });
        }
        let index = match record.index_after {
            Some(after) if back => IndexPlan::Exact { now: after, then: record.index_before },
            Some(after) => IndexPlan::Exact { now: record.index_before, then: after },
            None => IndexPlan::Entries,
        };
        record.undone = back;
        self.transact(record, index)?;
        Ok(undone)
    }

    /// What [`open`](Self::open) found of a transaction that a crash had cut off.
    #[must_use]
    pub fn recovered(&self) -> Option<&Recovered> {
        self.recovered.as_ref()
    }

    fn exclusive(&self) -> Result<Lock, Error> {
        let busy = || Error::Busy { what: "the checkout (another apply or undo)".into() };
        let lock = self.state().lock("apply")?.ok_or_else(busy)?;
        self.recover_locked()?;
        Ok(lock)
    }

    /// HEAD, if no merge or the like is under way.
    fn idle_head(&self) -> Result<Head, Error> {
        let state = self.user().0.state();
        if state != RepositoryState::Clean {
            let what = match state {
                RepositoryState::Merge => "merge",
                RepositoryState::Revert | RepositoryState::RevertSequence => "revert",
                RepositoryState::CherryPick | RepositoryState::CherryPickSequence => "cherry-pick",
                RepositoryState::Bisect => "bisect",
                RepositoryState::ApplyMailbox => "`git am`",
                _ => "rebase",
            };
            return Err(Error::InProgress { what: what.to_owned() });
        }
        self.head()
    }

    fn only_parent(&self, commit: CommitId) -> Result<CommitId, Error> {
        let user = self.user();
        let object =
            user.0.find_commit(commit.oid()).map_err(|e| Error::git("read the branch", &e))?;
        match object.parent_ids().collect::<Vec<_>>()[..] {
            [parent] => Ok(parent.into()),
            _ => Err(Error::Unsupported {
                path: self.root().to_owned(),
                reason: "the branch ends in a merge or a first commit; merge it with git".into(),
            }),
        }
    }

    /// The files to write, if HEAD, the index and the checkout all have what the change starts from.
    fn fit(&self, changes: &[Change], head_tree: Oid) -> Result<Vec<FileChange>, Error> {
        let index = read_index(self)?;
        let mut files = Vec::new();
        let mut changed = Vec::new();
        for change in changes {
            let path = &change.path;
            if enters_git(path) {
                return Err(
                    AccessError::ForbiddenPath { path: path.clone(), rule: ".git".into() }.into()
                );
            }
            if [change.old, change.new].into_iter().flatten().any(|(_, mode)| !mode.is_file()) {
                return Err(Error::Unsupported {
                    path: self.root().to_owned(),
                    reason: format!(
                        "{path} is a symbolic link or submodule; merge the branch with git"
                    ),
                });
            }
            if let Some(filter) = self.filter_of(path)? {
                return Err(Error::Filtered { path: path.clone(), filter });
            }
            let in_head = trees::leaf(&self.store.git().0, head_tree, path)?;
            let entry = index.get_path(path.as_path(), 0).map(|e| (e.id, e.mode));
            let in_step = entry == change.old.map(|(id, mode)| (id.oid(), mode.bits()))
                && (1..=3).all(|stage| index.get_path(path.as_path(), stage).is_none());
            match self.side_of(path, change.old)? {
                Ok(from) if in_head == change.old && in_step => {
                    let to = match change.new {
                        Some(leaf) => Some(self.side_for(path, from, leaf)?),
                        None => None,
                    };
                    files.push(FileChange { path: path.clone(), from, to });
                }
                _ => changed.push(path.clone()),
            }
        }
        if changed.is_empty() { Ok(files) } else { Err(Error::UserChanged { paths: changed }) }
    }

    /// The same change as a new commit on top of HEAD.
    fn on_top(
        &self,
        commit: CommitId,
        head: CommitId,
        head_tree: Oid,
        changes: &[Change],
        time: i64,
    ) -> Result<CommitId, Error> {
        let fail = |e: git2::Error| Error::git("write a commit on top of HEAD", &e);
        let mut new = Vec::new();
        let id = {
            let git = self.store.git();
            let list: Vec<_> = changes.iter().map(|c| (c.path.clone(), c.new)).collect();
            let tree = trees::update(&git.0, Some(head_tree), &list, &mut new)?;
            let tree = git.0.find_tree(tree.oid()).map_err(fail)?;
            let object = git.0.find_commit(commit.oid()).map_err(fail)?;
            let parent = git.0.find_commit(head.oid()).map_err(fail)?;
            let author = object.author();
            let committer = object.committer();
            let name = String::from_utf8_lossy(committer.name_bytes()).into_owned();
            let email = String::from_utf8_lossy(committer.email_bytes()).into_owned();
            let committer = Signature::new(&name, &email, &Time::new(time, 0)).map_err(fail)?;
            let message = String::from_utf8_lossy(object.message_raw_bytes()).into_owned();
            git.0.commit(None, &author, &committer, &message, &tree, &[&parent]).map_err(fail)?
        };
        new.push(id);
        self.hand_over(&new)?;
        Ok(id.into())
    }

    fn index_blob(&self) -> Result<BlobId, Error> {
        let path = self.git_dir().join("index");
        let bytes = crate::fs::read_user_file(&path, 1 << 30)?;
        self.put_blob(&bytes)
    }

    /// A name for a transaction: nothing in the history and nothing on the disk has it.
    fn fresh_id(&self, commit: CommitId, head: CommitId) -> Result<String, Error> {
        let text =
            format!("{commit} {head} {} {}", self.history()?.len(), crate::dir::temp_name("t"));
        Ok(hex::encode(&Sha256::digest(text.as_bytes())[..6]))
    }
}

/// The full name of the ref that HEAD stands on.
fn ref_name(head: &Head) -> String {
    match &head.branch {
        Some(branch) => format!("refs/heads/{branch}"),
        None => "HEAD".to_owned(),
    }
}

//! One commit on a new branch, one ref update, the checkout untouched.

use git2::{ErrorCode, Oid, Signature, Time};
use serde::{Deserialize, Serialize};

use crate::dir::is_gone;
use crate::edits::{Conflict, Edit, EditSet, is_binary};
use crate::eol;
use crate::error::{AccessError, Error};
use crate::ids::{BlobId, CommitId, FileMode, TreeId};
use crate::path::RepoPath;
use crate::policy::enters_git;
use crate::repository::Repository;
use crate::snapshot::{Snapshot, tree_of};
use crate::store::Store;
use crate::trees::{self, Leaf};

/// The record of a delivery under way: the branch it makes.
pub(crate) const DELIVERING: &str = "delivering";
/// What the log of a branch says of its making.
const DELIVERED: &str = "astra: delivered";

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
        let parent = delivery.snapshot.head.ok_or(Error::NoCommits)?;
        let name = format!("refs/heads/{}", delivery.branch);
        let taken = |reason: &str| Error::BranchExists {
            branch: delivery.branch.to_owned(),
            reason: reason.to_owned(),
        };
        if delivery.branch.contains('\0') || !git2::Reference::is_valid_name(&name) {
            return Err(taken("it is not a valid name of a branch"));
        }
        if delivery.message.contains('\0') {
            return Err(Error::Config { reason: "a commit message contains a NUL byte".into() });
        }
        let base = tree_of(&self.store.git().0, parent)?;
        let mut overlaps = Vec::new();
        let mut changes = Vec::new();
        for edit in delivery.edits {
            if let Some(change) =
                self.delivered_form(delivery.snapshot, base, edit, &mut overlaps)?
            {
                changes.push((edit.path.clone(), change));
            }
        }
        let mut new: Vec<Oid> =
            changes.iter().filter_map(|(_, leaf)| leaf.map(|(id, _)| id.oid())).collect();
        let (author, fallback_identity) = self.identity(delivery)?;
        let (tree, commit) = {
            let git = self.store.git();
            let fail = |e: git2::Error| Error::git("write the commit", &e);
            let tree = trees::update(&git.0, Some(base), &changes, &mut new)?;
            if tree.oid() == base {
                return Err(Error::NothingToDeliver);
            }
            let parent = git.0.find_commit(parent.oid()).map_err(fail)?;
            let object = git.0.find_tree(tree.oid()).map_err(fail)?;
            let commit = git
                .0
                .commit(None, &author, &author, delivery.message, &object, &[&parent])
                .map_err(fail)?;
            (tree, commit)
        };
        let delivered = |commit: Oid| Delivered {
            branch: delivery.branch.to_owned(),
            commit: commit.into(),
            tree,
            parent,
            files: changes.iter().map(|(path, _)| path.clone()).collect(),
            overlaps: overlaps.clone(),
            fallback_identity,
        };
        if let Some(there) = self.same_delivery(&name, tree, parent, delivery.message)? {
            return Ok(delivered(there));
        }
        new.push(commit);
        // The lock of a delivery that was killed is ours to remove: it holds our commit, or nothing yet under a name
        // that is made for one delivery only.
        let record = RepoPath::new(DELIVERING)?;
        let text = self.state().read(DELIVERING)?.unwrap_or_default();
        let left = text.split(|byte| *byte == b'\n').next() == Some(name.as_bytes());
        let pid = rustix::process::getpid().as_raw_nonzero();
        let text = format!("{name}\n{commit}\n{pid}");
        self.state().door().write(&record, text.as_bytes(), false)?;
        self.hand_over(&new)?;
        self.fault("ref").map_err(|e| Error::io("create the branch", e))?;
        let create = || self.user().0.reference(&name, commit, false, DELIVERED).map(drop);
        let mut made = create();
        if left
            && made.as_ref().is_err_and(|e| e.code() == ErrorCode::Locked)
            && self.clear_ref_lock(&name, commit)
        {
            made = create();
        }
        if !made.as_ref().is_err_and(|e| e.code() == ErrorCode::Locked) {
            self.clear_written_lock(&name, commit);
        }
        match made {
            Ok(()) => {}
            Err(e) if e.code() == ErrorCode::Exists => return Err(taken("it exists already")),
            Err(e) if e.code() == ErrorCode::Locked => return Err(Error::Busy { what: name }),
            Err(e) => {
                return Err(match self.in_the_way(&name) {
                    Some(other) => taken(&format!("{other} is in the way")),
                    None => Error::git("create the branch", &e),
                });
            }
        }
        self.sync_ref(&name);
        drop(self.state().door().remove(&record));
        Ok(delivered(commit))
    }

    /// Removes what a delivery that was killed has left in the user's git directory, if one was.
    pub(crate) fn end_delivery(&self) -> Result<(), Error> {
        let Some(text) = self.state().read(DELIVERING)? else { return Ok(()) };
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut lines = text.lines();
        let (name, commit, pid) = (lines.next(), lines.next(), lines.next());
        if pid.and_then(|pid| pid.parse().ok()).is_some_and(|pid| !is_gone(pid)) {
            return Ok(());
        }
        self.sweep_packs();
        if let (Some(name), Some(Ok(commit))) = (name, commit.map(Oid::from_str)) {
            self.clear_ref_lock(name, commit);
        }
        drop(self.state().door().remove(&RepoPath::new(DELIVERING)?));
        Ok(())
    }

    /// A ref that keeps `name` from existing: one that is its directory, or that has it as one.
    fn in_the_way(&self, name: &str) -> Option<String> {
        let user = self.user();
        let above = name.match_indices('/').skip(2).map(|(at, _)| &name[..at]);
        let found =
            above.filter(|name| user.0.refname_to_id(name).is_ok()).map(str::to_owned).next();
        found.or_else(|| {
            let mut below = user.0.references_glob(&format!("{name}/*")).ok()?;
            let first = below.names().next()?.ok()?.to_owned();
            Some(first)
        })
    }

    /// The commit of an earlier, identical delivery that was not heard of any more.
    fn same_delivery(
        &self,
        name: &str,
        tree: TreeId,
        parent: CommitId,
        message: &str,
    ) -> Result<Option<Oid>, Error> {
        let user = self.user();
        let Ok(id) = user.0.refname_to_id(name) else { return Ok(None) };
        let commit = user.0.find_commit(id).map_err(|e| Error::git("read the branch", &e))?;
        let same = commit.tree_id() == tree.oid()
            && commit.parent_ids().eq([parent.oid()])
            && commit.message_raw_bytes() == message.as_bytes();
        Ok(same.then_some(id))
    }

    /// What an edit means for the commit: `Some(None)` deletes, `None` leaves as it is.
    fn delivered_form(
        &self,
        snapshot: &Snapshot,
        base: Oid,
        edit: &Edit,
        overlaps: &mut Vec<RepoPath>,
    ) -> Result<Option<Option<Leaf>>, Error> {
        let path = &edit.path;
        if enters_git(path) {
            return Err(
                AccessError::ForbiddenPath { path: path.clone(), rule: ".git".into() }.into()
            );
        }
        if let Some(filter) = self.filter_of(path)? {
            return Err(Error::Filtered { path: path.clone(), filter });
        }
        let (here, head) = {
            let git = self.store.git();
            (trees::leaf(&git.0, snapshot.id.oid(), path)?, trees::leaf(&git.0, base, path)?)
        };
        let found = here.map(|(id, _)| id);
        if found != edit.before {
            return Err(Conflict { path: path.clone(), expected: edit.before, found }.into());
        }
        let rule = eol::rule(&self.user().0, path);
        let stored =
            head.filter(|(_, mode)| mode.is_file()).map(|(id, _)| self.blob(id)).transpose()?;
        let clean = |id: BlobId| -> Result<Vec<u8>, Error> {
            Ok(eol::clean(&self.blob(id)?, rule.conversion, stored.as_deref()).into_owned())
        };
        let before = match edit.before {
            Some(id) if here.is_some_and(|(_, mode)| mode.is_file()) => Some(clean(id)?),
            _ => None,
        };
        let committed = match (&before, head) {
            (Some(bytes), Some((id, mode))) if mode.is_file() => Store::id_of(bytes) == id,
            (_, Some((id, FileMode::Symlink))) => edit.before == Some(id),
            (None, None) => true,
            _ => false,
        };
        if !committed {
            overlaps.push(path.clone());
        }
        let Some(after) = edit.after else {
            return Ok(head.map(|_| None));
        };
        let mut content = clean(after)?;
        if !committed
            && let (Some(before), Some(stored)) = (&before, &stored)
            && ![before, stored, &content].into_iter().any(|bytes| is_binary(bytes))
            && let Ok(merged) = diffy::merge_bytes(before, stored, &content)
        {
            // Astra's lines and the user's uncommitted lines are apart: only Astra's are delivered.
            content = merged;
            overlaps.pop();
        }
        let mode = match (here, head) {
            (Some((_, was)), Some((_, committed))) if was == edit.mode && committed.is_file() => {
                committed
            }
            _ => edit.mode,
        };
        Ok(Some(Some((self.put_blob(&content)?, mode))))
    }

    /// Who the commit is by, and whether that is the fallback.
    fn identity(&self, delivery: &Delivery<'_>) -> Result<(Signature<'static>, bool), Error> {
        let time = Time::new(delivery.time, 0);
        let make = |name: &str, email: &str| Signature::new(name, email, &time);
        if let Some(author) = &delivery.author {
            return make(&author.name, &author.email)
                .map(|signature| (signature, false))
                .map_err(|e| Error::git("use the author given", &e));
        }
        let configured = self.user().0.signature().ok();
        let configured = configured.and_then(|s| {
            let name = String::from_utf8_lossy(s.name_bytes()).into_owned();
            let email = String::from_utf8_lossy(s.email_bytes()).into_owned();
            make(&name, &email).ok()
        });
        match configured {
            Some(signature) => Ok((signature, false)),
            None => make("Astra", "astra@localhost")
                .map(|signature| (signature, true))
                .map_err(|e| Error::git("make a signature", &e)),
        }
    }
}

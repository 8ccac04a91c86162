//! What is no longer wanted: branches of results, records that are old, what is quickly made again.

use std::collections::BTreeSet;
use std::io;

use git2::{BranchType, ErrorCode, ReferenceType};
use serde::{Deserialize, Serialize};

use crate::dir::{Dir, FileKind};
use crate::error::Error;
use crate::ids::CommitId;
use crate::path::RepoPath;
use crate::repository::Repository;

/// A branch that may hold a result: whether it does is for the record of deliveries to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResultBranch {
    /// Its name, without `refs/heads/`.
    pub branch: String,
    /// The commit at its tip.
    pub commit: CommitId,
    /// When that commit was made, in seconds since 1970 (UTC).
    pub time: i64,
    /// Whether this very commit is in HEAD.
    pub merged: bool,
    /// Whether its change was [applied](Repository::apply), is not taken back, and is still in HEAD.
    pub applied: bool,
    /// Whether something still needs it: a checkout stands on it, or the next undo or redo goes back to it.
    pub in_use: bool,
}

/// What was removed from the state directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freed {
    /// Records, each a file or a folder.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Freed {
    fn add(&mut self, bytes: u64) {
        self.records += 1;
        self.bytes += bytes;
    }
}

impl Repository {
    /// The branches below `prefix/`, by name; symbolic refs are not among them.
    ///
    /// # Errors
    /// [`Error::Git`], [`Error::Corrupt`] when the history of applied changes cannot be read.
    pub fn result_branches(&self, prefix: &str) -> Result<Vec<ResultBranch>, Error> {
        let fail = |e: git2::Error| Error::git("list the branches", &e);
        let head = self.head()?;
        let history = self.history()?;
        let used = self.checked_out()?;
        let user = self.user();
        let mut found = Vec::new();
        for name in user.0.references_glob(&format!("refs/heads/{prefix}/*")).map_err(fail)?.names()
        {
            let Ok(name) = name else { continue };
            let Ok(reference) = user.0.find_reference(name) else { continue };
            // A symbolic ref is nobody's result: git's own delete would take what it points to.
            if reference.kind() == Some(ReferenceType::Symbolic) {
                continue;
            }
            let Ok(commit) = reference.peel_to_commit() else { continue };
            let Some(branch) = name.strip_prefix("refs/heads/") else { continue };
            let within = |commit: git2::Oid| {
                head.commit.is_some_and(|head| {
                    let head = head.oid();
                    head == commit || user.0.graph_descendant_of(head, commit).unwrap_or(false)
                })
            };
            let applied = history.iter().rev().find(|record| record.branch == branch);
            let applied = applied.is_some_and(|record| !record.undone && within(record.to.oid()));
            let last =
                history.last().is_some_and(|record| record.undone && record.branch == branch);
            found.push(ResultBranch {
                branch: branch.to_owned(),
                commit: commit.id().into(),
                time: commit.time().seconds(),
                merged: within(commit.id()),
                applied,
                in_use: last || used.contains(name),
            });
        }
        found.sort_by(|a, b| a.branch.cmp(&b.branch));
        Ok(found)
    }

    /// Removes a branch that still stands at `expected`. Its commit stays until git collects it.
    ///
    /// # Errors
    /// [`Error::RefMoved`] when it stands elsewhere or is gone, [`Error::Busy`] when it is locked or checked out, [`Error::Git`].
    pub fn remove_branch(&self, branch: &str, expected: CommitId) -> Result<(), Error> {
        let name = format!("refs/heads/{branch}");
        if self.checked_out()?.contains(&name) {
            return Err(Error::Busy { what: format!("{branch} (a checkout stands on it)") });
        }
        let user = self.user();
        let moved = |found: String| Error::RefMoved {
            name: name.clone(),
            expected: expected.to_string(),
            found,
        };
        let mut found = user
            .0
            .find_branch(branch, BranchType::Local)
            .map_err(|_| moved("nothing".to_owned()))?;
        match found.get().target() {
            Some(now) if now == expected.oid() => {}
            now => {
                return Err(moved(now.map_or_else(|| "nothing".to_owned(), |id| id.to_string())));
            }
        }
        // libgit2 compares once more under the lock of the ref.
        match found.get_mut().delete() {
            Ok(()) => Ok(()),
            Err(e) if e.code() == ErrorCode::Locked => Err(Error::Busy { what: name }),
            Err(e) if e.code() == ErrorCode::Modified => Err(moved("another commit".to_owned())),
            Err(e) => Err(Error::git("remove the branch", &e)),
        }
    }

    /// The full names of the branches that a checkout of this repository stands on.
    fn checked_out(&self) -> Result<BTreeSet<String>, Error> {
        let io = |e: io::Error| Error::io("look for other checkouts", e);
        let common = Dir::open_path(self.common_dir()).map_err(io)?;
        let mut dirs = vec![common.again().map_err(io)?];
        if let Ok(worktrees) = common.child(b"worktrees") {
            for (name, kind) in worktrees.entries().map_err(io)? {
                if kind == FileKind::Dir {
                    dirs.push(worktrees.child(&name).map_err(io)?);
                }
            }
        }
        let mut names = BTreeSet::new();
        for dir in dirs {
            // A rebase takes its branch off HEAD and puts it back at the end.
            for file in [&b"HEAD"[..], b"rebase-merge/head-name", b"rebase-apply/head-name"] {
                let bytes = match file.iter().position(|b| *b == b'/') {
                    None => dir.read(file, 4096),
                    Some(at) => match dir.child(&file[..at]) {
                        Ok(below) => below.read(&file[at + 1..], 4096),
                        Err(_) => continue,
                    },
                };
                let Ok((bytes, _)) = bytes else { continue };
                let text = String::from_utf8_lossy(&bytes);
                names.insert(text.trim().trim_start_matches("ref:").trim().to_owned());
            }
        }
        Ok(names)
    }

    /// Removes the records of the folder `dir` of the state directory that were last changed before `before` (seconds
    /// since 1970) and that `keep` does not want; with `really` false it only counts them.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Config`] for a name that is not a plain relative path.
    pub fn prune_records(
        &self,
        dir: &str,
        before: i64,
        really: bool,
        keep: &dyn Fn(&str) -> bool,
    ) -> Result<Freed, Error> {
        let io = |e: io::Error| Error::io(format!("remove old records of {dir}"), e);
        let path = RepoPath::new(dir)?;
        let folder = match self.state().door().dir(Some(&path)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Freed::default()),
            other => other.map_err(io)?,
        };
        let mut freed = Freed::default();
        for (name, kind) in folder.entries().map_err(io)? {
            let stat = folder.stat(&name).map_err(io)?;
            if stat.mtime.0 >= before || keep(&String::from_utf8_lossy(&name)) {
                continue;
            }
            freed.add(size(&folder, &name, kind));
            if really {
                folder.remove_tree(&name, kind).map_err(io)?;
            }
        }
        Ok(freed)
    }

    /// Removes what is made again when it is wanted: working copies that nobody holds, and kept builds.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn prune_caches(&self, really: bool) -> Result<Freed, Error> {
        let io = |e: io::Error| Error::io("remove working copies and kept builds", e);
        let mut freed = Freed::default();
        for (dir, lock) in [("copies", None), ("cache/builds", Some("builds"))] {
            let _lock = match lock.map(|name| self.state().lock(name)).transpose()? {
                Some(None) => continue,
                other => other.flatten(),
            };
            let folder = match self.state().door().dir(Some(&RepoPath::new(dir)?)) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(io)?,
            };
            for (name, kind) in folder.entries().map_err(io)? {
                let text = String::from_utf8_lossy(&name).into_owned();
                let slot = text.strip_suffix(".json").unwrap_or(&text);
                let held = match lock {
                    None => self.state().lock(&format!("copy-{slot}"))?,
                    Some(_) => None,
                };
                if lock.is_none() && held.is_none() {
                    continue;
                }
                freed.add(size(&folder, &name, kind));
                if really {
                    folder.remove_tree(&name, kind).map_err(io)?;
                }
            }
        }
        Ok(freed)
    }
}

/// The bytes of a file, or of all files below a directory; what cannot be read counts nothing.
fn size(dir: &Dir, name: &[u8], kind: FileKind) -> u64 {
    let Ok(stat) = dir.stat(name) else { return 0 };
    if kind != FileKind::Dir {
        return stat.size;
    }
    let mut bytes = 0;
    let mut todo: Vec<Dir> = dir.child(name).into_iter().collect();
    while let Some(dir) = todo.pop() {
        for (name, kind) in dir.entries().unwrap_or_default() {
            match kind {
                FileKind::Dir => todo.extend(dir.child(&name)),
                _ => bytes += dir.stat(&name).map_or(0, |stat| stat.size),
            }
        }
    }
    bytes
}

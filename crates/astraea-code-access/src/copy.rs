//! The plain directory in which commands work.
//!
//! Copies lie in numbered slots of the state directory. A slot is held by a lock while a [`WorkingCopy`] lives; the next one
//! takes it over and rewrites only what differs. Whether a file is still what we wrote is told by its inode, size and both
//! times; a program can forge the first time, not the second.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dir::{Dir, FileKind, ReadError, Stat};
use crate::door::{Door, explain};
use crate::edits::{Edit, EditSet};
use crate::error::{AccessError, Error};
use crate::ids::{BlobId, FileMode};
use crate::ignores::Rules;
use crate::path::RepoPath;
use crate::policy::{Access, Policy, enters_git, is_dot_git};
use crate::repository::Repository;
use crate::snapshot::{LeftOut, Snapshot};
use crate::state::Lock;
use crate::store::Store;
use crate::trees::Leaf;

/// How many copies of one repository there may be at a time.
const SLOTS: usize = 1024;
/// The largest changed file that is collected, in bytes, before the policy is asked.
const MAX_COLLECT: u64 = 16 << 20;

/// A directory with the files of a snapshot and edits, without `.git`. Ours until dropped; then reused.
///
/// Unchanged files have the times they have in the user's checkout, so that builds stay warm. Symbolic links are made as
/// links and never followed; a submodule is an empty directory (its checked-out contents are among
/// [`Repository::dependency_dirs`]).
#[derive(Debug)]
pub struct WorkingCopy {
    repo: Arc<Repository>,
    snapshot: Snapshot,
    slot: usize,
    path: PathBuf,
    door: Door,
    placed: BTreeMap<RepoPath, Placed>,
    left_out: Vec<LeftOut>,
    _lock: Lock,
}

/// When contents were last changed: seconds and nanoseconds.
type Mtime = (i64, u32);

/// A file as we wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Placed {
    leaf: Leaf,
    size: u64,
    mtime: (i64, u32),
    ctime: (i64, u32),
    ino: u64,
}

impl Placed {
    fn new(leaf: Leaf, stat: &Stat) -> Self {
        Self { leaf, size: stat.size, mtime: stat.mtime, ctime: stat.ctime, ino: stat.ino }
    }
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

impl WorkingCopy {
    /// Where it is, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Entries of the snapshot that were not created, such as a name that means `.git`.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Changes the copy in place to `edits` (on the same snapshot), undoing whatever else was written in it.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Git`].
    pub fn reset(&mut self, edits: &EditSet) -> Result<(), Error> {
        let files = self.repo.files(&self.snapshot, edits)?;
        let scan = self.repo.last_scan()?;
        let mut wanted = BTreeMap::new();
        let mut dirs = BTreeSet::new();
        self.left_out.clear();
        for (path, leaf) in files {
            if enters_git(&path) {
                let reason = "its name means .git on some file system".into();
                self.left_out.push(LeftOut { path, reason });
                continue;
            }
            let mut above =
                if leaf.1 == FileMode::Submodule { Some(path.clone()) } else { path.parent() };
            while let Some(dir) = above {
                above = dir.parent();
                if !dirs.insert(dir) {
                    break;
                }
            }
            if leaf.1 != FileMode::Submodule {
                let seen = scan.files.get(&path).filter(|seen| seen.leaf.0 == leaf.0);
                wanted.insert(path, (leaf, seen.map(|seen| seen.mtime)));
            }
        }
        let shown = self.path.display().to_string();
        let io = |e| Error::io(format!("prepare the working copy {shown}"), e);
        self.prune(&wanted, &dirs).map_err(io)?;
        for dir in &dirs {
            let (above, name) = self.door.parent(dir).map_err(io)?;
            match above.mkdir(name) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(io(e)),
                _ => {}
            }
        }
        let mut last: Option<(Option<RepoPath>, Dir)> = None;
        for (path, (leaf, mtime)) in wanted {
            if self.placed.contains_key(&path) {
                continue;
            }
            let parent = path.parent();
            if last.as_ref().is_none_or(|(open, _)| *open != parent) {
                last = Some((parent.clone(), self.door.dir(parent.as_ref()).map_err(io)?));
            }
            let Some((_, dir)) = &last else { continue };
            let bytes = self.repo.blob(leaf.0)?;
            let name = path.file_name();
            let stat = match leaf.1 {
                FileMode::Symlink => dir.symlink(&bytes, name).and_then(|()| dir.stat(name)),
                FileMode::Executable => dir.create(name, &bytes, 0o755, mtime, false),
                _ => dir.create(name, &bytes, 0o644, mtime, false),
            };
            let stat =
                stat.map_err(|e| Error::io(format!("write {path} in the working copy"), e))?;
            self.placed.insert(path, Placed::new(leaf, &stat));
        }
        self.save()
    }

    /// Removes what is not wanted, or not as we wrote it; what remains in `placed` is on the disk.
    fn prune(
        &mut self,
        wanted: &BTreeMap<RepoPath, (Leaf, Option<Mtime>)>,
        dirs: &BTreeSet<RepoPath>,
    ) -> io::Result<()> {
        let mut kept = BTreeMap::new();
        let mut todo = vec![(None::<RepoPath>, self.door.root().again()?)];
        while let Some((path, dir)) = todo.pop() {
            for (name, kind) in dir.entries()? {
                let child = match &path {
                    None => RepoPath::new(&name),
                    Some(dir) => dir.join(&name),
                };
                let child = child.ok();
                if kind == FileKind::Dir {
                    match child.filter(|child| dirs.contains(child)) {
                        Some(child) => {
                            let below = dir.child(&name)?;
                            todo.push((Some(child), below));
                        }
                        None => dir.remove_tree(&name, kind)?,
                    }
                    continue;
                }
                let keep = child.as_ref().and_then(|child| {
                    let (leaf, mtime) = wanted.get(child)?;
                    let placed = self.placed.get(child).filter(|placed| placed.leaf == *leaf)?;
                    let stat = dir.stat(&name).ok()?;
                    let same = Placed::new(*leaf, &stat) == *placed;
                    let link = leaf.1 == FileMode::Symlink;
                    (same && (link || mtime.is_none_or(|mtime| mtime == stat.mtime)))
                        .then_some(*placed)
                });
                match (child, keep) {
                    (Some(child), Some(placed)) => drop(kept.insert(child, placed)),
                    _ => dir.unlink(&name)?,
                }
            }
        }
        self.placed = kept;
        Ok(())
    }

    fn record(slot: usize) -> String {
        format!("copies/{slot}.json")
    }

    fn save(&self) -> Result<(), Error> {
        let list: Vec<_> = self.placed.iter().collect();
        let corrupt = |e: serde_json::Error| Error::Corrupt {
            what: "the list of a working copy".into(),
            reason: e.to_string(),
        };
        let bytes = serde_json::to_vec(&list).map_err(corrupt)?;
        let path = RepoPath::new(Self::record(self.slot))?;
        self.repo.state().door().write(&path, &bytes, false)?;
        Ok(())
    }

    /// What was changed in it since it was made, as edits on top of the edits it was made from.
    ///
    /// New files that git ignores are not part of it. Links, hard links, pipes, anything named `.git`, changed submodules and
    /// files behind Git LFS or another filter are refused, as is what the policy forbids.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Git`].
    pub fn collect(&self, policy: &Policy) -> Result<Collected, Error> {
        let io = |e| Error::io("read the working copy", e);
        let (base, case) = self.repo.ignore_base()?;
        let root = self.door.root().again().map_err(io)?;
        let rules = Rules::enter(&base, &root, None, case);
        let mut edits = BTreeMap::new();
        let mut refused = Vec::new();
        let mut seen = BTreeSet::new();
        let mut dirs = BTreeSet::new();
        for path in self.placed.keys() {
            let mut above = path.parent();
            while let Some(dir) = above {
                above = dir.parent();
                if !dirs.insert(dir) {
                    break;
                }
            }
        }
        let mut todo = vec![(None::<RepoPath>, root, rules, false)];
        while let Some((path, dir, rules, ignored)) = todo.pop() {
            for (name, kind) in dir.entries().map_err(io)? {
                let child = match &path {
                    None => RepoPath::new(&name),
                    Some(dir) => dir.join(&name),
                };
                let Ok(child) = child else { continue };
                if is_dot_git(&name) {
                    refused.push(AccessError::ForbiddenPath { path: child, rule: ".git".into() });
                    continue;
                }
                let known = self.placed.get(&child);
                if kind == FileKind::Dir {
                    if self.snapshot.submodules.contains(&child) {
                        if dir
                            .child(&name)
                            .and_then(|sub| sub.entries())
                            .is_ok_and(|e| !e.is_empty())
                        {
                            let reason = "it is a submodule, whose changes are not recorded".into();
                            refused.push(AccessError::Write { path: child, reason });
                        }
                        continue;
                    }
                    let ignored = ignored || rules.ignores(&child, true);
                    if !dirs.contains(&child) {
                        if ignored {
                            continue;
                        }
                        if let Err(error @ AccessError::ForbiddenPath { .. }) =
                            policy.check(&child, Access::Write)
                        {
                            refused.push(error);
                            continue;
                        }
                    }
                    match dir.child(&name) {
                        Ok(below) => {
                            let rules = Rules::enter(&rules, &below, Some(&child), case);
                            todo.push((Some(child), below, rules, ignored));
                        }
                        Err(e) => {
                            refused.push(AccessError::Write { path: child, reason: explain(&e) });
                        }
                    }
                    continue;
                }
                if known.is_some() {
                    seen.insert(child.clone());
                } else if ignored || rules.ignores(&child, false) {
                    continue;
                }
                match self.changed(&dir, &name, &child, known, policy) {
                    Ok(None) => {}
                    Ok(Some(edit)) => drop(edits.insert(child, edit)),
                    Err(Error::Access(error)) => refused.push(error),
                    Err(error) => return Err(error),
                }
            }
        }
        for (path, placed) in &self.placed {
            if !seen.contains(path) {
                match policy.check(path, Access::Write) {
                    Err(error) => refused.push(error),
                    Ok(()) => {
                        let (before, mode) = placed.leaf;
                        let path = path.clone();
                        let edit =
                            Edit { path: path.clone(), before: Some(before), after: None, mode };
                        edits.insert(path, edit);
                    }
                }
            }
        }
        let new: Vec<BlobId> = edits.values().filter_map(|edit| edit.after).collect();
        self.repo.sync_blobs(&new)?;
        Ok(Collected { edits: EditSet::from_map(edits), refused })
    }

    /// The edit for one file, `None` when it is as it was.
    fn changed(
        &self,
        dir: &Dir,
        name: &[u8],
        path: &RepoPath,
        known: Option<&Placed>,
        policy: &Policy,
    ) -> Result<Option<Edit>, Error> {
        let refuse = |reason: String| AccessError::Write { path: path.clone(), reason };
        let stat = dir.stat(name).map_err(|e| refuse(explain(&e)))?;
        if known.is_some_and(|placed| Placed::new(placed.leaf, &stat) == *placed) {
            return Ok(None);
        }
        if stat.kind == FileKind::Symlink {
            let target = dir.read_link(name).map_err(|e| refuse(explain(&e)))?;
            if known.is_some_and(|p| p.leaf == (Store::id_of(&target), FileMode::Symlink)) {
                return Ok(None);
            }
        }
        let mode = if stat.executable() { FileMode::Executable } else { FileMode::Regular };
        let read = (stat.kind == FileKind::File).then(|| dir.read(name, MAX_COLLECT));
        if let (Some(Ok((bytes, _))), Some(placed)) = (&read, known)
            && placed.leaf == (Store::id_of(bytes), mode)
        {
            return Ok(None);
        }
        policy.check(path, Access::Write)?;
        let bytes = match read {
            None => {
                return Err(refuse(format!("it is a {}, which is not recorded", stat.kind)).into());
            }
            Some(_) if stat.nlink > 1 => {
                return Err(refuse("it is a hard link, which is not recorded".into()).into());
            }
            Some(Ok((bytes, _))) => bytes,
            Some(Err(ReadError::TooLarge(size))) => {
                let (path, limit) = (path.clone(), MAX_COLLECT);
                return Err(AccessError::FileTooLarge { path, size, limit }.into());
            }
            Some(Err(ReadError::Io(e))) => return Err(refuse(explain(&e)).into()),
        };
        policy.check_size(path, bytes.len() as u64)?;
        if let Some(filter) = self.repo.filter_of(path)? {
            return Err(
                refuse(format!("it is stored through {filter}, which is never run here")).into()
            );
        }
        let after = Some(self.repo.put_blob(&bytes)?);
        let before = known.map(|placed| placed.leaf.0);
        Ok(Some(Edit { path: path.clone(), before, after, mode }))
    }
}

impl Repository {
    /// Makes a working copy, or takes one that is free and patches the difference.
    ///
    /// # Errors
    /// [`Error::Busy`] when very many copies are in use, [`Error::Io`], [`Error::Git`].
    pub fn materialise(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        edits: &EditSet,
    ) -> Result<WorkingCopy, Error> {
        for slot in 0..SLOTS {
            let Some(lock) = self.state().lock(&format!("copy-{slot}"))? else { continue };
            let (_, path) = self.state().folder(&format!("copies/{slot}"))?;
            let door = Door::open(&path)
                .map_err(|e| Error::io(format!("open the working copy {}", path.display()), e))?;
            let record = self.state().read(&WorkingCopy::record(slot))?;
            // An unreadable list only means that every file is written anew.
            let placed: Vec<(RepoPath, Placed)> =
                record.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
            let mut copy = WorkingCopy {
                repo: Arc::clone(self),
                snapshot: snapshot.clone(),
                slot,
                path,
                door,
                placed: placed.into_iter().collect(),
                left_out: Vec::new(),
                _lock: lock,
            };
            copy.reset(edits)?;
            return Ok(copy);
        }
        Err(Error::Busy { what: format!("every one of {SLOTS} working copies") })
    }
}

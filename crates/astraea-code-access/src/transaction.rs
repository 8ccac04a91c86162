//! The change of the user's checkout: all or nothing, across a kill and a failing disk.
//!
//! 1. The contents before and after go into our store, then an *intent* into the state directory, through to the disk.
//! 2. Every new file is written under a name of its own beside its place. The intent learns their inodes.
//! 3. New and old file swap names, one by one; the old one is looked at once more after the swap, so that a change the user
//!    made in the meantime is seen and put back.
//! 4. The index is swapped in under its lock; the branch moves by compare-and-swap. That is the point of no return.
//! 5. The history is written, what is left over is removed, and the intent last.
//!
//! Until the branch has moved, everything is taken back by renames alone, which need no space: by ourselves after an error,
//! by the next [`Repository::open`] after a kill. After that point everything is completed.

use std::io;

use git2::ErrorCode;
use serde::{Deserialize, Serialize};

use crate::dir::FileKind;
use crate::error::Error;
use crate::ids::{BlobId, CommitId, FileMode};
use crate::path::RepoPath;
use crate::repository::Repository;
use crate::sides::Side;
use crate::store::Store;

pub(crate) const INTENT: &str = "transaction.json";
const HISTORY: &str = "history.json";
/// The largest file or index that is handled, in bytes.
pub(crate) const MAX: u64 = 1 << 30;

/// One file that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileChange {
    pub(crate) path: RepoPath,
    pub(crate) from: Option<Side>,
    pub(crate) to: Option<Side>,
}

/// A change of the checkout that was applied, and perhaps taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) branch: String,
    /// The full name of the ref that moved, or `HEAD`.
    pub(crate) head: String,
    pub(crate) from: CommitId,
    pub(crate) to: CommitId,
    pub(crate) files: Vec<FileChange>,
    pub(crate) index_before: BlobId,
    pub(crate) index_after: Option<BlobId>,
    pub(crate) undone: bool,
}

/// What the index becomes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum IndexPlan {
    /// These bytes, if it has those now; else as [`IndexPlan::Entries`].
    Exact { now: BlobId, then: BlobId },
    /// Its entries of the changed files are set.
    Entries,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) change: FileChange,
    pub(crate) temp: String,
    /// The inode of the new file, known once it is written.
    pub(crate) new_ino: Option<u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Intent {
    /// The history's entry when this is done.
    pub(crate) record: Record,
    pub(crate) old: CommitId,
    pub(crate) new: CommitId,
    pub(crate) steps: Vec<Step>,
    pub(crate) made: Vec<RepoPath>,
}

impl Intent {
    pub(crate) fn name(&self, end: &str) -> String {
        format!("index.astra-{}.{end}", self.record.id)
    }
}

impl Repository {
    pub(crate) fn history(&self) -> Result<Vec<Record>, Error> {
        let Some(bytes) = self.state().read(HISTORY)? else { return Ok(Vec::new()) };
        serde_json::from_slice(&bytes).map_err(|e| Error::Corrupt {
            what: "the history of applied changes".into(),
            reason: e.to_string(),
        })
    }

    pub(crate) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), Error> {
        let bytes = serde_json::to_vec(value)
            .map_err(|e| Error::Corrupt { what: name.to_owned(), reason: e.to_string() })?;
        self.state().write_atomic(name, &bytes)
    }

    /// Puts the record into the history, in the place of the one with its id.
    fn remember(&self, record: &Record) -> Result<(), Error> {
        let mut history = self.history()?;
        match history.iter_mut().find(|r| r.id == record.id) {
            Some(old) => *old = record.clone(),
            None => history.push(record.clone()),
        }
        self.write_json(HISTORY, &history)
    }

    /// Carries the change out. `record` is what the history says when it is done; `old` and `new` are where its ref stands
    /// before and after; the files go from `from` to `to`, or back if the record says that it is undone.
    pub(crate) fn transact(&self, record: Record, index: IndexPlan) -> Result<(), Error> {
        let (old, new) =
            if record.undone { (record.to, record.from) } else { (record.from, record.to) };
        let files: Vec<FileChange> = record
            .files
            .iter()
            .cloned()
            .map(|change| match record.undone {
                true => FileChange { path: change.path, from: change.to, to: change.from },
                false => change,
            })
            .collect();
        let changed: Vec<RepoPath> = files
            .iter()
            .filter(|change| !self.is_side(&change.path, change.from))
            .map(|change| change.path.clone())
            .collect();
        if !changed.is_empty() {
            return Err(Error::UserChanged { paths: changed });
        }
        let mut made = Vec::new();
        for change in files.iter().filter(|change| change.to.is_some()) {
            let mut above = change.path.parent();
            while let Some(dir) = above {
                above = dir.parent();
                if self.door().dir(Some(&dir)).is_err() && !made.contains(&dir) {
                    made.push(dir);
                }
            }
        }
        made.sort();
        let steps = files
            .into_iter()
            .enumerate()
            .map(|(n, change)| Step {
                temp: format!(".astra-{}-{n}.tmp", record.id),
                change,
                new_ino: None,
            })
            .collect();
        let mut intent = Intent { record, old, new, steps, made };
        let blobs: Vec<BlobId> = intent
            .steps
            .iter()
            .flat_map(|step| [step.change.from, step.change.to])
            .flatten()
            .map(|side| side.raw)
            .chain([intent.record.index_before])
            .collect();
        self.sync_blobs(&blobs)?;
        self.step("intent")?;
        self.write_json(INTENT, &intent)?;
        if let Err(error) = self.carry_out(&mut intent, index) {
            // Nothing has moved yet that renames cannot put back.
            self.take_back(&intent)?;
            return Err(error);
        }
        if let Err(error) = self.complete(&intent) {
            // The change is made; the intent stays, and whoever comes next ends the housekeeping.
            tracing::warn!(%error, "the record of an applied change is not written yet");
        }
        Ok(())
    }

    pub(crate) fn step(&self, name: &str) -> Result<(), Error> {
        self.fault(name).map_err(|e| Error::io(format!("change the checkout ({name})"), e))
    }

    fn carry_out(&self, intent: &mut Intent, index: IndexPlan) -> Result<(), Error> {
        let io = |path: &RepoPath| {
            let path = path.clone();
            move |e: io::Error| Error::io(format!("write {path}"), e)
        };
        for step in &mut intent.steps {
            let Some(side) = step.change.to else { continue };
            let path = &step.change.path;
            self.step("make directories")?;
            let (dir, _) = self.door().make_parent(path, &mut Vec::new()).map_err(io(path))?;
            self.step("write a new file")?;
            let mode = self.permissions(path, side);
            let bytes = self.blob(side.raw)?;
            let stat =
                dir.create(step.temp.as_bytes(), &bytes, mode, None, true).map_err(io(path))?;
            step.new_ino = Some(stat.ino);
        }
        self.step("prepared")?;
        self.write_json(INTENT, intent)?;
        for step in &intent.steps {
            self.step("swap")?;
            self.swap(step)?;
        }
        for step in &intent.steps {
            self.step("sync a directory")?;
            if let Ok((dir, _)) = self.door().parent(&step.change.path) {
                dir.sync().map_err(io(&step.change.path))?;
            }
        }
        self.swap_index(intent, index)?;
        self.step("ref")?;
        self.move_ref(intent)
    }

    /// The permissions a new file gets: those of the file it replaces where the kind is the same, else git's.
    fn permissions(&self, path: &RepoPath, side: Side) -> u32 {
        let executable = side.mode == FileMode::Executable;
        match self.door().stat(path) {
            Ok(stat) if stat.executable() == executable => stat.mode & 0o777,
            Ok(stat) if executable => (stat.mode | ((stat.mode & 0o444) >> 2)) & 0o777,
            Ok(stat) => stat.mode & 0o666,
            Err(_) if executable => 0o755,
            Err(_) => 0o644,
        }
    }

    /// New and old file swap names. Afterwards the old one (if any) has the temporary name.
    fn swap(&self, step: &Step) -> Result<(), Error> {
        let path = &step.change.path;
        let io = |e: io::Error| Error::io(format!("write {path}"), e);
        let changed = || Error::UserChanged { paths: vec![path.clone()] };
        let (dir, name) = self.door().parent(path).map_err(io)?;
        let temp = step.temp.as_bytes();
        match (step.change.from, step.change.to) {
            (None, Some(_)) => match dir.rename_new(temp, &dir, name) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(changed()),
                other => other.map_err(io)?,
            },
            (Some(_), None) => dir.rename_new(name, &dir, temp).map_err(io)?,
            (Some(_), Some(_)) => match dir.exchange(temp, name) {
                Err(e) if e.kind() == io::ErrorKind::Unsupported => {
                    let aside = format!("{}.old", step.temp);
                    dir.rename_new(name, &dir, aside.as_bytes()).map_err(io)?;
                    self.step("between two renames")?;
                    dir.rename_new(temp, &dir, name).map_err(io)?;
                    dir.rename_new(aside.as_bytes(), &dir, temp).map_err(io)?;
                }
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(changed()),
                other => other.map_err(io)?,
            },
            (None, None) => {}
        }
        if let Some(side) = step.change.from {
            let same = dir.read(temp, MAX).is_ok_and(|(bytes, stat)| {
                stat.kind == FileKind::File && Store::id_of(&bytes) == side.raw
            });
            if !same {
                return Err(changed());
            }
        }
        Ok(())
    }

    fn move_ref(&self, intent: &Intent) -> Result<(), Error> {
        let name = &intent.record.head;
        let moved = |found: String| Error::RefMoved {
            name: name.clone(),
            expected: intent.old.to_string(),
            found,
        };
        let head = self.head()?;
        let now = match &head.branch {
            Some(branch) => format!("refs/heads/{branch}"),
            None => "HEAD".to_owned(),
        };
        if now != *name {
            return Err(moved(format!("HEAD on {now}")));
        }
        let what = if intent.record.undone { "undo" } else { "apply" };
        let log = format!("astra {what}: {}", intent.record.branch);
        let (old, new) = (intent.old.oid(), intent.new.oid());
        let result = self.user().0.reference_matching(name, new, true, old, &log).map(drop);
        if !result.as_ref().is_err_and(|e| e.code() == ErrorCode::Locked) {
            self.clear_written_lock(name, intent.new.oid());
        }
        match result {
            Ok(()) => {}
            Err(_) if self.user().0.refname_to_id(name).is_ok_and(|now| now == new) => {}
            Err(e) if e.code() == ErrorCode::Locked => {
                return Err(Error::Busy { what: format!("{name} (its lock exists)") });
            }
            Err(e) if e.code() == ErrorCode::Modified => {
                let found =
                    self.user().0.refname_to_id(name).map_or("nothing".into(), |id| id.to_string());
                return Err(moved(found));
            }
            Err(e) => return Err(Error::git(format!("move {name}"), &e)),
        }
        self.sync_ref(name);
        Ok(())
    }

    /// After the point of no return: the history, then what is left over, then the intent.
    pub(crate) fn complete(&self, intent: &Intent) -> Result<(), Error> {
        self.step("history")?;
        self.remember(&intent.record)?;
        self.step("clean up")?;
        // Where something cannot be removed the intent stays, so that whoever opens the repository next tries again.
        let io = |e: io::Error| Error::io("remove the old file of a change", e);
        let gone = |e: &io::Error| e.kind() == io::ErrorKind::NotFound;
        for step in &intent.steps {
            match self.door().parent(&step.change.path) {
                Err(e) if gone(&e) => {}
                Err(e) => return Err(io(e)),
                Ok((dir, _)) => {
                    for name in [step.temp.clone(), format!("{}.old", step.temp)] {
                        match dir.unlink(name.as_bytes()) {
                            Err(e) if !gone(&e) => return Err(io(e)),
                            _ => {}
                        }
                    }
                }
            }
            if step.change.to.is_none() {
                self.remove_empty(step.change.path.parent());
            }
        }
        let git = self.git_folder()?;
        for end in ["new", "old"] {
            match git.unlink(intent.name(end).as_bytes()) {
                Err(e) if !gone(&e) => return Err(io(e)),
                _ => {}
            }
        }
        self.step("forget the intent")?;
        self.state().remove(INTENT)?;
        *crate::repository::locked(&self.scan) = None;
        Ok(())
    }

    fn remove_empty(&self, mut dir: Option<RepoPath>) {
        while let Some(path) = dir {
            let done = self.door().parent(&path).and_then(|(above, name)| above.rmdir(name));
            if done.is_err() {
                return;
            }
            dir = path.parent();
        }
    }
}

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

use git2::{ErrorCode, Index, IndexEntry, IndexTime};
use serde::{Deserialize, Serialize};

use crate::apply::Recovered;
use crate::dir::{Dir, FileKind, Stat, path_of};
use crate::edits::is_binary;
use crate::eol::{self, Conversion};
use crate::error::Error;
use crate::ids::{BlobId, CommitId, FileMode};
use crate::path::RepoPath;
use crate::repository::Repository;
use crate::store::Store;

const INTENT: &str = "transaction.json";
const HISTORY: &str = "history.json";
/// The largest file or index that is handled, in bytes.
const MAX: u64 = 1 << 30;

/// One side of a change: the bytes in the checkout, the bytes git stores, the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Side {
    pub(crate) raw: BlobId,
    pub(crate) stored: BlobId,
    pub(crate) mode: FileMode,
}

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
struct Step {
    change: FileChange,
    temp: String,
    /// The inode of the new file, known once it is written.
    new_ino: Option<u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Intent {
    /// The history's entry when this is done.
    record: Record,
    old: CommitId,
    new: CommitId,
    steps: Vec<Step>,
    made: Vec<RepoPath>,
}

impl Intent {
    fn name(&self, end: &str) -> String {
        format!("index.astra-{}.{end}", self.record.id)
    }
}

/// An index entry for a file that lies in the checkout.
pub(crate) fn entry(path: &RepoPath, side: Side, stat: Option<&Stat>) -> IndexEntry {
    let time = |t: (i64, u32)| IndexTime::new(t.0 as i32, t.1);
    let zero = (0, 0);
    IndexEntry {
        ctime: time(stat.map_or(zero, |s| s.ctime)),
        mtime: time(stat.map_or(zero, |s| s.mtime)),
        dev: stat.map_or(0, |s| s.dev as u32),
        ino: stat.map_or(0, |s| s.ino as u32),
        mode: side.mode.bits(),
        uid: stat.map_or(0, |s| s.uid),
        gid: stat.map_or(0, |s| s.gid),
        file_size: stat.map_or(0, |s| s.size as u32),
        id: side.stored.oid(),
        flags: path.as_bytes().len().min(0xfff) as u16,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    }
}

impl Repository {
    fn git_folder(&self) -> Result<Dir, Error> {
        Dir::open_path(self.git_dir()).map_err(|e| Error::io("open the git directory", e))
    }

    fn index_bytes(&self) -> Result<Vec<u8>, Error> {
        match self.git_folder()?.read(b"index", MAX) {
            Ok((bytes, _)) => Ok(bytes),
            Err(crate::dir::ReadError::Io(e)) if e.kind() == io::ErrorKind::NotFound => {
                Ok(Vec::new())
            }
            Err(e) => Err(Error::io("read the index", io::Error::from(e))),
        }
    }

    /// The side of a file that lies in the checkout, if `stored` is what git has for it; `Err(())` when it is not.
    pub(crate) fn side_of(
        &self,
        path: &RepoPath,
        stored: Option<(BlobId, FileMode)>,
    ) -> Result<Result<Option<Side>, ()>, Error> {
        let (bytes, stat) = match self.door().read_stat(path, MAX) {
            Ok(read) => read,
            Err(crate::AccessError::FileNotFound { .. }) => {
                return Ok(if stored.is_none() { Ok(None) } else { Err(()) });
            }
            Err(_) => return Ok(Err(())),
        };
        let Some((id, mode)) = stored else { return Ok(Err(())) };
        let executable = mode == FileMode::Executable;
        let modes =
            self.user().0.config().and_then(|c| c.get_bool("core.filemode")).unwrap_or(true);
        if !mode.is_file() || (modes && stat.executable() != executable) {
            return Ok(Err(()));
        }
        let raw = Store::id_of(&bytes);
        if raw == id {
            return Ok(Ok(Some(Side { raw, stored: id, mode })));
        }
        let conversion = eol::rule(&self.user().0, path).conversion;
        if conversion != Conversion::None {
            let clean = eol::clean(&bytes, conversion, Some(&self.blob(id)?)).into_owned();
            if Store::id_of(&clean) == id {
                let raw = self.put_blob(&bytes)?;
                return Ok(Ok(Some(Side { raw, stored: id, mode })));
            }
        }
        Ok(Err(()))
    }

    /// The side of a file to be written: as git would check it out, with the line endings its place has now.
    pub(crate) fn side_for(
        &self,
        path: &RepoPath,
        from: Option<Side>,
        (stored, mode): (BlobId, FileMode),
    ) -> Result<Side, Error> {
        let bytes = self.blob(stored)?;
        let crlf = match from {
            Some(from) if from.raw != from.stored => match eol::endings(&self.blob(from.raw)?) {
                Some(crlf) => crlf,
                None => {
                    return Err(Error::Filtered {
                        path: path.clone(),
                        filter: "a conversion of line endings, and mixes both kinds".into(),
                    });
                }
            },
            Some(_) => false,
            None => eol::rule(&self.user().0, path).crlf,
        };
        let raw =
            if crlf && !is_binary(&bytes) { self.put_blob(&eol::to_crlf(&bytes))? } else { stored };
        Ok(Side { raw, stored, mode })
    }

    /// Whether a file in the checkout is exactly this side.
    fn is_side(&self, path: &RepoPath, side: Option<Side>) -> bool {
        match (self.door().read_stat(path, MAX), side) {
            (Err(crate::AccessError::FileNotFound { .. }), None) => true,
            (Ok((bytes, stat)), Some(side)) => {
                Store::id_of(&bytes) == side.raw
                    && stat.executable() == (side.mode == FileMode::Executable)
            }
            _ => false,
        }
    }

    pub(crate) fn history(&self) -> Result<Vec<Record>, Error> {
        let Some(bytes) = self.state().read(HISTORY)? else { return Ok(Vec::new()) };
        serde_json::from_slice(&bytes).map_err(|e| Error::Corrupt {
            what: "the history of applied changes".into(),
            reason: e.to_string(),
        })
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), Error> {
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

    fn step(&self, name: &str) -> Result<(), Error> {
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

    fn swap_index(&self, intent: &mut Intent, plan: IndexPlan) -> Result<(), Error> {
        let io = |e: io::Error| Error::io("write the index", e);
        let git = self.git_folder()?;
        let (fresh, old) = (intent.name("new"), intent.name("old"));
        let now = self.index_bytes()?;
        let bytes = match plan {
            IndexPlan::Exact { now: expected, then } if Store::id_of(&now) == expected => {
                self.blob(then)?
            }
            _ => self.index_with(&now, &intent.steps, true)?,
        };
        self.step("write the index")?;
        let mode = git.look(b"index").map_err(io)?.map_or(0o644, |stat| stat.mode & 0o777);
        git.create(fresh.as_bytes(), &bytes, mode, None, true).map_err(io)?;
        self.step("lock the index")?;
        match git.link(fresh.as_bytes(), b"index.lock") {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                return Err(Error::Busy { what: "the index (index.lock exists)".into() });
            }
            other => other.map_err(io)?,
        }
        if self.index_bytes()? != now {
            return Err(Error::Busy { what: "the index".into() });
        }
        self.step("keep the old index")?;
        match git.link(b"index", old.as_bytes()) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            other => other.map_err(io)?,
        }
        self.step("swap the index")?;
        git.rename_over(b"index.lock", &git, b"index").map_err(io)?;
        self.step("sync the index")?;
        git.sync().map_err(io)?;
        if intent.record.index_after.is_none() {
            let id = self.put_blob(&bytes)?;
            self.sync_blobs(&[id])?;
            intent.record.index_after = Some(id);
            self.write_json(INTENT, intent)?;
        }
        Ok(())
    }

    /// The bytes of an index with the entries of the changed files set to their new (or old) side.
    fn index_with(&self, now: &[u8], steps: &[Step], forward: bool) -> Result<Vec<u8>, Error> {
        let git = |e: git2::Error| Error::git("write the index", &e);
        let io = |e: io::Error| Error::io("write the index", e);
        let (folder, path) = self.state().folder("tmp")?;
        let name = crate::dir::temp_name("index");
        if !now.is_empty() {
            folder.create(name.as_bytes(), now, 0o600, None, false).map_err(io)?;
        }
        let run = || -> Result<Vec<u8>, Error> {
            let mut index = Index::open(&path.join(&name)).map_err(git)?;
            for step in steps {
                let path = &step.change.path;
                let (from, to) = match forward {
                    true => (step.change.from, step.change.to),
                    false => (step.change.to, step.change.from),
                };
                let here = index.get_path(path.as_path(), 0).map(|e| (e.id, e.mode));
                let is = |side: Option<Side>| here == side.map(|s| (s.stored.oid(), s.mode.bits()));
                if forward && !is(from) {
                    return Err(Error::UserChanged { paths: vec![path.clone()] });
                }
                if !forward && !is(from) {
                    continue; // The user has staged something else; it stays.
                }
                match to {
                    Some(side) => {
                        let stat = self.door().stat(path).ok();
                        index.add(&entry(path, side, stat.as_ref())).map_err(git)?;
                    }
                    None => index.remove(path_of(path.as_bytes()), 0).map_err(git)?,
                }
            }
            index.write().map_err(git)?;
            folder.read(name.as_bytes(), MAX).map(|(bytes, _)| bytes).map_err(|e| io(e.into()))
        };
        let result = run();
        drop(folder.unlink(name.as_bytes()));
        result
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
    fn complete(&self, intent: &Intent) -> Result<(), Error> {
        self.step("history")?;
        self.remember(&intent.record)?;
        self.step("clean up")?;
        for step in &intent.steps {
            if let Ok((dir, _)) = self.door().parent(&step.change.path) {
                drop(dir.unlink(step.temp.as_bytes()));
                drop(dir.unlink(format!("{}.old", step.temp).as_bytes()));
            }
            if step.change.to.is_none() {
                self.remove_empty(step.change.path.parent());
            }
        }
        let git = self.git_folder()?;
        for end in ["new", "old"] {
            drop(git.unlink(intent.name(end).as_bytes()));
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

    /// Before the point of no return: everything back, by renames. Returns the files that somebody else has changed.
    fn take_back(&self, intent: &Intent) -> Result<Vec<RepoPath>, Error> {
        let io = |e: io::Error| Error::io("take a change of the checkout back", e);
        let git = self.git_folder()?;
        let (fresh, old) = (intent.name("new"), intent.name("old"));
        if let Some(ours) = git.look(fresh.as_bytes()).map_err(io)? {
            let is_ours = |name: &[u8]| {
                Ok(git.look(name)?.is_some_and(|s| (s.ino, s.dev) == (ours.ino, ours.dev)))
            };
            if is_ours(b"index").map_err(io)? {
                if git.look(old.as_bytes()).map_err(io)?.is_some() {
                    git.rename_over(old.as_bytes(), &git, b"index").map_err(io)?;
                } else {
                    git.unlink(b"index").map_err(io)?;
                }
            } else if git.look(old.as_bytes()).map_err(io)?.is_some() {
                // git has written the index anew since. Its entries of our files go back.
                let now = self.index_bytes()?;
                let bytes = self.index_with(&now, &intent.steps, false)?;
                if bytes != now && self.index_bytes()? == now {
                    git.replace(b"index", &bytes, 0o644, true).map_err(io)?;
                }
                drop(git.unlink(old.as_bytes()));
            }
            if is_ours(b"index.lock").map_err(io)? {
                git.unlink(b"index.lock").map_err(io)?;
            }
            git.unlink(fresh.as_bytes()).map_err(io)?;
        }
        let mut kept = Vec::new();
        for step in intent.steps.iter().rev() {
            if !self.swap_back(step).map_err(io)? {
                kept.push(step.change.path.clone());
            }
        }
        for dir in intent.made.iter().rev() {
            drop(self.door().parent(dir).and_then(|(above, name)| above.rmdir(name)));
        }
        self.state().remove(INTENT)?;
        Ok(kept)
    }

    /// False when somebody else has changed the file; then it stays as it is.
    fn swap_back(&self, step: &Step) -> io::Result<bool> {
        let (dir, name) = match self.door().parent(&step.change.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(step.change.from.is_none()),
            other => other?,
        };
        let temp = step.temp.as_bytes();
        let aside = format!("{}.old", step.temp);
        let mut untouched = true;
        // Cut off between the renames of a file system that cannot swap.
        if dir.look(aside.as_bytes())?.is_some() {
            if dir.look(temp)?.is_none() && dir.look(name)?.is_some() {
                dir.rename_new(name, &dir, temp)?;
            }
            if dir.look(name)?.is_none() {
                dir.rename_new(aside.as_bytes(), &dir, name)?;
            }
        }
        let here = dir.look(name)?;
        let beside = dir.look(temp)?;
        let ours = here.is_some_and(|stat| Some(stat.ino) == step.new_ino);
        match (step.change.from, step.change.to) {
            (_, Some(side)) if ours => {
                let edited =
                    !dir.read(name, MAX).is_ok_and(|(bytes, _)| Store::id_of(&bytes) == side.raw);
                if edited {
                    untouched = false;
                } else if step.change.from.is_none() {
                    dir.unlink(name)?;
                } else if beside.is_some() {
                    match dir.exchange(temp, name) {
                        Err(e) if e.kind() == io::ErrorKind::Unsupported => {
                            dir.rename_over(temp, &dir, name)?;
                        }
                        other => other?,
                    }
                }
            }
            // A deletion that was carried out.
            (Some(_), None) if beside.is_some() => match dir.rename_new(temp, &dir, name) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => untouched = false,
                other => other?,
            },
            _ => {}
        }
        match dir.unlink(temp) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(untouched),
        }
    }

    /// Ends a transaction that was cut off, if there is one and its process is gone.
    pub(crate) fn recover(&self) -> Result<Option<Recovered>, Error> {
        if self.state().read(INTENT)?.is_none() {
            return Ok(None);
        }
        match self.state().lock("apply")? {
            Some(_lock) => self.recover_locked(),
            None => Ok(None),
        }
    }

    /// [`recover`](Self::recover), for whoever holds the lock.
    pub(crate) fn recover_locked(&self) -> Result<Option<Recovered>, Error> {
        let Some(bytes) = self.state().read(INTENT)? else { return Ok(None) };
        let intent: Intent = serde_json::from_slice(&bytes).map_err(|e| Error::Corrupt {
            what: format!(
                "the record of an unfinished change ({})",
                self.state().path().join(INTENT).display()
            ),
            reason: e.to_string(),
        })?;
        let name = &intent.record.head;
        let moved = {
            let user = self.user();
            user.0.refname_to_id(name).is_ok_and(|now| {
                let new = intent.new.oid();
                now == new
                    || (now != intent.old.oid()
                        && !intent.record.undone
                        && user.0.graph_descendant_of(now, new).unwrap_or(false))
            })
        };
        if moved {
            self.complete(&intent)?;
            return Ok(Some(Recovered { completed: true, kept: Vec::new() }));
        }
        self.clear_ref_lock(name, intent.new.oid());
        let kept = self.take_back(&intent)?;
        Ok(Some(Recovered { completed: false, kept }))
    }
}

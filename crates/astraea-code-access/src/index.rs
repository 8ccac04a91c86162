//! The user's index: read whole, written whole, entries from known blob ids only.

use std::io;

use git2::{Index, IndexEntry, IndexTime};

use crate::dir::{Dir, Stat, path_of};
use crate::error::Error;
use crate::path::RepoPath;
use crate::repository::Repository;
use crate::sides::Side;
use crate::store::Store;
use crate::transaction::{INTENT, IndexPlan, Intent, MAX, Step};

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
    pub(crate) fn git_folder(&self) -> Result<Dir, Error> {
        Dir::open_path(self.git_dir()).map_err(|e| Error::io("open the git directory", e))
    }

    pub(crate) fn index_bytes(&self) -> Result<Vec<u8>, Error> {
        match self.git_folder()?.read(b"index", MAX) {
            Ok((bytes, _)) => Ok(bytes),
            Err(crate::dir::ReadError::Io(e)) if e.kind() == io::ErrorKind::NotFound => {
                Ok(Vec::new())
            }
            Err(e) => Err(Error::io("read the index", io::Error::from(e))),
        }
    }

    /// The new index takes the place of the old one, under git's own lock. The old one stays beside it until the end.
    pub(crate) fn swap_index(&self, intent: &mut Intent, plan: IndexPlan) -> Result<(), Error> {
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
    pub(crate) fn index_with(
        &self,
        now: &[u8],
        steps: &[Step],
        forward: bool,
    ) -> Result<Vec<u8>, Error> {
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
}

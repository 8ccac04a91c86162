//! The way back: after an error at once, after a kill when the repository is opened next.

use std::io;

use crate::apply::Recovered;
use crate::dir::ReadError;
use crate::error::Error;
use crate::path::RepoPath;
use crate::repository::Repository;
use crate::store::Store;
use crate::transaction::{INTENT, Intent, MAX, Step};

impl Repository {
    /// Before the point of no return: everything back, by renames. Returns the files that somebody else has changed.
    pub(crate) fn take_back(&self, intent: &Intent) -> Result<Vec<RepoPath>, Error> {
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
                let edited = match dir.read(name, MAX) {
                    Ok((bytes, _)) => Store::id_of(&bytes) != side.raw,
                    // A disk that fails says nothing of what somebody did.
                    Err(ReadError::Io(e)) if e.kind() != io::ErrorKind::PermissionDenied => {
                        return Err(e);
                    }
                    Err(_) => true,
                };
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
            self.clear_written_lock(name, intent.new.oid());
            self.complete(&intent)?;
            return Ok(Some(Recovered { completed: true, kept: Vec::new() }));
        }
        self.clear_ref_lock(name, intent.new.oid());
        let kept = self.take_back(&intent)?;
        Ok(Some(Recovered { completed: false, kept }))
    }
}

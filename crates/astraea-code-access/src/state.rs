//! Where everything of ours lives: one directory a repository, outside the checkout.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{FlockOperation, Mode, OFlags};
use sha2::{Digest, Sha256};

use crate::dir::{Dir, FileKind, make_dirs};
use crate::door::Door;
use crate::error::Error;
use crate::path::RepoPath;

/// The layout this program writes.
const VERSION: u32 = 1;
/// The largest record that is read, in bytes.
const MAX_RECORD: u64 = 256 << 20;

/// `<state_home>/astra/<name>-<hash8>/`: the database, our object store, working copies, locks, records.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    door: Door,
}

/// A held lock; released when dropped, and when the process dies.
#[derive(Debug)]
pub struct Lock {
    fd: OwnedFd,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Said aloud: a child that was forked in this instant and has not yet become its program shares the descriptor.
        let _ = rustix::fs::flock(&self.fd, FlockOperation::Unlock);
    }
}

impl StateDir {
    /// Creates or opens the state directory of the repository at `root`.
    ///
    /// # Errors
    /// [`Error::StateVersion`] when a newer version wrote it, [`Error::Config`] when it would lie inside the checkout,
    /// [`Error::Io`].
    pub fn open(state_home: &Path, root: &Path) -> Result<Self, Error> {
        let hash = hex::encode(Sha256::digest(root.as_os_str().as_bytes()));
        let name: String = root
            .file_name()
            .map_or_else(|| "root".into(), |name| name.to_string_lossy().into_owned())
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' })
            .take(60)
            .collect();
        let path = state_home.join("astra").join(format!("{name}-{}", &hash[..8]));
        if path.starts_with(root) {
            return Err(Error::Config {
                reason: format!(
                    "the state directory {} lies inside the repository; choose one outside (XDG_STATE_HOME)",
                    state_home.display()
                ),
            });
        }
        let fail = |e| Error::io(format!("open the state directory {}", path.display()), e);
        make_dirs(&path).map_err(fail)?;
        let path = crate::dir::real_path(&path).map_err(fail)?;
        if path.starts_with(root) {
            return Err(Error::Config {
                reason: format!(
                    "the state directory {} lies inside the repository",
                    path.display()
                ),
            });
        }
        let door = Door::open(&path).map_err(|e| Error::io("open the state directory", e))?;
        let state = Self { path, door };
        match state.read("version")? {
            None => state.write_atomic("version", format!("{VERSION}\n").as_bytes())?,
            Some(bytes) => {
                let found = String::from_utf8_lossy(&bytes).trim().to_owned();
                if found.parse::<u32>().map_or(true, |found| found > VERSION) {
                    return Err(Error::StateVersion {
                        path: state.path,
                        found,
                        supported: VERSION,
                    });
                }
            }
        }
        Ok(state)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the database is.
    #[must_use]
    pub fn db_path(&self) -> PathBuf {
        self.path.join("state.db")
    }

    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    /// The directory `name` in it, made when missing.
    pub(crate) fn folder(&self, name: &str) -> Result<(Dir, PathBuf), Error> {
        let key = key(name)?;
        let io = |e| Error::io(format!("open the state folder {name}"), e);
        self.door.make_dir(&key)?;
        Ok((self.door.dir(Some(&key)).map_err(io)?, self.path.join(name)))
    }

    /// Takes the lock `name`, or `None` when somebody else has it. Never waits.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Config`] for a name that is not a plain name.
    pub fn lock(&self, name: &str) -> Result<Option<Lock>, Error> {
        let io = |e| Error::io(format!("take the lock {name}"), e);
        key(name)?;
        let file = key(&format!("locks/{name}.lock"))?;
        let (dir, last) = self.door.make_parent(&file, &mut Vec::new()).map_err(io)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOCTTY | OFlags::NONBLOCK;
        let fd = dir.open_file(last, flags, Mode::from_raw_mode(0o600)).map_err(io)?;
        match rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock { fd })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(io(error.into())),
        }
    }

    /// Whether somebody holds the lock `name` now. Looking takes it for an instant.
    ///
    /// # Errors
    /// As [`lock`](Self::lock).
    pub fn is_locked(&self, name: &str) -> Result<bool, Error> {
        Ok(self.lock(name)?.is_none())
    }

    /// The bytes of the record `name`, or `None`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Config`] for a name that is not a plain relative path.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        match self.door.read(&key(name)?, MAX_RECORD) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(crate::AccessError::FileNotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces the record `name` whole, on the disk when it returns.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn write_atomic(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let io = |e| Error::io(format!("write the record {name}"), e);
        let file = key(name)?;
        let mut made = Vec::new();
        let (dir, last) = self.door.make_parent(&file, &mut made).map_err(io)?;
        dir.replace(last, bytes, 0o600, true).map_err(io)?;
        for parent in made {
            let above = self.door.dir(parent.parent().as_ref()).map_err(io)?;
            above.sync().map_err(io)?;
        }
        Ok(())
    }

    /// Removes the record `name`; true when there was one.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn remove(&self, name: &str) -> Result<bool, Error> {
        let io = |e| Error::io(format!("remove the record {name}"), e);
        let file = key(name)?;
        let (dir, last) = match self.door.parent(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other.map_err(io)?,
        };
        match dir.unlink(last) {
            Ok(()) => dir.sync().map_err(io).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(io(error)),
        }
    }

    /// The names of the records in the folder `dir`, sorted.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn list(&self, dir: &str) -> Result<Vec<String>, Error> {
        match self.door.entries(Some(&key(dir)?)) {
            Ok(entries) => Ok(entries
                .into_iter()
                .filter(|(name, kind)| *kind == FileKind::File && !name.starts_with(b"."))
                .filter_map(|(name, _)| String::from_utf8(name).ok())
                .collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(Error::io(format!("list the records in {dir}"), error)),
        }
    }
}

fn key(name: &str) -> Result<RepoPath, Error> {
    RepoPath::new(name).map_err(|e| Error::Config {
        reason: format!("{name:?} is not the name of a record: {}", e.reason),
    })
}

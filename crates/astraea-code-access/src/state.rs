//! Where everything of ours lives: one directory a repository, outside the checkout.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// `<state_home>/astra/<name>-<hash8>/`.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
}

/// A held lock; released when dropped, and when the process dies.
#[derive(Debug)]
pub struct Lock {
    _fd: rustix::fd::OwnedFd,
}

impl StateDir {
    /// Creates or opens the state directory of the repository at `root`.
    ///
    /// # Errors
    /// [`Error::StateVersion`] when a newer version wrote it, [`Error::Io`].
    pub fn open(state_home: &Path, root: &Path) -> Result<Self, Error> {
        let _ = (state_home, root);
        todo!()
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

    /// Takes the lock `name`, or `None` when somebody else has it. Never waits.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Config`] for a name that is not a plain name.
    pub fn lock(&self, name: &str) -> Result<Option<Lock>, Error> {
        let _ = name;
        todo!()
    }

    /// Whether somebody holds the lock `name` now.
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
        let _ = name;
        todo!()
    }

    /// Replaces the record `name` whole, on the disk when it returns.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn write_atomic(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let _ = (name, bytes);
        todo!()
    }

    /// Removes the record `name`; true when there was one.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn remove(&self, name: &str) -> Result<bool, Error> {
        let _ = name;
        todo!()
    }

    /// The names of the records in the folder `dir`, sorted.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn list(&self, dir: &str) -> Result<Vec<String>, Error> {
        let _ = dir;
        todo!()
    }
}

//! The system-call layer: every path is resolved by the kernel beneath one directory.

use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::dir::Dir;
pub use crate::dir::{FileKind, Stat};
use crate::error::AccessError;
use crate::path::RepoPath;

/// An open directory; nothing outside it can be reached through it.
///
/// Paths are resolved by `openat2` with `RESOLVE_BENEATH`, `NO_SYMLINKS`, `NO_MAGICLINKS` and `NO_XDEV`; where the kernel
/// has no such call, component by component with `O_NOFOLLOW`. A symbolic link anywhere in a path is an error, never
/// followed. Only regular files are read, and their size is looked at first. A write makes a new file and renames it over
/// the old one, so other hard links keep their contents.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use astraea_code_access::{Door, RepoPath};
/// let dir = tempfile::tempdir()?;
/// let door = Door::open(dir.path())?;
/// let path = RepoPath::new("src/a.txt")?;
/// door.write(&path, b"hello", false)?;
/// assert_eq!(door.read(&path, 1024)?, b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Door {
    root: Dir,
    walk: bool,
}

impl Door {
    /// Opens a directory. The path itself may go through links: it is the caller's word.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let root = Dir::open_path(path)?;
        let walk = !crate::dir::has_openat2(&root);
        Ok(Self { root, walk })
    }

    /// Like [`open`](Self::open), with the component-wise walk that kernels without `openat2` get.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_walking(path: &Path) -> io::Result<Self> {
        Ok(Self { root: Dir::open_path(path)?, walk: true })
    }

    pub(crate) fn root(&self) -> &Dir {
        &self.root
    }

    /// The directory `path`, `None` being the root.
    pub(crate) fn dir(&self, path: Option<&RepoPath>) -> io::Result<Dir> {
        match path {
            None => self.root.again(),
            Some(path) if self.walk => {
                let mut dir = self.root.again()?;
                for name in path.components() {
                    dir = dir.child(name)?;
                }
                Ok(dir)
            }
            Some(path) => self.root.beneath(path),
        }
    }

    /// The directory that holds `path`, and the last name.
    pub(crate) fn parent<'p>(&self, path: &'p RepoPath) -> io::Result<(Dir, &'p [u8])> {
        Ok((self.dir(path.parent().as_ref())?, path.file_name()))
    }

    /// Like [`parent`](Self::parent), making directories that are missing; returns those it made.
    pub(crate) fn make_parent<'p>(
        &self,
        path: &'p RepoPath,
        made: &mut Vec<RepoPath>,
    ) -> io::Result<(Dir, &'p [u8])> {
        if let Ok(found) = self.parent(path) {
            return Ok(found);
        }
        let mut dir = self.root.again()?;
        let mut missing = Vec::new();
        let mut above = path.parent();
        while let Some(parent) = above {
            above = parent.parent();
            missing.push(parent);
        }
        for parent in missing.into_iter().rev() {
            let name = parent.file_name();
            match dir.child(name) {
                Ok(next) => dir = next,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    match dir.mkdir(name) {
                        Ok(()) => made.push(parent.clone()),
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                        Err(error) => return Err(error),
                    }
                    dir = dir.child(name)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok((dir, path.file_name()))
    }

    /// What `path` is; a link at its end is not followed, one before it is an error.
    ///
    /// # Errors
    /// [`AccessError::FileNotFound`], [`AccessError::Read`].
    pub fn stat(&self, path: &RepoPath) -> Result<Stat, AccessError> {
        let (dir, name) = self.parent(path).map_err(|e| reading(path, &e))?;
        dir.stat(name).map_err(|e| reading(path, &e))
    }

    /// The contents of a regular file of at most `max` bytes.
    ///
    /// # Errors
    /// [`AccessError::FileNotFound`], [`AccessError::FileTooLarge`] before anything is read, [`AccessError::Read`] for
    /// links, pipes, devices, directories and what the system refuses.
    pub fn read(&self, path: &RepoPath, max: u64) -> Result<Vec<u8>, AccessError> {
        self.read_stat(path, max).map(|(bytes, _)| bytes)
    }

    pub(crate) fn read_stat(
        &self,
        path: &RepoPath,
        max: u64,
    ) -> Result<(Vec<u8>, Stat), AccessError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        // One system call for the common case; a device or pipe is told apart after a non-blocking open.
        let file = if self.walk {
            self.parent(path).and_then(|(dir, name)| dir.open_file(name, flags, Mode::empty()))
        } else {
            self.root.open_beneath(path.as_bytes(), flags)
        }
        .map_err(|e| reading(path, &e))?;
        crate::dir::read_open(&file, max).map_err(|e| match e {
            crate::dir::ReadError::TooLarge(size) => {
                AccessError::FileTooLarge { path: path.clone(), size, limit: max }
            }
            crate::dir::ReadError::Io(e) => reading(path, &e),
        })
    }

    /// The target of a symbolic link, as bytes.
    ///
    /// # Errors
    /// [`AccessError::FileNotFound`], [`AccessError::Read`].
    pub fn read_link(&self, path: &RepoPath) -> Result<Vec<u8>, AccessError> {
        let (dir, name) = self.parent(path).map_err(|e| reading(path, &e))?;
        dir.read_link(name).map_err(|e| reading(path, &e))
    }

    /// The names in a directory (`None`: the root) with their kinds, sorted.
    ///
    /// # Errors
    /// What the system says.
    pub fn entries(&self, path: Option<&RepoPath>) -> io::Result<Vec<(Vec<u8>, FileKind)>> {
        self.dir(path)?.entries()
    }

    /// Creates or replaces a regular file, making directories as needed. The old file, if any, is left to its other links.
    ///
    /// # Errors
    /// [`AccessError::Write`], also where a link or anything but a regular file is in the way.
    pub fn write(
        &self,
        path: &RepoPath,
        bytes: &[u8],
        executable: bool,
    ) -> Result<(), AccessError> {
        let mode = if executable { 0o755 } else { 0o644 };
        let run = || -> io::Result<()> {
            let (dir, name) = self.make_parent(path, &mut Vec::new())?;
            match dir.stat(name) {
                Ok(stat) if stat.kind != FileKind::File => {
                    return Err(io::Error::other(format!("it is a {}", stat.kind)));
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            dir.replace(name, bytes, mode, false)
        };
        run().map_err(|e| writing(path, &e))
    }

    /// Removes a file or link; never a directory.
    ///
    /// # Errors
    /// [`AccessError::FileNotFound`], [`AccessError::Write`].
    pub fn remove(&self, path: &RepoPath) -> Result<(), AccessError> {
        self.parent(path).and_then(|(dir, name)| dir.unlink(name)).map_err(|e| writing(path, &e))
    }

    /// Renames a file, link or directory within the root; the destination must not exist.
    ///
    /// # Errors
    /// [`AccessError::FileNotFound`], [`AccessError::Write`].
    pub fn rename(&self, from: &RepoPath, to: &RepoPath) -> Result<(), AccessError> {
        let run = || -> io::Result<()> {
            let (old_dir, old) = self.parent(from)?;
            let (new_dir, new) = self.parent(to)?;
            old_dir.rename_new(old, &new_dir, new)
        };
        run().map_err(|e| writing(from, &e))
    }

    /// Makes a directory and those above it.
    ///
    /// # Errors
    /// [`AccessError::Write`].
    pub fn make_dir(&self, path: &RepoPath) -> Result<(), AccessError> {
        let run = || -> io::Result<()> {
            let (dir, name) = self.make_parent(path, &mut Vec::new())?;
            match dir.mkdir(name) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => dir.child(name).map(drop),
                other => other,
            }
        };
        run().map_err(|e| writing(path, &e))
    }
}

pub(crate) fn explain(error: &io::Error) -> String {
    match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::LOOP) => {
            "a symbolic link is in the way, and none is followed".into()
        }
        Some(rustix::io::Errno::XDEV) => {
            "it lies on another file system or outside the root".into()
        }
        Some(rustix::io::Errno::NOTDIR) => "a part of it is not a directory".into(),
        Some(rustix::io::Errno::NAMETOOLONG) => "the name is too long for the file system".into(),
        _ => error.to_string(),
    }
}

pub(crate) fn reading(path: &RepoPath, error: &io::Error) -> AccessError {
    match error.kind() {
        io::ErrorKind::NotFound => AccessError::FileNotFound { path: path.clone() },
        _ => AccessError::Read { path: path.clone(), reason: explain(error) },
    }
}

pub(crate) fn writing(path: &RepoPath, error: &io::Error) -> AccessError {
    match error.kind() {
        io::ErrorKind::NotFound => AccessError::FileNotFound { path: path.clone() },
        _ => AccessError::Write { path: path.clone(), reason: explain(error) },
    }
}

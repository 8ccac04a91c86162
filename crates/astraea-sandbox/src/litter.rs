//! Mount points that bubblewrap makes in a writable directory of the host, and their removal.
//!
//! The directory belongs to a command that nobody trusts: between its end and the removal a link
//! may lie where a folder was. So every step goes through `openat2` beneath the directory, without
//! links, and only what is empty is removed.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// One mount point that did not exist before.
#[derive(Debug)]
pub(crate) struct Litter {
    root: PathBuf,
    path: PathBuf,
    /// How many of the path's components existed.
    existing: usize,
    is_dir: bool,
}

impl Litter {
    pub(crate) fn new(root: &Path, path: &Path, existing: usize, is_dir: bool) -> Self {
        Self { root: root.into(), path: path.into(), existing, is_dir }
    }

    /// How many components of `path` exist below `root`, or `None` when all do.
    ///
    /// # Errors
    /// When one of them is a symbolic link or cannot be looked at.
    pub(crate) fn missing(root: &Path, path: &Path) -> io::Result<Option<usize>> {
        let root = open_root(root)?;
        let mut so_far = PathBuf::new();
        for (at, part) in path.components().enumerate() {
            so_far.push(part);
            match open_beneath(&root, &so_far, OFlags::PATH | OFlags::NOFOLLOW) {
                Ok(_) => {}
                Err(Errno::NOENT) => return Ok(Some(at)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Removes what was made, if it is still empty and still there.
    pub(crate) fn remove(&self) {
        let Ok(root) = open_root(&self.root) else { return };
        let parts: Vec<Component<'_>> = self.path.components().collect();
        for depth in (self.existing..parts.len()).rev() {
            let parent: PathBuf = parts[..depth].iter().collect();
            let Some(Component::Normal(name)) = parts.get(depth) else { return };
            let dir = if depth == 0 {
                root.try_clone().ok()
            } else {
                open_beneath(&root, &parent, OFlags::PATH | OFlags::DIRECTORY).ok()
            };
            let Some(dir) = dir else { return };
            let is_file = depth + 1 == parts.len() && !self.is_dir;
            if is_file {
                let empty =
                    rustix::fs::statat(&dir, *name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| {
                        stat.st_size == 0 && stat.st_mode & libc::S_IFMT == libc::S_IFREG
                    });
                if empty {
                    let _ = rustix::fs::unlinkat(&dir, *name, AtFlags::empty());
                }
            } else {
                let _ = rustix::fs::unlinkat(&dir, *name, AtFlags::REMOVEDIR);
            }
        }
    }
}

fn open_root(root: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(root, flags, Mode::empty()).map_err(Into::into)
}

fn open_beneath(root: &OwnedFd, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    // A link as the last component opens as itself under O_PATH | O_NOFOLLOW: refuse it too.
    let fd = rustix::fs::openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)?;
    let mode = rustix::fs::fstat(&fd)?.st_mode;
    if mode & libc::S_IFMT == libc::S_IFLNK { Err(Errno::LOOP) } else { Ok(fd) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "makes the files that the tests need")]

    use std::fs;

    use super::*;

    #[test]
    fn only_what_was_made_and_is_empty_goes() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a")).unwrap();
        let path = Path::new("a/b/c");
        assert_eq!(Litter::missing(dir.path(), path).unwrap(), Some(1));
        let litter = Litter::new(dir.path(), path, 1, true);
        fs::create_dir_all(dir.path().join("a/b/c")).unwrap();
        assert_eq!(Litter::missing(dir.path(), path).unwrap(), None);
        fs::write(dir.path().join("a/b/kept"), "x").unwrap();
        litter.remove();
        assert!(dir.path().join("a/b/kept").exists());
        assert!(!dir.path().join("a/b/c").exists());
    }

    #[test]
    fn a_link_on_the_way_is_refused_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::create_dir_all(outside.path().join("b")).unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.path().join("a")).unwrap();
        assert!(Litter::missing(dir.path(), Path::new("a/b")).is_err());
        assert!(Litter::missing(dir.path(), Path::new("a")).is_err());
        Litter::new(dir.path(), Path::new("a/b"), 0, true).remove();
        assert!(outside.path().join("b").exists());
    }
}

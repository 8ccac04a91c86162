//! One open directory and the calls on names in it. No call here takes more than one path component, but for
//! [`Dir::beneath`], which the kernel keeps inside.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::path::RepoPath;

/// What kind of thing a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A pipe, socket or device.
    Special,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "regular file",
            Self::Dir => "directory",
            Self::Symlink => "symbolic link",
            Self::Special => "pipe, socket or device",
        })
    }
}

impl From<FileType> for FileKind {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Dir,
            FileType::Symlink => Self::Symlink,
            _ => Self::Special,
        }
    }
}

/// What the system says about a name; links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stat {
    /// Its kind.
    pub kind: FileKind,
    /// Its size in bytes.
    pub size: u64,
    /// Its permission bits.
    pub mode: u32,
    /// Last change of contents: seconds and nanoseconds.
    pub mtime: (i64, u32),
    /// Last change of the inode: seconds and nanoseconds.
    pub ctime: (i64, u32),
    /// Its inode.
    pub ino: u64,
    /// Its device.
    pub dev: u64,
    /// How many names it has.
    pub nlink: u64,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

impl Stat {
    #[expect(clippy::unnecessary_cast, reason = "the fields have other widths on other platforms")]
    fn from(stat: &rustix::fs::Stat) -> Self {
        Self {
            kind: FileType::from_raw_mode(stat.st_mode).into(),
            size: stat.st_size as u64,
            mode: stat.st_mode as u32 & 0o7777,
            mtime: (stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            ctime: (stat.st_ctime as i64, stat.st_ctime_nsec as u32),
            ino: stat.st_ino as u64,
            dev: stat.st_dev as u64,
            nlink: stat.st_nlink as u64,
            uid: stat.st_uid,
            gid: stat.st_gid,
        }
    }

    pub(crate) fn executable(&self) -> bool {
        self.mode & 0o100 != 0
    }
}

/// Why an open file was not read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// It has this many bytes.
    TooLarge(u64),
    /// What the system said.
    Io(io::Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TooLarge(size) => Self::other(format!("it is too large ({size} bytes)")),
            ReadError::Io(error) => error,
        }
    }
}

/// Reads a file that was opened without blocking: regular files only, the size looked at first.
pub(crate) fn read_open(file: &OwnedFd, max: u64) -> Result<(Vec<u8>, Stat), ReadError> {
    let stat = Stat::from(&rustix::fs::fstat(file).map_err(io::Error::from)?);
    if stat.kind != FileKind::File {
        return Err(io::Error::other(format!("it is a {}, not a regular file", stat.kind)).into());
    }
    if stat.size > max {
        return Err(ReadError::TooLarge(stat.size));
    }
    let mut bytes = Vec::with_capacity(stat.size as usize + 1);
    let file = File::from(file.try_clone().map_err(ReadError::Io)?);
    // It may grow while it is read.
    file.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(ReadError::TooLarge(bytes.len() as u64));
    }
    Ok((bytes, stat))
}

/// A name no one else uses.
pub(crate) fn temp_name(tag: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let pid = rustix::process::getpid().as_raw_nonzero();
    format!(".astra-{tag}-{pid}-{}.tmp", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The process that gave a file this [temporary name](temp_name).
pub(crate) fn temp_owner(name: &[u8], tag: &str) -> Option<i32> {
    let rest = std::str::from_utf8(name).ok()?.strip_prefix(&format!(".astra-{tag}-"))?;
    rest.strip_suffix(".tmp")?.split('-').next()?.parse().ok()
}

/// Whether no process has this number.
pub(crate) fn is_gone(pid: i32) -> bool {
    rustix::process::Pid::from_raw(pid)
        .is_none_or(|pid| rustix::process::test_kill_process(pid) == Err(Errno::SRCH))
}

#[cfg(target_os = "linux")]
pub(crate) fn has_openat2(dir: &Dir) -> bool {
    !matches!(dir.open_raw(b".", OFlags::PATH | OFlags::DIRECTORY), Err(Errno::NOSYS | Errno::PERM))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn has_openat2(_: &Dir) -> bool {
    false
}

#[cfg(target_os = "linux")]
const PATH_ONLY: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const PATH_ONLY: OFlags = OFlags::RDONLY;

/// An open directory.
#[derive(Debug)]
pub(crate) struct Dir {
    fd: OwnedFd,
    dev: u64,
}

impl Dir {
    fn new(fd: OwnedFd) -> io::Result<Self> {
        let dev = Stat::from(&rustix::fs::fstat(&fd)?).dev;
        Ok(Self { fd, dev })
    }

    /// Opens a directory by a path the caller vouches for.
    pub(crate) fn open_path(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Self::new(rustix::fs::open(path, flags, Mode::empty())?)
    }

    /// Another handle on the same directory.
    pub(crate) fn again(&self) -> io::Result<Self> {
        Ok(Self { fd: self.fd.try_clone()?, dev: self.dev })
    }

    #[cfg(target_os = "linux")]
    fn open_raw(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        use rustix::fs::ResolveFlags;
        let resolve = ResolveFlags::BENEATH
            | ResolveFlags::NO_SYMLINKS
            | ResolveFlags::NO_MAGICLINKS
            | ResolveFlags::NO_XDEV;
        let mut tries = 0;
        loop {
            // EAGAIN: something was renamed while the kernel looked.
            match rustix::fs::openat2(
                &self.fd,
                path,
                flags | OFlags::CLOEXEC,
                Mode::empty(),
                resolve,
            ) {
                Err(Errno::AGAIN | Errno::INTR) if tries < 256 => tries += 1,
                other => return other,
            }
        }
    }

    /// Opens a longer path beneath this directory.
    #[cfg(target_os = "linux")]
    pub(crate) fn open_beneath(&self, path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
        Ok(self.open_raw(path, flags)?)
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn open_beneath(&self, _: &[u8], _: OFlags) -> io::Result<OwnedFd> {
        Err(Errno::NOSYS.into())
    }

    /// The directory at a longer path beneath this one.
    pub(crate) fn beneath(&self, path: &RepoPath) -> io::Result<Self> {
        let fd = self.open_beneath(path.as_bytes(), PATH_ONLY | OFlags::DIRECTORY)?;
        Ok(Self { fd, dev: self.dev })
    }

    /// The directory `name` in this one, on the same file system.
    pub(crate) fn child(&self, name: &[u8]) -> io::Result<Self> {
        let flags = PATH_ONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let child = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Self::new(fd)?,
            // With O_DIRECTORY a link says ENOTDIR; say what it is.
            Err(Errno::NOTDIR) if self.stat(name).is_ok_and(|s| s.kind == FileKind::Symlink) => {
                return Err(Errno::LOOP.into());
            }
            Err(error) => return Err(error.into()),
        };
        if child.dev == self.dev { Ok(child) } else { Err(Errno::XDEV.into()) }
    }

    /// The names in it with their kinds, sorted by name.
    pub(crate) fn entries(&self) -> io::Result<Vec<(Vec<u8>, FileKind)>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, c".", flags, Mode::empty())?;
        let mut found = Vec::new();
        for entry in rustix::fs::Dir::new(fd)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match self.stat(name) {
                    Ok(stat) => stat.kind,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                },
                kind => kind.into(),
            };
            found.push((name.to_vec(), kind));
        }
        found.sort();
        Ok(found)
    }

    pub(crate) fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        Ok(Stat::from(&rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// [`stat`](Self::stat), with `None` for nothing there.
    pub(crate) fn look(&self, name: &[u8]) -> io::Result<Option<Stat>> {
        match self.stat(name) {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn open_file(&self, name: &[u8], flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.fd, name, flags, mode)?)
    }

    /// The contents of the regular file `name`.
    pub(crate) fn read(&self, name: &[u8], max: u64) -> Result<(Vec<u8>, Stat), ReadError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        read_open(&self.open_file(name, flags, Mode::empty())?, max)
    }

    pub(crate) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(&self.fd, name, Vec::new())?.into_bytes())
    }

    /// Creates the file `name`, which must not exist. On an error nothing remains.
    pub(crate) fn create(
        &self,
        name: &[u8],
        bytes: &[u8],
        mode: u32,
        mtime: Option<(i64, u32)>,
        sync: bool,
    ) -> io::Result<Stat> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOCTTY;
        let fd = self.open_file(name, flags, Mode::from_raw_mode(0o600))?;
        let fill = || -> io::Result<Stat> {
            let mut file = File::from(fd.try_clone()?);
            file.write_all(bytes)?;
            rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode))?;
            if let Some((tv_sec, tv_nsec)) = mtime {
                let time = rustix::fs::Timespec { tv_sec, tv_nsec: tv_nsec.into() };
                let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
                rustix::fs::futimens(&fd, &times)?;
            }
            if sync {
                rustix::fs::fsync(&fd)?;
            }
            Ok(Stat::from(&rustix::fs::fstat(&fd)?))
        };
        fill().inspect_err(|_| drop(self.unlink(name)))
    }

    /// Creates or replaces the file `name` whole; with `sync` it is on the disk when this returns.
    pub(crate) fn replace(
        &self,
        name: &[u8],
        bytes: &[u8],
        mode: u32,
        sync: bool,
    ) -> io::Result<()> {
        let temp = temp_name("w");
        self.create(temp.as_bytes(), bytes, mode, None, sync)?;
        let done = self.rename_over(temp.as_bytes(), self, name);
        if done.is_err() {
            drop(self.unlink(temp.as_bytes()));
        }
        done?;
        if sync { self.sync() } else { Ok(()) }
    }

    pub(crate) fn symlink(&self, target: &[u8], name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.fd, name)?)
    }

    pub(crate) fn link(&self, old: &[u8], new: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::linkat(&self.fd, old, &self.fd, new, AtFlags::empty())?)
    }

    pub(crate) fn mkdir(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(0o777))?)
    }

    pub(crate) fn unlink(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.fd, name, AtFlags::empty())?)
    }

    pub(crate) fn rmdir(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR)?)
    }

    pub(crate) fn rename_over(&self, old: &[u8], to: &Self, new: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.fd, old, &to.fd, new)?)
    }

    /// Renames to a name that must not exist.
    pub(crate) fn rename_new(&self, old: &[u8], to: &Self, new: &[u8]) -> io::Result<()> {
        match rustix::fs::renameat_with(&self.fd, old, &to.fd, new, RenameFlags::NOREPLACE) {
            // The file system does not know the flag: look, then rename.
            Err(Errno::INVAL | Errno::NOSYS) => match to.look(new)? {
                Some(_) => Err(Errno::EXIST.into()),
                None => self.rename_over(old, to, new),
            },
            other => Ok(other?),
        }
    }

    /// Swaps two names at once. `Unsupported` where the file system cannot.
    pub(crate) fn exchange(&self, one: &[u8], other: &[u8]) -> io::Result<()> {
        match rustix::fs::renameat_with(&self.fd, one, &self.fd, other, RenameFlags::EXCHANGE) {
            Err(Errno::INVAL | Errno::NOSYS) => Err(io::ErrorKind::Unsupported.into()),
            result => Ok(result?),
        }
    }

    /// Writes the file `name` through to the disk.
    pub(crate) fn sync_file(&self, name: &[u8]) -> io::Result<()> {
        let file = self.open_file(name, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?;
        Ok(rustix::fs::fsync(file)?)
    }

    /// Writes the names in it through to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, c".", flags, Mode::empty())?;
        Ok(rustix::fs::fsync(fd)?)
    }

    /// Gives its owner every permission on it. Through the open handle, so that no link can stand in for it.
    fn open_up(&self) -> io::Result<()> {
        use std::os::fd::AsRawFd;
        let handle = format!("/proc/self/fd/{}", self.fd.as_raw_fd());
        Ok(rustix::fs::chmod(handle, Mode::from_raw_mode(0o700))?)
    }

    /// Removes the name and everything below it, without following anything and without deep recursion.
    pub(crate) fn remove_tree(&self, name: &[u8], kind: FileKind) -> io::Result<()> {
        if kind != FileKind::Dir {
            return self.unlink(name);
        }
        let mut stack = vec![(self.again()?, vec![(name.to_vec(), kind)])];
        let mut names: Vec<Vec<u8>> = Vec::new();
        while let Some((dir, todo)) = stack.last_mut() {
            match todo.pop() {
                Some((name, FileKind::Dir)) => {
                    // A directory without permissions for us is opened up first.
                    let child = dir.child(&name)?;
                    let entries = match child.entries() {
                        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                            child.open_up()?;
                            child.entries()?
                        }
                        other => other?,
                    };
                    names.push(name);
                    stack.push((child, entries));
                }
                Some((name, _)) => dir.unlink(&name)?,
                None => {
                    stack.pop();
                    if let (Some((dir, _)), Some(name)) = (stack.last(), names.pop()) {
                        dir.rmdir(&name)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The absolute path without links, for a path the user gave.
pub(crate) fn real_path(path: &Path) -> io::Result<std::path::PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the path is the user's own word, before a door exists"
    )]
    std::fs::canonicalize(path)
}

/// Makes the directory and those above it, for our own state.
pub(crate) fn make_dirs(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

pub(crate) fn path_of(bytes: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}

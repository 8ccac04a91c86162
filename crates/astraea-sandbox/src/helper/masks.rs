//! Hiding paths, from inside: many mounts in a moment, where bubblewrap would read the table of
//! mounts again for each.

use std::ffi::{CStr, CString, OsString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};

/// A folder that every sandbox has, covered for a moment.
const STAGE: &CStr = c"/dev/shm";

/// Covers each path that exists with an empty read-only file or folder.
///
/// Descriptors are opened before anything is covered, and mounts are made on them: nothing that
/// is mounted here changes what a later path means.
pub(super) fn hide(paths: &[OsString]) -> io::Result<()> {
    let mut targets = Vec::new();
    for path in paths {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(fd) => targets.push(fd),
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut files = Vec::new();
    for target in targets {
        match FileType::from_raw_mode(rustix::fs::fstat(&target)?.st_mode) {
            FileType::Directory => empty_folder(&place(&target)?, true)?,
            FileType::Symlink => return Err(Errno::LOOP.into()),
            _ => files.push(target),
        }
    }
    if files.is_empty() { Ok(()) } else { empty_files(&files) }
}

fn place(fd: &OwnedFd) -> io::Result<CString> {
    CString::new(format!("/proc/self/fd/{}", fd.as_raw_fd())).map_err(io::Error::other)
}

fn empty_folder(target: &CStr, read_only: bool) -> io::Result<()> {
    let mut flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    flags.set(MountFlags::RDONLY, read_only);
    rustix::mount::mount("tmpfs", target, "tmpfs", flags, Some(c"size=4096,mode=0755"))?;
    Ok(())
}

/// One empty file, shown at every place. The place it is made in is uncovered again; what was
/// bound stays. The mount itself is made read-only before, so every binding is.
fn empty_files(targets: &[OwnedFd]) -> io::Result<()> {
    empty_folder(STAGE, false)?;
    let result = bind_empty(targets);
    rustix::mount::unmount(STAGE, UnmountFlags::DETACH)?;
    result
}

fn bind_empty(targets: &[OwnedFd]) -> io::Result<()> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDONLY | OFlags::CLOEXEC;
    let source = rustix::fs::open(c"/dev/shm/empty", flags, Mode::from_raw_mode(0o444))?;
    let source = place(&source).map(|place| (place, source))?;
    // The file system as a whole: no binding of it can be written through.
    rustix::mount::mount_remount(
        STAGE,
        MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC,
        c"",
    )?;
    for target in targets {
        rustix::mount::mount_bind(&source.0, &place(target)?)?;
    }
    Ok(())
}

//! The system-call layer: every path is resolved by the kernel beneath one directory.

/// What kind of thing a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// What the system says about a name; links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stat {
    /// Its kind.
    pub kind: FileKind,
    /// Its size in bytes.
    pub size: u64,
}

/// An open directory; nothing outside it can be reached through it.
#[derive(Debug)]
pub struct Door {
    _fd: rustix::fd::OwnedFd,
}

//! Descriptors that a child inherits by number.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use rustix::fs::MemfdFlags;

/// Descriptors to hand to one child. They are close-on-exec here, so that no other child that is
/// started at the same moment gets them; the flag is cleared in the right child only.
#[derive(Debug, Default)]
pub(crate) struct Inherited(Vec<OwnedFd>);

impl Inherited {
    /// Hands a descriptor over; its number in the child.
    pub(crate) fn add(&mut self, fd: OwnedFd) -> RawFd {
        let number = fd.as_raw_fd();
        self.0.push(fd);
        number
    }

    /// Hands over a file in memory with these contents, to be read from its start.
    pub(crate) fn add_file(&mut self, contents: &[u8]) -> io::Result<RawFd> {
        let mut file = File::from(rustix::fs::memfd_create("astraea", MemfdFlags::CLOEXEC)?);
        file.write_all(contents)?;
        file.rewind()?;
        Ok(self.add(file.into()))
    }

    pub(crate) fn numbers(&self) -> Vec<RawFd> {
        self.0.iter().map(AsRawFd::as_raw_fd).collect()
    }
}

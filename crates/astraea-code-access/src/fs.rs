//! Files that the user names outside a repository: configuration, methods.

use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::dir::{ReadError, read_open};
use crate::error::Error;

/// Reads a regular file the user named (`astra.toml`, an `.hddl` file), at most `max` bytes. Links are followed: the name is
/// the user's own word. Pipes and devices are refused without waiting for them.
///
/// # Errors
/// [`Error::Io`] when it is missing, not a regular file, larger than `max`, or not readable.
pub fn read_user_file(path: &Path, max: u64) -> Result<Vec<u8>, Error> {
    let doing = || format!("read {}", path.display());
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| Error::io(doing(), e))?;
    read_open(&file, max).map(|(bytes, _)| bytes).map_err(|e| match e {
        ReadError::TooLarge(size) => Error::io(
            doing(),
            std::io::Error::other(format!("it has {size} bytes and the limit is {max}")),
        ),
        ReadError::Io(e) => Error::io(doing(), e),
    })
}

/// Where state is kept by default: `$XDG_STATE_HOME`, else `$HOME/.local/state`.
///
/// # Errors
/// [`Error::Config`] when neither is set to an absolute path.
pub fn default_state_home() -> Result<PathBuf, Error> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .ok_or_else(|| Error::Config {
            reason: "neither XDG_STATE_HOME nor HOME is an absolute path; set one".into(),
        })
}

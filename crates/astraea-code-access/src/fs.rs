//! Files that the user names outside a repository: configuration, methods.

use std::path::Path;

use crate::error::Error;

/// Reads a regular file the user named (`astra.toml`, an `.hddl` file), at most `max` bytes.
///
/// # Errors
/// [`Error::Io`] when it is missing, not a regular file, larger than `max`, or not readable.
pub fn read_user_file(path: &Path, max: u64) -> Result<Vec<u8>, Error> {
    let _ = (path, max);
    todo!()
}

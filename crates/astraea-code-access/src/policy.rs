//! Which paths may be read and written.

use serde::{Deserialize, Serialize};

use crate::error::AccessError;
use crate::path::RepoPath;

/// What somebody wants to do with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read its contents.
    Read,
    /// Create, change or delete it.
    Write,
}

/// A rule of a policy that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("configuration: the rule {rule:?} {reason}")]
pub struct PolicyError {
    /// The rule as written.
    pub rule: String,
    /// Why it cannot work and what to write instead.
    pub reason: String,
}

/// What a policy is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyOptions {
    /// The paths allowed; empty means the whole repository.
    pub allow: Vec<String>,
    /// Paths forbidden in addition to the built-in list.
    pub forbid: Vec<String>,
    /// The largest file that may be written, in bytes. Default 100 KiB.
    pub max_file_bytes: u64,
    /// The largest file that is read, in bytes. Default 16 MiB.
    pub max_read_bytes: u64,
}

impl Default for PolicyOptions {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            forbid: Vec::new(),
            max_file_bytes: 100 << 10,
            max_read_bytes: 16 << 20,
        }
    }
}

/// Compiled rules: forbidden beats allowed.
#[derive(Debug, Clone)]
pub struct Policy {
    options: PolicyOptions,
}

impl Policy {
    /// Compiles the rules.
    ///
    /// # Errors
    /// [`PolicyError`] for a rule that is malformed or can never match.
    pub fn new(options: PolicyOptions) -> Result<Self, PolicyError> {
        Ok(Self { options })
    }

    /// The options it was made from.
    #[must_use]
    pub fn options(&self) -> &PolicyOptions {
        &self.options
    }

    /// Whether `path` may be accessed so.
    ///
    /// # Errors
    /// [`AccessError::ForbiddenPath`] or [`AccessError::NotInAllowedPaths`].
    pub fn check(&self, path: &RepoPath, access: Access) -> Result<(), AccessError> {
        let _ = (path, access);
        todo!()
    }

    /// Whether a file of `size` bytes may be written.
    ///
    /// # Errors
    /// [`AccessError::FileTooLarge`].
    pub fn check_size(&self, path: &RepoPath, size: u64) -> Result<(), AccessError> {
        let _ = (path, size);
        todo!()
    }
}

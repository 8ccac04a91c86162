//! The toolchains and caches of this machine, as mounts.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::{CommandSpec, Mount};

/// Mounts and variables that make the machine's toolchains work though the home is hidden.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Toolchains {
    /// What to mount.
    pub mounts: Vec<Mount>,
    /// What to set (`CARGO_HOME`, `RUSTUP_HOME`, `PYENV_ROOT`, offline switches …).
    pub env: BTreeMap<OsString, OsString>,
}

impl Toolchains {
    /// Adds everything to a command; variables that the command sets itself win.
    #[must_use]
    pub fn apply(&self, mut spec: CommandSpec) -> CommandSpec {
        spec.mounts.splice(0..0, self.mounts.iter().cloned());
        for (key, value) in &self.env {
            spec.env.entry(key.clone()).or_insert_with(|| value.clone());
        }
        spec
    }
}

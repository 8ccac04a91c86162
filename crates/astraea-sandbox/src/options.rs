//! How the sandbox is found.

use std::path::PathBuf;

use crate::Tier;

/// How a [`Sandbox`](crate::Sandbox) is found and what it may fall back to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct SandboxOptions {
    /// The program that plays the helper. `None` is the running program, which must call
    /// [`init`](crate::init) first in its `main`.
    pub helper: Option<PathBuf>,
    /// Whether commands may run with no isolation when nothing is available
    /// (`--dangerously-no-sandbox`). Off by default: they are refused.
    pub allow_none: bool,
    /// The strongest tier to use; for tests of the weaker ones. `None` is the strongest that works.
    pub max_tier: Option<Tier>,
    /// The home directory to hide. `None` is `$HOME` and the one in the user database.
    pub home: Option<PathBuf>,
    /// Whether to put each command into control groups of its own where that is allowed, so that
    /// the kernel bounds memory and processes between two looks of the watcher. Off by default:
    /// joining one takes the kernel some ten milliseconds.
    pub cgroups: bool,
    /// The bubblewrap program. `None` looks at `/usr/bin/bwrap` and the other system folders.
    pub bwrap: Option<PathBuf>,
}

impl SandboxOptions {
    /// Sets the program that plays the helper.
    #[must_use]
    pub fn with_helper(mut self, helper: impl Into<PathBuf>) -> Self {
        self.helper = Some(helper.into());
        self
    }

    /// Allows commands without any isolation where nothing else is available.
    #[must_use]
    pub fn with_allow_none(mut self, allow_none: bool) -> Self {
        self.allow_none = allow_none;
        self
    }

    /// Sets the strongest tier to use.
    #[must_use]
    pub fn with_max_tier(mut self, tier: Tier) -> Self {
        self.max_tier = Some(tier);
        self
    }

    /// Sets the home directory to hide.
    #[must_use]
    pub fn with_home(mut self, home: impl Into<PathBuf>) -> Self {
        self.home = Some(home.into());
        self
    }

    /// Puts each command into control groups of its own, or not.
    #[must_use]
    pub fn with_cgroups(mut self, cgroups: bool) -> Self {
        self.cgroups = cgroups;
        self
    }

    /// Sets the bubblewrap program.
    #[must_use]
    pub fn with_bwrap(mut self, bwrap: impl Into<PathBuf>) -> Self {
        self.bwrap = Some(bwrap.into());
        self
    }
}

//! The door itself: what is possible here, and running commands through it.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use crate::{Capability, CommandSpec, Finished, SandboxError, Session, Tier, Toolchains};

/// How a [`Sandbox`] is found and what it may fall back to.
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

    /// Sets the bubblewrap program.
    #[must_use]
    pub fn with_bwrap(mut self, bwrap: impl Into<PathBuf>) -> Self {
        self.bwrap = Some(bwrap.into());
        self
    }
}

/// The only door to processes. Cheap to clone; make one a program.
#[derive(Debug, Clone)]
pub struct Sandbox {}

impl Sandbox {
    /// Finds the strongest tier that works here, by running `/bin/true` in it.
    ///
    /// The result is remembered for the life of the program. Never fails: where nothing works the
    /// tier is [`Tier::D`] and every [`run`](Self::run) is refused with the reason. Blocks the
    /// calling thread for some tens of milliseconds the first time.
    pub fn probe(options: SandboxOptions) -> Self {
        let _ = options;
        todo!()
    }

    /// The tier in which commands run.
    pub fn tier(&self) -> Tier {
        todo!()
    }

    /// What is there and what is missing on this machine, with the one command that helps.
    pub fn report(&self) -> Vec<Capability> {
        todo!()
    }

    /// The toolchains and caches of this machine, as mounts and variables that suit the tier in
    /// force. Looked up once and remembered.
    pub fn toolchains(&self) -> Toolchains {
        todo!()
    }

    /// Runs a command to its end.
    ///
    /// A command that fails, is killed at a limit or by the token is a [`Finished`], not an error.
    /// Works on both runtimes of tokio; they need their IO and time drivers.
    ///
    /// # Errors
    /// When the command could not be started as asked; nothing is running then.
    ///
    /// # Cancel safety
    /// Dropping the future kills the whole tree. To see how it ended, cancel the token.
    pub async fn run(
        &self,
        spec: &CommandSpec,
        cancel: &CancellationToken,
    ) -> Result<Finished, SandboxError> {
        let _ = (spec, cancel);
        todo!()
    }

    /// Starts a command with pipes to talk to it.
    ///
    /// Limits hold as in [`run`](Self::run), enforced whether or not the session is polled.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn spawn(&self, spec: &CommandSpec) -> Result<Session, SandboxError> {
        let _ = spec;
        todo!()
    }
}

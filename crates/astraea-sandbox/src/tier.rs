//! How strongly a command can be shut in here, and what would make it stronger.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The strength of the isolation in force, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Tier {
    /// Linux namespaces through bubblewrap, Landlock and seccomp: its own view of files,
    /// processes and network.
    A,
    /// Landlock, seccomp and a subreaper: files and network are fenced, but the command shares the
    /// host's process table and cannot be given another view of a path.
    B,
    /// The macOS sandbox. Not built yet.
    C,
    /// Nothing available: commands are refused, unless the caller allowed none.
    D,
    /// Run on the host on purpose, approved apart; never for code of the repository.
    Host,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
            Self::Host => "host",
        })
    }
}

/// One thing the sandbox can or cannot do on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Capability {
    /// A short stable name, such as `bubblewrap` or `landlock`.
    pub name: String,
    /// Whether it is there.
    pub available: bool,
    /// What was found, or what is lost without it.
    pub detail: String,
    /// The one command that would provide it, when one would.
    pub raise: Option<String>,
}

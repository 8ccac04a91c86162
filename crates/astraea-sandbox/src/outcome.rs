//! What comes back: how a command ended and what it said.

use std::fmt;
use std::time::Duration;

use crate::Tier;

/// A command that has ended, with its whole tree.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finished {
    /// How it ended.
    pub exit: Exit,
    /// Its standard output, bounded. For a session: what was not read by the caller.
    pub stdout: Captured,
    /// Its standard error, bounded.
    pub stderr: Captured,
    /// The tier in which it ran.
    pub tier: Tier,
    /// Wall-clock time from the request to the end of the tree.
    pub wall: Duration,
    /// Processor time (user and system) of the tree, as far as it was seen.
    pub cpu: Duration,
    /// The largest resident memory of the tree that was seen, in bytes; zero when it ended
    /// before the first look.
    pub peak_memory_bytes: u64,
    /// The hosts that it asked the proxy for, by name; empty without [`CommandSpec::hosts`](crate::CommandSpec::hosts).
    pub hosts: Vec<HostUse>,
}

/// A host that a command wanted to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostUse {
    /// Its name, as the command gave it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How often it was let through.
    pub allowed: u64,
    /// How often it was refused.
    pub refused: u64,
}

impl Finished {
    /// Whether the command ended by itself with status 0.
    pub fn success(&self) -> bool {
        self.exit == Exit::Code(0)
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Exit {
    /// It returned this status.
    Code(i32),
    /// A signal ended it that was not ours.
    Signal(i32),
    /// It was killed at the wall-clock limit.
    TimedOut,
    /// It was killed after a silence as long as the idle limit.
    IdleTimedOut,
    /// It was killed because the caller asked.
    Cancelled,
    /// It was killed because its tree held more memory than the limit.
    MemoryExceeded,
    /// It was killed because its tree had more processes than the limit.
    ProcessesExceeded,
    /// It was killed because its tree used more processor time than the limit.
    CpuExceeded,
    /// It was killed because it wrote more to disk than the limit, or the disk was about to fill.
    DiskExceeded,
}

impl Exit {
    /// The status, when it ended by itself.
    pub fn code(self) -> Option<i32> {
        match self {
            Self::Code(code) => Some(code),
            _ => None,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal(signal) => write!(f, "killed by signal {signal}"),
            Self::TimedOut => f.write_str("stopped at the time limit"),
            Self::IdleTimedOut => f.write_str("stopped after too long a silence"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::MemoryExceeded => f.write_str("stopped at the memory limit"),
            Self::ProcessesExceeded => f.write_str("stopped at the process limit"),
            Self::CpuExceeded => f.write_str("stopped at the processor time limit"),
            Self::DiskExceeded => f.write_str("stopped at the disk limit"),
        }
    }
}

/// Output of which only so much was kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Captured {
    /// The bytes kept. When the middle was dropped, a line that says how much stands in its place.
    pub bytes: Vec<u8>,
    /// Whether anything was dropped.
    pub truncated: bool,
    /// How many bytes the command wrote in all.
    pub total: u64,
}

impl Captured {
    /// The bytes as text, with replacement characters where they are not UTF-8.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

//! Why a command could not be run at all. A command that ran and failed is no error.

use std::io;
use std::path::PathBuf;

/// Why the sandbox did not run a command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// Nothing on this machine can shut the command in.
    #[error("no sandbox is available here, so commands are refused: {reason}; {raise}")]
    Unavailable {
        /// What was tried and what went wrong.
        reason: String,
        /// What to do about it.
        raise: String,
    },
    /// The request itself makes no sense.
    #[error("the command cannot be run as asked: {0}")]
    InvalidSpec(String),
    /// The program does not exist inside the sandbox.
    #[error(
        "`{program}` was not found inside the sandbox; install it or mount the toolchain it belongs to"
    )]
    CommandNotFound {
        /// The first argument.
        program: String,
    },
    /// The program exists and could not be started.
    #[error("`{program}` could not be started inside the sandbox: {source}")]
    CommandNotStarted {
        /// The first argument.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The tier in force cannot show something else at a path of the host.
    #[error("`{}` cannot be kept apart from the user's own files in tier {tier}: {reason}", dst.display())]
    CannotSeparate {
        /// The path as the command should have seen it.
        dst: PathBuf,
        /// The tier in force.
        tier: crate::Tier,
        /// Why.
        reason: String,
    },
    /// The sandbox could not be built around the command.
    #[error("the sandbox could not be set up: {0}")]
    Setup(String),
    /// A session's line was longer than allowed.
    #[error("the process sent a line longer than {limit} bytes; the rest was not read")]
    LineTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A session's pipe is closed or was never opened.
    #[error("the session's {0} is not open")]
    NotOpen(&'static str),
    /// The system refused something that the sandbox needs.
    #[error("the sandbox failed while it {doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

impl SandboxError {
    #[cfg(target_os = "linux")]
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }

    /// Whether trying the same again may help (the system was short of something for a moment).
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Io { source, .. } | Self::CommandNotStarted { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::OutOfMemory | io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ),
            _ => false,
        }
    }
}

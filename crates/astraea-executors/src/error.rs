//! Why an executor could not do its job, and which class of failure that is.

use astraea_engine::{ErrorClass, ExecutorError, Failure, Outcome};
use astraea_sandbox::SandboxError;

/// Everything that can keep an executor from its job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file was refused, is missing, or the repository cannot be read.
    #[error(transparent)]
    Access(#[from] astraea_code_access::Error),
    /// The sandbox did not run the command.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The task's arguments make no sense.
    #[error("{action}: the argument `{name}` {problem}")]
    Argument {
        /// The action.
        action: String,
        /// The argument.
        name: String,
        /// What is wrong with it and what to give instead.
        problem: String,
    },
    /// Two tasks that this one builds on changed the same file in different ways.
    #[error("the edits of `{task}` do not fit those before it: {source}")]
    Merge {
        /// The later task.
        task: String,
        /// What does not fit.
        source: astraea_code_access::Conflict,
    },
    /// What a task before this one handed over cannot be read.
    #[error("the output of `{task}` holds no edit set that can be read: {reason}")]
    Handover {
        /// The earlier task.
        task: String,
        /// Why.
        reason: String,
    },
    /// The sandbox here cannot show a command the copy instead of the user's own files.
    #[error(
        "tier {tier} cannot keep the copy apart from the user's files: {reason}; run where tier A is available (`astra doctor`)"
    )]
    NotSeparate {
        /// The tier in force.
        tier: String,
        /// What stands in the way.
        reason: String,
    },
    /// An edit left a file that does not parse, and it did before.
    #[error("{path}: {message}; the edit is not kept")]
    Syntax {
        /// The file.
        path: String,
        /// Where and what.
        message: String,
    },
    /// A remote cannot be used, or refuses.
    #[error("{url}: {reason}")]
    Remote {
        /// The remote, without a password.
        url: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A push would take commits of the user's along that nobody asked to publish.
    #[error(
        "the branch has {commits} commit{} of yours that `{remote}` does not have: push them first, or say that they may go along (--with-my-commits)",
        if *commits == 1 { "" } else { "s" }
    )]
    TakesAlong {
        /// How many.
        commits: usize,
        /// The remote.
        remote: String,
    },
    /// A forge cannot be used, or refuses.
    #[error("{host}: {reason}")]
    Forge {
        /// Its host.
        host: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The run was called off.
    #[error("called off")]
    Cancelled,
    /// Our own code failed.
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    pub(crate) fn argument(action: &str, name: &str, problem: impl Into<String>) -> Self {
        Self::Argument { action: action.to_owned(), name: name.to_owned(), problem: problem.into() }
    }

    /// The class of failure that this is.
    pub fn class(&self) -> ErrorClass {
        use astraea_code_access::Error as Access;
        match self {
            Self::Access(Access::Busy { .. } | Access::RefMoved { .. }) => ErrorClass::Transient,
            Self::Access(Access::Policy(_) | Access::Config { .. }) => ErrorClass::ConfigError,
            Self::Access(_) | Self::Merge { .. } | Self::Syntax { .. } => {
                ErrorClass::ModificationError
            }
            Self::Sandbox(error) if error.is_transient() => ErrorClass::Transient,
            Self::Sandbox(SandboxError::InvalidSpec(_)) => ErrorClass::ConfigError,
            Self::Sandbox(_) | Self::NotSeparate { .. } => ErrorClass::Environment,
            Self::Argument { .. } | Self::Handover { .. } => ErrorClass::ConfigError,
            Self::Remote { .. } | Self::Forge { .. } => ErrorClass::CommandFailure,
            Self::TakesAlong { .. } => ErrorClass::NeedsApproval,
            Self::Cancelled => ErrorClass::Cancelled,
            Self::Internal(_) => ErrorClass::Panicked,
        }
    }

    /// As what a task answers: an answer where it is one, an [`ExecutorError`] where trying again may help.
    pub(crate) fn into_outcome(self) -> Result<Outcome, ExecutorError> {
        let class = self.class();
        if class.is_transient() {
            return Err(ExecutorError::new(class, self.to_string()));
        }
        Ok(Outcome::Failed(Failure::new(class, self.to_string())))
    }
}

impl From<astraea_code_access::AccessError> for Error {
    fn from(error: astraea_code_access::AccessError) -> Self {
        Self::Access(error.into())
    }
}

impl From<astraea_code_access::PathError> for Error {
    fn from(error: astraea_code_access::PathError) -> Self {
        Self::Access(error.into())
    }
}

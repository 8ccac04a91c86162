//! The errors of this crate and the exit code each of them means.

use crate::config::ConfigError;
use crate::store::StoreError;

/// Why a goal could not be taken up, or its record not be kept.
///
/// A goal that was carried out and not achieved is no error: it is a
/// [`GoalResult`](crate::GoalResult) whose [`Outcome`](crate::Outcome) says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GoalError {
    /// The goal text is empty.
    #[error("the goal is empty: say what to do, as in `fix_bug: the last line is lost`")]
    EmptyGoal,
    /// The goal text is longer than is accepted.
    #[error(
        "the goal text has {bytes} bytes, more than the {max} that are accepted: shorten it, and put file contents into the context"
    )]
    GoalTooLong {
        /// The length of the text, in bytes.
        bytes: usize,
        /// The longest accepted, in bytes.
        max: usize,
    },
    /// No goal task has this name, and the words fit none.
    #[error("unknown goal `{name}`{}: known goals are {}", suggestion(.did_you_mean.as_deref()), .known.join(", "))]
    UnknownGoal {
        /// What was asked for.
        name: String,
        /// The known goal that is spelled most like it.
        did_you_mean: Option<String>,
        /// Every goal task that is known here.
        known: Vec<String>,
    },
    /// The context is not a JSON object.
    #[error("the context must be a JSON object such as {{\"has_codebase\": true}}, not {found}")]
    ContextNotAnObject {
        /// What was given, in a word.
        found: &'static str,
    },
    /// A value in the context, or an argument of the tool, has the wrong type, or does not fit with the others.
    #[error("field `{field}` {problem}")]
    ContextField {
        /// The field.
        field: String,
        /// What is wrong with it and what is expected.
        problem: String,
    },
    /// The time limit is no positive number of milliseconds up to a day.
    #[error(
        "the time limit (timeout_ms) is {given}: give a whole number of milliseconds from 1 to {max}"
    )]
    Timeout {
        /// What was given.
        given: String,
        /// The longest accepted, in milliseconds.
        max: u64,
    },
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A domain or method file cannot be used.
    #[error("{file}: {message}")]
    Domain {
        /// The file, as it was given.
        file: String,
        /// The diagnosis, with line and column.
        message: String,
    },
    /// Something needs a repository that the user trusts.
    #[error("{what} is used only in a repository you trust: look at it, then run `astra trust`")]
    Untrusted {
        /// What was held back.
        what: String,
    },
    /// The repository cannot be used.
    #[error("{0}")]
    Repository(String),
    /// No home for state or configuration is known.
    #[error("{what}: set HOME, or {variable}")]
    NoHome {
        /// What is missing.
        what: &'static str,
        /// The variable that decides.
        variable: &'static str,
    },
    /// Commands cannot be run here in any tier.
    #[error("{0}")]
    Sandbox(String),
    /// The goal store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal could not be read or written.
    #[error("journal: {0}")]
    Journal(String),
    /// The ledger does not verify.
    #[error("ledger damaged: {0}")]
    LedgerDamaged(String),
    /// The ledger could not be read or written.
    #[error("ledger: {0}")]
    Ledger(String),
    /// There is no such run.
    #[error("no run `{run}` here: `astra runs` lists them")]
    NoSuchRun {
        /// What was asked for.
        run: String,
    },
    /// No run was stopped before its end.
    #[error("nothing to resume: no run here was stopped before its end")]
    NothingToResume,
    /// No run has left a branch.
    #[error("nothing to {what}: no run here has delivered a branch")]
    NothingDelivered {
        /// What was asked for.
        what: &'static str,
    },
    /// A result could not be applied, undone or shown.
    #[error("{0}")]
    Delivery(String),
    /// A person has to say yes first.
    #[error("{0}")]
    NeedsApproval(String),
    /// Another process is carrying the run out.
    #[error("run {run} is being carried out by another process: wait for it, or stop it first")]
    RunAlive {
        /// The run.
        run: String,
    },
    /// A bug here: something that cannot be happened.
    #[error("internal error: {0}")]
    Internal(String),
}

impl GoalError {
    /// The exit code of `astra` for this error.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::UnknownGoal { .. } => 3,
            Self::Untrusted { .. } | Self::NeedsApproval(_) => 4,
            Self::LedgerDamaged(_) => 7,
            Self::Store(StoreError::Invalid(_)) => 2,
            Self::Store(_) | Self::Journal(_) | Self::Ledger(_) | Self::Internal(_) => 1,
            Self::RunAlive { .. }
            | Self::NothingToResume
            | Self::NothingDelivered { .. }
            | Self::Delivery(_)
            | Self::NoSuchRun { .. } => 1,
            _ => 2,
        }
    }
}

impl From<astraea_code_access::Error> for GoalError {
    fn from(error: astraea_code_access::Error) -> Self {
        if matches!(error, astraea_code_access::Error::StateVersion { .. }) {
            return Self::Repository(format!("written by a newer version of astra: {error}"));
        }
        if let astraea_code_access::Error::Io { source, .. } = &error
            && source.kind() == std::io::ErrorKind::StorageFull
        {
            return Self::Journal(format!("{error}; free some space and do it again"));
        }
        Self::Repository(error.to_string())
    }
}

impl From<astraea_engine::JournalError> for GoalError {
    fn from(error: astraea_engine::JournalError) -> Self {
        match error {
            newer @ astraea_engine::JournalError::NewerSchema { .. } => {
                Self::Repository(newer.to_string())
            }
            rejected @ astraea_engine::JournalError::Rejected { .. } => {
                Self::Store(rejected.into())
            }
            // The ledger lies in the same file: a file that is cut off is a ledger that was changed.
            damaged @ astraea_engine::JournalError::Corrupt { .. } => {
                Self::LedgerDamaged(damaged.to_string())
            }
            other => Self::Journal(other.to_string()),
        }
    }
}

impl From<rusqlite::Error> for GoalError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::LedgerDamaged(format!("state.db, which holds it, is damaged: {error}"))
            }
            _ => Self::Journal(error.to_string()),
        }
    }
}

impl From<astraea_ledger::LedgerError> for GoalError {
    fn from(error: astraea_ledger::LedgerError) -> Self {
        use astraea_ledger::LedgerError;
        match error {
            damaged @ (LedgerError::Tampered { .. } | LedgerError::BadSignature) => {
                Self::LedgerDamaged(damaged.to_string())
            }
            other => Self::Ledger(other.to_string()),
        }
    }
}

fn suggestion(name: Option<&str>) -> String {
    name.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

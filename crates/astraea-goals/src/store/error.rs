//! Why the store did not do what it was asked.

use astraea_engine::JournalError;

/// The codes of rejections, as they stand in [`JournalError::Rejected`].
pub(crate) mod code {
    pub(crate) const MISSING: &str = "missing";
    pub(crate) const STALE: &str = "stale_version";
    pub(crate) const STATE: &str = "illegal_transition";
    pub(crate) const CONTRADICTED: &str = "contradicted";
    pub(crate) const EXISTS: &str = "exists";
    pub(crate) const INVALID: &str = "invalid";
    pub(crate) const REPEATED: &str = "repeated_key";
    pub(crate) const KEY_REUSED: &str = "key_reused";
}

/// Why the store did not do what it was asked. Nothing was written, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such goal, belief or change (any more).
    #[error("{0}")]
    Missing(String),
    /// It was changed meanwhile: read it again, and decide again. HTTP answers 409.
    #[error("{0}")]
    StaleVersion(String),
    /// It cannot go from where it stands to where it should.
    #[error("{0}")]
    IllegalTransition(String),
    /// An active belief contradicts the goal. It stays proposed; that it was blocked is recorded.
    #[error("{0}")]
    Contradicted(String),
    /// There is one of this id already.
    #[error("{0}")]
    Exists(String),
    /// A value makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The idempotency key was used for something else.
    #[error("{0}")]
    KeyReused(String),
    /// The policy of the repository forbids the path of a change; that it was refused is recorded.
    #[error("{0}")]
    Forbidden(String),
    /// Changes need access to a repository, and there is none.
    #[error("scheduling a change is not available: there is no access to a repository here")]
    NotAvailable,
    /// The journal failed.
    #[error(transparent)]
    Journal(JournalError),
    /// The database could not be read.
    #[error("the goal store could not be read: {0}")]
    Read(#[from] rusqlite::Error),
    /// The system gave no randomness for an id.
    #[error("no id could be made up: {0}")]
    Randomness(String),
}

impl StoreError {
    /// A short word that programs can look at.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => code::MISSING,
            Self::StaleVersion(_) => code::STALE,
            Self::IllegalTransition(_) => code::STATE,
            Self::Contradicted(_) => code::CONTRADICTED,
            Self::Exists(_) => code::EXISTS,
            Self::Invalid(_) => code::INVALID,
            Self::KeyReused(_) => code::KEY_REUSED,
            Self::Forbidden(_) => "access_denied",
            Self::NotAvailable => "not_available",
            Self::Journal(_) | Self::Read(_) | Self::Randomness(_) => "storage",
        }
    }
}

impl From<JournalError> for StoreError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Rejected { code, message } => match code.as_str() {
                code::MISSING => Self::Missing(message),
                code::STALE => Self::StaleVersion(message),
                code::STATE => Self::IllegalTransition(message),
                code::CONTRADICTED => Self::Contradicted(message),
                code::EXISTS => Self::Exists(message),
                code::INVALID => Self::Invalid(message),
                code::KEY_REUSED => Self::KeyReused(message),
                _ => Self::Journal(JournalError::Rejected { code, message }),
            },
            other => Self::Journal(other),
        }
    }
}

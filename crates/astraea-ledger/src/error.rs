//! What can go wrong, and what can have been done to a ledger.

use std::fmt;

/// Why a ledger operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// SQLite refused or failed; nothing was recorded.
    #[error("the ledger's database failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// The ledger is not what was written. Do not trust entries from `seq` on.
    #[error(
        "the ledger was tampered with at entry {seq}: {how}; restore state.db from a backup, or keep it as evidence and start a new one"
    )]
    Tampered {
        /// The first entry that cannot be trusted.
        seq: u64,
        /// What was done to it.
        how: Tampering,
    },
    /// A signed head does not carry a signature by the expected key.
    #[error("the signed head is not signed by this key; it was altered, or another key made it")]
    BadSignature,
    /// A text that should hold a key or a signed head does not.
    #[error("this is not {what}: {why}")]
    Malformed {
        /// What was expected.
        what: &'static str,
        /// What was found.
        why: String,
    },
    /// An entry cannot be recorded as it is.
    #[error("this entry cannot be recorded: {0}")]
    Unrecordable(String),
    /// An export could not be read or written.
    #[error("the export could not be read or written: {0}")]
    Io(#[from] std::io::Error),
}

/// What was done to a ledger, as far as it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tampering {
    /// An entry's content no longer matches its own hash.
    Edited,
    /// An entry was exchanged for another that hashes correctly, but its neighbours do not fit.
    Replaced,
    /// An entry is missing.
    Deleted,
    /// An entry was put in between.
    Inserted,
    /// An entry stands in another's place.
    Reordered {
        /// The number under which it was written.
        belongs_at: u64,
    },
    /// The ledger ends before the entry that the signed head names.
    Truncated {
        /// The number in the signed head.
        signed: u64,
        /// The number of the last entry present.
        found: u64,
    },
    /// The chain is consistent, but it is not the one that was signed.
    Rewritten,
}

impl fmt::Display for Tampering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited => f.write_str("its content does not match its hash (edited)"),
            Self::Replaced => {
                f.write_str("it is consistent in itself but does not fit its neighbours (replaced)")
            }
            Self::Deleted => f.write_str("it is missing (deleted)"),
            Self::Inserted => f.write_str("it was put in between later (inserted)"),
            Self::Reordered { belongs_at } => {
                write!(f, "the entry found there was written as number {belongs_at} (reordered)")
            }
            Self::Truncated { signed, found } => {
                write!(f, "{signed} entries were signed but only {found} are left (truncated)")
            }
            Self::Rewritten => f.write_str(
                "the chain is consistent but is not the one that was signed (rewritten)",
            ),
        }
    }
}

//! What can go wrong, one variant for each decision a caller can make.

use crate::{Language, OracleError};

/// Why a search, an edit or an instrumentation was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// The crate was built without the grammar of this language.
    #[error("no grammar for {0}: this build left the feature of that name out, enable it")]
    LanguageUnavailable(Language),
    /// A search needs at least one failing test to know what is wrong.
    #[error(
        "no failing test was given, so there is nothing to search for: add a test that shows the bug"
    )]
    NoFailingTest,
    /// No file of the request may be edited.
    #[error("no editable file was given: pass at least one source file that may change")]
    NoEditableFile,
    /// An edit names a file that is not there.
    #[error("an edit names {file}, which is not among the files given")]
    UnknownFile {
        /// The path as the edit spells it.
        file: String,
    },
    /// An edit does not fit the text it is applied to.
    #[error(
        "the edit at bytes {start}..{end} does not fit a text of {len} bytes: it is out of range, overlaps another edit or splits a character"
    )]
    BadSpan {
        /// First byte of the edit.
        start: usize,
        /// First byte after the edit.
        end: usize,
        /// Length of the text in bytes.
        len: usize,
    },
    /// The oracle could not do its job.
    #[error("the oracle failed: {0}")]
    Oracle(#[from] OracleError),
}

//! Files and edits as byte spans.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::RepairError;

/// A file of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Path relative to the repository, with `/`.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// Whether candidates may change it. Test files are given with `false`: they are read for names and constants.
    pub editable: bool,
}

impl SourceFile {
    /// A file that candidates may change.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), editable: true }
    }

    /// A file that is only read, such as a test.
    pub fn read_only(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), editable: false }
    }
}

/// Replaces a span of bytes of one file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SpanEdit {
    /// Path of the file, as in [`SourceFile::path`].
    pub file: String,
    /// The bytes that go away; empty for an insertion.
    pub range: Range<usize>,
    /// What stands there instead.
    pub text: String,
}

/// Applies edits of one file to its text; every byte outside the spans stays as it is.
///
/// The edits may come in any order and must not overlap. Which file they name is not looked at.
///
/// # Errors
/// [`RepairError::BadSpan`] when a span is out of range, overlaps another or splits a character.
///
/// ```
/// use astraea_repair::{SpanEdit, apply_edits};
/// let edit = SpanEdit { file: "a.py".into(), range: 2..3, text: ">=".into() };
/// assert_eq!(apply_edits("a > b", &[edit])?, "a >= b");
/// # Ok::<(), astraea_repair::RepairError>(())
/// ```
pub fn apply_edits(text: &str, edits: &[SpanEdit]) -> Result<String, RepairError> {
    let mut order: Vec<&SpanEdit> = edits.iter().collect();
    order.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for edit in order {
        let Range { start, end } = edit.range;
        let bad = || RepairError::BadSpan { start, end, len: text.len() };
        if start < at || end < start {
            return Err(bad());
        }
        out.push_str(text.get(at..start).ok_or_else(bad)?);
        text.get(start..end).ok_or_else(bad)?;
        out.push_str(&edit.text);
        at = end;
    }
    let len = text.len();
    out.push_str(text.get(at..).ok_or(RepairError::BadSpan { start: at, end: len, len })?);
    Ok(out)
}

//! Places in a source text.

use serde::{Deserialize, Serialize};

/// A range of bytes in one of the source texts that a domain was read from.
///
/// Two spans are always equal, whatever they hold: a syntax tree is compared by what it says, not by where it stood.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub struct Span {
    /// First byte, counted from 0.
    pub start: u32,
    /// First byte after the range.
    pub end: u32,
    /// Which source text (0 unless several were read together).
    pub source: u16,
}

impl std::fmt::Debug for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

impl PartialEq for Span {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Span {}

impl Span {
    /// A span in the first source.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { start: clamp(start), end: clamp(end), source: 0 }
    }

    /// The smallest span that holds both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
            source: self.source,
        }
    }

    /// The bytes, cut to what `text` has.
    #[must_use]
    pub fn range(self, text: &str) -> std::ops::Range<usize> {
        let mut start = (self.start as usize).min(text.len());
        let mut end = (self.end as usize).clamp(start, text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        while !text.is_char_boundary(end) {
            end += 1;
        }
        start..end
    }

    /// Line and column (both from 1; columns count characters) of the first byte in `text`.
    #[must_use]
    pub fn line_column(self, text: &str) -> (usize, usize) {
        let before = &text[..self.range(text).start];
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "one\ntwö x\n";
        assert_eq!(Span::new(9, 10).line_column(text), (2, 5));
        assert_eq!(Span::new(0, 3).line_column(text), (1, 1));
        // Beyond the end, or inside a character: cut to what there is.
        assert_eq!(Span::new(99, 120).range(text), 11..11);
        assert_eq!(Span::new(7, 7).range(text), 6..8);
    }
}

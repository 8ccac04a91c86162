//! Small looks at bytes that the scanners share. Each is bounded, so that scanning stays linear.

use std::ops::Range;

/// The texts that stand for what was masked.
pub(crate) const PLACEHOLDERS: [&str; 4] = ["[secret]", "[email]", "[ip]", "[id]"];

/// Whether no word runs into `at`: nothing, a character that is no letter, digit or underscore,
/// an escaped control character (`\n`), or the end of a terminal colour stands before it.
pub(crate) fn starts_word(bytes: &[u8], at: usize) -> bool {
    let Some(&prev) = at.checked_sub(1).and_then(|i| bytes.get(i)) else { return true };
    if !(prev.is_ascii_alphanumeric() || prev == b'_' || prev >= 0x80) {
        return true;
    }
    let before = at.checked_sub(2).and_then(|i| bytes.get(i)).copied();
    if matches!(prev, b'n' | b't' | b'r') && before == Some(b'\\') {
        return true;
    }
    prev == b'm' && ends_colour(bytes, at - 1)
}

/// Whether the `m` at `at` ends a terminal colour sequence.
fn ends_colour(bytes: &[u8], at: usize) -> bool {
    let digits =
        bytes[..at].iter().rev().take(16).take_while(|b| b.is_ascii_digit() || **b == b';').count();
    bytes[..at - digits].ends_with(b"\x1b[")
}

/// Whether `at` may lie in the middle of base64: a letter or digit and `-` or `+` stand before it.
/// (At the start of a line these are the marks of a patch.)
pub(crate) fn inside_base64(bytes: &[u8], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).and_then(|i| bytes.get(i));
    matches!(before(1), Some(b'-' | b'+')) && before(2).is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether no word goes on at `at`.
pub(crate) fn ends_word(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(|b| !(b.is_ascii_alphanumeric() || *b == b'_' || *b >= 0x80))
}

/// The end of the run of bytes from `at` that satisfy `keep`, at most `cap` further on.
pub(crate) fn run(bytes: &[u8], at: usize, cap: usize, keep: impl Fn(u8) -> bool) -> usize {
    at + bytes[at.min(bytes.len())..].iter().take(cap).take_while(|b| keep(**b)).count()
}

/// The nearest character boundary at or before `at`.
pub(crate) fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Where placeholders stand.
pub(crate) fn placeholders(text: &str) -> Vec<Range<usize>> {
    text.match_indices('[')
        .filter_map(|(at, _)| {
            let word = PLACEHOLDERS.iter().find(|p| text[at..].starts_with(**p))?;
            Some(at..at + word.len())
        })
        .collect()
}

/// Whether a text is made of placeholders and nothing else.
pub(crate) fn only_placeholders(mut text: &str) -> bool {
    while let Some(rest) = PLACEHOLDERS.iter().find_map(|p| text.strip_prefix(p)) {
        text = rest;
    }
    text.is_empty()
}

/// Whether a value looks made by a machine to be unguessable: at least 16 characters, letters and
/// at least two digits, and nearly as many different ones as such a text would have.
pub(crate) fn looks_random(value: &[u8]) -> bool {
    let value = &value[..value.len().min(256)];
    if value.len() < 16
        || !value.iter().all(|b| b.is_ascii_graphic() && !b"(){}<>\"'`;,\\".contains(b))
    {
        return false;
    }
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = value.iter().filter(|b| b.is_ascii_alphabetic()).count();
    digits >= 2 && letters >= 2 && entropy(value) >= 3.0
}

/// Shannon entropy in bits per byte.
pub(crate) fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for b in value {
        counts[usize::from(*b)] += 1;
    }
    let total = value.len() as f64;
    counts.iter().filter(|c| **c > 0).map(|c| f64::from(*c) / total).map(|p| -p * p.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_start_after_escapes_and_colours() {
        for text in ["x", "=x", " x", "\\nx", "\x1b[31;1mx", "[secret]x"] {
            assert!(starts_word(text.as_bytes(), text.len() - 1), "{text:?}");
        }
        for text in ["ax", "_x", "nx", "31mx", "éx"] {
            assert!(!starts_word(text.as_bytes(), text.len() - 1), "{text:?}");
        }
    }

    #[test]
    fn prose_is_not_random() {
        assert!(!looks_random(b"get_token_v2_from_header"));
        assert!(!looks_random(b"aaaaaaaaaaaaaaaaaaaaa11"));
        assert!(looks_random(b"q8Zt1LmX0pVw93Kd"));
    }
}

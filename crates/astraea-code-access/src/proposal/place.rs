//! Where a text to replace stands: exactly one place, or a refusal that names the candidates.

use std::fmt;
use std::ops::Range;

/// The most candidates that a refusal names.
const MOST: usize = 3;
/// The share of lines that must agree for a place to be named as a candidate.
const ALIKE: f64 = 0.5;

/// A place that is like the text that was looked for, and not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    /// Its first line, from 1.
    pub line: usize,
    /// The first line there that differs from what was looked for.
    pub differs: String,
}

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} (there: {:?})", self.line, self.differs)
    }
}

/// What came of looking for a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// The bytes of the one place, and what is to stand there.
    At(Range<usize>, String),
    /// Several places; their first lines, from 1.
    Several(Vec<usize>),
    /// No place; those that are most like it.
    Nowhere(Vec<Near>),
}

/// Looks for `search` in `text`, line for line and without regard to how lines end. `at`, a line from 1, decides between
/// several places if it is one of them. What replaces it gets the line ends of the place.
pub(crate) fn place(text: &str, search: &str, replace: &str, at: Option<usize>) -> Placed {
    let wanted: Vec<&str> = search.lines().collect();
    let lines = Lines::of(text);
    let bare: Vec<&str> = lines.0.iter().map(|range| bare(&text[range.clone()])).collect();
    let starts: Vec<usize> = if wanted.is_empty() || wanted.len() > bare.len() {
        Vec::new()
    } else {
        (0..=bare.len() - wanted.len())
            .filter(|&start| bare[start..start + wanted.len()] == wanted[..])
            .collect()
    };
    let start = match starts[..] {
        [] => return Placed::Nowhere(near(&bare, &wanted)),
        [one] => one,
        _ => match at.filter(|at| starts.iter().any(|start| start + 1 == *at)) {
            Some(at) => at - 1,
            None => return Placed::Several(starts.iter().map(|start| start + 1).collect()),
        },
    };
    let last = start + wanted.len() - 1;
    let range = lines.0[start].start..lines.0[last].end;
    let found = &text[range.clone()];
    let end = if found.contains("\r\n") || (!found.contains('\n') && text.contains("\r\n")) {
        "\r\n"
    } else {
        "\n"
    };
    let mut new = replace.lines().collect::<Vec<_>>().join(end);
    if !replace.is_empty() && found.ends_with('\n') {
        new.push_str(end);
    }
    Placed::At(range, new)
}

/// The byte ranges of lines, each with its end.
struct Lines(Vec<Range<usize>>);

impl Lines {
    fn of(text: &str) -> Self {
        let mut at = 0;
        let ranges = text.split_inclusive('\n').map(|line| {
            let start = at;
            at += line.len();
            start..at
        });
        Self(ranges.collect())
    }
}

fn bare(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    line.strip_prefix('\u{feff}').unwrap_or(line)
}

/// The places that agree most with what was looked for, when blanks at the ends of lines do not count.
fn near(lines: &[&str], wanted: &[&str]) -> Vec<Near> {
    let filled = wanted.iter().filter(|line| !line.trim().is_empty()).count();
    if filled == 0 {
        return Vec::new();
    }
    let mut places: Vec<(usize, usize)> = (0..lines.len())
        .map(|start| {
            let pairs = wanted.iter().zip(&lines[start..]);
            let same = pairs.filter(|(a, b)| !a.trim().is_empty() && a.trim() == b.trim());
            (same.count(), start)
        })
        .filter(|(same, _)| *same > 0 && *same as f64 >= filled as f64 * ALIKE)
        .collect();
    places.sort_by_key(|(same, start)| (std::cmp::Reverse(*same), *start));
    places.truncate(MOST);
    let differing = |start: usize| {
        let pairs = wanted.iter().zip(&lines[start..]);
        let other = pairs.filter(|(a, b)| a != b).map(|(_, b)| *b).next();
        // everything that is there agrees, so it is the end of the file that does not
        other.unwrap_or("the file ends").chars().take(120).collect()
    };
    places
        .into_iter()
        .map(|(_, start)| Near { line: start + 1, differs: differing(start) })
        .collect()
}

/// New contents in the manner of the old ones: byte order mark and line ends stay what they were.
pub(crate) fn in_the_manner_of(old: &str, new: &str) -> String {
    const MARK: char = '\u{feff}';
    let crlf = old.matches("\r\n").count();
    let mut text = new.to_owned();
    if crlf > 0 && crlf == old.matches('\n').count() && !text.contains('\r') {
        text = text.replace('\n', "\r\n");
    }
    if old.starts_with(MARK) && !text.starts_with(MARK) {
        text.insert(0, MARK);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn placed(text: &str, search: &str, replace: &str) -> String {
        match place(text, search, replace, None) {
            Placed::At(range, new) => {
                format!("{}{new}{}", &text[..range.start], &text[range.end..])
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn one_place_is_replaced_and_line_ends_stay() {
        assert_eq!(placed("a\nb\nc\n", "b\n", "x\ny\n"), "a\nx\ny\nc\n");
        assert_eq!(placed("a\r\nb\r\nc\r\n", "b\n", "x\ny\n"), "a\r\nx\r\ny\r\nc\r\n");
        assert_eq!(placed("a\nb", "b\n", "x\n"), "a\nx");
        assert_eq!(placed("a\nb\n", "b\n", ""), "a\n");
        assert_eq!(placed("\u{feff}a\nb\n", "b\n", "c\n"), "\u{feff}a\nc\n");
    }

    #[test]
    fn several_places_are_named_and_a_line_decides() {
        let text = "x\ny\nx\ny\n";
        assert_eq!(place(text, "x\n", "z\n", None), Placed::Several(vec![1, 3]));
        assert_eq!(place(text, "x\n", "z\n", Some(3)), Placed::At(4..6, "z\n".into()));
        assert_eq!(place(text, "x\n", "z\n", Some(2)), Placed::Several(vec![1, 3]));
    }

    #[test]
    fn a_part_of_a_line_is_no_match_and_the_nearest_are_named() {
        let text = "def f():\n    return a + b\n\n\ndef g():\n    return 0\n";
        let Placed::Nowhere(near) = place(text, "def f():\n    return a+b\n", "", None) else {
            panic!("it is nowhere")
        };
        assert_eq!(near[0].to_string(), "line 1 (there: \"    return a + b\")");
        assert_eq!(place(text, "return 0\n", "", None), {
            Placed::Nowhere(vec![Near { line: 6, differs: "    return 0".into() }])
        });
        assert_eq!(place(text, "nothing like it\n", "", None), Placed::Nowhere(Vec::new()));
        assert_eq!(place("", "x\n", "", None), Placed::Nowhere(Vec::new()));
    }

    proptest! {
        #[test]
        fn replacing_a_line_by_itself_changes_nothing(
            lines in proptest::collection::vec("[ab]{0,2}", 1..8), pick in any::<proptest::sample::Index>(), end in any::<bool>(), crlf in any::<bool>()
        ) {
            let mark = if crlf { "\r\n" } else { "\n" };
            let mut text = lines.join(mark);
            if end { text.push_str(mark); }
            let at = pick.index(lines.len());
            let search = format!("{}\n", lines[at]);
            match place(&text, &search, &search, Some(at + 1)) {
                Placed::At(range, new) => prop_assert_eq!(format!("{}{new}{}", &text[..range.start], &text[range.end..]), text),
                // Behind the last line end there is no line; what was picked there cannot decide.
                Placed::Nowhere(_) | Placed::Several(_) => {
                    prop_assert!(!end && lines[at].is_empty() && at + 1 == lines.len());
                }
            }
        }
    }
}

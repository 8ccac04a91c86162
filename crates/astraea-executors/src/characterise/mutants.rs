//! Mutants: the edits that the search for repairs would try, made of code that is right.

use std::collections::{BTreeMap, VecDeque};

use astraea_repair::{
    Language, Request, SearchOptions, SourceFile, Suspicious, apply_edits, templates,
};

use crate::Error;

/// One small edit of a file.
#[derive(Debug, Clone)]
pub(crate) struct Mutant {
    pub(crate) id: u32,
    /// The line it is in, from 1.
    pub(crate) line: u32,
    /// The whole file with the edit.
    pub(crate) text: String,
    /// What a reader would see of it.
    pub(crate) shown: String,
}

/// At most `most` mutants of a text: the likeliest mistakes first, and no line before every other has had its turn.
///
/// # Errors
/// [`Error::Internal`] where the grammar is missing.
pub(crate) fn mutants(
    language: Language,
    path: &str,
    text: &str,
    most: usize,
) -> Result<Vec<Mutant>, Error> {
    let internal = |e: astraea_repair::RepairError| Error::Internal(e.to_string());
    let file = SourceFile::new(path, text);
    let lines: Vec<Suspicious> = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(line, text)| Suspicious {
            file: path.to_owned(),
            line,
            score: 1.0,
            text: text.to_owned(),
        })
        .collect();
    let limit = u32::try_from(most.saturating_mul(12)).unwrap_or(u32::MAX);
    let request = Request::new(language, vec![file], Vec::new())
        .with_options(SearchOptions::default().with_max_candidates(limit));
    let mut by_line: BTreeMap<u32, VecDeque<_>> = BTreeMap::new();
    for candidate in templates::candidates(&request, &lines).map_err(internal)? {
        by_line.entry(candidate.line).or_default().push_back(candidate);
    }
    let mut made = Vec::new();
    let mut id = 0;
    while made.len() < most && !by_line.is_empty() {
        for queue in by_line.values_mut() {
            let Some(candidate) = queue.pop_front() else { continue };
            if made.len() >= most {
                break;
            }
            let Ok(text) = apply_edits(text, &candidate.edits) else { continue };
            id += 1;
            let shown = line_of(&text, candidate.line);
            made.push(Mutant { id, line: candidate.line, text, shown });
        }
        by_line.retain(|_, queue| !queue.is_empty());
    }
    Ok(made)
}

fn line_of(text: &str, line: u32) -> String {
    let at = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
    text.lines().nth(at).unwrap_or("").trim().chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_code_has_its_turn_and_no_mutant_is_the_original() {
        let text = "def f(a, b):\n    if a > b:\n        return a - 1\n    return b + 1\n";
        let made = mutants(Language::Python, "f.py", text, 12).unwrap();
        assert_eq!(made.len(), 12);
        for line in 2..=4 {
            assert!(made.iter().any(|m| m.line == line), "line {line}");
        }
        assert!(made.iter().all(|m| m.text != text));
        let mut texts: Vec<&str> = made.iter().map(|m| m.text.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), made.len());
    }
}

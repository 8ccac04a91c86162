//! Variations of a patch: small changes of what it changed, to see whether the tests hold on to it.
//!
//! A lone patch has no rival that it could be compared with. Its variations serve as rivals: each is an edit of the
//! patched text, made by the same templates, at the place of the patch. Where the tests reject them all, they leave no
//! room for another meaning at that place; one that passes must behave like the patch on generated inputs.

use crate::templates::CandidateStream;
use crate::{
    Candidate, CandidateId, RepairError, Request, SourceFile, SpanEdit, Suspicious, apply_edits,
};

/// Edits of the patched text that are looked at, for each that is taken.
const CHOICE: usize = 5;

/// At most `most` variations of a patch as candidates for the text before it; ids begin at `first_id`.
///
/// Those that overlap the patch come first, then the others of its lines. What gives the text before the patch again
/// is left out.
///
/// # Errors
/// [`RepairError::UnknownFile`] and [`RepairError::BadSpan`] for a patch of another request,
/// [`RepairError::LanguageUnavailable`] when the grammar is missing.
pub(crate) fn variations(
    request: &Request,
    patch: &Candidate,
    most: usize,
    first_id: u32,
) -> Result<Vec<Candidate>, RepairError> {
    let path = patch.file();
    let unknown = || RepairError::UnknownFile { file: path.to_owned() };
    let old = request.files.iter().find(|file| file.path == path).ok_or_else(unknown)?;
    let patched = apply_edits(&old.text, &patch.edits)?;
    let (start, old_end) = span(patch);
    let end = (old_end + patched.len()).saturating_sub(old.text.len());
    let mut files = request.files.clone();
    for file in &mut files {
        if file.path == path {
            *file = SourceFile::new(path, patched.clone());
        }
    }
    let varied = Request::new(request.language, files, request.failing.clone());
    let mut stream = CandidateStream::new(&varied, &lines(path, &patched, start, end))?;
    let made = stream.next_batch(most * CHOICE);
    let near = |c: &Candidate| {
        let (from, to) = span(c);
        from <= end && to >= start
    };
    let (near, far): (Vec<_>, Vec<_>) = made.into_iter().partition(near);
    let mut found = Vec::new();
    for variation in near.into_iter().chain(far) {
        if found.len() >= most {
            break;
        }
        let (from, to) = span(&variation);
        let text = apply_edits(&patched, &variation.edits)?;
        if text == old.text {
            continue;
        }
        let (first, last) = (from.min(start), to.max(end));
        let new_end = (last + text.len()).saturating_sub(patched.len());
        let old_end = (last + old.text.len()).saturating_sub(patched.len());
        let Some(text) = text.get(first..new_end) else { continue };
        let edit = SpanEdit { file: path.to_owned(), range: first..old_end, text: text.to_owned() };
        let id = CandidateId(first_id.saturating_add(found.len() as u32));
        found.push(Candidate { id, edits: vec![edit], line: patch.line, ..variation });
    }
    Ok(found)
}

/// First and last byte that a candidate changes.
fn span(candidate: &Candidate) -> (usize, usize) {
    let start = candidate.edits.iter().map(|edit| edit.range.start).min().unwrap_or(0);
    let end = candidate.edits.iter().map(|edit| edit.range.end).max().unwrap_or(0);
    (start, end)
}

/// The lines around a span, all equally likely.
fn lines(path: &str, text: &str, start: usize, end: usize) -> Vec<Suspicious> {
    let row = |at: usize| text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count();
    let (first, last) = (row(start), row(end));
    text.lines()
        .enumerate()
        .take(last + 1)
        .skip(first)
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(at, line)| Suspicious {
            file: path.to_owned(),
            line: at as u32 + 1,
            score: 1.0,
            text: line.trim().to_owned(),
        })
        .collect()
}

#[cfg(all(test, feature = "python"))]
mod tests {
    use super::*;
    use crate::{FailingTest, Language};

    fn patch(text: &str, from: &str, to: &str) -> (Request, Candidate) {
        let at = text.find(from).unwrap_or_default();
        let edit =
            SpanEdit { file: "a.py".into(), range: at..at + from.len(), text: to.to_owned() };
        let request = Request::new(
            Language::Python,
            vec![SourceFile::new("a.py", text)],
            vec![FailingTest::new("test_a", "")],
        );
        let candidate = Candidate {
            id: CandidateId(1),
            edits: vec![edit],
            template: "given",
            score: 1.0,
            line: 2,
        };
        (request, candidate)
    }

    #[test]
    fn a_variation_is_an_edit_of_the_text_before_the_patch() {
        let text = "def f(a, b):\n    return a < b  # é\n\n\ndef g(a):\n    return a\n";
        let (request, patch) = patch(text, "a < b", "a <= b");
        let found = variations(&request, &patch, 20, 7).unwrap();
        assert!(found.len() >= 12, "{}", found.len());
        let texts: Vec<String> =
            found.iter().map(|c| c.edited_text(&request.files).unwrap()).collect();
        assert!(!texts.contains(&text.to_owned()), "the bug itself is no variation");
        assert!(texts.iter().any(|text| text.contains("return a == b  # é")), "{texts:#?}");
        assert!(texts.iter().all(|text| text.ends_with("def g(a):\n    return a\n")));
        assert_eq!(found[0].id, CandidateId(7));
    }

    #[test]
    fn variations_of_an_inserted_statement_vary_what_was_inserted() {
        let text = "def f(a):\n    n = 0\n    while a:\n        a -= 1\n    return n\n";
        let (request, patch) = patch(text, "a -= 1", "a -= 1\n        n += 1");
        let found = variations(&request, &patch, 30, 2).unwrap();
        let texts: Vec<String> =
            found.iter().map(|c| c.edited_text(&request.files).unwrap()).collect();
        assert!(texts.iter().any(|text| text.contains("n -= 1")), "{texts:#?}");
        assert!(!texts.contains(&text.to_owned()));
    }
}

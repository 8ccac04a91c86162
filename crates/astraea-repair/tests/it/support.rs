//! An oracle that knows the answer.

use astraea_repair::{
    Candidate, FailingTest, Language, Oracle, OracleError, Report, Request, SourceFile, Verdict,
    search,
};

/// Passes what a closure accepts.
pub(crate) struct Judge<F> {
    pub(crate) files: Vec<SourceFile>,
    pub(crate) passes: F,
}

impl<F: Fn(&str) -> bool> Oracle for Judge<F> {
    fn evaluate(&mut self, batch: &[Candidate]) -> Result<Vec<Verdict>, OracleError> {
        let one = |candidate: &Candidate| {
            let text =
                candidate.edited_text(&self.files).map_err(|e| OracleError::new(e.to_string()))?;
            Ok(if (self.passes)(&text) { Verdict::pass() } else { Verdict::fail(Vec::new()) })
        };
        batch.iter().map(one).collect()
    }
}

/// Searches for the text that a closure accepts, with a failing test of this name.
pub(crate) fn find(
    language: Language,
    text: &str,
    test: &str,
    passes: impl Fn(&str) -> bool,
) -> Report {
    let path = if language == Language::Rust { "src/lib.rs" } else { "code.py" };
    let files = vec![SourceFile::new(path, text)];
    let request = Request::new(language, files.clone(), vec![FailingTest::new(test, "")]);
    search(&request, &mut Judge { files, passes }).unwrap()
}

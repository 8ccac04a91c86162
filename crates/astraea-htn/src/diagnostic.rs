//! What is wrong with a source text, said so that it can be put right.

use std::fmt;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use serde::{Deserialize, Serialize};

use crate::span::Span;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The text cannot be used.
    Error,
    /// It can be used, but probably does not say what was meant.
    Warning,
}

/// One finding about a source text.
///
/// It holds no file name and no text: [`Report`] adds both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, in one lower-case sentence.
    pub message: String,
    /// Where.
    pub span: Span,
    /// The line, from 1 (0 where the finding has no place).
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What stands at the span, in two or three words (may be empty).
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
    /// What else to know.
    pub notes: Vec<String>,
}

/// More findings than this would not be read.
const MAX_TOLD: usize = 50;

/// Longer lines are not shown, only where they are.
const MAX_EXCERPT: usize = 2000;

impl Diagnostic {
    pub(crate) fn error(message: impl Into<String>, span: Span) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            span,
            line: 0,
            column: 0,
            label: String::new(),
            help: None,
            notes: Vec::new(),
        }
    }

    pub(crate) fn warning(message: impl Into<String>, span: Span) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message, span) }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Shows the finding with the lines of the text that it is about.
    #[must_use]
    pub fn render(&self, name: &str, text: &str) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(self.message.as_str()));
        if self.line > 0 {
            let (start, excerpt) = self.excerpt(text);
            if excerpt.len() > MAX_EXCERPT {
                let place = format!("at {name}:{}:{}", self.line, self.column);
                group = group.element(Level::NOTE.message(place));
            } else {
                group = group.element(self.snippet(name, text, start, excerpt));
            }
        }
        for note in &self.notes {
            group = group.element(Level::NOTE.message(note.as_str()));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        Renderer::plain().render(&[group])
    }

    fn snippet<'t>(
        &'t self,
        name: &'t str,
        text: &str,
        start: usize,
        excerpt: &'t str,
    ) -> Snippet<'t, Annotation<'t>> {
        let range = self.span.range(text);
        let end = range.end.min(start + excerpt.len());
        let mut annotation = AnnotationKind::Primary.span(range.start - start..end - start);
        if !self.label.is_empty() {
            annotation = annotation.label(self.label.as_str());
        }
        Snippet::source(excerpt).line_start(self.line).path(name).annotation(annotation)
    }

    /// The lines that the finding is about (the first ones, where they are many) and where they begin, so that a large text is not searched again for
    /// each finding.
    fn excerpt<'t>(&self, text: &'t str) -> (usize, &'t str) {
        let range = self.span.range(text);
        let start = text[..range.start].rfind('\n').map_or(0, |i| i + 1);
        let lines = text[start..].match_indices('\n').map(|(i, _)| start + i);
        let end = lines.take(4).take_while(|i| *i < range.end).last();
        let from = end.map_or(range.start, |e| (e + 1).max(range.start));
        let end = text[from.min(text.len())..].find('\n').map_or(text.len(), |i| from + i);
        (start, &text[start..end])
    }
}

/// A named text to read.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The name shown in messages, usually a file name.
    pub name: &'a str,
    /// What it says.
    pub text: &'a str,
}

/// Everything found wrong with one or more texts. Its `Display` shows each finding with its source lines.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// The findings, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    pub(crate) sources: Vec<(String, String)>,
}

impl Report {
    pub(crate) fn new(mut diagnostics: Vec<Diagnostic>, sources: &[Source<'_>]) -> Self {
        diagnostics.sort_by_key(|d| (d.span.source, d.span.start));
        diagnostics.dedup_by(|a, b| a.message == b.message && a.span.start == b.span.start);
        diagnostics.truncate(MAX_TOLD);
        for d in &mut diagnostics {
            locate(d, sources);
        }
        let sources = sources.iter().map(|s| (s.name.to_owned(), s.text.to_owned())).collect();
        Self { diagnostics, sources }
    }

    /// Whether one of the findings is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// Fills in line and column.
pub(crate) fn locate(d: &mut Diagnostic, sources: &[Source<'_>]) {
    let Some(source) = sources.get(usize::from(d.span.source)) else { return };
    if d.span.end > 0 {
        (d.line, d.column) = d.span.line_column(source.text);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, d) in self.diagnostics.iter().enumerate() {
            if i > 0 {
                f.write_str("\n\n")?;
            }
            match self.sources.get(usize::from(d.span.source)) {
                Some((name, text)) => f.write_str(&d.render(name, text))?,
                None => f.write_str(&d.message)?,
            }
        }
        Ok(())
    }
}

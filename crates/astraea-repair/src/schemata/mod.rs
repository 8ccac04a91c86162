//! Puts many Rust candidates behind one run-time switch in one build.
//!
//! Compiling costs far more than running, so [`instrument`] writes sources in which each candidate stands beside
//! the original text and a number chooses: `({ let v; match switch() { 0..=6 | 8.. => { v = (a + b); } 7 => { v = (a - b); } } v })`. The program reads
//! the environment variable [`SWITCH`] once; its value is the number of the candidate that is on, and anything
//! else runs the program as it was.
//!
//! The choice is made at the smallest expression or statement around the edit that can be exchanged without
//! changing types, borrows or the lifetime of temporaries; where that is not known, further out, at last at the
//! body of the function. What no run-time choice can reach (constants, signatures, items, attributes) is listed
//! as [`individual`](Instrumented::individual) and needs a build of its own.
//!
//! A candidate that does not compile breaks the build for all: [`Instrumented::blame`] says which candidates stand
//! where a compiler error points, so that they are left out and the build is repeated.
//!
//! With [`Plan::trace`] every block also reports, once, that it ran: a line on standard error with
//! [`TRACE_MARK`] and the number of a [`Site`], while the environment variable [`TRACE`] is set.
//!
//! ```
//! use astraea_repair::schemata::{Plan, instrument};
//! use astraea_repair::{Candidate, CandidateId, SourceFile, SpanEdit};
//!
//! let files = [SourceFile::new("src/lib.rs", "pub fn add(a: i32, b: i32) -> i32 { a - b }")];
//! let edit = SpanEdit { file: "src/lib.rs".into(), range: 38..39, text: "+".into() };
//! let plus = Candidate { id: CandidateId(1), edits: vec![edit], template: "operator", score: 1.0, line: 1 };
//! let built = instrument(&files, &[plus], &Plan::default())?;
//! assert!(built.files[0].text.contains("(a + b"));
//! assert_eq!(built.switched[&CandidateId(1)], 1);
//! # Ok::<(), astraea_repair::RepairError>(())
//! ```

mod emit;
mod place;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::{Candidate, CandidateId, Language, RepairError, SourceFile};

/// The environment variable that names the active candidate.
pub const SWITCH: &str = "ASTRA_REPAIR_SWITCH";
/// The environment variable that makes the sites that ran tell so.
pub const TRACE: &str = "ASTRA_REPAIR_TRACE";
/// What a line on standard error begins with that tells a site; its number follows.
pub const TRACE_MARK: &str = "@astra-site ";

/// How sources are instrumented.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// Whether every block tells that it ran.
    pub trace: bool,
    /// Candidates whose choice is made at the body of their function, because a smaller one did not compile.
    pub coarse: BTreeSet<CandidateId>,
}

impl Plan {
    /// Makes every block tell that it ran.
    #[must_use]
    pub fn with_trace(mut self, trace: bool) -> Self {
        self.trace = trace;
        self
    }

    /// Sets the candidates that are chosen at the body of their function.
    #[must_use]
    pub fn with_coarse(mut self, coarse: BTreeSet<CandidateId>) -> Self {
        self.coarse = coarse;
        self
    }
}

/// Sources in which candidates can be switched on.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Instrumented {
    /// The changed files; those without a switch or a site are not listed.
    pub files: Vec<SourceFile>,
    /// Candidates in the build, with the number that switches each on (the value of [`SWITCH`]).
    pub switched: BTreeMap<CandidateId, u32>,
    /// Candidates that need a build of their own.
    pub individual: Vec<CandidateId>,
    /// The blocks that tell that they ran; the number on a trace line is the index.
    pub sites: Vec<Site>,
    pub(crate) spans: Vec<Span>,
}

/// A block that tells that it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Path of the file.
    pub file: String,
    /// Lines of the original text, from 1, that run when the block does and belong to no inner block.
    pub lines: Vec<u32>,
}

/// Where something of ours stands in an instrumented text.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) file: String,
    pub(crate) range: Range<usize>,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Mutant(CandidateId),
    Switch(Vec<CandidateId>),
    Function(Vec<CandidateId>),
}

/// Who a compiler error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Blame {
    /// It points into the text of this candidate.
    Candidate(CandidateId),
    /// It points at a choice between these, not at one of them.
    Choice(Vec<CandidateId>),
    /// It points at text of a function in which these candidates are.
    Function(Vec<CandidateId>),
    /// Nothing of ours is there.
    Nobody,
}

impl Instrumented {
    /// Who a compiler error at these bytes of an instrumented file is about: the innermost that holds them.
    ///
    /// ```
    /// use astraea_repair::schemata::{Blame, Instrumented};
    /// assert_eq!(Instrumented::default().blame("src/lib.rs", 0..4), Blame::Nobody);
    /// ```
    pub fn blame(&self, file: &str, at: Range<usize>) -> Blame {
        let around = |span: &&Span| {
            span.file == file && span.range.start <= at.start && at.end <= span.range.end
        };
        match self.spans.iter().filter(around).min_by_key(|span| span.range.len()) {
            None => Blame::Nobody,
            Some(span) => match &span.what {
                What::Mutant(id) => Blame::Candidate(*id),
                What::Switch(ids) => Blame::Choice(ids.clone()),
                What::Function(ids) => Blame::Function(ids.clone()),
            },
        }
    }

    /// The site that a line of standard error tells of, if it does.
    pub fn site(&self, line: &str) -> Option<&Site> {
        let (_, number) = line.split_once(TRACE_MARK)?;
        self.sites.get(number.trim_end().parse::<usize>().ok()?)
    }
}

/// Builds the instrumented sources.
///
/// # Errors
/// [`RepairError::UnknownFile`] when a candidate names a file that was not given, [`RepairError::BadSpan`] when
/// its edits do not fit, [`RepairError::LanguageUnavailable`] when the grammar is missing.
pub fn instrument(
    files: &[SourceFile],
    candidates: &[Candidate],
    plan: &Plan,
) -> Result<Instrumented, RepairError> {
    let mut parser = Language::Rust.parser()?;
    let mut built = Instrumented::default();
    let mut by_file: BTreeMap<&str, Vec<&Candidate>> = BTreeMap::new();
    for candidate in candidates {
        if !files.iter().any(|file| file.path == candidate.file()) {
            return Err(RepairError::UnknownFile { file: candidate.file().to_owned() });
        }
        by_file.entry(candidate.file()).or_default().push(candidate);
    }
    let mut next = 1;
    for file in files {
        let own = by_file.remove(file.path.as_str()).unwrap_or_default();
        if own.is_empty() && !(plan.trace && file.editable) {
            continue;
        }
        let Some(tree) = parser.parse(&file.text, None) else { continue };
        let mut placed = Vec::new();
        for candidate in own {
            let coarse = plan.coarse.contains(&candidate.id);
            match place::place(&mut parser, file, &tree, candidate, coarse)? {
                Some(place) => {
                    placed.push((candidate.id, next, place));
                    next += 1;
                }
                None => built.individual.push(candidate.id),
            }
        }
        let ids: Vec<(CandidateId, u32)> = placed.iter().map(|(id, n, _)| (*id, *n)).collect();
        let written = emit::emit(file, &tree, placed, plan.trace, built.sites.len());
        let sound = parser
            .parse(&written.text, None)
            .is_some_and(|after| crate::syntax::count(&after) <= crate::syntax::count(&tree));
        if !sound {
            // text that we cannot write so that it parses: nothing of this file can be switched
            built.individual.extend(ids.into_iter().map(|(id, _)| id));
            continue;
        }
        if ids.is_empty() && written.sites.is_empty() {
            continue;
        }
        built.switched.extend(ids);
        built.sites.extend(written.sites);
        built.spans.extend(written.spans);
        let (path, editable) = (file.path.clone(), file.editable);
        built.files.push(SourceFile { path, text: written.text, editable });
    }
    Ok(built)
}

//! What is broken, and how long to look.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Language, SourceFile};

/// Everything a search starts from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Request {
    /// The language of the files.
    pub language: Language,
    /// The sources that may change, and the tests, which may not.
    pub files: Vec<SourceFile>,
    /// The tests that fail; at least one.
    pub failing: Vec<FailingTest>,
    /// Which lines each test ran, as far as known.
    pub coverage: Vec<TestCoverage>,
    /// Places named by the traces of failing tests, innermost first.
    pub frames: Vec<Frame>,
    /// Whether a failing test fails by not ending: then steps that are missing in a loop are likelier.
    pub endless: bool,
    /// Budgets.
    pub options: SearchOptions,
}

impl Request {
    /// A request without coverage or traces.
    pub fn new(language: Language, files: Vec<SourceFile>, failing: Vec<FailingTest>) -> Self {
        Self {
            language,
            files,
            failing,
            coverage: Vec::new(),
            frames: Vec::new(),
            endless: false,
            options: SearchOptions::default(),
        }
    }

    /// Adds the lines each test ran.
    #[must_use]
    pub fn with_coverage(mut self, coverage: Vec<TestCoverage>) -> Self {
        self.coverage = coverage;
        self
    }

    /// Adds the places that traces of failing tests name.
    #[must_use]
    pub fn with_frames(mut self, frames: Vec<Frame>) -> Self {
        self.frames = frames;
        self
    }

    /// Says whether a failing test fails by not ending.
    #[must_use]
    pub fn with_endless(mut self, endless: bool) -> Self {
        self.endless = endless;
        self
    }

    /// Sets the budgets.
    #[must_use]
    pub fn with_options(mut self, options: SearchOptions) -> Self {
        self.options = options;
        self
    }
}

/// A test that fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailingTest {
    /// Its name; the last identifier in it is looked for in the test files.
    pub name: String,
    /// What it said, assertion text and trace, possibly empty.
    pub message: String,
}

impl FailingTest {
    /// A failing test and what it said.
    pub fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: message.into() }
    }
}

/// The lines that one test ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCoverage {
    /// The test.
    pub test: String,
    /// Whether it passed.
    pub passed: bool,
    /// Lines from 1, file by file.
    pub lines: BTreeMap<String, Vec<u32>>,
}

/// A place in a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Path of the file, as in [`SourceFile::path`].
    pub file: String,
    /// Line from 1.
    pub line: u32,
}

/// Budgets and sizes of a search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SearchOptions {
    /// Most candidates given to the oracle.
    pub max_candidates: u32,
    /// Candidates in one call of the oracle.
    pub batch: u32,
    /// Patches to collect before they are compared.
    pub max_patches: u32,
    /// Candidates still tried after the first patch, to find rivals.
    pub after_first: u32,
    /// Variations of the best patch that are tried, to see whether the tests hold on to it; none with 0.
    pub variations: u32,
    /// Lines and near misses listed in the report.
    pub listed: u32,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            max_candidates: 4000,
            batch: 32,
            max_patches: 6,
            after_first: 160,
            variations: 96,
            listed: 10,
        }
    }
}

impl SearchOptions {
    /// Most candidates given to the oracle.
    #[must_use]
    pub fn with_max_candidates(mut self, max: u32) -> Self {
        self.max_candidates = max;
        self
    }

    /// Candidates in one call of the oracle.
    #[must_use]
    pub fn with_batch(mut self, batch: u32) -> Self {
        self.batch = batch;
        self
    }

    /// Patches to collect before they are compared.
    #[must_use]
    pub fn with_max_patches(mut self, max: u32) -> Self {
        self.max_patches = max;
        self
    }

    /// Candidates still tried after the first patch.
    #[must_use]
    pub fn with_after_first(mut self, count: u32) -> Self {
        self.after_first = count;
        self
    }

    /// Variations of the best patch that are tried.
    #[must_use]
    pub fn with_variations(mut self, count: u32) -> Self {
        self.variations = count;
        self
    }
}

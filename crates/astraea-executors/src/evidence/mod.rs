//! What a test run showed: outcomes test by test, what was missing, what changed since a baseline.
//!
//! The types here are plain data (serde both ways); nothing in this module runs anything.

mod compare;
mod coverage;
mod report;
mod table;

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use compare::{Change, Comparison};
pub use coverage::{Coverage, Reach};
pub use report::{CollectionError, Counts, TestReport, Verdict};
pub(crate) use report::{DETAIL_BYTES, clip};
pub use table::{comparison_table, report_table};

/// The name of one test, as its runner would accept it back, seen from the repository's root.
///
/// The forms are: pytest and unittest `tests/test_a.py::TestX::test_y[1]`, cargo `crate::module::name` (`crate[bin]::…` for a binary, `crate doc …` for a doctest),
/// node `test/a.test.mjs > suite > name`, go `package.TestX/sub`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TestId(Arc<str>);

impl TestId {
    /// Wraps a name; any text is accepted, an empty one names no test and matches none.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what a person typed means this test: the whole name, its end after a separator
    /// (`test_y` for `tests/test_a.py::test_y`), or a file, class or module that contains it.
    pub fn matches(&self, typed: &str) -> bool {
        let (id, typed) = (&*self.0, typed.trim());
        if typed.is_empty() {
            return false;
        }
        if id == typed {
            return true;
        }
        const SEPARATORS: [&str; 6] = ["::", " > ", ".", "/", "[", " "];
        if let Some(rest) = id.strip_prefix(typed)
            && SEPARATORS.iter().any(|s| rest.starts_with(s))
        {
            return true;
        }
        if let Some(rest) = id.strip_suffix(typed)
            && SEPARATORS.iter().any(|s| rest.ends_with(s))
        {
            return true;
        }
        // `test_a.py::test_y` or `test_y` for a parametrised `…/test_a.py::test_y[1]`
        let bare = id.split('[').next().unwrap_or(id);
        bare != id
            && bare
                .strip_suffix(typed)
                .is_some_and(|rest| rest.is_empty() || SEPARATORS.iter().any(|s| rest.ends_with(s)))
    }
}

impl fmt::Display for TestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for TestId {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for TestId {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl Borrow<str> for TestId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// How one test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TestOutcome {
    /// It ran and held.
    Passed,
    /// It ran and did not hold.
    Failed,
    /// It could not be carried through: a fixture failed, the process died, it never ended.
    Errored,
    /// The runner left it out (skip, ignore, todo, expected failure).
    Skipped,
    /// The time ran out while it was running, or before it was reached.
    TimedOut,
}

impl TestOutcome {
    /// Whether the test speaks against the code: failed, errored or timed out.
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::Errored | Self::TimedOut)
    }

    /// The word for tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Errored => "errored",
            Self::Skipped => "skipped",
            Self::TimedOut => "timed out",
        }
    }
}

impl fmt::Display for TestOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a test needs and this place does not have: not a bug to chase.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Missing {
    /// What sort of thing is missing.
    pub kind: MissingKind,
    /// Its name: a module, a program, `host:port`.
    pub name: String,
    /// The tests that said so; empty when the whole run could not start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestId>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.word(), self.name)
    }
}

/// The sorts of thing that can be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MissingKind {
    /// A package or module that is not part of the repository.
    Module,
    /// A program.
    Tool,
    /// Something that listens on an address.
    Service,
    /// A name or host beyond this machine.
    Network,
}

impl MissingKind {
    /// The word for tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Tool => "program",
            Self::Service => "service",
            Self::Network => "network",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TestId;

    #[test]
    fn a_typed_name_means_the_test_its_file_or_its_end() {
        let id = TestId::new("tests/test_a.py::TestX::test_y[1-2]");
        for typed in [
            "tests/test_a.py::TestX::test_y[1-2]",
            "tests/test_a.py",
            "tests",
            "tests/test_a.py::TestX",
            "test_y[1-2]",
            "test_y",
            "tests/test_a.py::TestX::test_y",
        ] {
            assert!(id.matches(typed), "{typed}");
        }
        for typed in ["", " ", "est_y", "test_a.pyx", "TestXX"] {
            assert!(!id.matches(typed), "{typed}");
        }
        assert!(TestId::new("calc::tests::adds").matches("tests::adds"));
        assert!(TestId::new("a.test.mjs > sums > adds").matches("adds"));
    }
}

//! One test run, and what it says as a whole.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Coverage, Missing, TestId, TestOutcome};

/// The outcomes of one test run, and how it was made.
///
/// A report never claims more than it saw: [`verdict`](Self::verdict) is [`Verdict::Passed`] only if
/// the runner reached its end, at least one test passed and nothing speaks against it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TestReport {
    /// The runner's name; several joined with `+` after a [`merge`](Self::merge).
    pub runner: String,
    /// The directory it ran in, from the repository's root; empty for the root.
    pub dir: String,
    /// The argument vector, with our own helper files by their name.
    pub command: Vec<String>,
    /// The sandbox tier the command ran in.
    pub tier: String,
    /// Every test that the runner knew of.
    pub outcomes: BTreeMap<TestId, TestOutcome>,
    /// What the bad ones said (redacted, at most 2 KiB each).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<TestId, String>,
    /// Files that could not be loaded or compiled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub collection_errors: Vec<CollectionError>,
    /// How the process ended: `exit 1`, `signal 9`, `timed out`, …
    pub exit: String,
    /// Whether the process ended by itself with status 0.
    pub clean_exit: bool,
    /// Whether the wall or idle limit stopped it.
    pub timed_out: bool,
    /// Whether the runner said that it had come to its end.
    pub complete: bool,
    /// The outcomes counted.
    pub counts: Counts,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// What was missing here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<Missing>,
    /// Tests that failed once and passed when run again unchanged.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub flaky: BTreeSet<TestId>,
    /// Which lines the tests reach, where a tool is there that knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
}

/// A file or target that the runner could not load, so that its tests are unknown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CollectionError {
    /// The file, module or target.
    pub what: String,
    /// What the runner said (redacted, at most 2 KiB).
    pub message: String,
}

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Errored.
    pub errored: usize,
    /// Skipped.
    pub skipped: usize,
    /// Timed out.
    pub timed_out: usize,
}

impl Counts {
    /// All of them.
    pub fn total(&self) -> usize {
        self.passed + self.failed + self.errored + self.skipped + self.timed_out
    }
}

/// What a run says as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// It came to its end, at least one test passed, none was bad.
    Passed,
    /// At least one test was bad.
    Failed,
    /// Something could not be loaded or compiled.
    CollectionError,
    /// It ended well and had no test to show (none found, or all skipped).
    NoTests,
    /// Everything that went wrong says that something is missing here.
    Environment,
    /// A limit stopped it.
    TimedOut,
    /// The process died, or its output breaks off.
    Crashed,
}

impl Verdict {
    /// The word for tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::CollectionError => "collection error",
            Self::NoTests => "no tests",
            Self::Environment => "environment",
            Self::TimedOut => "timed out",
            Self::Crashed => "crashed",
        }
    }
}

impl TestReport {
    /// What the run says as a whole.
    pub fn verdict(&self) -> Verdict {
        if !self.environment.is_empty() && self.only_environment() {
            return Verdict::Environment;
        }
        if self.timed_out {
            return Verdict::TimedOut;
        }
        if !self.collection_errors.is_empty() {
            return Verdict::CollectionError;
        }
        if self.failing().next().is_some() {
            return Verdict::Failed;
        }
        if !self.complete {
            return Verdict::Crashed;
        }
        if self.counts.passed == 0 && self.flaky.is_empty() {
            return Verdict::NoTests;
        }
        if !self.clean_exit && self.flaky.is_empty() {
            return Verdict::Crashed;
        }
        Verdict::Passed
    }

    /// Whether [`verdict`](Self::verdict) is [`Verdict::Passed`].
    pub fn passed(&self) -> bool {
        self.verdict() == Verdict::Passed
    }

    /// The tests that speak against the code, in order; flaky ones are not among them.
    pub fn failing(&self) -> impl Iterator<Item = &TestId> {
        self.outcomes
            .iter()
            .filter(|(id, o)| o.is_bad() && !self.flaky.contains(*id))
            .map(|(id, _)| id)
    }

    /// Records one outcome. Of two for the same test the worse one stays: a runner that reports a
    /// test twice (two parameters with one name, a retry) cannot hide the failure.
    pub fn record(&mut self, id: TestId, outcome: TestOutcome) {
        fn rank(o: TestOutcome) -> u8 {
            match o {
                TestOutcome::Skipped => 0,
                TestOutcome::Passed => 1,
                TestOutcome::TimedOut => 2,
                TestOutcome::Errored => 3,
                TestOutcome::Failed => 4,
            }
        }
        self.outcomes
            .entry(id)
            .and_modify(|old| {
                if rank(outcome) > rank(*old) {
                    *old = outcome;
                }
            })
            .or_insert(outcome);
    }

    /// Records what a bad test said; the first word stays.
    pub fn explain(&mut self, id: TestId, said: &str) {
        if !said.trim().is_empty() {
            self.details.entry(id).or_insert_with(|| clip(said, DETAIL_BYTES));
        }
    }

    /// Counts the outcomes again. Every parser ends with it.
    pub fn recount(&mut self) {
        let mut counts = Counts::default();
        for outcome in self.outcomes.values() {
            match outcome {
                TestOutcome::Passed => counts.passed += 1,
                TestOutcome::Failed => counts.failed += 1,
                TestOutcome::Errored => counts.errored += 1,
                TestOutcome::Skipped => counts.skipped += 1,
                TestOutcome::TimedOut => counts.timed_out += 1,
            }
        }
        self.counts = counts;
    }

    /// Puts two runs (of different runners or directories) together. What one of them lacks, the
    /// whole lacks.
    pub fn merge(mut self, other: TestReport) -> TestReport {
        for (mine, theirs) in [(&mut self.runner, other.runner), (&mut self.tier, other.tier)] {
            if mine.is_empty() {
                *mine = theirs;
            } else if !theirs.is_empty() && !mine.split('+').any(|part| part == theirs) {
                mine.push('+');
                mine.push_str(&theirs);
            }
        }
        if self.dir != other.dir {
            self.dir = String::new();
        }
        if !other.command.is_empty() {
            if !self.command.is_empty() {
                self.command.push("&&".to_owned());
            }
            self.command.extend(other.command);
        }
        for (id, outcome) in other.outcomes {
            self.record(id, outcome);
        }
        for (id, said) in other.details {
            self.details.entry(id).or_insert(said);
        }
        self.collection_errors.extend(other.collection_errors);
        if self.clean_exit && !other.clean_exit {
            self.exit = other.exit;
        }
        self.clean_exit &= other.clean_exit;
        self.timed_out |= other.timed_out;
        self.complete &= other.complete;
        self.duration_ms = self.duration_ms.saturating_add(other.duration_ms);
        for missing in other.environment {
            self.miss(missing.kind, &missing.name, missing.tests);
        }
        self.flaky.extend(other.flaky);
        match (&mut self.coverage, other.coverage) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (None, theirs) => self.coverage = theirs,
            (Some(_), None) => {}
        }
        self.recount();
        self
    }

    /// Notes that something is missing here; the same thing twice is one entry.
    pub fn miss(
        &mut self,
        kind: super::MissingKind,
        name: &str,
        tests: impl IntoIterator<Item = TestId>,
    ) {
        let entry = match self.environment.iter_mut().find(|m| m.kind == kind && m.name == name) {
            Some(entry) => entry,
            None => {
                self.environment.push(Missing { kind, name: name.to_owned(), tests: Vec::new() });
                match self.environment.last_mut() {
                    Some(entry) => entry,
                    None => return,
                }
            }
        };
        for test in tests {
            if !entry.tests.contains(&test) {
                entry.tests.push(test);
            }
        }
    }

    fn only_environment(&self) -> bool {
        let whole_run = self.environment.iter().any(|m| m.tests.is_empty());
        let named = |id: &TestId| self.environment.iter().any(|m| m.tests.contains(id));
        let bad: Vec<_> = self.failing().collect();
        if bad.is_empty() && self.collection_errors.is_empty() {
            return whole_run && self.counts.passed == 0;
        }
        let files = self
            .collection_errors
            .iter()
            .all(|e| whole_run || named(&TestId::new(e.what.as_str())));
        files && bad.into_iter().all(named)
    }
}

/// The most that is kept of what one test said, in bytes.
pub(crate) const DETAIL_BYTES: usize = 2048;

/// The end of a text, cut at a character boundary, with a mark where something is gone.
pub(crate) fn clip(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    const MARK: &str = "[…]\n";
    let mut start = text.len() - max.saturating_sub(MARK.len());
    while !text.is_char_boundary(start) {
        start += 1;
    }
    format!("{MARK}{}", &text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::MissingKind;

    fn green(ids: &[&str]) -> TestReport {
        let mut report = TestReport {
            clean_exit: true,
            complete: true,
            exit: "exit 0".into(),
            ..Default::default()
        };
        for id in ids {
            report.record(TestId::from(*id), TestOutcome::Passed);
        }
        report.recount();
        report
    }

    #[test]
    fn zero_tests_are_never_a_pass() {
        assert_eq!(green(&[]).verdict(), Verdict::NoTests);
        let mut skipped = green(&[]);
        skipped.record("a".into(), TestOutcome::Skipped);
        skipped.recount();
        assert_eq!(skipped.verdict(), Verdict::NoTests);
        assert_eq!(green(&["a"]).verdict(), Verdict::Passed);
    }

    #[test]
    fn a_run_that_breaks_off_or_exits_badly_is_never_a_pass() {
        let cut = TestReport { complete: false, ..green(&["a"]) };
        assert_eq!(cut.verdict(), Verdict::Crashed);
        let exit = TestReport { clean_exit: false, ..green(&["a"]) };
        assert_eq!(exit.verdict(), Verdict::Crashed);
        let late = TestReport { timed_out: true, ..green(&["a"]) };
        assert_eq!(late.verdict(), Verdict::TimedOut);
    }

    #[test]
    fn it_is_the_environment_only_if_everything_bad_says_so() {
        let mut report = green(&["a"]);
        report.record("b".into(), TestOutcome::Errored);
        report.miss(MissingKind::Service, "127.0.0.1:5432", [TestId::from("b")]);
        report.recount();
        assert_eq!(report.verdict(), Verdict::Environment);
        report.record("c".into(), TestOutcome::Failed);
        report.recount();
        assert_eq!(report.verdict(), Verdict::Failed);
    }

    #[test]
    fn of_two_outcomes_for_one_test_the_worse_stays() {
        let mut report = green(&["a"]);
        report.record("a".into(), TestOutcome::Failed);
        report.record("a".into(), TestOutcome::Passed);
        report.recount();
        assert_eq!(report.counts, Counts { failed: 1, ..Counts::default() });
    }

    #[test]
    fn what_one_part_lacks_the_whole_lacks() {
        let whole = green(&["a"]).merge(TestReport { complete: false, ..green(&["b"]) });
        assert_eq!(whole.verdict(), Verdict::Crashed);
        assert_eq!(whole.counts.passed, 2);
    }

    #[test]
    fn clipping_keeps_the_end_and_whole_characters() {
        assert_eq!(clip("short", 10), "short");
        let long = "é".repeat(100);
        let cut = clip(&long, 50);
        assert!(cut.len() <= 52 && cut.starts_with("[…]") && cut.ends_with('é'), "{cut}");
    }
}

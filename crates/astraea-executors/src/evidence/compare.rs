//! What changed between two runs of the same tests.

use serde::{Deserialize, Serialize};

use super::{TestId, TestOutcome, TestReport, Verdict};

/// The difference between a baseline and a later run.
///
/// A test that is gone, or that is skipped now and was not before, is held against the later run:
/// a change must not win by taking away what speaks against it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Comparison {
    /// Bad before, passed now.
    pub fixed: Vec<TestId>,
    /// Passed before, bad now.
    pub broken: Vec<TestId>,
    /// Bad before, bad now.
    pub still_failing: Vec<TestId>,
    /// Known before, unknown now.
    pub vanished: Vec<TestId>,
    /// Run before, skipped now.
    pub silenced: Vec<TestId>,
    /// Unknown before, passed now.
    pub new_passing: Vec<TestId>,
    /// Unknown before, bad now.
    pub new_failing: Vec<TestId>,
    /// Failed and passed without a change: they count for neither side.
    pub flaky: Vec<TestId>,
    /// Files that loaded before and do not now.
    pub newly_unloadable: Vec<String>,
    /// The sum.
    pub verdict: Change,
}

/// The sum of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// Something is better and nothing is worse.
    Better,
    /// Nothing is better and nothing is worse.
    #[default]
    Same,
    /// Something is worse.
    Worse,
}

impl Change {
    /// The word for tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Same => "same",
            Self::Worse => "worse",
        }
    }
}

impl Comparison {
    /// Compares `after` with `before`.
    ///
    /// Tests that `after` was not asked to run must not be in `before`: see
    /// [`between`](Self::between) for a narrowed run.
    pub fn new(before: &TestReport, after: &TestReport) -> Self {
        Self::between(before, after, |_| true)
    }

    /// Compares only the tests for which `asked` holds.
    pub fn between(
        before: &TestReport,
        after: &TestReport,
        asked: impl Fn(&TestId) -> bool,
    ) -> Self {
        let mut out = Self::default();
        let flaky = |id: &TestId| before.flaky.contains(id) || after.flaky.contains(id);
        for (id, old) in before.outcomes.iter().filter(|(id, _)| asked(id)) {
            let list = match after.outcomes.get(id) {
                None if *old == TestOutcome::Skipped => continue,
                None => &mut out.vanished,
                Some(_) if flaky(id) => &mut out.flaky,
                Some(new) if new.is_bad() && old.is_bad() => &mut out.still_failing,
                Some(new) if new.is_bad() => &mut out.broken,
                Some(TestOutcome::Skipped) if *old != TestOutcome::Skipped => &mut out.silenced,
                Some(TestOutcome::Passed) if old.is_bad() => &mut out.fixed,
                Some(_) => continue,
            };
            list.push(id.clone());
        }
        for (id, new) in after.outcomes.iter().filter(|(id, _)| asked(id)) {
            if before.outcomes.contains_key(id) {
                continue;
            }
            match new {
                _ if flaky(id) => out.flaky.push(id.clone()),
                TestOutcome::Passed => out.new_passing.push(id.clone()),
                new if new.is_bad() => out.new_failing.push(id.clone()),
                _ => {}
            }
        }
        let unloadable = |report: &TestReport, what: &str| {
            report.collection_errors.iter().any(|e| e.what == what)
        };
        for error in &after.collection_errors {
            if !unloadable(before, &error.what) && !out.newly_unloadable.contains(&error.what) {
                out.newly_unloadable.push(error.what.clone());
            }
        }
        // a file that loads again with passing tests in it is a gain
        let loads_again =
            before.collection_errors.iter().any(|e| !unloadable(after, &e.what)) && after.complete;
        out.verdict = if out.is_worse(before, after) {
            Change::Worse
        } else if !out.fixed.is_empty()
            || (loads_again && !out.new_passing.is_empty())
            || (out.new_failing.is_empty() && !out.new_passing.is_empty())
        {
            Change::Better
        } else {
            Change::Same
        };
        out
    }

    /// Whether nothing got worse.
    pub fn holds(&self) -> bool {
        self.verdict != Change::Worse
    }

    fn is_worse(&self, before: &TestReport, after: &TestReport) -> bool {
        let stopped = matches!(after.verdict(), Verdict::Crashed | Verdict::TimedOut)
            && !matches!(before.verdict(), Verdict::Crashed | Verdict::TimedOut);
        let lost = !self.broken.is_empty()
            || !self.vanished.is_empty()
            || !self.silenced.is_empty()
            || !self.newly_unloadable.is_empty();
        // a new test that fails is worse only if it did not come out of a file that would not load
        let new_bad = !self.new_failing.is_empty() && before.collection_errors.is_empty();
        stopped || lost || new_bad
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::CollectionError;
    use TestOutcome::{Errored, Failed, Passed, Skipped};

    fn report(outcomes: &[(&str, TestOutcome)]) -> TestReport {
        let mut report = TestReport {
            complete: true,
            clean_exit: outcomes.iter().all(|(_, o)| !o.is_bad()),
            ..Default::default()
        };
        for (id, outcome) in outcomes {
            report.record(TestId::from(*id), *outcome);
        }
        report.recount();
        report
    }

    fn ids(list: &[TestId]) -> Vec<&str> {
        list.iter().map(TestId::as_str).collect()
    }

    #[test]
    fn every_test_lands_in_one_list() {
        let before = report(&[
            ("a", Passed),
            ("b", Failed),
            ("c", Failed),
            ("d", Passed),
            ("e", Passed),
            ("f", Passed),
        ]);
        let after = report(&[
            ("a", Passed),
            ("b", Passed),
            ("c", Errored),
            ("d", Failed),
            ("f", Skipped),
            ("g", Passed),
            ("h", Failed),
        ]);
        let c = Comparison::new(&before, &after);
        assert_eq!(ids(&c.fixed), ["b"]);
        assert_eq!(ids(&c.still_failing), ["c"]);
        assert_eq!(ids(&c.broken), ["d"]);
        assert_eq!(ids(&c.vanished), ["e"]);
        assert_eq!(ids(&c.silenced), ["f"]);
        assert_eq!(ids(&c.new_passing), ["g"]);
        assert_eq!(ids(&c.new_failing), ["h"]);
        assert_eq!(c.verdict, Change::Worse);
    }

    #[test]
    fn a_vanished_or_silenced_failing_test_is_worse_not_fixed() {
        let before = report(&[("a", Passed), ("b", Failed)]);
        assert_eq!(Comparison::new(&before, &report(&[("a", Passed)])).verdict, Change::Worse);
        let skipped = report(&[("a", Passed), ("b", Skipped)]);
        let c = Comparison::new(&before, &skipped);
        assert!(c.fixed.is_empty());
        assert_eq!(c.verdict, Change::Worse);
    }

    #[test]
    fn better_means_something_fixed_and_nothing_lost() {
        let before = report(&[("a", Passed), ("b", Failed), ("c", Failed)]);
        let after = report(&[("a", Passed), ("b", Passed), ("c", Failed)]);
        assert_eq!(Comparison::new(&before, &after).verdict, Change::Better);
        assert_eq!(Comparison::new(&before, &before).verdict, Change::Same);
    }

    #[test]
    fn a_file_that_does_not_load_any_more_is_worse() {
        let before = report(&[("a", Passed)]);
        let mut after = report(&[("a", Passed)]);
        after
            .collection_errors
            .push(CollectionError { what: "t.py".into(), message: "SyntaxError".into() });
        assert_eq!(Comparison::new(&before, &after).verdict, Change::Worse);
        // and the way back is a gain once its tests pass
        let back = report(&[("a", Passed), ("b", Passed)]);
        assert_eq!(Comparison::new(&after, &back).verdict, Change::Better);
    }

    #[test]
    fn a_flaky_test_counts_for_neither_side() {
        let mut before = report(&[("a", Passed), ("b", Failed)]);
        before.flaky.insert("b".into());
        let after = report(&[("a", Passed), ("b", Passed)]);
        let c = Comparison::new(&before, &after);
        assert!(c.fixed.is_empty());
        assert_eq!(ids(&c.flaky), ["b"]);
        assert_eq!(c.verdict, Change::Same);
    }
}

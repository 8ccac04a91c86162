//! Evidence as plain text, for people and for a model.

use std::fmt::Write as _;

use super::{Comparison, TestId, TestReport};

/// The most lines a list takes before it is cut with a count of the rest.
const LIST: usize = 10;

/// One report: the verdict, the counts, the bad tests, what is missing.
pub fn report_table(report: &TestReport) -> String {
    let mut out = String::new();
    let c = &report.counts;
    let _ = writeln!(
        out,
        "{}: {} ({} passed, {} failed, {} errored, {} skipped, {} timed out; {})",
        if report.runner.is_empty() { "tests" } else { &report.runner },
        report.verdict().word(),
        c.passed,
        c.failed,
        c.errored,
        c.skipped,
        c.timed_out,
        if report.exit.is_empty() { "no exit" } else { &report.exit },
    );
    let failing: Vec<_> = report.failing().collect();
    for id in failing.iter().take(LIST) {
        let word = report.outcomes.get(*id).map_or("", |o| o.word());
        let said = report.details.get(*id).and_then(|d| last_line(d)).unwrap_or("");
        let gap = if said.is_empty() { "" } else { ": " };
        let _ = writeln!(out, "  {word:<9} {id}{gap}{said}");
    }
    rest(&mut out, failing.len());
    for id in report.flaky.iter().take(LIST) {
        let _ = writeln!(out, "  flaky     {id}");
    }
    for error in report.collection_errors.iter().take(LIST) {
        let said = last_line(&error.message).unwrap_or("");
        let _ = writeln!(out, "  unloaded  {}: {said}", error.what);
    }
    rest(&mut out, report.collection_errors.len());
    for missing in report.environment.iter().take(LIST) {
        let _ = writeln!(out, "  missing   {missing}");
    }
    out
}

/// A comparison: before and after, then each list that is not empty.
pub fn comparison_table(before: &TestReport, after: &TestReport, c: &Comparison) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{:<10} {:>7} {:>7}", "", "before", "after");
    let (b, a) = (&before.counts, &after.counts);
    for (word, old, new) in [
        ("passed", b.passed, a.passed),
        ("failed", b.failed, a.failed),
        ("errored", b.errored, a.errored),
        ("skipped", b.skipped, a.skipped),
        ("timed out", b.timed_out, a.timed_out),
    ] {
        if old + new > 0 || word == "passed" || word == "failed" {
            let _ = writeln!(out, "{word:<10} {old:>7} {new:>7}");
        }
    }
    let lists: [(&str, &[TestId]); 8] = [
        ("fixed", &c.fixed),
        ("broken", &c.broken),
        ("failing", &c.still_failing),
        ("vanished", &c.vanished),
        ("silenced", &c.silenced),
        ("new", &c.new_passing),
        ("new, bad", &c.new_failing),
        ("flaky", &c.flaky),
    ];
    for (word, ids) in lists {
        for id in ids.iter().take(LIST) {
            let _ = writeln!(out, "  {word:<9} {id}");
        }
        rest(&mut out, ids.len());
    }
    for what in &c.newly_unloadable {
        let _ = writeln!(out, "  unloaded  {what}");
    }
    let _ = writeln!(out, "in sum: {}", c.verdict.word());
    out
}

fn rest(out: &mut String, len: usize) {
    if len > LIST {
        let _ = writeln!(out, "  … and {} more", len - LIST);
    }
}

fn last_line(text: &str) -> Option<&str> {
    text.lines().rev().map(str::trim).find(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::evidence::{MissingKind, TestOutcome};

    fn report(outcomes: &[(&str, TestOutcome)]) -> TestReport {
        let mut report = TestReport {
            runner: "pytest".into(),
            exit: "exit 1".into(),
            complete: true,
            ..Default::default()
        };
        for (id, outcome) in outcomes {
            report.record((*id).into(), *outcome);
        }
        report.recount();
        report
    }

    #[test]
    fn a_table_says_what_a_person_needs() {
        let mut before = report(&[("t::a", TestOutcome::Passed), ("t::b", TestOutcome::Failed)]);
        before.explain("t::b".into(), "def b():\nE   assert 1 == 2\n");
        before.miss(MissingKind::Module, "numpy", []);
        let after = report(&[("t::a", TestOutcome::Failed), ("t::b", TestOutcome::Passed)]);
        let c = Comparison::new(&before, &after);
        expect![[r#"
            pytest: failed (1 passed, 1 failed, 0 errored, 0 skipped, 0 timed out; exit 1)
              failed    t::b: E   assert 1 == 2
              missing   module numpy
        "#]]
        .assert_eq(&report_table(&before));
        expect![[r#"
                        before   after
            passed           1       1
            failed           1       1
              fixed     t::b
              broken    t::a
            in sum: worse
        "#]]
        .assert_eq(&comparison_table(&before, &after, &c));
    }
}

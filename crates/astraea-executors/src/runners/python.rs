//! pytest and unittest, both through a harness passed with `-c`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::evidence::{CollectionError, TestId, TestOutcome, TestReport};

use super::{Ended, Invocation, Ran, Runner, Selection, Surroundings, below, markers};

const PYTEST: &str = concat!(include_str!("harness/channel.py"), include_str!("harness/pytest.py"));
const UNITTEST: &str =
    concat!(include_str!("harness/channel.py"), include_str!("harness/unittest.py"));

/// pytest over everything below the directory, or over these tests.
pub(super) fn pytest(runner: &Runner, at: &Surroundings, selection: &Selection) -> Invocation {
    let options = [
        "-q",
        "--no-header",
        "--color=no",
        "--tb=short",
        "--maxfail=0",
        "--continue-on-collection-errors",
        "-p",
        "no:cacheprovider",
    ];
    let mut rest: Vec<String> = options.iter().map(|o| (*o).to_owned()).collect();
    if at.plain {
        rest.extend(["-o", "addopts="].map(str::to_owned));
    }
    rest.extend(selection.tests.iter().map(|id| {
        let id = id.as_str();
        below(&runner.dir, id).unwrap_or(id).to_owned()
    }));
    invocation(runner, at, PYTEST, "pytest", rest)
}

/// unittest by discovery; these tests are picked from what was discovered.
pub(super) fn unittest(runner: &Runner, at: &Surroundings, selection: &Selection) -> Invocation {
    let here = [".".to_owned()];
    let starts: &[String] = if runner.words.is_empty() { &here } else { &runner.words };
    let wanted: Vec<&str> = selection.tests.iter().map(TestId::as_str).collect();
    let mut invocation =
        invocation(runner, at, UNITTEST, "unittest", vec![json(&starts), json(&wanted)]);
    // what a person would type for the same
    invocation.shown.truncate(3);
    invocation.shown.push("discover".to_owned());
    invocation.shown.extend(starts.iter().flat_map(|s| ["-s".to_owned(), s.clone()]));
    invocation.shown.extend(wanted.iter().map(|id| (*id).to_owned()));
    invocation
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "[]".to_owned())
}

pub(super) fn invocation(
    runner: &Runner,
    at: &Surroundings,
    harness: &str,
    name: &str,
    rest: Vec<String>,
) -> Invocation {
    let python = at.python.clone().unwrap_or_else(|| "python3".to_owned());
    let shown = [python.clone(), "-m".to_owned(), name.to_owned()].into_iter().chain(rest.clone());
    let shown = shown.collect();
    let mut argv = vec![python, "-c".to_owned(), harness.to_owned(), at.root.clone()];
    argv.extend(rest);
    let env = [
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PYTHONHASHSEED", "0"),
        ("PYTHONUNBUFFERED", "1"),
        ("PYTHONIOENCODING", "utf-8"),
    ];
    let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let root = at.root.trim_end_matches('/');
    let paths: Vec<String> = runner.paths.iter().map(|path| super::join(root, path)).collect();
    let stdin = format!("{}\n{}\n", at.nonce, paths.join(":"));
    Invocation { argv, shown, dir: runner.dir.clone(), env, stdin }
}

#[derive(Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
enum Event {
    Missing { name: String },
    Collected { ids: Vec<String> },
    Unloaded { what: String, said: String },
    Start { id: String },
    Phase { id: String, when: String, outcome: String, xfail: bool, said: String },
    End { exit: i32 },
}

/// Reads the harness's events. A test that was collected or started and of which nothing more was
/// heard is errored, or timed out if a limit stopped the run.
pub(super) fn parse(report: &mut TestReport, at: &Surroundings, ran: &Ran) {
    let (events, whole) = markers::events::<Event>(&ran.stdout, &at.nonce);
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut phases: BTreeMap<String, TestOutcome> = BTreeMap::new();
    let mut finished: BTreeSet<String> = BTreeSet::new();
    let mut end = None;
    let heard = !events.is_empty();
    for event in events {
        match event {
            Event::Missing { name } => {
                report.miss(crate::evidence::MissingKind::Module, &name, []);
            }
            Event::Collected { ids } => known.extend(ids),
            Event::Unloaded { what, said } => {
                report.collection_errors.push(CollectionError { what, message: said });
            }
            Event::Start { id } => {
                known.insert(id);
            }
            Event::Phase { id, when, outcome, xfail, said } => {
                let new = match (outcome.as_str(), when.as_str()) {
                    ("passed", _) => TestOutcome::Passed,
                    ("skipped", _) => TestOutcome::Skipped,
                    (_, "call") if !xfail => TestOutcome::Failed,
                    (_, _) if xfail => TestOutcome::Skipped,
                    _ => TestOutcome::Errored,
                };
                if new.is_bad() {
                    report.explain(TestId::from(id.as_str()), &said);
                }
                // a passing setup or teardown says nothing; a skip or a failure of any phase does
                let says = when == "call" || new != TestOutcome::Passed;
                if says {
                    let old = phases.entry(id.clone()).or_insert(new);
                    if *old == TestOutcome::Passed || new.is_bad() {
                        *old = new;
                    }
                }
                if when == "teardown" || report.runner == "unittest" {
                    finished.insert(id.clone());
                }
                known.insert(id);
            }
            Event::End { exit } => end = Some(exit),
        }
    }
    let lost = if report.timed_out { TestOutcome::TimedOut } else { TestOutcome::Errored };
    for id in known {
        match phases.get(&id) {
            Some(outcome) if finished.contains(&id) || outcome.is_bad() => {
                report.record(TestId::from(id), *outcome);
            }
            _ => {
                let id = TestId::from(id);
                report.explain(id.clone(), "the run ended before this test did");
                report.record(id, lost);
            }
        }
    }
    report.complete = whole && end.is_some();
    let said_nothing = !heard || (report.outcomes.is_empty() && report.environment.is_empty());
    // 2 interrupted, 3 internal error, 4 usage (an unknown option, a test that is not there)
    let refused = matches!(ran.ended, Ended::Code(code) if !matches!(code, 0 | 1 | 5));
    if said_nothing && refused && report.collection_errors.is_empty() {
        let said = if ran.stderr.trim().is_empty() {
            markers::without(&ran.stdout)
        } else {
            ran.stderr.clone()
        };
        report.collection_errors.push(CollectionError {
            what: report.runner.clone(),
            message: crate::evidence::clip(said.trim(), crate::evidence::DETAIL_BYTES),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Ended, RunnerKind};
    use super::*;
    use crate::evidence::Verdict;
    use crate::runners::tests_support::{NoTree, ran, surroundings};

    fn check(lines: &[&str], ended: Ended) -> TestReport {
        let out: String = lines.iter().map(|l| format!("noise\n@astra n {l}\n")).collect();
        let runner = Runner {
            kind: RunnerKind::Pytest,
            dir: String::new(),
            why: String::new(),
            words: vec![],
            paths: vec![],
        };
        runner.parse(&surroundings(), &ran(ended, &out, ""), &NoTree)
    }

    const COLLECTED: &str = r#"{"t":"collected","ids":["t.py::a","t.py::b"]}"#;
    const END: &str = r#"{"t":"end","exit":0}"#;

    fn phase(id: &str, when: &str, outcome: &str) -> String {
        format!(
            r#"{{"t":"phase","id":"{id}","when":"{when}","outcome":"{outcome}","xfail":false,"said":"boom"}}"#
        )
    }

    fn whole(id: &str, outcome: &str) -> Vec<String> {
        vec![
            phase(id, "setup", "passed"),
            phase(id, "call", outcome),
            phase(id, "teardown", "passed"),
        ]
    }

    fn lines(groups: &[Vec<String>]) -> Vec<String> {
        groups.iter().flatten().cloned().collect()
    }

    #[test]
    fn phases_become_one_outcome() {
        let mut all = vec![COLLECTED.to_owned()];
        all.extend(lines(&[whole("t.py::a", "passed"), whole("t.py::b", "failed")]));
        all.push(END.to_owned());
        let refs: Vec<&str> = all.iter().map(String::as_str).collect();
        let report = check(&refs, Ended::Code(1));
        assert_eq!(report.verdict(), Verdict::Failed);
        assert_eq!(report.counts.passed, 1);
        assert_eq!(report.details[&TestId::from("t.py::b")], "boom");
    }

    #[test]
    fn a_failing_setup_or_teardown_is_an_error() {
        let all = [
            COLLECTED.to_owned(),
            phase("t.py::a", "setup", "failed"),
            phase("t.py::a", "teardown", "passed"),
            phase("t.py::b", "setup", "passed"),
            phase("t.py::b", "call", "passed"),
            phase("t.py::b", "teardown", "failed"),
            END.to_owned(),
        ];
        let refs: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(check(&refs, Ended::Code(1)).counts.errored, 2);
    }

    #[test]
    fn a_test_of_which_nothing_more_is_heard_is_never_a_pass() {
        let mut all = vec![COLLECTED.to_owned()];
        all.extend(whole("t.py::a", "passed"));
        all.push(r#"{"t":"start","id":"t.py::b"}"#.to_owned());
        let refs: Vec<&str> = all.iter().map(String::as_str).collect();
        let crashed = check(&refs, Ended::Signal(11));
        assert_eq!(crashed.outcomes[&TestId::from("t.py::b")], TestOutcome::Errored);
        assert_ne!(crashed.verdict(), Verdict::Passed);
        let late = check(&refs, Ended::TimedOut);
        assert_eq!(late.outcomes[&TestId::from("t.py::b")], TestOutcome::TimedOut);
        // even if the process claims success: os._exit(0) in a test
        let lied = check(&refs, Ended::Code(0));
        assert_eq!(lied.verdict(), Verdict::Failed);
    }

    #[test]
    fn an_unknown_option_is_a_collection_error() {
        let runner = Runner {
            kind: RunnerKind::Pytest,
            dir: String::new(),
            why: String::new(),
            words: vec![],
            paths: vec![],
        };
        let report = runner.parse(
            &surroundings(),
            &ran(Ended::Code(4), "", "ERROR: usage: pytest\n unrecognized arguments: --wat"),
            &NoTree,
        );
        assert_eq!(report.verdict(), Verdict::CollectionError);
    }
}

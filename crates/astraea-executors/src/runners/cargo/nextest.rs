//! `cargo nextest run`, where the repository has a configuration for it: its JSON, one event a line, and the doctests,
//! which it leaves to cargo.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::evidence::{CollectionError, DETAIL_BYTES, TestId, TestOutcome, TestReport, clip};

use super::super::{Ended, Invocation, Ran, Runner, Selection};
use super::in_binary;

/// What a repository has that wants nextest.
pub(in crate::runners) const CONFIG: &str = ".config/nextest.toml";

/// Arguments: the filter (empty for everything), cargo's options. Where nextest is not installed cargo runs the tests.
const SCRIPT: &str = r#"exec 2>&1
filter=$1; shift
if ! cargo nextest --version >/dev/null 2>&1; then
  exec cargo test --no-fail-fast --message-format=json-render-diagnostics "$@"
fi
if [ -n "$filter" ]; then
  exec cargo nextest run --no-fail-fast --message-format libtest-json-plus "$@" -E "$filter"
fi
cargo nextest run --no-fail-fast --message-format libtest-json-plus "$@"
first=$?
said=$(cargo test --doc --no-fail-fast "$@")
second=$?
case "$said" in *"no library targets found"*) second=0 ;; *) printf '%s\n' "$said" ;; esac
if [ $first = 0 ]; then exit $second; fi
exit $first"#;

/// Whether a runner wants nextest.
pub(super) fn wanted(runner: &Runner) -> bool {
    runner.why.ends_with(CONFIG)
}

pub(super) fn invocation(
    runner: &Runner,
    selection: &Selection,
    env: BTreeMap<String, String>,
) -> Invocation {
    // a name may come twice: then both are run, and the caller narrows
    let names: BTreeSet<&str> = selection.tests.iter().map(|id| in_binary(id.as_str())).collect();
    let filter: Vec<String> = names.iter().map(|name| format!("test(={name})")).collect();
    let mut argv: Vec<String> = ["sh", "-c", SCRIPT, "sh"].map(str::to_owned).to_vec();
    argv.push(filter.join(" or "));
    argv.extend(runner.words.iter().cloned());
    let mut shown: Vec<String> = ["cargo", "nextest", "run"].map(str::to_owned).to_vec();
    shown.extend(runner.words.iter().cloned());
    if !filter.is_empty() {
        shown.extend(["-E".to_owned(), filter.join(" or ")]);
    }
    let mut env = env;
    env.insert("NEXTEST_EXPERIMENTAL_LIBTEST_JSON".to_owned(), "1".to_owned());
    Invocation { argv, shown, dir: runner.dir.clone(), env, stdin: String::new() }
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    event: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    stdout: String,
    nextest: Option<Binary>,
}

#[derive(Clone, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Binary {
    #[serde(rename = "crate")]
    package: String,
    test_binary: String,
    kind: String,
}

/// Reads nextest's events and takes them out of the output; what is left is cargo's. `None` where it was not nextest
/// that spoke.
pub(super) fn parse(report: &mut TestReport, ran: &Ran) -> Option<Ran> {
    let (mut events, mut rest) = (Vec::new(), String::new());
    for line in ran.stdout.lines() {
        match line.starts_with("{\"type\":").then(|| serde_json::from_str::<Event>(line)) {
            Some(Ok(event)) => events.push(event),
            _ => {
                rest.push_str(line);
                rest.push('\n');
            }
        }
    }
    if events.is_empty() && !rest.contains("Nextest run ID") {
        return None;
    }
    let binaries: BTreeSet<Binary> = events.iter().filter_map(|e| e.nextest.clone()).collect();
    let mut open: BTreeSet<TestId> = BTreeSet::new();
    for event in events.iter().filter(|event| event.kind == "test") {
        let Some((id, again)) = id(&event.name, &binaries) else { continue };
        let outcome = match event.event.as_str() {
            "started" => {
                open.insert(id);
                continue;
            }
            "ok" => TestOutcome::Passed,
            "ignored" => TestOutcome::Skipped,
            _ => TestOutcome::Failed,
        };
        open.remove(&id);
        if outcome == TestOutcome::Passed && again {
            report.flaky.insert(id.clone());
        }
        if outcome.is_bad() {
            report.explain(id.clone(), &event.stdout);
        }
        report.record(id, outcome);
    }
    let lost = if report.timed_out { TestOutcome::TimedOut } else { TestOutcome::Errored };
    for id in open {
        report.explain(id.clone(), "the run ended before this test did");
        report.record(id, lost);
    }
    if report.outcomes.is_empty() && rest.contains("error: could not compile") {
        report.collection_errors.push(CollectionError {
            what: "cargo nextest".to_owned(),
            message: clip(rest.trim(), DETAIL_BYTES * 2),
        });
    }
    // 4: there was no test to run
    report.complete = rest.contains("     Summary [") || ran.ended == Ended::Code(4);
    let doctests = rest.find("   Doc-tests ").map_or(String::new(), |at| rest[at..].to_owned());
    Some(Ran { stdout: doctests, stderr: String::new(), ..ran.clone() })
}

/// `package::binary$module::test`, and `#2` behind it where it was tried again, as `cargo test` would call it.
fn id(name: &str, binaries: &BTreeSet<Binary>) -> Option<(TestId, bool)> {
    let (place, test) = name.split_once('$')?;
    let (package, target) = place.split_once("::").unwrap_or((place, place));
    let (test, again) = match test.rsplit_once('#') {
        Some((test, n)) if n.parse::<u32>().is_ok() => (test, true),
        _ => (test, false),
    };
    let is = |b: &&Binary| b.package == package && b.test_binary == target;
    let bin = binaries.iter().find(is).is_some_and(|b| b.kind == "bin");
    let twins = binaries.iter().filter(|b| b.test_binary == target && (b.kind == "bin") == bin);
    let mut prefix = target.replace('-', "_");
    if bin {
        prefix.push_str("[bin]");
    }
    if twins.count() > 1 {
        prefix = format!("{package}/{prefix}");
    }
    Some((TestId::from(format!("{prefix}::{test}")), again))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::super::tests_support::{NoTree, ran};
    use super::super::super::{RunnerKind, find};
    use super::*;
    use crate::runners::tests_support::Files;

    fn check(ended: Ended, out: &str, expected: Expect) {
        let runner = Runner {
            kind: RunnerKind::Cargo,
            dir: String::new(),
            why: CONFIG.to_owned(),
            words: Vec::new(),
            paths: Vec::new(),
        };
        let report = runner.parse(&Default::default(), &ran(ended, out, ""), &NoTree);
        let mut text = format!("{}\n", report.verdict().word());
        for (id, outcome) in &report.outcomes {
            text += &format!("{id}: {outcome}\n");
        }
        for id in &report.flaky {
            text += &format!("flaky {id}\n");
        }
        expected.assert_eq(&text);
    }

    const BEGIN: &str = r#"{"type":"suite","event":"started","test_count":2,"nextest":{"crate":"a","test_binary":"tool","kind":"bin"}}
{"type":"suite","event":"started","test_count":2,"nextest":{"crate":"a","test_binary":"it","kind":"test"}}
{"type":"suite","event":"started","test_count":2,"nextest":{"crate":"b","test_binary":"it","kind":"test"}}
{"type":"test","event":"started","name":"a::tool$m::x"}
{"type":"test","event":"ok","name":"a::tool$m::x","exec_time":0.1}
{"type":"test","event":"ignored","name":"a::it$y"}
"#;

    #[test]
    fn the_names_are_those_of_cargo_test_and_the_doctests_are_there() {
        let out = format!(
            "{BEGIN}{}",
            r#"{"type":"test","event":"started","name":"b::it$y"}
{"type":"test","event":"failed","name":"b::it$y","stdout":"boom"}
     Summary [   0.005s] 2 tests run: 1 passed, 1 failed, 1 skipped
   Doc-tests a

running 1 test
test src/lib.rs - two (line 1) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s
"#
        );
        check(
            Ended::Code(100),
            &out,
            expect![[r#"
                failed
                a doc src/lib.rs - two: passed
                a/it::y: skipped
                b/it::y: failed
                tool[bin]::m::x: passed
            "#]],
        );
    }

    #[test]
    fn what_passes_only_when_tried_again_is_flaky_and_what_never_ends_is_no_pass() {
        let again = r#"{"type":"test","event":"ok","name":"a::tool$z#2","exec_time":0.1}
     Summary [ ok"#;
        check(
            Ended::Code(0),
            &format!("{BEGIN}{again}"),
            expect![[r#"
                passed
                a/it::y: skipped
                tool[bin]::m::x: passed
                tool[bin]::z: passed
                flaky tool[bin]::z
            "#]],
        );
        let open = r#"{"type":"test","event":"started","name":"a::tool$z"}"#;
        check(
            Ended::Signal(9),
            &format!("{BEGIN}{open}"),
            expect![[r#"
                failed
                a/it::y: skipped
                tool[bin]::m::x: passed
                tool[bin]::z: errored
            "#]],
        );
        check(
            Ended::Code(4),
            "Nextest run ID x\nerror: no tests to run\n",
            expect![[r#"
            no tests
        "#]],
        );
    }

    #[test]
    fn its_configuration_says_that_it_is_wanted() {
        let files = [("a/Cargo.toml", "[package]\n"), ("a/.config/nextest.toml", "")];
        let found = find(&Files::new(&files), "", None);
        assert!(wanted(&found[0]) && found[0].kind == RunnerKind::Cargo);
        let tests = vec![TestId::from("tool[bin]::m::x"), TestId::from("a/it::y")];
        let invocation = found[0].invocation(&Default::default(), &Selection { tests });
        assert_eq!(invocation.shown.join(" "), "cargo nextest run -E test(=m::x) or test(=y)");
    }
}

//! `node --test`, through a reporter passed as a data URL.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use crate::evidence::{CollectionError, DETAIL_BYTES, TestId, TestOutcome, TestReport, clip};

use super::{Ended, Invocation, Ran, Runner, Selection, Surroundings, below, from_root, markers};

const REPORTER: &str = include_str!("harness/node.mjs");

/// Every test file that node finds (or that the script names), or these tests.
pub(super) fn invocation(runner: &Runner, at: &Surroundings, selection: &Selection) -> Invocation {
    let reporter = data_url(REPORTER);
    let mut options: Vec<String> = vec!["--test".to_owned()];
    let mut files: Vec<String> = Vec::new();
    for word in &runner.words {
        if word.starts_with('-') { options.push(word.clone()) } else { files.push(word.clone()) }
    }
    if !selection.tests.is_empty() {
        files.clear();
        for id in &selection.tests {
            let (file, name) = id.as_str().split_once(" > ").unwrap_or(("", id.as_str()));
            let file = below(&runner.dir, file).unwrap_or(file).to_owned();
            if !file.is_empty() && !files.contains(&file) {
                files.push(file);
            }
            // older nodes match the last name, newer ones the names joined by blanks
            let last = name.rsplit(" > ").next().unwrap_or(name);
            options.push(format!("--test-name-pattern={}$", regex::escape(last)));
        }
    }
    let build = |reporter: String| {
        let mut argv = vec!["node".to_owned()];
        argv.extend(options.iter().cloned());
        argv.push(format!("--test-reporter={reporter}"));
        argv.push("--test-reporter-destination=stdout".to_owned());
        argv.extend(files.iter().cloned());
        argv
    };
    Invocation {
        argv: build(reporter),
        shown: build("astra".to_owned()),
        dir: runner.dir.clone(),
        env: BTreeMap::from([("NO_COLOR".to_owned(), "1".to_owned())]),
        stdin: format!("{}\n", at.nonce),
    }
}

pub(super) fn data_url(source: &str) -> String {
    let mut url = String::from("data:text/javascript,");
    for byte in source.bytes() {
        if byte.is_ascii_alphanumeric() {
            url.push(byte as char);
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}

#[derive(Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
enum Event {
    Start { name: String, nest: usize, file: Option<String> },
    Pass(Done),
    Fail(Done),
    Stderr { file: Option<String>, said: String },
    End,
}

#[derive(Deserialize)]
struct Done {
    name: String,
    nest: usize,
    #[serde(default)]
    file: Option<String>,
    suite: bool,
    skip: Option<String>,
    todo: bool,
    kind: String,
    said: String,
}

/// Reads the reporter's events: suites are not tests, and neither is a file, which node counts as a
/// passing test if nothing in it is one.
pub(super) fn parse(report: &mut TestReport, at: &Surroundings, ran: &Ran) {
    let (events, whole) = markers::events::<Event>(&ran.stdout, &at.nonce);
    let mut names: Vec<String> = Vec::new();
    let mut stderr: BTreeMap<String, String> = BTreeMap::new();
    let mut ended = false;
    let path_of = |file: Option<&str>| {
        let file = file.unwrap_or("");
        from_root(&at.root, file).unwrap_or(file).to_owned()
    };
    for event in events {
        match event {
            Event::Start { name, nest, file } => {
                let _ = file;
                names.truncate(nest);
                names.resize(nest, String::new());
                names.push(name);
            }
            Event::Stderr { file, said } => {
                stderr.entry(path_of(file.as_deref())).or_default().push_str(&said);
            }
            Event::End => ended = true,
            Event::Pass(ref done) | Event::Fail(ref done) => {
                let file = path_of(done.file.as_deref());
                names.truncate(done.nest);
                names.resize(done.nest, String::new());
                names.push(done.name.clone());
                let failed = matches!(event, Event::Fail(_));
                let whole_file = done.nest == 0 && is_file(&done.name, &file);
                if whole_file {
                    if failed && done.kind != "subtestsFailed" {
                        let said = stderr.get(&file).filter(|s| !s.trim().is_empty());
                        report.collection_errors.push(CollectionError {
                            what: file,
                            message: clip(said.unwrap_or(&done.said), DETAIL_BYTES),
                        });
                    }
                    continue;
                }
                let id = TestId::from(format!("{file} > {}", names.join(" > ")));
                if done.suite {
                    // a hook of the suite failed: its tests may never have run
                    if failed && done.kind != "subtestsFailed" {
                        report.explain(id.clone(), &done.said);
                        report.record(id, TestOutcome::Errored);
                    }
                    continue;
                }
                let unselected = |s: &String| s.contains("does not match");
                if done.skip.as_ref().is_some_and(unselected) {
                    continue;
                }
                let outcome = match (failed, done.skip.is_some() || done.todo) {
                    (_, true) => TestOutcome::Skipped,
                    (false, false) => TestOutcome::Passed,
                    (true, false) => match done.kind.as_str() {
                        "testTimeoutFailure" => TestOutcome::TimedOut,
                        "cancelledByParent" | "testAborted" | "hookFailed" => TestOutcome::Errored,
                        _ => TestOutcome::Failed,
                    },
                };
                if outcome.is_bad() {
                    report.explain(id.clone(), &done.said);
                }
                report.record(id, outcome);
            }
        }
    }
    report.complete = whole && ended;
    let nothing = report.outcomes.is_empty() && report.collection_errors.is_empty();
    if nothing && matches!(ran.ended, Ended::Code(code) if code != 0) {
        let said = format!("{}{}", markers::without(&ran.stdout), ran.stderr);
        report.collection_errors.push(CollectionError {
            what: "node".to_owned(),
            message: clip(said.trim(), DETAIL_BYTES),
        });
    }
}

fn is_file(name: &str, file: &str) -> bool {
    !file.is_empty()
        && (name == file
            || name.ends_with(&format!("/{file}"))
            || file.ends_with(&format!("/{name}")))
}

#[cfg(test)]
mod tests {
    use super::super::RunnerKind;
    use super::*;
    use crate::evidence::Verdict;
    use crate::runners::tests_support::{NoTree, ran, surroundings};

    fn runner() -> Runner {
        Runner {
            kind: RunnerKind::Node,
            dir: String::new(),
            why: String::new(),
            words: vec![],
            paths: vec![],
        }
    }

    fn check(lines: &[&str], ended: Ended) -> TestReport {
        let out: String = lines.iter().map(|l| format!("\n@astra n {l}\n")).collect();
        runner().parse(&surroundings(), &ran(ended, &out, ""), &NoTree)
    }

    fn done(t: &str, name: &str, nest: usize, more: &str) -> String {
        format!(
            r#"{{"t":"{t}","name":"{name}","nest":{nest},"file":"/w/a.test.mjs","skip":null,"todo":false,"kind":"","said":"","suite":false{more}}}"#
        )
    }

    #[test]
    fn suites_nest_and_are_not_tests() {
        let start = |n: &str, nest: usize| {
            format!(r#"{{"t":"start","name":"{n}","nest":{nest},"file":"/w/a.test.mjs"}}"#)
        };
        let suite = done("fail", "sums", 0, "")
            .replace(r#""suite":false"#, r#""suite":true"#)
            .replace(r#""kind":"""#, r#""kind":"subtestsFailed""#);
        let lines = [
            start("top", 0),
            done("pass", "top", 0, ""),
            start("sums", 0),
            start("adds", 1),
            done("fail", "adds", 1, "").replace(r#""kind":"""#, r#""kind":"testCodeFailure""#),
            suite,
            r#"{"t":"end"}"#.to_owned(),
        ];
        let refs: Vec<&str> = lines.iter().map(String::as_str).collect();
        let report = check(&refs, Ended::Code(1));
        let all: Vec<_> = report.outcomes.iter().map(|(i, o)| (i.as_str(), *o)).collect();
        assert_eq!(
            all,
            [
                ("a.test.mjs > sums > adds", TestOutcome::Failed),
                ("a.test.mjs > top", TestOutcome::Passed)
            ]
        );
    }

    #[test]
    fn a_file_without_tests_is_no_pass_and_one_that_does_not_load_is_an_error() {
        let file = done("pass", "/w/a.test.mjs", 0, "");
        let end = r#"{"t":"end"}"#;
        assert_eq!(check(&[&file, end], Ended::Code(0)).verdict(), Verdict::NoTests);
        let file = done("fail", "/w/a.test.mjs", 0, "")
            .replace(r#""kind":"""#, r#""kind":"testCodeFailure""#);
        let report = check(&[&file, end], Ended::Code(1));
        assert_eq!(report.verdict(), Verdict::CollectionError);
        assert_eq!(report.collection_errors[0].what, "a.test.mjs");
    }

    #[test]
    fn the_reporter_survives_its_url() {
        let url = data_url("a b%\n");
        assert_eq!(url, "data:text/javascript,a%20b%25%0A");
    }
}

//! `go test -json`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::evidence::{CollectionError, DETAIL_BYTES, TestId, TestOutcome, TestReport, clip};

use super::{Invocation, Ran, Runner, Selection};

/// Every package below the directory, or these tests.
pub(super) fn invocation(runner: &Runner, selection: &Selection) -> Invocation {
    let mut argv: Vec<String> = ["go", "test", "-json", "-count=1"].map(str::to_owned).to_vec();
    if selection.tests.is_empty() {
        argv.push("./...".to_owned());
    } else {
        let (mut names, mut packages) = (BTreeSet::new(), BTreeSet::new());
        for id in &selection.tests {
            let (package, name) = split(id.as_str());
            // `-run` cuts its pattern at slashes, level by level; the first level narrows enough
            names.insert(regex::escape(name.split('/').next().unwrap_or(name)));
            packages.insert(package.to_owned());
        }
        let names: Vec<String> = names.into_iter().collect();
        argv.extend(["-run".to_owned(), format!("^({})$", names.join("|"))]);
        argv.extend(packages.into_iter().filter(|p| !p.is_empty()));
    }
    let env = [("GOFLAGS", "-mod=mod"), ("GOPROXY", "off"), ("GOTOOLCHAIN", "local")];
    Invocation {
        shown: argv.clone(),
        argv,
        dir: runner.dir.clone(),
        env: env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        stdin: String::new(),
    }
}

/// `example.org/m/pkg.TestX/sub` into package and test.
fn split(id: &str) -> (&str, &str) {
    let slash_free = id.find(".Test").or_else(|| id.find(".Example")).or_else(|| id.find(".Fuzz"));
    match slash_free {
        Some(at) => (&id[..at], &id[at + 1..]),
        None => ("", id),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    import_path: String,
    #[serde(default)]
    test: Option<String>,
    #[serde(default)]
    output: String,
}

/// Reads the events. A package that fails without a failing test could not be built or died.
pub(super) fn parse(report: &mut TestReport, ran: &Ran) {
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    let mut open: BTreeSet<(String, String)> = BTreeSet::new();
    let mut packages: BTreeSet<String> = BTreeSet::new();
    let mut bad_packages: Vec<String> = Vec::new();
    let mut with_bad: BTreeSet<String> = BTreeSet::new();
    let mut plain = String::new();
    for line in ran.stdout.lines() {
        let Ok(event) = serde_json::from_str::<Event>(line) else {
            plain.push_str(line);
            plain.push('\n');
            continue;
        };
        let package = if event.package.is_empty() {
            event.import_path.clone()
        } else {
            event.package.clone()
        };
        let package = package.split(' ').next().unwrap_or("").to_owned();
        let id = |test: &str| format!("{package}.{test}");
        match (event.action.as_str(), &event.test) {
            ("output" | "build-output", test) => {
                let key = test.as_deref().map_or_else(|| package.clone(), id);
                said.entry(key).or_default().push_str(&event.output);
            }
            ("start", _) => {
                packages.insert(package);
            }
            ("run", Some(test)) => {
                open.insert((package, test.clone()));
            }
            ("pass" | "fail" | "skip", Some(test)) => {
                let outcome = match event.action.as_str() {
                    "pass" => TestOutcome::Passed,
                    "skip" => TestOutcome::Skipped,
                    _ => TestOutcome::Failed,
                };
                open.remove(&(package.clone(), test.clone()));
                let id = TestId::from(id(test));
                if outcome.is_bad() {
                    with_bad.insert(package);
                    report.explain(id.clone(), said.get(id.as_str()).map_or("", String::as_str));
                }
                report.record(id, outcome);
            }
            ("pass" | "skip", None) => {
                packages.remove(&package);
            }
            ("fail", None) => {
                packages.remove(&package);
                bad_packages.push(package);
            }
            _ => {}
        }
    }
    for (package, test) in open {
        let lost = if report.timed_out { TestOutcome::TimedOut } else { TestOutcome::Errored };
        let id = TestId::from(format!("{package}.{test}"));
        report.explain(id.clone(), said.get(id.as_str()).map_or("", String::as_str));
        report.record(id, lost);
        with_bad.insert(package);
    }
    for package in bad_packages {
        if !with_bad.contains(&package) {
            let message = said.get(&package).cloned().unwrap_or_else(|| ran.stderr.clone());
            report
                .collection_errors
                .push(CollectionError { what: package, message: clip(&message, DETAIL_BYTES) });
        }
    }
    let nothing = report.outcomes.is_empty() && report.collection_errors.is_empty();
    if nothing && !report.clean_exit && !report.timed_out {
        let message = format!("{plain}{}", ran.stderr);
        report.collection_errors.push(CollectionError {
            what: "go".to_owned(),
            message: clip(message.trim(), DETAIL_BYTES),
        });
    }
    report.complete = packages.is_empty();
}

#[cfg(test)]
mod tests {
    use super::super::{Ended, RunnerKind};
    use super::*;
    use crate::evidence::Verdict;
    use crate::runners::tests_support::{NoTree, ran, surroundings};

    fn runner() -> Runner {
        Runner {
            kind: RunnerKind::Go,
            dir: String::new(),
            why: String::new(),
            words: vec![],
            paths: vec![],
        }
    }

    fn check(out: &str, ended: Ended) -> TestReport {
        runner().parse(&surroundings(), &ran(ended, out, ""), &NoTree)
    }

    const RUN: &str = r#"{"Action":"start","Package":"example.org/m"}
{"Action":"run","Package":"example.org/m","Test":"TestAdd"}
{"Action":"output","Package":"example.org/m","Test":"TestAdd","Output":"    m_test.go:5: 3 != 4\n"}
{"Action":"fail","Package":"example.org/m","Test":"TestAdd","Elapsed":0}
{"Action":"run","Package":"example.org/m","Test":"TestSub"}
"#;

    #[test]
    fn events_become_outcomes_and_an_open_test_is_an_error() {
        let done = format!(
            "{RUN}{}\n{}\n",
            r#"{"Action":"pass","Package":"example.org/m","Test":"TestSub"}"#,
            r#"{"Action":"fail","Package":"example.org/m"}"#
        );
        let report = check(&done, Ended::Code(1));
        assert_eq!(report.verdict(), Verdict::Failed);
        assert!(report.details[&TestId::from("example.org/m.TestAdd")].contains("3 != 4"));
        assert!(report.complete);
        let cut = check(RUN, Ended::Signal(9));
        assert_eq!(cut.outcomes[&TestId::from("example.org/m.TestSub")], TestOutcome::Errored);
        assert!(!cut.complete);
    }

    #[test]
    fn a_package_that_does_not_build_is_a_collection_error() {
        let out = r##"{"ImportPath":"example.org/m [example.org/m.test]","Action":"build-output","Output":"# example.org/m\n./m.go:3:9: undefined: x\n"}
{"ImportPath":"example.org/m [example.org/m.test]","Action":"build-fail"}
{"Action":"start","Package":"example.org/m"}
{"Action":"fail","Package":"example.org/m","FailedBuild":"example.org/m [example.org/m.test]"}
"##;
        let report = check(out, Ended::Code(1));
        assert_eq!(report.verdict(), Verdict::CollectionError);
        assert!(report.collection_errors[0].message.contains("undefined: x"));
    }

    #[test]
    fn a_package_without_tests_is_no_pass() {
        let out =
            "{\"Action\":\"start\",\"Package\":\"m\"}\n{\"Action\":\"skip\",\"Package\":\"m\"}\n";
        assert_eq!(check(out, Ended::Code(0)).verdict(), Verdict::NoTests);
    }

    #[test]
    fn a_selection_names_package_and_pattern() {
        let selection = Selection { tests: vec!["example.org/m/p.TestAdd/two".into()] };
        let invocation = invocation(&runner(), &selection);
        assert!(invocation.argv.ends_with(&["^(TestAdd)$".into(), "example.org/m/p".into()]));
    }
}

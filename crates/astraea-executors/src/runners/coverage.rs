//! The same tests once more, under a tool that knows which lines ran: coverage.py, node's own, `go test -coverprofile`,
//! `cargo llvm-cov`. What the tests say in that run counts for nothing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::evidence::{Coverage, Reach};

use super::{
    Invocation, Ran, Runner, RunnerKind, Surroundings, from_root, join, markers, node, python,
};

const PYTHON: &str =
    concat!(include_str!("harness/channel.py"), include_str!("harness/coverage.py"));
const NODE: &str = include_str!("harness/coverage.mjs");

/// Prints the profile of `go test`, which it writes to a file only.
const GO: &str = r#"go test -coverprofile="${TMPDIR:-/tmp}/astra.cover" ./... >/dev/null 2>&1
echo "module $(go list -m)"
exec cat "${TMPDIR:-/tmp}/astra.cover""#;

#[derive(Deserialize)]
struct Event {
    files: Vec<(String, u64, u64)>,
}

impl Runner {
    /// The command that measures the reach of its tests; `None` for runners that no tool is known for. Whether the tool is
    /// there shows when it runs.
    pub fn coverage(&self, at: &Surroundings) -> Option<Invocation> {
        let argv: Vec<String> = match self.kind {
            RunnerKind::Pytest => {
                let rest = ["-q", "--no-header", "--color=no", "-p", "no:cacheprovider"];
                return Some(python::invocation(
                    self,
                    at,
                    PYTHON,
                    "coverage",
                    words("pytest", &rest),
                ));
            }
            RunnerKind::Unittest => {
                let starts: Vec<&str> = match self.words.is_empty() {
                    true => vec!["."],
                    false => self.words.iter().map(String::as_str).collect(),
                };
                return Some(python::invocation(
                    self,
                    at,
                    PYTHON,
                    "coverage",
                    words("unittest", &starts),
                ));
            }
            RunnerKind::Node => {
                let reporter = node::data_url(NODE);
                let mut argv =
                    ["node", "--test", "--experimental-test-coverage"].map(str::to_owned).to_vec();
                argv.push(format!("--test-reporter={reporter}"));
                argv.push("--test-reporter-destination=stdout".to_owned());
                argv.extend(self.words.iter().cloned());
                argv
            }
            RunnerKind::Go => ["sh", "-c", GO].map(str::to_owned).to_vec(),
            RunnerKind::Cargo => {
                let mut argv = ["cargo", "llvm-cov", "--json", "--summary-only", "--offline"]
                    .map(str::to_owned)
                    .to_vec();
                argv.extend(self.words.iter().cloned());
                argv
            }
            _ => return None,
        };
        let env = BTreeMap::from([("NO_COLOR".to_owned(), "1".to_owned())]);
        Some(Invocation {
            shown: argv.clone(),
            argv,
            dir: self.dir.clone(),
            env,
            // the reporter of node reads its word there; the others read nothing
            stdin: format!("{}\n", at.nonce),
        })
    }

    /// What the command printed; `None` where it measured nothing, as without its tool.
    pub fn parse_coverage(&self, at: &Surroundings, ran: &Ran) -> Option<Coverage> {
        let (tool, files) = match self.kind {
            RunnerKind::Pytest | RunnerKind::Unittest => ("coverage.py", marked(at, ran)),
            RunnerKind::Node => ("node", marked(at, ran)),
            RunnerKind::Go => ("go test -cover", go(&self.dir, &ran.stdout)),
            RunnerKind::Cargo => ("cargo llvm-cov", llvm(at, &ran.stdout)),
            _ => return None,
        };
        let files: BTreeMap<String, Reach> = files
            .into_iter()
            .filter(|(path, reach)| reach.of > 0 && reach.covered <= reach.of && !is_test(path))
            .collect();
        (!files.is_empty()).then(|| Coverage { tool: tool.to_owned(), files })
    }
}

fn words(runner: &str, rest: &[&str]) -> Vec<String> {
    std::iter::once(runner).chain(rest.iter().copied()).map(str::to_owned).collect()
}

/// The events of our harnesses: paths with what was reached.
fn marked(at: &Surroundings, ran: &Ran) -> BTreeMap<String, Reach> {
    let (events, _) = markers::events::<Event>(&ran.stdout, &at.nonce);
    events
        .into_iter()
        .flat_map(|event| event.files)
        .filter_map(|(path, covered, of)| {
            let path = if path.starts_with('/') { from_root(&at.root, &path)? } else { &path };
            (!path.starts_with("..")).then(|| (path.to_owned(), Reach { covered, of }))
        })
        .collect()
}

/// The module's name, then a cover profile: `module/file.go:1.2,3.4 statements count`.
fn go(dir: &str, profile: &str) -> BTreeMap<String, Reach> {
    let mut blocks: BTreeMap<(&str, &str), (u64, bool)> = BTreeMap::new();
    let mut lines = profile.lines().peekable();
    let module = lines.next_if(|line| line.starts_with("module ")).unwrap_or_default();
    let module = format!("{}/", module.trim_start_matches("module ").trim());
    for line in lines {
        let Some((file, rest)) = line.rsplit_once(':').filter(|_| !line.starts_with("mode:"))
        else {
            continue;
        };
        let mut parts = rest.split(' ');
        let block = parts.next().unwrap_or_default();
        let number = |part: Option<&str>| part.and_then(|n| n.parse::<u64>().ok());
        if let (Some(statements), Some(count)) = (number(parts.next()), number(parts.next())) {
            let entry = blocks.entry((file, block)).or_insert((statements, false));
            entry.1 |= count > 0;
        }
    }
    let mut files: BTreeMap<String, Reach> = BTreeMap::new();
    for ((file, _), (statements, ran)) in blocks {
        let file = file.strip_prefix(&module).unwrap_or(file);
        let reach = files.entry(join(dir, file)).or_default();
        reach.of += statements;
        reach.covered += if ran { statements } else { 0 };
    }
    files
}

/// `llvm-cov export -summary-only`.
fn llvm(at: &Surroundings, out: &str) -> BTreeMap<String, Reach> {
    let value: Value = serde_json::from_str(out.trim()).unwrap_or_default();
    let files = value["data"][0]["files"].as_array().cloned().unwrap_or_default();
    files
        .iter()
        .filter_map(|file| {
            let path = from_root(&at.root, file["filename"].as_str()?)?.to_owned();
            let lines = &file["summary"]["lines"];
            Some((
                path,
                Reach { covered: lines["covered"].as_u64()?, of: lines["count"].as_u64()? },
            ))
        })
        .collect()
}

/// Whether a file holds tests, whose own lines say nothing.
fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name);
    let dir = path.split('/').rev().skip(1).any(|d| matches!(d, "tests" | "test" | "__tests__"));
    dir || stem.starts_with("test_")
        || stem.ends_with("_test")
        || matches!(stem, "conftest" | "test" | "tests")
        || name.contains(".test.")
        || name.contains("-test.")
        || name.contains(".spec.")
}

#[cfg(test)]
mod tests {
    use super::super::Ended;
    use super::super::tests_support::{ran, surroundings};
    use super::*;

    fn check(kind: RunnerKind, out: &str) -> String {
        let runner = Runner {
            kind,
            dir: String::new(),
            why: String::new(),
            words: Vec::new(),
            paths: Vec::new(),
        };
        assert!(runner.coverage(&surroundings()).is_some());
        runner
            .parse_coverage(&surroundings(), &ran(Ended::Code(0), out, ""))
            .map_or_else(|| "nothing".to_owned(), |c| c.line(&["a.py".into(), "a.rs".into()]))
    }

    #[test]
    fn what_the_tools_print_is_read() {
        let marked = "@astra n {\"files\":[[\"a.py\",1,4],[\"test_a.py\",9,9],[\"../x.py\",1,1]]}";
        let expected = "25 % of 4 lines (coverage.py); of what changed: a.py 25 %";
        assert_eq!(check(RunnerKind::Pytest, marked), expected);
        let marked =
            "@astra n {\"files\":[[\"/w/a.js\",2,5],[\"/w/a.test.js\",3,3],[\"/usr/x.js\",1,1]]}";
        assert_eq!(check(RunnerKind::Node, marked), "40 % of 5 lines (node)");
        let profile =
            "module m\nmode: set\nm/a.go:1.2,3.4 3 1\nm/a.go:5.2,6.4 1 0\nm/a.go:5.2,6.4 1 0\n";
        assert_eq!(check(RunnerKind::Go, profile), "75 % of 4 lines (go test -cover)");
        let json = r#"{"data":[{"files":[{"filename":"/w/a.rs","summary":{"lines":{"count":10,"covered":7}}},
            {"filename":"/w/tests/b.rs","summary":{"lines":{"count":4,"covered":4}}}]}]}"#;
        let expected = "70 % of 10 lines (cargo llvm-cov); of what changed: a.rs 70 %";
        assert_eq!(check(RunnerKind::Cargo, json), expected);
        for kind in [RunnerKind::Pytest, RunnerKind::Node, RunnerKind::Go, RunnerKind::Cargo] {
            assert_eq!(check(kind, "error: no such command: `llvm-cov`\n{\"data\":[]"), "nothing");
        }
    }
}

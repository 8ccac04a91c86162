//! The test runners: found in a tree, turned into an argument vector, their output read back.
//!
//! Nothing here runs a process: [`find`] looks at a [`Tree`], [`Runner::invocation`] builds what to run,
//! [`Runner::parse`] turns what came out into a [`TestReport`]. So every parser can be tried on
//! recorded text.
//!
//! Python's and node's runners are driven by small harnesses of our own that print one marked JSON
//! line for each event. The mark carries a nonce that comes on standard input and is read before anything of the repository
//! is loaded, so that no program under test imitates one. Python's tests share the harness's process, though: one that is
//! written against this very harness can find it in memory. Node's have processes of their own.

mod cargo;
mod coverage;
mod environment;
mod find;
mod go;
mod markers;
mod node;
mod python;
mod remedy;
mod script;
#[cfg(test)]
pub(crate) mod tests_support;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::evidence::{TestId, TestReport};

pub use find::find;
pub use remedy::remedy;

/// What a runner search needs of a repository: names, and a few small files.
pub trait Tree {
    /// Every file, `/`-separated from the root, in any order.
    fn paths(&self) -> &[String];
    /// A file's text; `None` if it is not there, not text, or may not be read.
    fn read(&self, path: &str) -> Option<String>;
}

/// The runners that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunnerKind {
    /// pytest, through a harness.
    Pytest,
    /// Python's unittest, through a harness.
    Unittest,
    /// `cargo test`.
    Cargo,
    /// `node --test`, through a reporter.
    Node,
    /// jest or vitest, through their JSON reporter.
    Jest,
    /// Any other `npm test` script; TAP is understood, else one outcome for the whole.
    Npm,
    /// `go test -json`.
    Go,
    /// A command that the user gave; TAP is understood, else one outcome for the whole.
    Command,
}

impl RunnerKind {
    /// Its name in reports and in arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pytest => "pytest",
            Self::Unittest => "unittest",
            Self::Cargo => "cargo",
            Self::Node => "node",
            Self::Jest => "jest",
            Self::Npm => "npm",
            Self::Go => "go",
            Self::Command => "command",
        }
    }

    /// The language whose tests it runs; `None` if it could be any.
    pub fn language(self) -> Option<&'static str> {
        match self {
            Self::Pytest | Self::Unittest => Some("python"),
            Self::Cargo => Some("rust"),
            Self::Node | Self::Jest | Self::Npm => Some("javascript"),
            Self::Go => Some("go"),
            Self::Command => None,
        }
    }
}

/// A runner that was found, where it runs, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runner {
    /// Which one.
    pub kind: RunnerKind,
    /// The directory it runs in, from the root; empty for the root.
    pub dir: String,
    /// What it was found by, for people.
    pub why: String,
    /// For [`RunnerKind::Command`] the argument vector, for the npm kinds the script's words, for
    /// unittest the directories where discovery starts, for cargo and node more options; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// Directories (from the root) that Python must look for modules in, as a `src` layout needs
    /// where the package is not installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
}

/// Where things are when the command runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The absolute path the repository has inside the sandbox.
    pub root: String,
    /// The Python interpreter to use; `python3` when `None`.
    pub python: Option<String>,
    /// A word that the program under test does not know.
    pub nonce: String,
    /// Whether pytest leaves out the options that the repository's configuration adds: they may ask for
    /// plugins that are not here, such as coverage.
    pub plain: bool,
}

/// Which tests to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// These and no others; everything when empty.
    pub tests: Vec<TestId>,
}

/// What to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invocation {
    /// The argument vector.
    pub argv: Vec<String>,
    /// The same for people: our own harness by its name.
    pub shown: Vec<String>,
    /// The directory, from the root.
    pub dir: String,
    /// Variables beside the sandbox's allow-list.
    pub env: BTreeMap<String, String>,
    /// What comes on standard input; closed when empty.
    pub stdin: String,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// By itself, with this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// The wall, idle or CPU limit stopped it.
    TimedOut,
    /// The memory, disk or another limit stopped it.
    Limited(String),
    /// It could not be started: why.
    NotStarted(String),
}

impl Ended {
    /// For reports: `exit 1`, `signal 9`, `timed out`, …
    pub fn words(&self) -> String {
        match self {
            Self::Code(code) => format!("exit {code}"),
            Self::Signal(signal) => format!("signal {signal}"),
            Self::TimedOut => "timed out".to_owned(),
            Self::Limited(what) => format!("stopped: {what}"),
            Self::NotStarted(why) => format!("not started: {why}"),
        }
    }
}

/// What came out of a run.
#[derive(Clone, Debug)]
pub struct Ran {
    /// How it ended.
    pub ended: Ended,
    /// Standard output, lossily decoded.
    pub stdout: String,
    /// Standard error, lossily decoded.
    pub stderr: String,
    /// Whether a part of either is gone.
    pub truncated: bool,
    /// Wall time in milliseconds.
    pub wall_ms: u64,
}

impl Runner {
    /// The command that runs these tests.
    ///
    /// A runner that cannot select (an npm script, a user's command) runs everything; the caller
    /// narrows the report.
    pub fn invocation(&self, at: &Surroundings, selection: &Selection) -> Invocation {
        match self.kind {
            RunnerKind::Pytest => python::pytest(self, at, selection),
            RunnerKind::Unittest => python::unittest(self, at, selection),
            RunnerKind::Cargo => cargo::invocation(self, selection),
            RunnerKind::Node => node::invocation(self, at, selection),
            RunnerKind::Jest => script::jest(self, selection),
            RunnerKind::Npm | RunnerKind::Command => script::plain(self),
            RunnerKind::Go => go::invocation(self, selection),
        }
    }

    /// What the output says, test by test.
    ///
    /// `tree` tells a module of the repository from one that is missing here.
    pub fn parse(&self, at: &Surroundings, ran: &Ran, tree: &dyn Tree) -> TestReport {
        let mut report = TestReport {
            runner: self.kind.name().to_owned(),
            dir: self.dir.clone(),
            exit: ran.ended.words(),
            clean_exit: ran.ended == Ended::Code(0),
            timed_out: ran.ended == Ended::TimedOut,
            duration_ms: ran.wall_ms,
            ..TestReport::default()
        };
        match self.kind {
            RunnerKind::Pytest | RunnerKind::Unittest => python::parse(&mut report, at, ran),
            RunnerKind::Cargo => cargo::parse(&mut report, ran),
            RunnerKind::Node => node::parse(&mut report, at, ran),
            RunnerKind::Jest => script::parse_jest(&mut report, at, ran),
            RunnerKind::Npm | RunnerKind::Command => script::parse_plain(&mut report, self, ran),
            RunnerKind::Go => go::parse(&mut report, ran),
        }
        if ran.truncated || !matches!(ran.ended, Ended::Code(_)) {
            report.complete = false;
        }
        // A runner that builds several targets at once tells of them in any order.
        report.collection_errors.sort();
        environment::classify(&mut report, self, ran, tree);
        report.recount();
        report
    }
}

/// What a person would have seen of an output: without the lines of our harnesses.
pub(crate) fn visible(out: &str) -> String {
    markers::without(out)
}

/// A path below a directory, both from the root.
pub(crate) fn join(dir: &str, path: &str) -> String {
    match (dir, path) {
        ("", path) => path.to_owned(),
        (dir, "" | ".") => dir.to_owned(),
        (dir, path) => format!("{dir}/{path}"),
    }
}

/// A path from the root seen from a directory below it, if it lies there.
pub(crate) fn below<'p>(dir: &str, path: &'p str) -> Option<&'p str> {
    if dir.is_empty() {
        return Some(path);
    }
    path.strip_prefix(dir)?.strip_prefix('/')
}

/// An absolute path inside the sandbox as one from the root, if it lies there.
pub(crate) fn from_root<'p>(root: &str, path: &'p str) -> Option<&'p str> {
    let path = path.strip_prefix("file://").unwrap_or(path);
    below(root.trim_end_matches('/'), path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::tests_support::{NoTree, surroundings};
    use super::*;

    const KINDS: [RunnerKind; 8] = [
        RunnerKind::Pytest,
        RunnerKind::Unittest,
        RunnerKind::Cargo,
        RunnerKind::Node,
        RunnerKind::Jest,
        RunnerKind::Npm,
        RunnerKind::Go,
        RunnerKind::Command,
    ];

    /// Pieces of real outputs, so that the soup reaches the parsers' corners.
    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            ".{0,30}",
            Just("@astra n {\"t\":\"end\",\"exit\":0}".to_owned()),
            Just("@astra n {\"t\":\"start\",\"id\":\"t.py::a\",\"name\":\"a\",\"nest\":3}".to_owned()),
            Just("@astra n {\"t\":\"phase\",\"id\":\"t.py::a\",\"when\":\"call\",\"outcome\":\"passed\",\"xfail\":false,\"said\":\"\"}".to_owned()),
            Just("running 2 tests".to_owned()),
            Just("     Running unittests src/lib.rs (target/debug/deps/x-1)".to_owned()),
            Just("test a ... ok".to_owned()),
            Just("test b ... ".to_owned()),
            Just("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured".to_owned()),
            Just("failures:".to_owned()),
            Just("---- a stdout ----".to_owned()),
            Just("1..2".to_owned()),
            Just("        not ok 1 - x # SKIP".to_owned()),
            Just("{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"TestA\"}".to_owned()),
            Just("{\"testResults\":[{}]}".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn whatever_comes_out_a_pass_has_a_passing_test_and_no_bad_one(
            out in proptest::collection::vec(piece(), 0..12),
            err in proptest::collection::vec(piece(), 0..3),
            ended in prop_oneof![Just(Ended::Code(0)), Just(Ended::Code(1)), Just(Ended::Signal(9)), Just(Ended::TimedOut)],
            truncated: bool,
        ) {
            let ran = Ran {
                ended: ended.clone(),
                stdout: out.join("\n"),
                stderr: err.join("\n"),
                truncated,
                wall_ms: 1,
            };
            for kind in KINDS {
                let runner = Runner {
                    kind,
                    dir: String::new(),
                    why: String::new(),
                    words: vec!["x".to_owned()],
                    paths: vec![],
                };
                let report = runner.parse(&surroundings(), &ran, &NoTree);
                if report.passed() {
                    prop_assert!(report.counts.passed > 0 && ended == Ended::Code(0) && !truncated);
                    prop_assert_eq!(report.failing().count(), 0);
                    prop_assert!(report.collection_errors.is_empty());
                }
                let json = serde_json::to_string(&report).unwrap();
                prop_assert_eq!(serde_json::from_str::<TestReport>(&json).unwrap(), report);
            }
        }
    }
}

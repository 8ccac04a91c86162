//! The JavaScript oracle: a worker in the sandbox that runs node:test files in threads, each candidate served from memory.
//!
//! See `worker.js` for the protocol. The worker's stand-in for `node:test` is quick and not the real thing, so a
//! candidate that passes there is run by the repository's own runner in a copy of its own before it is a patch.

use std::collections::{BTreeMap, BTreeSet};

use astraea_repair::{
    Candidate, Comparison, FailingTest, Frame, Language, Oracle, OracleError, Request, SourceFile,
    TestCoverage, Verdict, VerdictKind, search as repair,
};
use serde_json::json;

use super::worker::{Tests, Worker, WorkerOracle, block_on};
use super::{Found, Job, Refused, written};
use crate::Error;
use crate::actions::run_suite;
use crate::evidence::{Comparison as Compared, TestId, TestOutcome, TestReport};
use crate::runners::{Runner, RunnerKind, Tree, below, find, join};
use crate::workspace::blocking;

/// The program that runs inside.
const SCRIPT: &str = include_str!("worker.js");
/// What the worker says of a test that it had to end.
const ENDLESS: &str = "does not end in time";
/// Sources that are given to a search where nothing is known of what the failing tests ran.
const MOST_FILES: usize = 40;
/// Directories whose files nobody wrote by hand.
const NOT_OURS: [&str; 6] = ["node_modules", "dist", "build", "coverage", "vendor", "fixtures"];

/// Searches for a JavaScript repair.
///
/// # Errors
/// [`Refused`] where the worker cannot run the tests as they ran before.
pub(super) async fn search(job: &Job) -> Result<Found, Refused> {
    let copy = job.ws.copy(&job.edits).await?;
    let (ws, edits) = (job.ws.clone(), job.edits.clone());
    let tree = blocking(move || ws.tree(&edits)).await?;
    let runner = runner(job, &tree)?;
    let dir = runner.dir.clone();
    let sources: Vec<String> =
        tree.paths().iter().filter(|path| is_source(&dir, path)).cloned().collect();
    let argv = ["node", "--no-warnings", "--experimental-vm-modules", "-e", SCRIPT];
    let mut prepared = job.ws.command(&copy, argv, &dir).await?;
    prepared.spec.limits.line_bytes = 64 << 20;
    prepared.spec.limits.idle = None;
    // The worker lives as long as the search, and the task's own limit ends both.
    prepared.spec.limits.wall = None;
    prepared.spec.stdin = astraea_sandbox::Stdin::Pipe;
    let session = prepared.spawn().await?;
    let far = job.deadline + job.cx.budget;
    let mut worker = Worker::new(session, job.cx.cancel.clone(), far, prepared, job.meter.clone());
    let root = copy.seen_at().join(&dir);
    let root = root.to_string_lossy();
    let root = root.trim_end_matches('/');
    let editable: Vec<&str> = sources
        .iter()
        .filter_map(|path| below(&dir, path))
        .filter(|path| !is_test_file(path))
        .collect();
    let test_files: BTreeSet<&str> = job
        .baseline
        .outcomes
        .keys()
        .filter_map(|id| below(&dir, id.as_str())?.split_once(" > "))
        .map(|(file, _)| file)
        .collect();
    job.cx.progress("tracing the tests");
    let traced = worker
        .baseline(json!({ "root": root, "editable": editable, "test_files": test_files, "test_cpu": job.longest_test() }))
        .await?;
    let (mut failing, mut passing, mut coverage, mut frames) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut seconds, mut endless) = (0.0, false);
    for test in traced {
        let id = TestId::new(join(&dir, &test.id));
        let passed = test.outcome == "passed";
        let known = job.baseline.outcomes.get(&id).copied();
        if job.failing.contains(&id) && !passed {
            let found = frames_of(&test.message, root);
            frames.extend(
                found.into_iter().map(|(file, line)| Frame { file: join(&dir, &file), line }),
            );
            failing.push(FailingTest::new(test.id.clone(), test.message.clone()));
        } else if passed && known == Some(TestOutcome::Passed) {
            passing.push(test.id.clone());
        } else {
            continue;
        }
        let late = !passed && test.message.starts_with(ENDLESS);
        endless |= late;
        seconds += match passed {
            true => test.seconds,
            false if late => 0.0,
            false => test.seconds.min(0.3),
        };
        let lines: BTreeMap<String, Vec<u32>> =
            test.lines.into_iter().map(|(file, lines)| (join(&dir, &file), lines)).collect();
        coverage.push(TestCoverage { test: test.id, passed, lines });
    }
    if failing.is_empty() {
        return Err(Refused::NoPatch(
            "the failing tests pass, or are not found, when they run without node's own runner: repair knows plain node:test files".into(),
        ));
    }
    let files = chosen(&tree, &sources, &coverage, &frames, &dir)?;
    let request = Request::new(Language::JavaScript, files.clone(), failing.clone())
        .with_coverage(coverage)
        .with_endless(endless)
        .with_frames(frames);
    let failing: Vec<String> = failing.into_iter().map(|test| test.name).collect();
    let to_mend = failing.iter().map(|name| TestId::new(join(&dir, name))).collect();
    job.cx.progress("searching for an edit");
    let given = files.clone();
    let (ws, cx, edits) = (job.ws.clone(), job.cx.clone(), job.edits.clone());
    let (baseline, meter, deadline) = (job.baseline.clone(), job.meter.clone(), job.deadline);
    let report = blocking(move || {
        let tests = Tests { failing, passing, seconds, endless };
        let worker = worker.oracle(dir, given.clone(), tests, cx.clone(), deadline);
        let mut oracle =
            NodeOracle { worker, ws, cx, edits, files: given, failing: to_mend, baseline, meter };
        repair(&request, &mut oracle).map_err(|e| Error::Internal(format!("repair: {e}")))
    })
    .await?;
    Ok(Found { report, files })
}

/// The worker screens, the repository's own runner confirms.
struct NodeOracle {
    worker: WorkerOracle,
    ws: std::sync::Arc<crate::Workspace>,
    cx: astraea_engine::TaskContext,
    edits: astraea_code_access::EditSet,
    files: Vec<SourceFile>,
    failing: Vec<TestId>,
    baseline: TestReport,
    meter: std::sync::Arc<super::meter::Meter>,
}

impl NodeOracle {
    fn confirmed(
        &self,
        batch: &[Candidate],
        mut verdicts: Vec<Verdict>,
    ) -> Result<Vec<Verdict>, OracleError> {
        for (candidate, verdict) in batch.iter().zip(&mut verdicts) {
            if verdict.kind == VerdictKind::Pass && !self.holds(candidate)? {
                *verdict = Verdict::fail(Vec::new());
            }
        }
        Ok(verdicts)
    }

    /// Whether the candidate mends the tests, and breaks none, under the real runner.
    fn holds(&self, candidate: &Candidate) -> Result<bool, OracleError> {
        let broken = |e: String| OracleError::new(e);
        let text = candidate.edited_text(&self.files).map_err(|e| broken(e.to_string()))?;
        let edits = written(&self.ws, &self.edits, candidate.file(), &text)
            .and_then(|edits| self.edits.then(&edits).map_err(|e| Error::Internal(e.to_string())))
            .map_err(|e| broken(e.to_string()))?;
        let ran = block_on(run_suite(&self.ws, &self.cx, &edits, &[RunnerKind::Node], &[]));
        let ran = match ran {
            Ok(ran) => ran,
            Err(Error::Cancelled) => return Err(OracleError::stopped("called off")),
            Err(error) => return Err(broken(error.to_string())),
        };
        // what its processes used is not told; they do little but compute
        self.meter.ended(std::time::Duration::from_micros(ran.timings.subprocess_us));
        let mended =
            self.failing.iter().all(|id| ran.report.outcomes.get(id) == Some(&TestOutcome::Passed));
        Ok(mended && Compared::new(&self.baseline, &ran.report).holds())
    }
}

impl Oracle for NodeOracle {
    fn evaluate(&mut self, batch: &[Candidate]) -> Result<Vec<Verdict>, OracleError> {
        let verdicts = self.worker.evaluate(batch)?;
        self.confirmed(batch, verdicts)
    }

    fn evaluate_slowly(&mut self, batch: &[Candidate]) -> Result<Vec<Verdict>, OracleError> {
        let verdicts = self.worker.evaluate_slowly(batch)?;
        self.confirmed(batch, verdicts)
    }

    fn should_stop(&self) -> bool {
        self.worker.should_stop()
    }

    fn compare(&mut self, patches: &[Candidate]) -> Result<Comparison, OracleError> {
        self.worker.compare(patches)
    }
}

/// The runner of the failing tests: the nearest one above the first of them.
fn runner(job: &Job, tree: &dyn Tree) -> Result<Runner, Refused> {
    let command = job.ws.options().test_command.as_deref();
    let first = job.failing.first().map_or("", TestId::as_str);
    find(tree, &job.ws.scope().dir_text(), command)
        .into_iter()
        .filter(|runner| runner.kind == RunnerKind::Node && below(&runner.dir, first).is_some())
        .max_by_key(|runner| runner.dir.len())
        .ok_or_else(|| {
            Refused::NoPatch(
                "the failing tests run under a command of their own: repair knows node --test"
                    .into(),
            )
        })
}

/// The texts a search needs: what the failing tests ran may change; the tests are only read.
fn chosen(
    tree: &dyn Tree,
    sources: &[String],
    coverage: &[TestCoverage],
    frames: &[Frame],
    dir: &str,
) -> Result<Vec<SourceFile>, Refused> {
    let is_test = |path: &String| is_test_file(below(dir, path).unwrap_or(path));
    let ran = |path: &String| {
        coverage.iter().any(|test| !test.passed && test.lines.contains_key(path))
            || frames.iter().any(|frame| frame.file == *path)
    };
    let mut paths: Vec<&String> =
        sources.iter().filter(|path| !is_test(path) && ran(path)).collect();
    if paths.is_empty() {
        paths = sources.iter().filter(|path| !is_test(path)).take(MOST_FILES).collect();
    }
    let mut files: Vec<SourceFile> = paths
        .into_iter()
        .filter_map(|path| Some(SourceFile::new(path, tree.read(path)?)))
        .collect();
    if files.is_empty() {
        return Err(Refused::NoPatch(
            "there is no JavaScript source beside the tests that could be wrong".into(),
        ));
    }
    let holds = |path: &String| {
        coverage.iter().any(|test| !test.passed && join(dir, &test.test).starts_with(path.as_str()))
    };
    let tests = sources.iter().filter(|path| is_test(path) && holds(path));
    files.extend(tests.filter_map(|path| Some(SourceFile::read_only(path, tree.read(path)?))));
    Ok(files)
}

fn is_source(dir: &str, path: &str) -> bool {
    let Some(inside) = below(dir, path) else { return false };
    let written = [".js", ".mjs", ".cjs"].iter().any(|end| inside.ends_with(end));
    written && !inside.split('/').rev().skip(1).any(|part| NOT_OURS.contains(&part))
}

/// Whether a file holds tests, by the names that node looks for, or what belongs to them.
fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let folder = path
        .split('/')
        .rev()
        .skip(1)
        .any(|part| matches!(part, "test" | "tests" | "__tests__" | "spec"));
    let ends = [".test", "-test", "_test", ".spec"].iter().any(|end| stem.ends_with(end));
    folder || ends || stem == "test" || stem.starts_with("test-") || name.contains(".config.")
}

/// Places in a stack, innermost first: `at name (/root/a.js:3:9)`, `at file:///root/a.js:3:9`.
fn frames_of(message: &str, root: &str) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for line in message.lines() {
        let Some(place) = line.trim().strip_prefix("at ") else { continue };
        let place = place.rsplit_once('(').map_or(place, |(_, place)| place);
        let place = place.trim_end_matches(')').trim_start_matches("async ");
        let place = place.strip_prefix("file://").unwrap_or(place);
        let mut parts = place.rsplitn(3, ':');
        let (Some(_), Some(row), Some(file)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let inside = file.strip_prefix(root).and_then(|rest| rest.strip_prefix('/'));
        if let (Ok(row), Some(inside)) = (row.parse(), inside)
            && !inside.contains("node_modules/")
        {
            found.push((inside.to_owned(), row));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_of_scripts_and_modules_are_read() {
        let said = "AssertionError: no\n    at one (/w/src/a.js:3:9)\n    at async file:///w/b.mjs:7:1\n    at node:internal/x:1:2\n    at /w/node_modules/p/i.js:1:1";
        assert_eq!(frames_of(said, "/w"), [("src/a.js".to_owned(), 3), ("b.mjs".to_owned(), 7)]);
    }

    #[test]
    fn tests_are_told_from_sources() {
        for path in ["a.test.js", "test/a.js", "src/__tests__/a.mjs", "a_test.cjs", "test.js"] {
            assert!(is_test_file(path), "{path}");
        }
        for path in ["a.js", "src/latest.js", "contest.mjs"] {
            assert!(!is_test_file(path), "{path}");
        }
        assert!(is_source("", "src/a.js") && !is_source("", "node_modules/p/i.js"));
        assert!(!is_source("pkg", "src/a.js") && !is_source("", "a.ts"));
    }
}

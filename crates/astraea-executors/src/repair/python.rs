//! The Python oracle: a worker in the sandbox that forks for each candidate and serves its text from memory.
//!
//! See `worker.py` for the protocol. The worker never writes a file; every candidate starts from a fresh fork, is
//! limited in processor time, and dies with all it started.

#[cfg(feature = "model")]
mod compare;
#[cfg(feature = "model")]
pub(super) use compare::compare;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use astraea_repair::{
    FailingTest, Frame, Language, Request, SourceFile, TestCoverage, search as repair,
};

use serde_json::{Value, json};

use super::worker::{Tests, Worker};
use super::{Found, Job, Refused};
use crate::actions::own_python;
use crate::evidence::{TestId, TestOutcome};
use crate::runners::{Runner, RunnerKind, Tree, below, find, join};
use crate::workspace::blocking;
use crate::{Error, RepoTree};

/// The program that runs inside.
const SCRIPT: &str = include_str!("worker.py");

/// Sources that are given to a search where nothing is known of what the failing tests ran.
const MOST_FILES: usize = 40;

/// A worker that is ready, and what it stands in.
struct Begun {
    worker: Worker,
    tree: RepoTree,
    runner: Runner,
    /// Where the tests run; `sources` are the Python files below it.
    dir: String,
    sources: Vec<String>,
    root: PathBuf,
}

async fn begin(job: &Job) -> Result<Begun, Refused> {
    let copy = job.ws.copy(&job.edits).await?;
    let (ws, edits) = (job.ws.clone(), job.edits.clone());
    let tree = blocking(move || ws.tree(&edits)).await?;
    let runner = runner(job, &tree)?;
    let dir = runner.dir.clone();
    let sources: Vec<String> = tree
        .paths()
        .iter()
        .filter(|path| path.ends_with(".py") && below(&dir, path).is_some())
        .cloned()
        .collect();
    let (ws, shown, place) = (job.ws.clone(), copy.clone(), dir.clone());
    let python = blocking(move || own_python(&ws, &shown, &place))
        .await?
        .unwrap_or_else(|| "python3".into());
    let mut prepared = job.ws.command(&copy, [python.as_str(), "-c", SCRIPT], &dir).await?;
    prepared.spec.limits.line_bytes = 64 << 20;
    prepared.spec.limits.idle = None;
    // The worker lives as long as the search, and the task's own limit ends both.
    prepared.spec.limits.wall = None;
    prepared = prepared.with_env("PYTHONHASHSEED", "0");
    prepared.spec.stdin = astraea_sandbox::Stdin::Pipe;
    let session = prepared.spawn().await?;
    let root = copy.seen_at().join(&dir);
    // Tracing may take all the time there is: it is the goal's own limit that ends it, so that it can be resumed.
    let far = job.deadline + job.cx.budget;
    let worker = Worker::new(session, job.cx.cancel.clone(), far, prepared, job.meter.clone());
    Ok(Begun { worker, tree, runner, dir, sources, root })
}

/// What the worker is asked to trace.
fn question(
    job: &Job,
    root: &Path,
    runner: &Runner,
    (editable, failing): (&[&str], &[String]),
) -> Value {
    let unittest = runner.kind == RunnerKind::Unittest;
    let (name, select) =
        if unittest { ("unittest", runner.words.as_slice()) } else { ("pytest", &[][..]) };
    let known: Vec<&str> =
        job.baseline.outcomes.keys().filter_map(|id| below(&runner.dir, id.as_str())).collect();
    json!({
        "root": root.to_string_lossy(), "runner": name, "select": select, "editable": editable, "failing": failing,
        "known": known, "test_cpu": job.longest_test(),
    })
}

/// Searches for a Python repair.
///
/// # Errors
/// [`Refused`] where the worker cannot run the tests as they ran before.
pub(super) async fn search(job: &Job) -> Result<Found, Refused> {
    let Begun { mut worker, tree, runner, dir, sources, root } = begin(job).await?;
    let wanted: Vec<String> =
        job.failing.iter().filter_map(|id| below(&dir, id.as_str())).map(str::to_owned).collect();
    // What calls into these files from outside of them is a test: its arguments show what inputs look like.
    let editable: Vec<&str> = sources
        .iter()
        .filter_map(|path| below(&dir, path))
        .filter(|path| !is_test_file(path))
        .collect();
    job.cx.progress("tracing the tests");
    let traced = worker.baseline(question(job, &root, &runner, (&editable, &wanted))).await?;
    let (mut failing, mut passing, mut coverage, mut frames) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut seconds, mut endless) = (0.0, false);
    for test in traced {
        let passed = test.outcome == "passed";
        let known = job.baseline.outcomes.get(&TestId::new(join(&dir, &test.id))).copied();
        if wanted.contains(&test.id) && !passed {
            let root = root.to_string_lossy();
            let found = frames_of(&test.message, &root);
            frames.extend(
                found.into_iter().map(|(file, line)| Frame { file: join(&dir, &file), line }),
            );
            failing.push(FailingTest::new(test.id.clone(), test.message.clone()));
        } else if passed && known.is_none_or(|known| known == TestOutcome::Passed) {
            passing.push(test.id.clone());
        } else {
            // it failed before and nobody asked for it, or its outcome depends on who runs it
            continue;
        }
        // A failing test may fail by not ending; its time says nothing about what a mended one takes.
        let late = !passed && test.seconds >= job.longest_test() * 0.9;
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
            "the failing tests pass, or are not found, when they run one by one: they may depend on each other or on the command that runs them".into(),
        ));
    }
    let files = chosen(&tree, &sources, &coverage, &frames, &dir)?;
    let request = Request::new(Language::Python, files.clone(), failing.clone())
        .with_coverage(coverage)
        .with_endless(endless)
        .with_frames(frames);
    let failing: Vec<String> = failing.into_iter().map(|test| test.name).collect();
    job.cx.progress("searching for an edit");
    let cx = job.cx.clone();
    let given = files.clone();
    let deadline = job.deadline;
    let report = blocking(move || {
        let mut oracle =
            worker.oracle(dir, given, Tests { failing, passing, seconds, endless }, cx, deadline);
        repair(&request, &mut oracle).map_err(|e| Error::Internal(format!("repair: {e}")))
    })
    .await?;
    Ok(Found { report, files })
}

/// The runner of the failing tests: the nearest one above the first of them.
fn runner(job: &Job, tree: &dyn Tree) -> Result<Runner, Refused> {
    let command = job.ws.options().test_command.as_deref();
    let found = find(tree, &job.ws.scope().dir_text(), command);
    let first = job.failing.first().map_or("", TestId::as_str);
    found
        .into_iter()
        .filter(|runner| matches!(runner.kind, RunnerKind::Pytest | RunnerKind::Unittest))
        .filter(|runner| below(&runner.dir, first).is_some())
        .max_by_key(|runner| runner.dir.len())
        .ok_or_else(|| Refused::NoPatch("the failing tests run under a command of their own: repair knows pytest and unittest".into()))
}

/// The texts a search needs: what the failing tests ran may change; the tests are only read.
fn chosen(
    tree: &dyn Tree,
    sources: &[String],
    coverage: &[TestCoverage],
    frames: &[Frame],
    dir: &str,
) -> Result<Vec<SourceFile>, Refused> {
    let ran =
        |path: &String| coverage.iter().any(|test| !test.passed && test.lines.contains_key(path));
    let named = |path: &String| frames.iter().any(|frame| frame.file == *path);
    let is_test = |path: &String| is_test_file(below(dir, path).unwrap_or(path));
    let mut paths: Vec<&String> =
        sources.iter().filter(|path| !is_test(path) && (ran(path) || named(path))).collect();
    if paths.is_empty() {
        paths = sources.iter().filter(|path| !is_test(path)).take(MOST_FILES).collect();
    }
    let mut files: Vec<SourceFile> = paths
        .into_iter()
        .filter_map(|path| Some(SourceFile::new(path, tree.read(path)?)))
        .collect();
    if files.is_empty() {
        return Err(Refused::NoPatch(
            "there is no Python source beside the tests that could be wrong".into(),
        ));
    }
    let holds = |path: &String| {
        coverage.iter().any(|test| !test.passed && join(dir, &test.test).starts_with(path.as_str()))
    };
    let tests = sources.iter().filter(|path| is_test(path) && holds(path));
    files.extend(tests.filter_map(|path| Some(SourceFile::read_only(path, tree.read(path)?))));
    Ok(files)
}

/// Whether a file holds tests, by the names that pytest and unittest look for, or what belongs to them.
fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let folder = path.split('/').rev().skip(1).any(|part| part == "tests" || part == "test");
    folder
        || name.starts_with("test_")
        || name.ends_with("_test.py")
        || name == "conftest.py"
        || name == "setup.py"
}

/// Places in a trace, innermost first: `File "…", line 3` and `path.py:3:`.
fn frames_of(message: &str, root: &str) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for line in message.lines() {
        let line = line.trim();
        let place = line
            .strip_prefix("File \"")
            .and_then(|rest| rest.split_once("\", line "))
            .map(|(path, rest)| {
                (path, rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default())
            })
            .or_else(|| {
                let (path, rest) = line.split_once(".py:")?;
                let number = rest.split(':').next()?;
                Some((line.get(..path.len() + 3)?, number))
            });
        if let Some((path, number)) = place
            && let Ok(number) = number.parse()
        {
            let path = path.strip_prefix(root).map_or(path, |rest| rest.trim_start_matches('/'));
            if !path.starts_with('/') {
                found.push((path.to_owned(), number));
            }
        }
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_of_both_runners_are_read() {
        let message = "Traceback (most recent call last):\n  File \"/r/tests/test_a.py\", line 9, in test_x\n    a()\n  \
            File \"/r/a.py\", line 3, in a\nAssertionError\nsrc/b.py:12: in b\n/usr/lib/x.py:1: E";
        let expected = [("src/b.py", 12), ("a.py", 3), ("tests/test_a.py", 9)]
            .map(|(file, line)| (file.to_owned(), line));
        assert_eq!(frames_of(message, "/r"), expected);
    }

    #[test]
    fn tests_are_told_from_sources() {
        for path in
            ["tests/a.py", "test_a.py", "pkg/a_test.py", "conftest.py", "pkg/tests/data/x.py"]
        {
            assert!(is_test_file(path), "{path}");
        }
        for path in ["a.py", "pkg/testing.py", "contest.py", "latest/a.py"] {
            assert!(!is_test_file(path), "{path}");
        }
    }
}

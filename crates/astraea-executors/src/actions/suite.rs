//! Runs test runners over a copy and reads what they say.

use std::sync::Arc;
use std::time::{Duration, Instant};

use astraea_code_access::EditSet;
use astraea_engine::TaskContext;
use astraea_sandbox::Stdin;

use crate::evidence::{Comparison, Coverage, TestId, TestOutcome, TestReport, Verdict};
use crate::runners::{self, Ended, Invocation, Runner, RunnerKind, Selection, Surroundings};
use crate::workspace::{Prepared, TaskCopy, Timings};
use crate::{Error, RepoTree, Workspace};

/// The most failing tests that are run a second time.
const RERUN: usize = 25;
/// How often tests that seem broken are run without the edits.
const WITHOUT: usize = 3;
/// Tests that take no longer than this, in milliseconds, run once more to see which lines they reach.
const QUICK_MS: u64 = 10_000;
/// How long that may take.
const MEASURE: Duration = Duration::from_secs(60);

/// What a suite showed.
#[derive(Clone, Debug, Default)]
pub struct SuiteRun {
    /// The outcomes; of all runners together.
    pub report: TestReport,
    /// The runners that ran.
    pub runners: Vec<Runner>,
    /// What they printed, not redacted.
    pub stdout: String,
    /// What they printed to standard error, not redacted.
    pub stderr: String,
    /// What it cost.
    pub timings: Timings,
}

/// Finds the runners for the workspace's scope and runs them over the copy for these edits.
///
/// `only` narrows the kinds (all when empty), `tests` the tests (all when empty; a runner that cannot
/// select runs everything). Where there is no runner the report is empty: no tests.
///
/// # Errors
/// When the copy cannot be made, the sandbox refuses, or the run is called off. Failing tests are no error.
///
/// # Cancel safety
/// Dropping the future kills what runs.
pub async fn run_suite(
    ws: &Arc<Workspace>,
    cx: &TaskContext,
    edits: &EditSet,
    only: &[RunnerKind],
    tests: &[TestId],
) -> Result<SuiteRun, Error> {
    let mut timings = Timings::default();
    let started = Instant::now();
    let copy = ws.copy(edits).await?;
    timings.copied(started);
    let (host, of) = (ws.clone(), edits.clone());
    let tree = crate::workspace::blocking(move || {
        host.dependency_dirs()?;
        host.tree(&of)
    })
    .await?;
    let command = ws.options().test_command.as_deref();
    let mut found = runners::find(&tree, &ws.scope().dir_text(), command);
    if !only.is_empty() {
        found.retain(|r| only.contains(&r.kind));
    }
    // nothing to run ends well and shows nothing: no tests
    let report = TestReport { complete: true, clean_exit: true, ..TestReport::default() };
    let mut run = SuiteRun { report, timings, ..SuiteRun::default() };
    for runner in found {
        let own: Vec<TestId> = tests.iter().filter(|id| speaks(runner.kind, id)).cloned().collect();
        if !tests.is_empty() && own.is_empty() {
            continue;
        }
        cx.progress(&format!("{} in {}", runner.kind.name(), show(&runner.dir)));
        let report = one(ws, cx, &copy, &tree, &runner, &own, &[], &mut run).await?;
        run.report = if run.runners.is_empty() { report } else { run.report.merge(report) };
        run.runners.push(runner);
    }
    Ok(run)
}

/// Runs the failing tests once more, unchanged, and marks those that pass now as flaky.
///
/// # Errors
/// As [`run_suite`].
pub(super) async fn mark_flaky(
    ws: &Arc<Workspace>,
    cx: &TaskContext,
    edits: &EditSet,
    only: &[RunnerKind],
    run: &mut SuiteRun,
) -> Result<(), Error> {
    let failing: Vec<TestId> = run.report.failing().cloned().collect();
    if !ws.options().rerun_failing
        || failing.is_empty()
        || failing.len() > RERUN
        || run.report.verdict() != Verdict::Failed
    {
        return Ok(());
    }
    let again = run_suite(ws, cx, edits, only, &failing).await?;
    run.timings.subprocess_us += again.timings.subprocess_us;
    for id in failing {
        if again.report.outcomes.get(&id) == Some(&TestOutcome::Passed) {
            run.report.flaky.insert(id);
        }
    }
    Ok(())
}

/// Runs tests that the edits seem to have broken without the edits: those that fail there too are flaky, and not the edits' doing.
///
/// # Errors
/// As [`run_suite`].
pub(super) async fn excuse(
    ws: &Arc<Workspace>,
    cx: &TaskContext,
    only: &[RunnerKind],
    before: &TestReport,
    run: &mut SuiteRun,
) -> Result<(), Error> {
    let mut broken = Comparison::new(before, &run.report).broken;
    if !ws.options().rerun_failing || broken.is_empty() || broken.len() > RERUN / 5 {
        return Ok(());
    }
    for _ in 0..WITHOUT {
        let again = run_suite(ws, cx, &EditSet::new(), only, &broken).await?;
        run.timings.subprocess_us += again.timings.subprocess_us;
        let (fails, holds): (Vec<_>, Vec<_>) = broken
            .into_iter()
            .partition(|id| again.report.outcomes.get(id).is_some_and(|o| o.is_bad()));
        run.report.flaky.extend(fails);
        broken = holds;
        if broken.is_empty() {
            break;
        }
    }
    Ok(())
}

/// Measures which lines the tests reach, where a tool is there that knows and the tests are quick.
///
/// What goes wrong here is no matter: then nothing is known of the reach.
#[cfg(feature = "tests")]
pub(super) async fn measure(
    ws: &Arc<Workspace>,
    cx: &TaskContext,
    edits: &EditSet,
    run: &SuiteRun,
) -> Option<Coverage> {
    if run.report.duration_ms > QUICK_MS {
        return None;
    }
    let copy = ws.copy(edits).await.ok()?;
    let mut whole: Option<Coverage> = None;
    for runner in &run.runners {
        let mut at = Surroundings {
            root: copy.seen_at().to_string_lossy().into_owned(),
            python: own_python(ws, &copy, &runner.dir).ok()?,
            nonce: nonce().ok()?,
            plain: false,
        };
        if at.python.is_none() && runner.kind.language() == Some("python") {
            at.python = ws.options().python.clone();
        }
        let Some(invocation) = runner.coverage(&at) else { continue };
        let mut prepared =
            ws.command(&copy, invocation.argv.iter(), &invocation.dir).await.ok()?.within(cx);
        prepared = given(ws, prepared, &invocation);
        let limits = &mut prepared.spec.limits;
        limits.wall = Some(limits.wall.map_or(MEASURE, |wall| wall.min(MEASURE)));
        let Ok(ran) = prepared.run(&cx.cancel).await else { continue };
        let seen = seen(&ran);
        if let Some(found) = runner.parse_coverage(&at, &seen) {
            match &mut whole {
                Some(whole) => whole.merge(found),
                None => whole = Some(found),
            }
        }
    }
    whole
}

/// What a runner's invocation adds to a command: its variables, and what it reads.
fn given(ws: &Workspace, mut prepared: Prepared, invocation: &Invocation) -> Prepared {
    let online = ws.options().network || !ws.options().hosts.is_empty();
    for (key, value) in &invocation.env {
        // Without a network cargo is told so, and says at once what it lacks.
        if !(online && key == "CARGO_NET_OFFLINE") {
            prepared = prepared.with_env(key, value);
        }
    }
    if !invocation.stdin.is_empty() {
        prepared.spec.stdin = Stdin::Bytes(invocation.stdin.clone().into_bytes());
    }
    prepared
}

/// What came out, for a parser.
fn seen(ran: &crate::Ran) -> runners::Ran {
    runners::Ran {
        ended: ran.ended.clone(),
        stdout: ran.stdout.clone(),
        stderr: ran.stderr.clone(),
        truncated: ran.truncated,
        wall_ms: u64::try_from(ran.wall.as_millis()).unwrap_or(u64::MAX),
    }
}

/// Runs these tests of one runner in the order given, with variables of the caller's.
///
/// # Errors
/// As [`run_suite`].
#[cfg(feature = "characterise")]
pub(crate) async fn run_in_order(
    ws: &Arc<Workspace>,
    cx: &TaskContext,
    edits: &EditSet,
    runner: &Runner,
    tests: &[TestId],
    env: &[(&str, &str)],
) -> Result<TestReport, Error> {
    let copy = ws.copy(edits).await?;
    let (host, of) = (ws.clone(), edits.clone());
    let tree = crate::workspace::blocking(move || host.tree(&of)).await?;
    one(ws, cx, &copy, &tree, runner, tests, env, &mut SuiteRun::default()).await
}

#[expect(clippy::too_many_arguments, reason = "one call, taken apart for its two callers")]
async fn one(
    ws: &Arc<Workspace>,
    cx: &TaskContext,
    copy: &Arc<TaskCopy>,
    tree: &RepoTree,
    runner: &Runner,
    tests: &[TestId],
    env: &[(&str, &str)],
    run: &mut SuiteRun,
) -> Result<TestReport, Error> {
    let root = copy.seen_at().to_string_lossy().into_owned();
    let own = own_python(ws, copy, &runner.dir)?;
    let mut at = Surroundings { root, python: own, nonce: nonce()?, plain: false };
    let selection = Selection { tests: tests.to_vec() };
    loop {
        let invocation = runner.invocation(&at, &selection);
        let mut prepared =
            ws.command(copy, invocation.argv.iter(), &invocation.dir).await?.within(cx);
        prepared = given(ws, prepared, &invocation);
        for (key, value) in env {
            prepared = prepared.with_env(key, value);
        }
        let ran = prepared.run(&cx.cancel).await?;
        run.timings.ran(ran.wall);
        if matches!(ran.ended, Ended::NotStarted(_))
            && at.python.is_some()
            && ws.options().python.is_none()
        {
            // the repository's environment has no interpreter that works here
            at.python = None;
            continue;
        }
        let seen = seen(&ran);
        let mut report = runner.parse(&at, &seen, tree);
        let refused =
            |e: &crate::evidence::CollectionError| e.message.contains("unrecognized arguments");
        if runner.kind == RunnerKind::Pytest
            && !at.plain
            && report.outcomes.is_empty()
            && report.collection_errors.iter().any(refused)
        {
            // the configuration adds options of a plugin that is not here: the tests may do without it
            at.plain = true;
            continue;
        }
        report.command = invocation.shown;
        report.tier = ran.tier;
        redact(ws, &mut report);
        run.stdout.push_str(&runners::visible(&ran.stdout));
        run.stderr.push_str(&ran.stderr);
        return Ok(report);
    }
}

/// Nothing of a report is written down before it is masked.
fn redact(ws: &Workspace, report: &mut TestReport) {
    let redactor = ws.redactor();
    let mask = |text: &mut String| {
        if let std::borrow::Cow::Owned(masked) = redactor.redact(text) {
            *text = masked;
        }
    };
    report.details.values_mut().for_each(mask);
    report.collection_errors.iter_mut().for_each(|e| mask(&mut e.message));
    report.command.iter_mut().for_each(mask);
}

/// The repository's own interpreter, nearest first; where the tier keeps the copy elsewhere there is none.
pub(crate) fn own_python(
    ws: &Workspace,
    copy: &TaskCopy,
    dir: &str,
) -> Result<Option<String>, Error> {
    if let Some(python) = &ws.options().python {
        return Ok(Some(python.clone()));
    }
    let dirs = ws.dependency_dirs()?;
    let mut at = dir;
    loop {
        for name in [".venv", "venv"] {
            let path = runners::join(at, name);
            if dirs.iter().any(|d| d.as_bytes() == path.as_bytes()) {
                let python = copy.seen_at().join(path).join("bin/python");
                return Ok(Some(python.to_string_lossy().into_owned()));
            }
        }
        if at.is_empty() {
            return Ok(None);
        }
        at = at.rsplit_once('/').map_or("", |(up, _)| up);
    }
}

/// Whether a test's name has the form that this kind of runner gives.
fn speaks(kind: RunnerKind, id: &TestId) -> bool {
    let id = id.as_str();
    let python = id.split("::").next().is_some_and(|file| file.ends_with(".py"));
    match kind {
        RunnerKind::Pytest | RunnerKind::Unittest => python,
        RunnerKind::Node | RunnerKind::Jest => id.contains(" > "),
        RunnerKind::Go => id.contains(".Test") || id.contains(".Example") || id.contains(".Fuzz"),
        RunnerKind::Cargo => {
            !python && !id.contains(" > ") && (id.contains("::") || id.contains(" doc "))
        }
        RunnerKind::Npm | RunnerKind::Command => true,
    }
}

fn nonce() -> Result<String, Error> {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_err(|e| Error::Internal(format!("no random bytes: {e}")))?;
    Ok(hex::encode(bytes))
}

fn show(dir: &str) -> &str {
    if dir.is_empty() { "the repository" } else { dir }
}

//! The Rust oracle: one build for many candidates, each behind a run-time switch; then one process for each.
//!
//! See `astraea_repair::schemata` for how the choices get into the sources. Nothing is written into the user's
//! checkout nor into the kept builds: instrumented sources are shown over the copy, cargo writes into a layer that
//! is thrown away, and only the finished executables are kept while the search lasts.

mod binaries;
mod build;
mod oracle;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use astraea_repair::schemata::{Instrumented, Plan, instrument};
use astraea_repair::{
    FailingTest, Frame, Language, Request, SearchOptions, SourceFile, TestCoverage,
    search as repair,
};

use super::{Found, Job, Refused};
use crate::Error;
use crate::evidence::TestOutcome;
use crate::runners::{self, Runner, RunnerKind, Tree, below, join};
use crate::workspace::blocking;
use binaries::{Binaries, Tried, Which};
use build::{Builder, Built};
use oracle::{RustOracle, Tests};

/// The most source files that are instrumented and searched.
const MOST_FILES: usize = 400;
/// The most passing tests that are traced one by one.
const MOST_TRACED: usize = 48;
/// Candidates in one build.
const BATCH: u32 = 256;
/// The longest a test may take while it is traced.
const TRACING: Duration = Duration::from_secs(10);

/// Searches for a Rust repair.
///
/// # Errors
/// [`Refused`] where the tests do not build, or do not fail, as they did before.
pub(super) async fn search(job: &Job) -> Result<Found, Refused> {
    let (ws, edits) = (job.ws.clone(), job.edits.clone());
    let tree = blocking(move || ws.tree(&edits)).await?;
    let command = job.ws.options().test_command.as_deref();
    let found = runners::find(&tree, &job.ws.scope().dir_text(), command);
    let mut last = None;
    for runner in found.into_iter().filter(|runner| runner.kind == RunnerKind::Cargo) {
        let files = sources(&tree, &runner.dir);
        match search_in(job, files, runner).await {
            Err(refused @ (Refused::NoPatch(_) | Refused::Environment(_))) => last = Some(refused),
            ended => return ended,
        }
    }
    Err(last.unwrap_or_else(|| {
        Refused::NoPatch("cargo's tests are run by another command here".into())
    }))
}

async fn search_in(job: &Job, files: Vec<SourceFile>, runner: Runner) -> Result<Found, Refused> {
    let dir = runner.dir.clone();
    if !files.iter().any(|file| file.editable) {
        return Err(Refused::NoPatch(
            "there is no Rust source beside the tests that could be wrong".into(),
        ));
    }
    job.cx.progress("building the tests");
    let mut builder = Builder::new(job, runner)?;
    let (traced, binaries) = first_build(&mut builder, &files).await?;
    let failing = binaries.find(&job.failing);
    if failing.is_empty() {
        return Err(Refused::NoPatch(
            "none of the failing tests is in a test binary (doctests are not searched for repairs)"
                .into(),
        ));
    }
    job.cx.progress("tracing the tests");
    let seen = observe(job, &traced, &binaries, &failing, &dir).await?;
    let files = chosen(files, &seen.coverage, &seen.frames);
    let tests = Tests { failing: seen.failing, passing: seen.passing, skip: seen.skip };
    let request = Request::new(Language::Rust, files.clone(), seen.tests)
        .with_coverage(seen.coverage)
        .with_frames(seen.frames)
        .with_options(
            SearchOptions::default()
                .with_batch(BATCH)
                .with_max_candidates(3000)
                .with_after_first(0),
        );
    job.cx.progress("searching for an edit");
    let given = files.clone();
    let (cx, deadline, meter) = (job.cx.clone(), job.deadline, job.meter.clone());
    let report = blocking(move || {
        let mut oracle =
            RustOracle::new(builder, given, tests, seen.screening, (cx, deadline), meter);
        repair(&request, &mut oracle).map_err(|e| Error::Internal(format!("repair: {e}")))
    })
    .await?;
    Ok(Found { report, files })
}

/// Everything that cargo could compile here; what holds tests is only read.
fn sources(tree: &dyn Tree, dir: &str) -> Vec<SourceFile> {
    let mut files = Vec::new();
    for path in tree.paths().iter().filter(|path| path.ends_with(".rs")) {
        let Some(inside) = below(dir, path) else { continue };
        let mut folders = inside.split('/').rev().skip(1);
        let apart = folders
            .any(|part| matches!(part, "tests" | "benches" | "examples" | "fixtures" | "target"));
        let apart = apart || inside.rsplit('/').next() == Some("build.rs");
        let Some(text) = tree.read(path) else { continue };
        files.push(SourceFile { path: path.clone(), text, editable: !apart });
        if files.len() >= MOST_FILES {
            break;
        }
    }
    files
}

/// Builds with every block telling that it ran; files that do not bear it are left out.
async fn first_build(
    builder: &mut Builder,
    files: &[SourceFile],
) -> Result<(Instrumented, Arc<Binaries>), Refused> {
    let mut files = files.to_vec();
    let mut said = String::new();
    for _ in 0..4 {
        let traced = instrument(&files, &[], &Plan::default().with_trace(true))
            .map_err(|e| Error::Internal(format!("repair: {e}")))?;
        match builder.build(&traced.files).await? {
            Built::Binaries(binaries) => return Ok((traced, binaries)),
            Built::Errors(errors) => {
                said = errors.first().map(|error| error.message.clone()).unwrap_or_default();
                let named: BTreeSet<&str> =
                    errors.iter().flat_map(|e| &e.spans).map(|span| span.file.as_str()).collect();
                let before = files.iter().filter(|file| file.editable).count();
                for file in files.iter_mut().filter(|file| named.contains(file.path.as_str())) {
                    file.editable = false;
                }
                if files.iter().filter(|file| file.editable).count() == before {
                    files.iter_mut().for_each(|file| file.editable = false);
                }
            }
        }
    }
    Err(Refused::Environment(format!("the tests do not build here: {said}")))
}

/// What the tests showed, one by one.
struct Seen {
    /// Names that the oracle runs, binary by binary.
    failing: BTreeMap<usize, Vec<String>>,
    /// Tests that pass and must go on passing, binary by binary.
    passing: BTreeMap<usize, BTreeSet<String>>,
    /// Tests that fail and are not asked for again.
    skip: BTreeMap<usize, Vec<String>>,
    tests: Vec<FailingTest>,
    coverage: Vec<TestCoverage>,
    frames: Vec<Frame>,
    /// What the failing tests took, and all of them.
    screening: (Duration, Duration),
}

async fn observe(
    job: &Job,
    traced: &Instrumented,
    binaries: &Arc<Binaries>,
    failing: &[(usize, String)],
    dir: &str,
) -> Result<Seen, Refused> {
    let cancel = &job.cx.cancel;
    let mut seen = Seen {
        failing: BTreeMap::new(),
        passing: BTreeMap::new(),
        skip: BTreeMap::new(),
        tests: Vec::new(),
        coverage: Vec::new(),
        frames: Vec::new(),
        screening: (Duration::ZERO, Duration::ZERO),
    };
    for id in job.baseline.outcomes.iter().filter(|(_, outcome)| outcome.is_bad()).map(|(id, _)| id)
    {
        for (binary, name) in binaries.find(std::slice::from_ref(id)) {
            seen.skip.entry(binary).or_default().push(name);
        }
    }
    for (binary, name) in failing {
        let ran = binaries
            .run(*binary, Which::These(std::slice::from_ref(name)), None, true, TRACING, cancel)
            .await?;
        if ran.outcomes.get(name) == Some(&TestOutcome::Passed) {
            continue;
        }
        if !ran.timed_out {
            seen.screening.0 += ran.wall;
        }
        seen.failing.entry(*binary).or_default().push(name.clone());
        let frames = frames_of(&ran.said);
        seen.frames
            .extend(frames.into_iter().map(|(file, line)| Frame { file: join(dir, &file), line }));
        seen.coverage.push(coverage(traced, name, false, &ran));
        seen.tests.push(FailingTest::new(name.clone(), ran.said));
    }
    if seen.tests.is_empty() {
        return Err(Refused::NoPatch(
            "the failing tests pass when they run one by one: they may depend on each other or on time".into(),
        ));
    }
    for binary in 0..binaries.len() {
        let started = Instant::now();
        let skip = seen.skip.get(&binary).map_or(&[][..], Vec::as_slice);
        let ran =
            binaries.run(binary, Which::AllBut(skip), None, false, TRACING * 6, cancel).await?;
        seen.screening.1 += started.elapsed();
        let passed = ran.outcomes.iter().filter(|(_, outcome)| **outcome == TestOutcome::Passed);
        let passed: BTreeSet<String> = passed.map(|(name, _)| name.clone()).collect();
        if !passed.is_empty() {
            seen.passing.insert(binary, passed);
        }
    }
    let mut chosen: Vec<(usize, String)> = Vec::new();
    let mut order: Vec<usize> = seen.passing.keys().copied().collect();
    order.sort_by_key(|binary| !seen.failing.contains_key(binary));
    for binary in order {
        let near = |name: &String| {
            !seen
                .failing
                .get(&binary)
                .is_some_and(|own| own.iter().any(|f| module(f) == module(name)))
        };
        let mut names: Vec<String> = seen.passing[&binary].iter().cloned().collect();
        names.sort_by_key(near);
        chosen.extend(names.into_iter().map(|name| (binary, name)));
    }
    chosen.truncate(MOST_TRACED);
    for part in chosen.chunks(build::parallel()) {
        let mut set = tokio::task::JoinSet::new();
        for (binary, name) in part.iter().cloned() {
            let (binaries, cancel) = (binaries.clone(), cancel.clone());
            set.spawn(async move {
                let ran = binaries
                    .run(
                        binary,
                        Which::These(std::slice::from_ref(&name)),
                        None,
                        true,
                        TRACING,
                        &cancel,
                    )
                    .await;
                (name, ran)
            });
        }
        while let Some(ended) = set.join_next().await {
            let (name, ran) = ended.map_err(|e| Error::Internal(e.to_string()))?;
            seen.coverage.push(coverage(traced, &name, true, &ran?));
        }
    }
    Ok(seen)
}

fn module(name: &str) -> &str {
    name.rsplit_once("::").map_or("", |(module, _)| module)
}

/// The lines that the sites of a run stand for.
fn coverage(traced: &Instrumented, name: &str, passed: bool, ran: &Tried) -> TestCoverage {
    let mut lines: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for site in ran.sites.iter().filter_map(|number| traced.sites.get(*number)) {
        lines.entry(site.file.clone()).or_default().extend(&site.lines);
    }
    TestCoverage { test: name.to_owned(), passed, lines }
}

/// Files that the failing tests ran may change; where nothing is known, all may.
fn chosen(
    mut files: Vec<SourceFile>,
    coverage: &[TestCoverage],
    frames: &[Frame],
) -> Vec<SourceFile> {
    let ran: BTreeSet<&str> = coverage
        .iter()
        .filter(|test| !test.passed)
        .flat_map(|test| test.lines.keys().map(String::as_str))
        .chain(frames.iter().map(|frame| frame.file.as_str()))
        .collect();
    if files.iter().any(|file| file.editable && ran.contains(file.path.as_str())) {
        files.retain(|file| !file.editable || ran.contains(file.path.as_str()));
    }
    files
}

/// Places where something panicked: `panicked at src/lib.rs:5:9:`.
fn frames_of(said: &str) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for line in said.lines() {
        let Some((_, place)) = line.split_once("panicked at ") else { continue };
        let mut parts = place.trim_end_matches(':').rsplitn(3, ':');
        let (Some(_), Some(row), Some(file)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        if let Ok(row) = row.parse()
            && !file.starts_with('/')
            && !file.contains(' ')
        {
            found.push((file.to_owned(), row));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_panic_is_read() {
        let said = "thread 'a' (12) panicked at src/a.rs:7:9:\nindex out of bounds\nthread 'b' panicked at /rustc/x.rs:1:2:";
        assert_eq!(frames_of(said), [("src/a.rs".to_owned(), 7)]);
        assert_eq!(frames_of("panicked at nowhere"), []);
    }
}

//! One file: what it does, which mutants that tells apart, the tests that come of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use astraea_code_access::EditSet;
use astraea_engine::TaskContext;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Figures;
use super::choose::{Case, choose};
use super::mutants::{Mutant, mutants};
use super::place::{Subject, language, tests_of};
use super::settle::settle;
use super::worker::{NODE, PYTHON, Silence, Worker};
use crate::actions::own_python;
use crate::runners::{RunnerKind, Tree, below, join};
use crate::workspace::blocking;
use crate::{Error, RepoTree, Workspace};

/// The most mutants of one file, and of one line of it on average.
pub(super) const MOST_MUTANTS: usize = 500;
const PER_LINE: usize = 15;
/// The most tests for one file.
const MOST_TESTS: usize = 80;
/// How many calls of one function are tried in each round.
const CALLS: usize = 200;
/// Rounds of new inputs for what no call told apart so far.
const ROUNDS: u64 = 4;
/// The most calls that one mutant is asked.
const MOST_ASKED: usize = 400;
/// Mutants in one request, so that the clock is looked at between.
const BATCH: usize = 40;
/// The share of the time in which the tests that are there are tried on the mutants.
const EXISTING_SHARE: f64 = 0.3;

/// What is studied, and for how long.
pub(super) struct Job<'a> {
    pub(super) ws: &'a Arc<Workspace>,
    pub(super) cx: &'a TaskContext,
    pub(super) base: &'a EditSet,
    pub(super) tree: &'a RepoTree,
    pub(super) subject: &'a Subject,
    /// Where the tests go.
    pub(super) target: &'a str,
    pub(super) until: Instant,
    pub(super) most_mutants: usize,
}

#[derive(Deserialize)]
struct Explored {
    cases: Vec<Case>,
    lines: BTreeMap<String, BTreeSet<u32>>,
    left_out: Vec<Value>,
    unstable: usize,
}

#[derive(Deserialize)]
pub(super) struct Written {
    pub(super) text: String,
    /// Name of the test → the case it is made of.
    pub(super) tests: BTreeMap<String, u32>,
}

/// What is known so far.
#[derive(Default)]
struct Known {
    cases: Vec<Case>,
    /// The lines that a function's calls ran.
    lines: BTreeMap<String, BTreeSet<u32>>,
    /// Mutant → calls that tell it from the original.
    kills: BTreeMap<u32, BTreeSet<u32>>,
    /// Mutants that cannot be loaded at all: they show nothing.
    dead: BTreeSet<u32>,
    /// Noticed by the tests that are there.
    noticed: BTreeSet<u32>,
}

/// Studies the file; the text of the tests, if any are worth writing.
///
/// # Errors
/// Where the copy cannot be made or the run is called off. A file that cannot be imported is left out, not an error.
pub(super) async fn study(job: &Job<'_>) -> Result<(Figures, Option<String>), Error> {
    let mut figures = Figures { source: job.subject.path.clone(), ..Figures::default() };
    let mut worker = match start(job).await? {
        Ok(worker) => worker,
        Err(silence) => return left_out(job, figures, silence),
    };
    match with_worker(job, &mut worker, &mut figures).await {
        Ok(text) => Ok((figures, text)),
        Err(Stop::Error(error)) => Err(error),
        Err(Stop::Silence(silence)) => left_out(job, figures, silence),
    }
}

fn left_out(
    job: &Job<'_>,
    mut figures: Figures,
    silence: Silence,
) -> Result<(Figures, Option<String>), Error> {
    if job.cx.cancel.is_cancelled() {
        return Err(silence.into_error(true));
    }
    figures.tests = 0;
    figures.tests_file.clear();
    figures.left_out.push(json!({"name": job.subject.path, "why": silence.words()}));
    Ok((figures, None))
}

pub(super) enum Stop {
    Error(Error),
    Silence(Silence),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Silence> for Stop {
    fn from(silence: Silence) -> Self {
        Self::Silence(silence)
    }
}

async fn start(job: &Job<'_>) -> Result<Result<Worker, Silence>, Error> {
    let copy = job.ws.copy(job.base).await?;
    let dir = job.subject.runner.dir.clone();
    if job.subject.runner.kind == RunnerKind::Node {
        let argv = ["node", "--experimental-vm-modules", "--no-warnings", "-e", NODE];
        let prepared = job.ws.command(&copy, argv, &dir).await?.with_env("NO_COLOR", "1");
        return Ok(Worker::start(prepared, job.cx.cancel.clone(), job.until).await);
    }
    let (ws, shown, place) = (job.ws.clone(), copy.clone(), dir.clone());
    let python = blocking(move || own_python(&ws, &shown, &place)).await?;
    let python = python.unwrap_or_else(|| "python3".to_owned());
    let prepared = job.ws.command(&copy, [python.as_str(), "-c", PYTHON], &dir).await?;
    let prepared = prepared.with_env("PYTHONHASHSEED", "0").with_env("PYTHONIOENCODING", "utf-8");
    Ok(Worker::start(prepared, job.cx.cancel.clone(), job.until).await)
}

impl Job<'_> {
    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// The file seen from where its tests run.
    fn own(&self) -> &str {
        below(&self.subject.runner.dir, &self.subject.path).unwrap_or(&self.subject.path)
    }
}

async fn with_worker(
    job: &Job<'_>,
    worker: &mut Worker,
    figures: &mut Figures,
) -> Result<Option<String>, Stop> {
    let runner = &job.subject.runner;
    let copy = job.ws.copy(job.base).await?;
    let root = copy.seen_at().join(&runner.dir).to_string_lossy().into_owned();
    let tests = tests_of(job.tree, runner);
    let texts: Vec<String> =
        tests.iter().take(60).filter_map(|path| job.tree.read(&join(&runner.dir, path))).collect();
    let paths: Vec<&str> = runner.paths.iter().filter_map(|p| below(&runner.dir, p)).collect();
    let open = json!({
        "cmd": "open", "root": root, "file": job.own(), "text": job.subject.text, "tests": texts, "paths": paths,
    });
    worker.ask::<Value>(&open).await?;
    let mut known = Known::default();
    explore(job, worker, &mut known, figures, 1, None).await?;
    let language = language(&job.subject.path).unwrap_or(astraea_repair::Language::Python);
    let (path, text) = (job.subject.path.clone(), job.subject.text.clone());
    let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
    let most = (lines * PER_LINE).min(job.most_mutants);
    let all = blocking(move || mutants(language, &path, &text, most)).await?;
    job.cx.progress(&format!("{} calls, {} mutants", known.cases.len(), all.len()));
    let asked = kill(job, worker, &mut known, &all, |_| true).await?;
    for round in 1..ROUNDS {
        let open: BTreeSet<u32> = asked.iter().copied().filter(|id| !known.settled(*id)).collect();
        let again: BTreeSet<String> = all
            .iter()
            .filter(|m| open.contains(&m.id))
            .flat_map(|m| known.targets_of(m.line))
            .collect();
        if open.is_empty() || again.is_empty() || job.left() < Duration::from_secs(2) {
            break;
        }
        let before = known.cases.len();
        explore(job, worker, &mut known, figures, round + 1, Some(&again)).await?;
        let new: BTreeSet<u32> = known.cases[before..].iter().map(|c| c.id).collect();
        let rest: Vec<Mutant> = all.iter().filter(|m| open.contains(&m.id)).cloned().collect();
        kill(job, worker, &mut known, &rest, |case| new.contains(&case)).await?;
    }
    existing(job, worker, &mut known, &all, &tests).await?;
    let chosen = choose(&known.cases, &known.kills, &known.noticed, MOST_TESTS);
    let loaded: Vec<&Mutant> =
        all.iter().filter(|m| asked.contains(&m.id) && !known.dead.contains(&m.id)).collect();
    figures.mutants = loaded.len();
    figures.noticed_before = loaded.iter().filter(|m| known.noticed.contains(&m.id)).count();
    figures.noticed = figures.noticed_before;
    if chosen.is_empty() {
        return Ok(None);
    }
    job.cx.progress(&format!("{} tests, run three times in random order", chosen.len()));
    let Some(written) = settle(job, worker, chosen).await? else { return Ok(None) };
    figures.tests = written.tests.len();
    figures.tests_file = job.target.to_owned();
    score(job, worker, &written.text, &loaded, &known, figures).await?;
    Ok(Some(written.text))
}

impl Known {
    fn settled(&self, mutant: u32) -> bool {
        self.dead.contains(&mutant) || self.kills.get(&mutant).is_some_and(|by| !by.is_empty())
    }

    fn targets_of(&self, line: u32) -> Vec<String> {
        let ran = self.lines.iter().filter(|(_, lines)| lines.contains(&line));
        ran.map(|(target, _)| target.clone()).collect()
    }

    /// The calls that may tell a mutant of this line: those that run it; all, where none is seen to, since the line
    /// may run while the file is imported.
    fn asked(&self, line: u32, wanted: &dyn Fn(u32) -> bool) -> Vec<u32> {
        let targets = self.targets_of(line);
        let mut cases: Vec<&Case> = self
            .cases
            .iter()
            .filter(|case| targets.is_empty() || targets.contains(&case.target))
            .filter(|case| wanted(case.id))
            .collect();
        cases.sort_by_key(|case| (case.size, case.id));
        // not only the shortest: what a long input shows, a short one may not
        let step = cases.len().div_ceil(MOST_ASKED).max(1);
        cases.into_iter().step_by(step).map(|case| case.id).collect()
    }
}

async fn explore(
    job: &Job<'_>,
    worker: &mut Worker,
    known: &mut Known,
    figures: &mut Figures,
    seed: u64,
    targets: Option<&BTreeSet<String>>,
) -> Result<(), Stop> {
    let cpu = (job.left().as_secs_f64() * 0.4).clamp(1.0, 40.0);
    let request = json!({
        "cmd": "explore", "seed": seed, "targets": targets, "count": CALLS, "cpu": cpu, "wall": cpu * 2.0,
    });
    let found: Explored = worker.ask(&request).await?;
    known.cases.extend(found.cases);
    for (target, lines) in found.lines {
        known.lines.entry(target).or_default().extend(lines);
    }
    figures.unstable += found.unstable;
    if targets.is_none() {
        figures.left_out = found.left_out;
    }
    Ok(())
}

/// Asks the calls of each mutant; the mutants that were asked before the time was up.
async fn kill(
    job: &Job<'_>,
    worker: &mut Worker,
    known: &mut Known,
    all: &[Mutant],
    wanted: impl Fn(u32) -> bool,
) -> Result<BTreeSet<u32>, Stop> {
    let mut asked = BTreeSet::new();
    for batch in all.chunks(BATCH) {
        if job.left() < Duration::from_millis(500) {
            break;
        }
        let mutants: Vec<Value> = batch
            .iter()
            .map(|m| json!({"id": m.id, "text": m.text, "cases": known.asked(m.line, &wanted)}))
            .collect();
        let request = json!({"cmd": "kill", "mutants": mutants, "cpu": 4.0, "wall": 12.0, "parallel": parallel()});
        for answer in worker.ask_many(&request).await? {
            let Some(id) = number(&answer["id"]) else { continue };
            asked.insert(id);
            if answer["loaded"] != true {
                known.dead.insert(id);
                continue;
            }
            let killed = answer["killed"].as_array().into_iter().flatten().filter_map(number);
            known.kills.entry(id).or_default().extend(killed);
        }
    }
    Ok(asked)
}

/// Which mutants the tests notice that are there already; none where these tests do not run in the worker.
async fn existing(
    job: &Job<'_>,
    worker: &mut Worker,
    known: &mut Known,
    all: &[Mutant],
    tests: &[String],
) -> Result<(), Stop> {
    if tests.is_empty() {
        return Ok(());
    }
    let (runner, select) = match job.subject.runner.kind {
        RunnerKind::Unittest => ("unittest", job.subject.runner.words.clone()),
        RunnerKind::Node => ("node", tests.to_vec()),
        _ => ("pytest", tests.to_vec()),
    };
    let until = Instant::now() + job.left().mul_f64(EXISTING_SHARE);
    let ask = |mutants: Vec<Value>| {
        json!({
            "cmd": "existing", "runner": runner, "select": select, "mutants": mutants, "cpu": 10.0, "wall": 30.0, "parallel": parallel(),
        })
    };
    let original = ask(vec![json!({"id": 0, "text": job.subject.text})]);
    if worker.ask_many(&original).await?.first().is_none_or(|a| a["noticed"] != false) {
        return Ok(());
    }
    let open: Vec<&Mutant> = all.iter().filter(|m| !known.dead.contains(&m.id)).collect();
    for batch in open.chunks(BATCH / 2) {
        if Instant::now() >= until {
            break;
        }
        let mutants = batch.iter().map(|m| json!({"id": m.id, "text": m.text})).collect();
        for answer in worker.ask_many(&ask(mutants)).await? {
            if answer["noticed"] == true
                && let Some(id) = number(&answer["id"])
            {
                known.noticed.insert(id);
            }
        }
    }
    Ok(())
}

/// Measures the tests as they will be delivered.
async fn score(
    job: &Job<'_>,
    worker: &mut Worker,
    text: &str,
    loaded: &[&Mutant],
    known: &Known,
    figures: &mut Figures,
) -> Result<(), Stop> {
    let mut noticed: BTreeSet<u32> = known.noticed.clone();
    for (at, batch) in loaded.chunks(BATCH * 4).enumerate() {
        let mutants: Vec<Value> =
            batch.iter().map(|m| json!({"id": m.id, "text": m.text})).collect();
        let request = json!({
            "cmd": "score", "text": text, "source": job.subject.text, "mutants": mutants, "cpu": 6.0, "wall": 20.0,
            "parallel": parallel(),
        });
        for answer in worker.ask_many(&request).await? {
            if answer["killed"] == true
                && let Some(id) = number(&answer["id"])
            {
                noticed.insert(id);
            }
            if at == 0 && answer.get("of").is_some() {
                let count = |name: &str| {
                    answer[name].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
                };
                (figures.lines, figures.of_lines) = (count("lines"), count("of"));
            }
        }
    }
    figures.noticed = loaded.iter().filter(|m| noticed.contains(&m.id)).count();
    let survivors = loaded.iter().filter(|m| !noticed.contains(&m.id));
    figures.survivors =
        survivors.take(5).map(|m| format!("line {}: {}", m.line, m.shown)).collect();
    Ok(())
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|n| u32::try_from(n).ok())
}

fn parallel() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(4)
}

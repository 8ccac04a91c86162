//! Judges candidates: builds them together, drops what does not compile, runs each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use astraea_engine::TaskContext;
use astraea_repair::schemata::{Blame, Instrumented, Plan, instrument};
use astraea_repair::{
    Candidate, CandidateId, Oracle, OracleError, SourceFile, Verdict, VerdictKind,
};

use super::super::Refused;
use super::super::meter::Meter;
use super::binaries::{Binaries, Which};
use super::build::{Builder, Built, CompileError, parallel};
use crate::Error;
use crate::evidence::TestOutcome;

/// How often a build is repeated without those that broke it.
const ROUNDS: usize = 40;
/// Candidates that get a build of their own.
const MOST_ALONE: usize = 48;
/// The least and the most that a candidate may take on its first try.
const SCREENING: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(20));
/// On its second.
const SLOW: Duration = Duration::from_secs(30);

/// Errors that the choice itself may cause: who is borrowed how long, and what is moved. Further out they may vanish.
const OF_THE_CHOICE: &[&str] = &[
    "E0282", "E0283", "E0373", "E0381", "E0382", "E0499", "E0502", "E0503", "E0505", "E0506",
    "E0507", "E0515", "E0521", "E0594", "E0596", "E0597", "E0716",
];

/// Names of tests, binary by binary.
#[derive(Debug)]
pub(super) struct Tests {
    /// To be mended.
    pub(super) failing: BTreeMap<usize, Vec<String>>,
    /// Must go on passing.
    pub(super) passing: BTreeMap<usize, BTreeSet<String>>,
    /// Failed before; those to be mended are run apart.
    pub(super) skip: BTreeMap<usize, Vec<String>>,
}

/// The oracle.
#[derive(Debug)]
pub(super) struct RustOracle {
    builder: Builder,
    files: Vec<SourceFile>,
    tests: Arc<Tests>,
    screening: Duration,
    suite: Duration,
    cx: TaskContext,
    deadline: Instant,
    meter: Arc<Meter>,
    /// Those that no switch reaches; they come last.
    alone: BTreeSet<CandidateId>,
    built_alone: usize,
    tried: usize,
}

impl RustOracle {
    pub(super) fn new(
        builder: Builder,
        files: Vec<SourceFile>,
        tests: Tests,
        took: (Duration, Duration),
        (cx, deadline): (TaskContext, Instant),
        meter: Arc<Meter>,
    ) -> Self {
        let bound = |took: Duration| (took * 5).clamp(SCREENING.0, SCREENING.1);
        Self {
            builder,
            files,
            tests: Arc::new(tests),
            screening: bound(took.0),
            suite: bound(took.1) * 2,
            cx,
            deadline,
            meter,
            alone: BTreeSet::new(),
            built_alone: 0,
            tried: 0,
        }
    }

    /// One build for as many as bear it.
    fn switched(
        &mut self,
        batch: &[Candidate],
        limit: Duration,
    ) -> Result<BTreeMap<CandidateId, Verdict>, OracleError> {
        let mut verdicts = BTreeMap::new();
        let mut active: Vec<Candidate> =
            batch.iter().filter(|candidate| !self.alone.contains(&candidate.id)).cloned().collect();
        let mut plan = Plan::default();
        for _ in 0..ROUNDS {
            let built = instrument(&self.files, &active, &plan)
                .map_err(|e| OracleError::new(e.to_string()))?;
            self.alone.extend(built.individual.iter().copied());
            active.retain(|candidate| built.switched.contains_key(&candidate.id));
            if active.is_empty() {
                return Ok(verdicts);
            }
            self.stop()?;
            self.cx.progress(&format!("building {} candidates", active.len()));
            match self.build(&built.files)? {
                Built::Binaries(binaries) => {
                    let runs: Vec<(CandidateId, Option<u32>)> =
                        built.switched.iter().map(|(id, number)| (*id, Some(*number))).collect();
                    verdicts.extend(self.run(binaries, runs, limit)?);
                    return Ok(verdicts);
                }
                Built::Errors(errors) => {
                    let before = (active.len(), plan.coarse.len());
                    self.blame(&built, &errors, &active, &mut plan, &mut verdicts);
                    active.retain(|c| !verdicts.contains_key(&c.id) && !self.alone.contains(&c.id));
                    if (active.len(), plan.coarse.len()) == before {
                        // nobody is to blame: each for itself
                        break;
                    }
                }
            }
        }
        self.alone.extend(active.iter().map(|candidate| candidate.id));
        Ok(verdicts)
    }

    /// Sorts out who does not compile: broken, to be chosen further out, or to be built alone.
    fn blame(
        &mut self,
        built: &Instrumented,
        errors: &[CompileError],
        active: &[Candidate],
        plan: &mut Plan,
        verdicts: &mut BTreeMap<CandidateId, Verdict>,
    ) {
        let mut coarse = BTreeSet::new();
        for error in errors {
            let blames: Vec<Blame> =
                error.spans.iter().map(|at| built.blame(&at.file, at.range.clone())).collect();
            let guilty = blames.iter().find_map(|blame| match blame {
                Blame::Candidate(id) => Some(*id),
                _ => None,
            });
            if let Some(id) = guilty {
                if OF_THE_CHOICE.contains(&error.code.as_str()) && !plan.coarse.contains(&id) {
                    coarse.insert(id);
                } else {
                    verdicts.insert(id, Verdict::broken(error.message.clone()));
                    for twin in twins(id, &blames, active) {
                        verdicts.insert(twin, Verdict::broken(error.message.clone()));
                    }
                }
                continue;
            }
            let choice = blames.iter().find_map(|blame| match blame {
                Blame::Choice(ids) => Some(ids),
                _ => None,
            });
            let around = blames.iter().find_map(|blame| match blame {
                Blame::Function(ids) => Some(ids),
                _ => None,
            });
            for id in choice.or(around).into_iter().flatten() {
                if plan.coarse.contains(id) {
                    self.alone.insert(*id);
                } else {
                    coarse.insert(*id);
                }
            }
        }
        coarse.retain(|id| !verdicts.contains_key(id));
        plan.coarse.extend(coarse);
    }

    fn build(&mut self, files: &[SourceFile]) -> Result<Built, OracleError> {
        let builder = &mut self.builder;
        block_on(builder.build(files)).map_err(|refused| match refused {
            Refused::Error(Error::Cancelled) => OracleError::stopped("called off"),
            _ if Instant::now() >= self.deadline => OracleError::stopped("out of time"),
            Refused::Error(error) => OracleError::new(error.to_string()),
            Refused::NoPatch(why) | Refused::Environment(why) => OracleError::new(why),
        })
    }

    /// One process for each, several at a time.
    fn run(
        &mut self,
        binaries: Arc<Binaries>,
        runs: Vec<(CandidateId, Option<u32>)>,
        limit: Duration,
    ) -> Result<BTreeMap<CandidateId, Verdict>, OracleError> {
        let mut verdicts = BTreeMap::new();
        let suite = self.suite.max(limit);
        let mut left = runs.into_iter();
        block_on(async {
            let mut set = tokio::task::JoinSet::new();
            loop {
                while set.len() < parallel()
                    && !self.cx.cancel.is_cancelled()
                    && Instant::now() < self.deadline
                    && !self.meter.is_over()
                {
                    let Some((id, number)) = left.next() else { break };
                    let tests = self.tests.clone();
                    let (binaries, cancel) = (binaries.clone(), self.cx.cancel.clone());
                    set.spawn(async move {
                        let judged =
                            judge(&binaries, &tests, number, (limit, suite), &cancel).await;
                        (id, judged)
                    });
                }
                let Some(ended) = set.join_next().await else { return Ok(()) };
                let (id, judged) = ended.map_err(|e| OracleError::new(e.to_string()))?;
                match judged {
                    Ok(verdict) => {
                        if passed(&verdict) {
                            self.meter.found();
                        }
                        verdicts.insert(id, verdict)
                    }
                    Err(Error::Cancelled) => return Err(OracleError::stopped("called off")),
                    Err(error) => return Err(OracleError::new(error.to_string())),
                };
            }
        })?;
        self.tried += verdicts.len();
        self.cx
            .progress(&format!("{} candidates tried, {} builds", self.tried, self.builder.builds));
        Ok(verdicts)
    }

    /// A build for this one alone.
    fn by_itself(&mut self, candidate: &Candidate) -> Result<Verdict, OracleError> {
        self.stop()?;
        let text =
            candidate.edited_text(&self.files).map_err(|e| OracleError::new(e.to_string()))?;
        match self.build(&[SourceFile::new(candidate.file(), text)])? {
            Built::Errors(errors) => {
                let why = errors.into_iter().next().map(|error| error.message);
                Ok(Verdict::broken(why.unwrap_or_default()))
            }
            Built::Binaries(binaries) => {
                let mut verdicts =
                    self.run(binaries, vec![(candidate.id, None)], self.screening)?;
                Ok(verdicts.remove(&candidate.id).unwrap_or_else(Verdict::timed_out))
            }
        }
    }

    fn stop(&self) -> Result<(), OracleError> {
        if self.should_stop() {
            Err(OracleError::stopped("called off, or out of time"))
        } else {
            Ok(())
        }
    }
}

impl Oracle for RustOracle {
    fn evaluate(&mut self, batch: &[Candidate]) -> Result<Vec<Verdict>, OracleError> {
        let verdicts = self.switched(batch, self.screening)?;
        // what is missing waits for the second pass
        Ok(batch
            .iter()
            .map(|c| verdicts.get(&c.id).cloned().unwrap_or_else(Verdict::timed_out))
            .collect())
    }

    fn evaluate_slowly(&mut self, batch: &[Candidate]) -> Result<Vec<Verdict>, OracleError> {
        let mut verdicts = self.switched(batch, SLOW.max(self.screening))?;
        if verdicts.values().any(passed) {
            return Ok(batch
                .iter()
                .map(|c| verdicts.remove(&c.id).unwrap_or_else(Verdict::timed_out))
                .collect());
        }
        for candidate in batch {
            if self.alone.contains(&candidate.id) && self.built_alone < MOST_ALONE {
                self.built_alone += 1;
                let verdict = self.by_itself(candidate)?;
                let found = passed(&verdict);
                verdicts.insert(candidate.id, verdict);
                if found {
                    break;
                }
            }
        }
        Ok(batch
            .iter()
            .map(|c| verdicts.remove(&c.id).unwrap_or_else(Verdict::timed_out))
            .collect())
    }

    fn should_stop(&self) -> bool {
        self.cx.cancel.is_cancelled() || Instant::now() >= self.deadline || self.meter.is_over()
    }
}

/// The failing tests first; all others only if these pass.
async fn judge(
    binaries: &Binaries,
    tests: &Tests,
    number: Option<u32>,
    (short, suite): (Duration, Duration),
    cancel: &astraea_engine::CancellationToken,
) -> Result<Verdict, Error> {
    let mut failed = Vec::new();
    let mut fixed = 0;
    for (binary, names) in &tests.failing {
        let tried =
            binaries.run(*binary, Which::These(names), number, false, short, cancel).await?;
        if tried.timed_out {
            return Ok(Verdict::timed_out());
        }
        for name in names {
            if tried.outcomes.get(name) == Some(&TestOutcome::Passed) {
                fixed += 1;
            } else {
                failed.push(name.clone());
            }
        }
        if !tried.good && failed.is_empty() {
            failed.extend(names.iter().cloned());
        }
    }
    if failed.is_empty() {
        for (binary, names) in &tests.passing {
            let skip = tests.skip.get(binary).map_or(&[][..], Vec::as_slice);
            let tried =
                binaries.run(*binary, Which::AllBut(skip), number, false, suite, cancel).await?;
            if tried.timed_out {
                return Ok(Verdict::timed_out());
            }
            let lost =
                names.iter().filter(|name| tried.outcomes.get(*name) != Some(&TestOutcome::Passed));
            failed.extend(lost.cloned());
            if !failed.is_empty() {
                break;
            }
        }
    }
    if failed.is_empty() {
        return Ok(Verdict { fixed, ..Verdict::pass() });
    }
    let mut verdict = Verdict::fail(failed);
    verdict.fixed = fixed;
    Ok(verdict)
}

/// Of all returns of a wrong type in one function the compiler names only the first: those that return the same are
/// as wrong.
fn twins(id: CandidateId, blames: &[Blame], active: &[Candidate]) -> Vec<CandidateId> {
    let function = blames.iter().find_map(|blame| match blame {
        Blame::Function(ids) => Some(ids),
        _ => None,
    });
    let returned = |candidate: &Candidate| -> Option<String> {
        let (_, rest) = candidate.edits.first()?.text.rsplit_once("return ")?;
        Some(rest.trim_end_matches(['}', ' ', ';', '\n', '\r', '\t']).to_owned())
    };
    let of =
        |id: &CandidateId| active.iter().find(|candidate| candidate.id == *id).and_then(returned);
    let (Some(ids), Some(own)) = (function, of(&id)) else { return Vec::new() };
    ids.iter().filter(|other| **other != id && of(other).as_ref() == Some(&own)).copied().collect()
}

/// Waits for a future on a thread that may block.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(future)
}

fn passed(verdict: &Verdict) -> bool {
    verdict.kind == VerdictKind::Pass
}

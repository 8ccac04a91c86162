//! Talks to a worker, whatever its language: JSON lines over the pipes of a sandbox session.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use astraea_engine::{CancellationToken, TaskContext};
use astraea_repair::{Candidate, Comparison, Oracle, OracleError, SourceFile, Verdict};
use astraea_sandbox::Session;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Refused;
use super::meter::Meter;
use crate::runners::below;
use crate::{Error, Prepared};

/// Processor seconds of a candidate on its first try, beyond what the tests took.
const SCREENING: f64 = 0.3;
/// The same where a failing test does not end.
const SCREENING_ENDLESS: f64 = 0.05;
/// Processor seconds that a test runner needs before the first test, on the first try.
const STARTUP: f64 = 0.4;
/// Processor seconds of a candidate that is tried again, and of its runner.
const SLOW: f64 = 4.0;

/// A worker that answers.
#[derive(Debug)]
pub(super) struct Worker {
    session: Session,
    cancel: CancellationToken,
    deadline: Instant,
    meter: Arc<Meter>,
    /// Holds the copy and its lock while the worker lives.
    _prepared: Prepared,
}

/// A test as the worker saw it.
#[derive(Debug, Deserialize)]
pub(super) struct Traced {
    pub(super) id: String,
    pub(super) outcome: String,
    pub(super) seconds: f64,
    pub(super) message: String,
    pub(super) lines: BTreeMap<String, Vec<u32>>,
}

/// The tests that judge a candidate, as the worker names them.
#[derive(Debug)]
pub(super) struct Tests {
    /// To be mended.
    pub(super) failing: Vec<String>,
    /// Not to be broken.
    pub(super) passing: Vec<String>,
    /// What they took together, traced.
    pub(super) seconds: f64,
    /// Whether one of the failing ones fails by not ending: then most candidates do not end either.
    pub(super) endless: bool,
}

/// Why there is no answer.
#[derive(Debug)]
enum Silence {
    /// Called off, or out of time.
    Stopped,
    /// The worker is gone, or says something else.
    Broken(String),
}

impl Worker {
    pub(super) fn new(
        session: Session,
        cancel: CancellationToken,
        deadline: Instant,
        prepared: Prepared,
        meter: Arc<Meter>,
    ) -> Self {
        Self { session, cancel, deadline, meter, _prepared: prepared }
    }

    /// Runs all tests once, traced.
    ///
    /// # Errors
    /// Where the worker cannot run here, or not in time.
    pub(super) async fn baseline(&mut self, mut request: Value) -> Result<Vec<Traced>, Refused> {
        let left = self.deadline.saturating_duration_since(Instant::now()).as_secs_f64();
        request["cmd"] = json!("baseline");
        request["cpu"] = json!(left);
        request["wall"] = json!(left);
        let answered = async {
            self.read().await?;
            self.send(&request).await?;
            self.read().await
        };
        let mut answer = match answered.await {
            Ok(answer) => answer,
            Err(Silence::Stopped) if self.cancel.is_cancelled() => {
                return Err(Error::Cancelled.into());
            }
            Err(Silence::Stopped) => {
                return Err(Refused::NoPatch(
                    "tracing the tests took all the time there was".into(),
                ));
            }
            Err(Silence::Broken(why)) => {
                return Err(Refused::Environment(format!(
                    "the worker for these tests does not run here: {why}"
                )));
            }
        };
        if let Some(error) = answer.get("error").and_then(Value::as_str) {
            return Err(Refused::NoPatch(format!("the tests could not be traced: {error}")));
        }
        serde_json::from_value(answer["tests"].take())
            .map_err(|e| Error::Internal(format!("an answer of the worker: {e}")).into())
    }

    /// The oracle for a search that must end at `deadline`, to be used on a thread that may block.
    pub(super) fn oracle(
        mut self,
        dir: String,
        files: Vec<SourceFile>,
        tests: Tests,
        cx: TaskContext,
        deadline: Instant,
    ) -> WorkerOracle {
        self.deadline = deadline;
        let parallel = std::thread::available_parallelism().map_or(1, usize::from).min(4);
        WorkerOracle { worker: self, dir, files, tests, parallel, tried: 0, cx }
    }

    async fn send(&mut self, request: &Value) -> Result<(), Silence> {
        let line = request.to_string();
        let wrote = self.session.write_line(&line).await;
        wrote.map_err(|e| Silence::Broken(e.to_string()))
    }

    async fn read(&mut self) -> Result<Value, Silence> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let line = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(Silence::Stopped),
            line = tokio::time::timeout(left, self.session.read_line()) => line,
        };
        match line {
            Err(_) => Err(Silence::Stopped),
            Ok(Err(error)) => Err(Silence::Broken(error.to_string())),
            Ok(Ok(None)) => Err(Silence::Broken("it ended".into())),
            Ok(Ok(Some(line))) => {
                let answer: Value = serde_json::from_slice(&line)
                    .map_err(|e| Silence::Broken(format!("not JSON: {e}")))?;
                if let Some(seconds) = answer["cpu"].as_f64() {
                    self.meter.lives(Duration::try_from_secs_f64(seconds).unwrap_or_default());
                }
                Ok(answer)
            }
        }
    }
}

/// Asks the worker, blocking the thread of the search.
#[derive(Debug)]
pub(super) struct WorkerOracle {
    worker: Worker,
    dir: String,
    files: Vec<SourceFile>,
    tests: Tests,
    parallel: usize,
    tried: usize,
    cx: TaskContext,
}

impl WorkerOracle {
    fn candidates(&self, batch: &[Candidate]) -> Result<Vec<Value>, OracleError> {
        let one = |candidate: &Candidate| {
            let text =
                candidate.edited_text(&self.files).map_err(|e| OracleError::new(e.to_string()))?;
            let file = below(&self.dir, candidate.file()).unwrap_or(candidate.file());
            Ok(json!({"id": candidate.id.0, "file": file, "text": text}))
        };
        batch.iter().map(one).collect()
    }

    /// One answer for each candidate.
    fn try_all(
        &mut self,
        batch: &[Candidate],
        cpu: f64,
        startup: f64,
    ) -> Result<Vec<Verdict>, OracleError> {
        let cpu = cpu + self.tests.seconds * 2.0;
        let suite = cpu + self.tests.seconds * 4.0 + 2.0;
        let request = json!({
            "cmd": "try", "candidates": self.candidates(batch)?, "failing": self.tests.failing, "passing": self.tests.passing,
            "left": self.worker.meter.left().map(|left| left.as_secs_f64()), "cpu": cpu, "wall": cpu * 4.0 + 1.0, "suite_cpu": suite, "suite_wall": suite * 4.0 + 2.0, "startup": startup, "parallel": self.parallel,
        });
        let mut answers: BTreeMap<u64, Value> = BTreeMap::new();
        block_on(async {
            self.worker.send(&request).await?;
            loop {
                let answer = self.worker.read().await?;
                if let Some(error) = answer.get("error") {
                    return Err(Silence::Broken(error.to_string()));
                }
                if answer["kind"] == "pass" {
                    self.worker.meter.found();
                }
                match answer["id"].as_u64() {
                    Some(id) => answers.insert(id, answer),
                    None => return Ok(()),
                };
            }
        })
        .map_err(stopped)?;
        self.tried += batch.len();
        self.cx.progress(&format!("{} candidates tried", self.tried));
        Ok(batch
            .iter()
            .map(|candidate| {
                answers.get(&u64::from(candidate.id.0)).map_or_else(Verdict::timed_out, verdict)
            })
            .collect())
    }
}

impl Oracle for WorkerOracle {
    fn evaluate(&mut self, batch: &[Candidate]) -> Result<Vec<Verdict>, OracleError> {
        let screening = if self.tests.endless { SCREENING_ENDLESS } else { SCREENING };
        self.try_all(batch, screening, STARTUP)
    }

    fn evaluate_slowly(&mut self, batch: &[Candidate]) -> Result<Vec<Verdict>, OracleError> {
        self.try_all(batch, SLOW, SLOW)
    }

    fn should_stop(&self) -> bool {
        self.worker.cancel.is_cancelled()
            || Instant::now() >= self.worker.deadline
            || self.worker.meter.is_over()
    }

    fn compare(&mut self, patches: &[Candidate]) -> Result<Comparison, OracleError> {
        let left = self.worker.meter.left_in_all().map(|left| left.as_secs_f64());
        let request = json!({"cmd": "compare", "candidates": self.candidates(patches)?, "left": left, "cpu": SLOW, "wall": 20.0, "parallel": self.parallel});
        let answer = block_on(async {
            self.worker.send(&request).await?;
            self.worker.read().await
        })
        .map_err(stopped)?;
        let read = |e: serde_json::Error| OracleError::new(format!("an answer of the worker: {e}"));
        Ok(match answer["kind"].as_str() {
            Some("agree") => Comparison::Agree {
                inputs: serde_json::from_value(answer["inputs"].clone()).map_err(read)?,
            },
            Some("disagree") => Comparison::Disagree {
                groups: serde_json::from_value(answer["groups"].clone()).map_err(read)?,
                input: answer["input"].as_str().unwrap_or_default().to_owned(),
                results: serde_json::from_value(answer["results"].clone()).map_err(read)?,
            },
            _ => Comparison::Unsupported {
                reason: answer["reason"].as_str().unwrap_or("no answer").to_owned(),
            },
        })
    }
}

fn verdict(answer: &Value) -> Verdict {
    let failed = answer["failed"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    match answer["kind"].as_str() {
        Some("pass") => Verdict::pass(),
        Some("timeout") => Verdict::timed_out(),
        Some("broken") => Verdict::broken(answer["message"].as_str().unwrap_or_default()),
        _ => {
            let mut verdict = Verdict::fail(failed);
            verdict.fixed =
                answer["fixed"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
            verdict
        }
    }
}

fn stopped(silence: Silence) -> OracleError {
    match silence {
        Silence::Stopped => OracleError::stopped("called off, or out of time"),
        Silence::Broken(why) => {
            OracleError::new(format!("the worker for these tests failed: {why}"))
        }
    }
}

/// Waits for a future on a thread that may block.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(future)
}

//! A process killed with SIGKILL in the middle, and the run gone on with.
//!
//! The test binary runs itself again as the victim. Every task appends its id to a log before it ends; the parent kills
//! the victim when the log has so many lines, resumes, and looks at the log and the journal.
#![cfg(all(unix, feature = "sqlite"))]

use std::{
    collections::HashMap,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use astraea_engine::{
    Engine, EngineError, EngineOptions, Executor, ExecutorError, JournalOptions, Outcome, Output,
    Registry, ResumeRequest, RunRequest, RunResult, RunStatus, SqliteJournal, SystemClock,
    TaskContext, open_reader, read_records,
    taskgraph::{GraphOptions, Task, TaskGraph},
};
use async_trait::async_trait;

const VICTIM: &str = "ASTRAEA_ENGINE_TEST_VICTIM";
const TASKS: usize = 40;

#[derive(Debug)]
struct Logs(PathBuf);

#[async_trait]
impl Executor for Logs {
    async fn execute(&self, cx: &TaskContext) -> Result<Outcome, ExecutorError> {
        tokio::time::sleep(Duration::from_millis(2)).await;
        #[expect(clippy::disallowed_methods, reason = "the log of a test in a temporary directory")]
        let log = std::fs::OpenOptions::new().append(true).create(true).open(&self.0);
        let line = format!("{}\n", cx.task.id);
        log.and_then(|mut log| log.write_all(line.as_bytes()))
            .map_err(|error| ExecutorError::transient(error.to_string()))?;
        Ok(Outcome::Succeeded(Output::of(serde_json::json!(cx.inputs().len()))))
    }
}

fn layers() -> TaskGraph {
    let mut graph = TaskGraph::new(GraphOptions::default()).unwrap();
    for n in 0..TASKS {
        let on: Vec<String> = if n < 4 {
            vec![]
        } else {
            (0..2).map(|k| format!("t{}", n / 4 * 4 - 4 + k)).collect()
        };
        graph.add_task(Task::new(format!("t{n}"), "work"), on).unwrap();
    }
    graph
}

fn go_on(dir: &Path) -> Result<RunResult, EngineError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let journal = SqliteJournal::open(dir.join("state.db"), JournalOptions::default(), vec![])?;
        let registry = Registry::new().with("work", Arc::new(Logs(dir.join("log"))));
        let engine = Engine::new(
            EngineOptions::default(),
            registry,
            Arc::new(journal),
            Arc::new(SystemClock),
        );
        match engine.resume(ResumeRequest::new("run", "g")).await {
            Err(EngineError::NothingToResume { .. }) => {
                engine.run(RunRequest::new("run", "g", layers())).await
            }
            other => other,
        }
    })
}

/// Not a test of its own: what the killed process does.
#[test]
fn victim() {
    if let Some(dir) = std::env::var_os(VICTIM) {
        go_on(Path::new(&dir)).unwrap();
    }
}

fn lines(path: &Path) -> Vec<String> {
    #[expect(clippy::disallowed_methods, reason = "the log of a test in a temporary directory")]
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn journaled(dir: &Path) -> Vec<String> {
    let Ok(reader) = open_reader(dir.join("state.db")) else { return Vec::new() };
    let records = read_records(&reader, None, 0, usize::MAX).unwrap();
    records
        .iter()
        .filter(|record| record.kind == "task_succeeded")
        .map(|record| record.payload["task"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn after_sigkill_nothing_that_had_finished_runs_again() {
    let exe = std::env::current_exe().unwrap();
    let mut killed = 0;
    for round in 0..4 {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        // Twice in one run: the second victim is a resumed one.
        for kill in 1..=2 {
            let before = lines(&log).len();
            let finished = journaled(dir.path());
            #[expect(clippy::disallowed_methods, reason = "the test kills a process of its own")]
            let mut victim = std::process::Command::new(&exe)
                .args(["kill::victim", "--exact", "--nocapture"])
                .env(VICTIM, dir.path())
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            let goal = before + 3 + round * 3;
            let mut patience = 5_000;
            while lines(&log).len() < goal && patience > 0 && victim.try_wait().unwrap().is_none() {
                std::thread::yield_now();
                std::thread::park_timeout(Duration::from_millis(1));
                patience -= 1;
            }
            victim.kill().unwrap();
            let status = victim.wait().unwrap();
            killed += usize::from(!status.success());
            let again = &lines(&log)[before..];
            for id in &finished {
                assert!(!again.contains(id), "{id} had finished and ran again (kill {kill})");
            }
        }
        let before = lines(&log).len();
        let finished = journaled(dir.path());
        let result = go_on(dir.path()).unwrap();
        assert_eq!(result.status, RunStatus::Succeeded);
        assert_eq!(result.outputs.len(), TASKS);
        let all = lines(&log);
        for id in &finished {
            assert!(!all[before..].contains(id), "{id} had finished and ran again");
        }
        let mut times: HashMap<&str, usize> = HashMap::new();
        for id in &all {
            *times.entry(id.as_str()).or_default() += 1;
        }
        assert_eq!(times.len(), TASKS);
        // Only what was running at a kill may have run twice.
        assert!(all.len() - TASKS <= 2 * 4, "{times:?}");
    }
    assert!(killed >= 4, "too few victims were killed in the middle: {killed}");
}

//! The few verbs the tests use.

use std::sync::Arc;

use astraea_engine::taskgraph::Task;
use astraea_engine::{CancellationToken, Outcome, Output, Registry, TaskContext};
use astraea_executors::testing::TestRepo;
use astraea_executors::{TestReport, Workspace, WorkspaceOptions, register};
use serde_json::Value;

/// A repository and what was done to it so far.
pub(crate) struct Run {
    pub(crate) repo: TestRepo,
    registry: Registry,
    done: Vec<(String, Arc<Output>)>,
}

impl Run {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        Self::over(TestRepo::new(files), WorkspaceOptions::default())
    }

    pub(crate) fn over(repo: TestRepo, options: WorkspaceOptions) -> Self {
        let ws = repo.workspace(options);
        Self::on(repo, ws)
    }

    pub(crate) fn on(repo: TestRepo, ws: Arc<Workspace>) -> Self {
        let registry = register(Registry::new(), ws);
        Self { repo, registry, done: Vec::new() }
    }

    /// Runs one action after all those that succeeded before.
    pub(crate) async fn act(&mut self, action: &str, args: Value) -> Outcome {
        self.act_within(action, args, 300_000, CancellationToken::new()).await
    }

    pub(crate) async fn act_within(
        &mut self,
        action: &str,
        args: Value,
        timeout_ms: u64,
        cancel: CancellationToken,
    ) -> Outcome {
        let id = if action == "observe" {
            "observe".to_owned()
        } else {
            format!("{action}-{}", self.done.len())
        };
        let task = Task::new(id.as_str(), action).with_args(args).with_timeout_ms(timeout_ms);
        let inputs = self.done.iter().map(|(id, out)| (id.as_str().into(), out.clone())).collect();
        let mut cx = TaskContext::standalone(task).with_inputs(inputs);
        cx.cancel = cancel;
        let executor = self.registry.get(action).unwrap();
        if let Err(no) = executor.admit(&cx).await {
            return Outcome::Failed(astraea_engine::Failure::new(
                astraea_engine::ErrorClass::AdmitRejected,
                no.to_string(),
            ));
        }
        let outcome = executor.execute(&cx).await.unwrap();
        if let Outcome::Succeeded(output) = &outcome {
            self.done.push((id, Arc::new(output.clone())));
        }
        outcome
    }

    /// The same, for actions that must succeed.
    pub(crate) async fn good(&mut self, action: &str, args: Value) -> Output {
        match self.act(action, args).await {
            Outcome::Succeeded(output) => output,
            Outcome::Failed(failure) => panic!(
                "{action}: {}: {}\n{}\n{}\n{:#}",
                failure.class,
                failure.message,
                failure.output.stdout,
                failure.output.stderr,
                failure.output.value
            ),
        }
    }

    /// The same, for actions that must not: `class: message`.
    pub(crate) async fn bad(&mut self, action: &str, args: Value) -> String {
        match self.act(action, args).await {
            Outcome::Failed(failure) => format!("{}: {}", failure.class, failure.message),
            Outcome::Succeeded(output) => panic!("{action} succeeded: {:#}", output.value),
        }
    }
}

pub(crate) fn report(output: &Output) -> TestReport {
    serde_json::from_value(output.value["evidence"].clone()).unwrap()
}

/// `id: outcome` lines, collection errors and what is missing.
pub(crate) fn lines(report: &TestReport) -> String {
    let mut text = format!("{} {}\n", report.runner, report.verdict().word());
    for (id, outcome) in &report.outcomes {
        text += &format!("{id}: {outcome}\n");
    }
    for error in &report.collection_errors {
        text += &format!("unloaded {}\n", error.what);
    }
    for missing in &report.environment {
        text += &format!("missing {missing}\n");
    }
    text
}

//! The executors, one module for each kind.

mod answer;
mod args;
#[cfg(feature = "shell")]
mod build;
#[cfg(feature = "shell")]
mod check_output;
#[cfg(feature = "git")]
mod commit;
#[cfg(feature = "shell")]
mod custom;
#[cfg(feature = "shell")]
mod docker;
#[cfg(feature = "files")]
mod files;
#[cfg(feature = "fixes")]
mod fixes;
mod languages;
#[cfg(feature = "tests")]
mod observe;
#[cfg(feature = "publish")]
mod publish;
#[cfg(feature = "files")]
mod rename;
#[cfg(feature = "files")]
mod rules;
#[cfg(feature = "tests")]
mod run_tests;
#[cfg(feature = "files")]
mod scaffold;
#[cfg(feature = "shell")]
mod shell;
mod suite;
mod syntax;
mod toolbox;
#[cfg(feature = "files")]
mod verify_state;

use std::fmt;
use std::sync::Arc;

use astraea_engine::{Executor, ExecutorError, Outcome, Registry, Rejection, TaskContext};
use async_trait::async_trait;

use crate::{Error, Workspace};

#[cfg(any(feature = "repair", feature = "model", feature = "characterise"))]
pub(crate) use answer::{edited, failed};
#[cfg(feature = "repair")]
pub(crate) use commit::deliver;
#[cfg(feature = "shell")]
pub use custom::CustomCommand;
#[cfg(feature = "tests")]
pub(crate) use run_tests::baseline;
#[cfg(feature = "model")]
pub(crate) use run_tests::{Require, Trial, try_out};
#[cfg(any(feature = "repair", feature = "characterise"))]
pub(crate) use suite::own_python;
#[cfg(feature = "characterise")]
pub(crate) use suite::run_in_order;
pub use suite::{SuiteRun, run_suite};
#[cfg(feature = "model")]
pub(crate) use syntax::check as check_syntax;
pub use syntax::regression as syntax_regression;

/// Adds every executor that the features allow, under the names that the planner uses.
///
/// `shell_command` and `bash` are always there and refuse unless the options allow them; `push` and `pull_request`
/// need a person's word unless the options hold a publisher.
#[must_use]
pub fn register(registry: Registry, workspace: Arc<Workspace>) -> Registry {
    let ws = &workspace;
    let registry = registry;
    #[cfg(feature = "tests")]
    let registry = registry
        .with("observe", host(ws, observe::Observe))
        .with("run_tests", host(ws, run_tests::RunTests { only: &[] }))
        .with("pytest", host(ws, run_tests::RunTests { only: run_tests::PYTHON }))
        .with("npm_test", host(ws, run_tests::RunTests { only: run_tests::NODE }));
    #[cfg(feature = "files")]
    let registry = registry
        .with("create_file", host(ws, files::Change::Create))
        .with("modify_code", host(ws, files::Change::Modify))
        .with("delete_file", host(ws, files::Change::Delete))
        .with("scaffold", host(ws, scaffold::Scaffold))
        .with("rename", host(ws, rename::Rename))
        .with("apply_rules", host(ws, rules::ApplyRules))
        .with("verify_state", host(ws, verify_state::VerifyState));
    #[cfg(feature = "fixes")]
    let registry = registry
        .with("apply_fixes", host(ws, fixes::Tools::Fix))
        .with("format", host(ws, fixes::Tools::Format));
    #[cfg(feature = "git")]
    let registry = registry.with("commit", host(ws, commit::Commit));
    #[cfg(feature = "publish")]
    let registry = registry
        .with("push", host(ws, publish::Publish::Push))
        .with("pull_request", host(ws, publish::Publish::PullRequest));
    #[cfg(feature = "shell")]
    let registry = registry
        .with("build", host(ws, build::Build))
        .with("check_output", host(ws, check_output::CheckOutput))
        .with("shell_command", host(ws, shell::Shell))
        .with_alias("bash", "shell_command");
    #[cfg(feature = "shell")]
    let registry = ws.options().custom.iter().cloned().fold(registry, |registry, command| {
        let name = command.name.clone();
        registry.with(name, host(ws, custom::Custom(command)))
    });
    #[cfg(feature = "repair")]
    let registry = registry.with("repair", crate::repair::executor(ws.clone()));
    #[cfg(feature = "model")]
    let registry = crate::model::register(registry, ws);
    #[cfg(feature = "characterise")]
    let registry = registry.with("characterise", crate::characterise::executor(ws.clone()));
    let _ = ws;
    registry
}

/// What an action does; the rest is the same for all.
#[async_trait]
trait Action: fmt::Debug + Send + Sync {
    async fn admit(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<(), Rejection> {
        let _ = (ws, cx);
        Ok(())
    }

    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error>;
}

fn host<A: Action + 'static>(ws: &Arc<Workspace>, action: A) -> Arc<dyn Executor> {
    Arc::new(Host { ws: ws.clone(), action })
}

#[derive(Debug)]
struct Host<A> {
    ws: Arc<Workspace>,
    action: A,
}

#[async_trait]
impl<A: Action> Executor for Host<A> {
    async fn admit(&self, cx: &TaskContext) -> Result<(), Rejection> {
        self.action.admit(&self.ws, cx).await
    }

    async fn execute(&self, cx: &TaskContext) -> Result<Outcome, ExecutorError> {
        if cx.cancel.is_cancelled() {
            return Error::Cancelled.into_outcome();
        }
        match self.action.run(&self.ws, cx).await {
            Ok(outcome) => Ok(outcome),
            Err(error) => error.into_outcome(),
        }
    }
}

//! shell_command and bash: off unless allowed, and in the sandbox even then.

use std::sync::Arc;

use astraea_engine::{ErrorClass, Outcome, Output, Rejection, TaskContext};
use async_trait::async_trait;
use serde_json::Value;

use super::Action;
use super::answer::failed;
use super::args::Args;
use crate::runners::Ended;
use crate::{Error, Workspace};

/// Runs `command` over the copy: a line through `sh -c`, a list as it is. What it writes is thrown away.
#[derive(Debug)]
pub(super) struct Shell;

#[async_trait]
impl Action for Shell {
    async fn admit(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<(), Rejection> {
        if ws.options().allow_shell {
            return Ok(());
        }
        Err(Rejection::new(
            "shell_not_allowed",
            format!("{} is off; allow it in the configuration if you mean it", cx.task.action),
        ))
    }

    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        if let Err(rejection) = self.admit(ws, cx).await {
            return Ok(failed(ErrorClass::AdmitRejected, rejection.to_string(), Output::default()));
        }
        let args = Args::of(cx);
        let argv = match args.get("command") {
            Some(Value::String(line)) if !line.trim().is_empty() => {
                vec!["sh".to_owned(), "-c".to_owned(), line.clone()]
            }
            _ => args.argv(&["command", "argv"])?,
        };
        let edits = ws.edits_so_far(cx)?;
        let copy = ws.copy(&edits).await?;
        let dir = ws.scope().dir_text();
        let ran = ws.command(&copy, argv.iter(), &dir).await?.within(cx).run(&cx.cancel).await?;
        let account = ws.account(&argv, &ran);
        let output = ws.with_tails(Output::of(account), &ran.stdout, &ran.stderr);
        Ok(match &ran.ended {
            Ended::Code(0) => Outcome::Succeeded(output),
            Ended::NotStarted(why) => failed(ErrorClass::Environment, why.clone(), output),
            Ended::TimedOut => {
                failed(ErrorClass::TimeoutError, "the command did not end in time", output)
            }
            ended => failed(
                ErrorClass::CommandFailure,
                format!("the command: {}", ended.words()),
                output,
            ),
        })
    }
}

//! shell_command and bash: off unless allowed or approved, and in the sandbox even then.

use std::sync::Arc;

use astraea_engine::{ErrorClass, Outcome, Output, TaskContext};
use async_trait::async_trait;
use serde_json::{Value, json};

use super::Action;
use super::answer::failed;
use super::args::Args;
use crate::approval::plain_words;
use crate::runners::Ended;
use crate::{Approval, Error, Workspace};

/// Runs `command` over the copy: a line through `sh -c`, a list as it is. What it writes is thrown away.
#[derive(Debug)]
pub(super) struct Shell;

#[async_trait]
impl Action for Shell {
    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        let args = Args::of(cx);
        let (argv, told) = match args.get("command") {
            Some(Value::String(line)) if !line.trim().is_empty() => {
                let shell = vec!["sh".to_owned(), "-c".to_owned(), line.clone()];
                (shell.clone(), plain_words(line).unwrap_or(shell))
            }
            _ => {
                let argv = args.argv(&["command", "argv"])?;
                (argv.clone(), argv)
            }
        };
        let options = ws.options();
        let (dir, now) = (ws.scope().dir_text(), options.clock.now_ms());
        let covers = |one: &&Approval| one.covers(&told, &dir, &options.goal, now);
        let approval = options.approvals.iter().find(covers);
        if !options.allow_shell && approval.is_none() {
            let words: Vec<String> = told.iter().map(|word| quoted(word)).collect();
            let command = words.join(" ");
            let message = format!(
                "{} wants to run `{command}`, which nobody has approved; to let it, also from now on: \
                 astra approvals give -- {command}",
                cx.task.action
            );
            return Ok(failed(
                ErrorClass::NeedsApproval,
                ws.redactor().redact(&message).into_owned(),
                Output::default(),
            ));
        }
        let edits = ws.edits_so_far(cx)?;
        let copy = ws.copy(&edits).await?;
        let ran = ws.command(&copy, argv.iter(), &dir).await?.within(cx).run(&cx.cancel).await?;
        let mut account = ws.account(&argv, &ran);
        if let Some(approval) = approval.filter(|_| !options.allow_shell) {
            account["approval"] = json!(approval.id);
        }
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

/// A word as one would type it.
fn quoted(word: &str) -> String {
    match plain_words(word) {
        Some(words) if words.len() == 1 => word.to_owned(),
        _ => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

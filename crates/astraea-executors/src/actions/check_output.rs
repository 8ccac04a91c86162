//! check_output: a command's exit and output must be what is expected.

use std::sync::Arc;

use astraea_engine::{ErrorClass, Outcome, Output, TaskContext};
use async_trait::async_trait;
use regex::RegexBuilder;

use super::Action;
use super::answer::failed;
use super::args::Args;
use crate::runners::Ended;
use crate::{Error, Workspace};

/// Runs `command` (an argument vector, or a line cut at blanks; never a shell) over the copy; what it
/// writes is thrown away. `expect_exit` is 0 unless given, `expect_stdout` a regular expression.
#[derive(Debug)]
pub(super) struct CheckOutput;

#[async_trait]
impl Action for CheckOutput {
    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        let args = Args::of(cx);
        let argv = args.argv(&["command", "argv"])?;
        let expected = args.number("expect_exit")?.unwrap_or(0);
        let pattern = match args.text(&["expect_stdout"])? {
            Some(text) => Some(RegexBuilder::new(text).multi_line(true).build().map_err(|e| {
                args.wrong("expect_stdout", &format!("is no regular expression: {e}"))
            })?),
            None => None,
        };
        let dir = args.text(&["directory"])?.map_or_else(|| ws.scope().dir_text(), str::to_owned);
        let edits = ws.edits_so_far(cx)?;
        let copy = ws.copy(&edits).await?;
        let ran = ws.command(&copy, argv.iter(), &dir).await?.within(cx).run(&cx.cancel).await?;
        let mut account = ws.account(&argv, &ran);
        account["checked"] = serde_json::json!(1);
        let output = ws.with_tails(Output::of(account), &ran.stdout, &ran.stderr);
        let shown = argv.join(" ");
        let problem = match &ran.ended {
            Ended::NotStarted(why) => Some((ErrorClass::Environment, why.clone())),
            Ended::TimedOut => {
                Some((ErrorClass::TimeoutError, format!("`{shown}` did not end in time")))
            }
            Ended::Code(code) if i64::from(*code) == expected => match &pattern {
                Some(pattern) if !pattern.is_match(&ran.stdout) => Some((
                    ErrorClass::PostconditionFailed,
                    format!("`{shown}` printed nothing that matches {pattern}"),
                )),
                _ => None,
            },
            ended => Some((
                ErrorClass::PostconditionFailed,
                format!("`{shown}`: {}, expected exit {expected}", ended.words()),
            )),
        };
        Ok(match problem {
            None => Outcome::Succeeded(output),
            Some((class, message)) => failed(class, ws.redactor().redact(&message), output),
        })
    }
}

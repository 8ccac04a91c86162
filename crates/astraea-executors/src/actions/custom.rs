//! A command as an executor: an action of the user's own.

use std::sync::Arc;

use astraea_engine::{ErrorClass, Outcome, Output, TaskContext};
use async_trait::async_trait;
use serde_json::json;

use super::answer::{edited, failed};
use super::args::Args;
use super::{Action, syntax};
use crate::runners::Ended;
use crate::workspace::blocking;
use crate::{Error, Workspace};

/// An action that a command carries out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomCommand {
    /// The action's name, as a plan uses it.
    pub name: String,
    /// The argument vector; `{1}` stands for the action's first argument, and so on. Never a shell.
    pub command: Vec<String>,
    /// Whether what it writes are edits. Else it judges: what it writes is thrown away, and it must end with 0.
    pub edits: bool,
}

/// Runs the command over the copy, in the sandbox.
#[derive(Debug)]
pub(super) struct Custom(pub(super) CustomCommand);

#[async_trait]
impl Action for Custom {
    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        let values = Args::of(cx).texts("arguments")?;
        let argv = fill(&self.0.command, &values)
            .map_err(|problem| Args::of(cx).wrong("arguments", &problem))?;
        let base = ws.edits_so_far(cx)?;
        let dir = ws.scope().dir_text();
        let copy =
            if self.0.edits { ws.private_copy(&base).await? } else { ws.copy(&base).await? };
        let prepared = if self.0.edits {
            ws.writing_command(&copy, argv.iter(), &dir).await?
        } else {
            ws.command(&copy, argv.iter(), &dir).await?
        };
        let ran = prepared.within(cx).run(&cx.cancel).await?;
        let account = ws.account(&argv, &ran);
        let with_tails = |output: Output| ws.with_tails(output, &ran.stdout, &ran.stderr);
        let problem = match &ran.ended {
            Ended::Code(0) => None,
            Ended::NotStarted(why) => Some((ErrorClass::Environment, why.clone())),
            Ended::TimedOut => Some((ErrorClass::TimeoutError, "did not end in time".to_owned())),
            ended if self.0.edits => Some((ErrorClass::CommandFailure, ended.words())),
            ended => Some((ErrorClass::PostconditionFailed, ended.words())),
        };
        if let Some((class, why)) = problem {
            let message = format!("{} (`{}`): {why}", self.0.name, argv.join(" "));
            let output = with_tails(Output::of(account));
            return Ok(failed(class, ws.redactor().redact(&message), output));
        }
        if !self.0.edits {
            return Ok(Outcome::Succeeded(with_tails(Output::of(
                json!({ "ran": account, "checked": 1 }),
            ))));
        }
        let (host, before) = (ws.clone(), base);
        let (edits, refused) = blocking(move || {
            let collected = copy.collect(host.policy())?;
            syntax::check(&host, &before, &collected.edits)?;
            Ok((collected.edits, collected.refused))
        })
        .await?;
        let refused: Vec<String> = refused.iter().map(ToString::to_string).collect();
        let value = json!({ "ran": account, "changed": edits.len(), "refused": refused });
        let output = with_tails(edited(&edits, value)?);
        if edits.is_empty() {
            let message = format!("{} changed no file that may be changed", self.0.name);
            return Ok(failed(ErrorClass::NoPatch, message, output));
        }
        Ok(Outcome::Succeeded(output))
    }
}

/// Puts values where `{1}`, `{2}` … stand.
fn fill(command: &[String], values: &[String]) -> Result<Vec<String>, String> {
    command
        .iter()
        .map(|word| {
            let mut out = word.clone();
            for (at, value) in values.iter().enumerate() {
                out = out.replace(&format!("{{{}}}", at + 1), value);
            }
            let open = (values.len() + 1..10).find(|n| word.contains(&format!("{{{n}}}")));
            match open {
                Some(n) => Err(format!("are {}, and the command asks for {{{n}}}", values.len())),
                None => Ok(out),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn values_stand_where_they_are_asked_for() {
        let command = ["tool", "--file={1}", "{2}{1}"].map(str::to_owned);
        let values = ["a b".to_owned(), "c".to_owned()];
        assert_eq!(fill(&command, &values).unwrap(), ["tool", "--file=a b", "ca b"]);
        assert!(fill(&command, &values[..1]).unwrap_err().contains("{2}"));
    }
}

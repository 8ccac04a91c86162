//! push and pull_request: what a plan has committed, brought to a remote, where a person has asked for it.

use std::sync::Arc;

use astraea_engine::{ErrorClass, Outcome, Output, Rejection, TaskContext};
use async_trait::async_trait;
use serde_json::{Value, json};

use super::Action;
use super::answer::failed;
use super::args::Args;
use crate::publish::{Publisher, PullRequest};
use crate::{Error, Workspace};

/// Brings the branch of the `commit` before it to the remote. Refused where the options hold no publisher.
///
/// Arguments of `pull_request`: `title`, `body`, `into`, `draft`. The value of the output is what was pushed or opened.
#[derive(Clone, Copy, Debug)]
pub(super) enum Publish {
    /// A push.
    Push,
    /// A pull request for a branch that was pushed.
    PullRequest,
}

#[async_trait]
impl Action for Publish {
    async fn admit(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<(), Rejection> {
        publisher(ws, cx).map(drop)
    }

    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        let publisher = match publisher(ws, cx) {
            Ok(publisher) => publisher,
            Err(no) => {
                return Ok(failed(ErrorClass::AdmitRejected, no.to_string(), Output::default()));
            }
        };
        let inputs = cx.inputs();
        let delivered = |(_, output): &(_, Arc<Output>)| {
            output.value["commit"].is_string().then(|| output.value.clone())
        };
        let Some(done) = inputs.iter().rev().find_map(delivered) else {
            let message = "nothing was committed before it";
            return Ok(failed(ErrorClass::ConfigError, message, Output::default()));
        };
        let branch = done["branch"].as_str().unwrap_or_default();
        let value = match self {
            Self::Push => {
                cx.progress("git push");
                to_value(&publisher.push(branch, &cx.cancel).await?)?
            }
            Self::PullRequest => {
                let args = Args::of(cx);
                let title = args.text(&["title", "goal_text", "goal"])?.unwrap_or(branch);
                let wanted = PullRequest::new(title.lines().next().unwrap_or_default())
                    .with_body(args.text(&["body"])?.unwrap_or_default())
                    .with_draft(args.get("draft") == Some(&Value::Bool(true)))
                    .with_into(args.text(&["into"])?.map(str::to_owned));
                to_value(&publisher.pull_request(branch, &wanted).await?)?
            }
        };
        Ok(Outcome::Succeeded(Output::of(json!({ "tier": "host", "published": value }))))
    }
}

fn publisher(ws: &Workspace, cx: &TaskContext) -> Result<Arc<Publisher>, Rejection> {
    ws.options().publisher.clone().ok_or_else(|| {
        Rejection::new(
            "publishing_not_asked_for",
            format!(
                "{} is done only for a person who asks for it; `astra push` does it",
                cx.task.action
            ),
        )
    })
}

fn to_value<T: serde::Serialize>(value: &T) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(|e| Error::Internal(format!("a push as JSON: {e}")))
}

//! push and pull_request: what a plan has committed, brought to a remote, where a person has asked for it.

use std::sync::Arc;

use astraea_engine::{ErrorClass, Outcome, Output, TaskContext};
use async_trait::async_trait;
use serde_json::{Value, json};

use super::Action;
use super::answer::failed;
use super::args::Args;
use crate::publish::{Publisher, PullRequest};
use crate::{Error, Workspace};

/// Brings the branch of the `commit` before it to the remote. It needs a person's word where the options hold no
/// publisher, or do not let it open pull requests.
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
    async fn run(&self, ws: &Arc<Workspace>, cx: &TaskContext) -> Result<Outcome, Error> {
        let Some(publisher) = self.publisher(ws) else {
            return Ok(failed(ErrorClass::NeedsApproval, self.not_asked(), Output::default()));
        };
        let inputs = cx.inputs();
        let delivered = |(_, output): &(_, Arc<Output>)| {
            output.value["commit"].is_string().then(|| output.value.clone())
        };
        let Some(done) = inputs.iter().rev().find_map(delivered) else {
            let message = "nothing was committed before it";
            return Ok(failed(ErrorClass::ConfigError, message, Output::default()));
        };
        let text = |name: &str| done[name].as_str().unwrap_or_default();
        let branch = text("branch");
        let value = match self {
            Self::Push => {
                cx.progress("git push");
                to_value(&publisher.push(branch, &[text("commit")], &cx.cancel).await?)?
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

impl Publish {
    /// What to act through, if a person has asked for it in this run: that a method says so is not enough.
    fn publisher(self, ws: &Workspace) -> Option<Arc<Publisher>> {
        let asked = matches!(self, Self::Push) || ws.options().pull_requests;
        ws.options().publisher.clone().filter(|_| asked)
    }

    fn not_asked(self) -> String {
        let (action, flag) = match self {
            Self::Push => ("push", "--push"),
            Self::PullRequest => ("pull_request", "--pull-request"),
        };
        let word = flag.trim_start_matches('-').replace('-', "_");
        format!(
            "{action} was not asked for in this run, a method alone cannot ask for it: begin with `astra run {flag}`, or set \
             `{word} = true` in [git] of your own config.toml; what was committed is kept, and `astra push` brings it there"
        )
    }
}

fn to_value<T: serde::Serialize>(value: &T) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(|e| Error::Internal(format!("a push as JSON: {e}")))
}

//! `execute_goal`: the tool that acts.

use std::sync::Arc;

use astraea_goals::{Astra, BUILT_IN_GOALS, Envelope, ExecuteGoal, Watch};
use astraea_llm::Tool;
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{CallContext, ToolAnswer, ToolHandler};
use crate::{RunInfo, Runs};

/// Carries a goal out.
#[derive(Debug)]
pub(super) struct ExecuteGoalTool {
    pub(super) astra: Arc<Astra>,
    pub(super) runs: Runs,
}

#[async_trait]
impl ToolHandler for ExecuteGoalTool {
    fn tool(&self) -> Tool {
        Tool {
            name: "execute_goal".into(),
            description: format!(
                "Carry out a coding goal on the repository: plan it, work in a copy, run the tests, deliver a branch. \
                 goal_text is one of {}, optionally followed by a colon and words, or words alone.",
                BUILT_IN_GOALS.join(", ")
            ),
            parameters: schema(true),
        }
    }

    async fn call(&self, cx: &CallContext, arguments: Value) -> ToolAnswer {
        let goal = match ExecuteGoal::from_tool(&arguments) {
            Ok(goal) => goal,
            Err(error) => return ToolAnswer::refusal(format!("not carried out: {error}")),
        };
        let Some(_place) = self.runs.place(&cx.cancel).await else {
            return ToolAnswer::refusal("not carried out: it was called off before its turn");
        };
        let (sender, receiver) = mpsc::unbounded_channel();
        let watch = Watch { events: Some(sender), cancel: cx.cancel.child_token() };
        let relay = relay(receiver, cx.events.clone(), self.runs.clone(), watch.cancel.clone());
        let work = async {
            let result = self.astra.execute_goal(goal, &watch).await;
            drop(watch);
            result
        };
        let (result, ()) = tokio::join!(work, relay);
        match result {
            Ok(result) => ToolAnswer {
                text: result.to_text(),
                runs: vec![RunInfo::of(&result)],
                refused: false,
            },
            Err(error) => ToolAnswer::refusal(format!("not carried out: {error}")),
        }
    }
}

/// Passes events on, and keeps the list of runs that go on.
async fn relay(
    mut from: mpsc::UnboundedReceiver<Envelope>,
    to: Option<mpsc::UnboundedSender<Envelope>>,
    runs: Runs,
    cancel: tokio_util::sync::CancellationToken,
) {
    let mut known: Option<String> = None;
    while let Some(event) = from.recv().await {
        if known.is_none()
            && let Some(run) = &event.run
        {
            runs.begin(run, cancel.clone());
            known = Some(run.clone());
        }
        if let Some(to) = &to {
            // A listener that went away does not stop the work.
            let _ = to.send(event);
        }
    }
    if let Some(run) = known {
        runs.end(&run);
    }
}

/// The arguments of `execute_goal` and `plan_goal`.
pub(super) fn schema(with_timeout: bool) -> Value {
    let mut properties = json!({
        "goal_text": {"type": "string", "minLength": 1, "description": "what to do"},
        "context": {"type": "object", "description": "facts such as {\"has_codebase\": true}, and values: feature_name, description; to give an edit yourself file_path with search and replace, or file_path with new_content; to give a test too test_path with test_content; tests, a list of the test ids that matter"}
    });
    if with_timeout {
        properties["timeout_ms"] = json!({"type": "integer", "minimum": 1, "maximum": 86_400_000, "description": "default 60000"});
    }
    json!({"type": "object", "required": ["goal_text"], "additionalProperties": false, "properties": properties})
}

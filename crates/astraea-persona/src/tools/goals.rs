//! Tools about goals: plan, look, stop, keep a list, and queue a change for a person.

use std::sync::Arc;

use astraea_goals::{
    Astra, ExecuteGoal, ScheduleChange, Watch,
    store::{Goal, GoalId, GoalQuery, GoalState, NewGoal, StoreError},
};
use astraea_llm::Tool;
use async_trait::async_trait;
use serde_json::{Value, json};

use super::{
    CallContext, NOT_AVAILABLE, ToolAnswer, ToolHandler,
    execute::{ExecuteGoalTool, schema},
};
use crate::Runs;

/// Goals of a listing.
const MAX_GOALS: usize = 50;

/// The tools that carry out, plan, watch and keep goals.
#[must_use]
pub fn goal_tools(astra: Arc<Astra>, runs: Runs) -> Vec<Arc<dyn ToolHandler>> {
    let mut tools: Vec<Arc<dyn ToolHandler>> =
        vec![Arc::new(ExecuteGoalTool { astra: astra.clone(), runs: runs.clone() })];
    for what in What::ALL {
        tools.push(Arc::new(GoalTool { what, astra: Some(astra.clone()), runs: runs.clone() }));
    }
    tools
}

/// `schedule_code_modification`; without a repository it says that it is not available.
#[must_use]
pub fn change_tool(astra: Option<Arc<Astra>>) -> Arc<dyn ToolHandler> {
    Arc::new(GoalTool { what: What::Schedule, astra, runs: Runs::default() })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Plan,
    Status,
    Cancel,
    Create,
    List,
    Adopt,
    Abandon,
    Schedule,
}

impl What {
    const ALL: [Self; 8] = [
        Self::Plan,
        Self::Status,
        Self::Cancel,
        Self::Create,
        Self::List,
        Self::Adopt,
        Self::Abandon,
        Self::Schedule,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan_goal",
            Self::Status => "goal_status",
            Self::Cancel => "cancel_goal",
            Self::Create => "create_goal",
            Self::List => "list_goals",
            Self::Adopt => "adopt_goal",
            Self::Abandon => "abandon_goal",
            Self::Schedule => "schedule_code_modification",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Plan => "Observe the repository and plan a goal, and do no more.",
            Self::Status => {
                "How a run stands, or how it ended; without a run, the latest runs in a line each."
            }
            Self::Cancel => "Stop a run that goes on. What it did is kept, and it can be resumed.",
            Self::Create => "Propose a goal for the list of goals. Nothing is carried out.",
            Self::List => "The goals on the list, the newest last.",
            Self::Adopt => {
                "Take a proposed goal up. Refused where an active belief contradicts it."
            }
            Self::Abandon => "Give a goal up.",
            Self::Schedule => {
                "Queue a change of one file. A person approves or rejects it; nothing changes before."
            }
        }
    }

    fn parameters(self) -> Value {
        let part = json!({"type": "number", "minimum": 0, "maximum": 1});
        let text = json!({"type": "string", "minLength": 1});
        let (required, properties) = match self {
            Self::Plan => return schema(false),
            Self::Status => (vec![], json!({"run": text})),
            Self::Cancel => (vec!["run"], json!({"run": text})),
            Self::Create => {
                (vec!["text"], json!({"text": text, "value": part, "effort": part, "risk": part}))
            }
            Self::List => {
                let states: Vec<_> = GoalState::ALL.iter().map(|state| state.as_str()).collect();
                (vec![], json!({"state": {"type": "string", "enum": states}}))
            }
            Self::Adopt => (vec!["goal_id"], json!({"goal_id": text})),
            Self::Abandon => {
                (vec!["goal_id"], json!({"goal_id": text, "reason": {"type": "string"}}))
            }
            Self::Schedule => (
                vec!["file_path", "new_content", "reason"],
                json!({"file_path": text, "new_content": {"type": "string"}, "reason": text, "goal_id": {"type": "string"}}),
            ),
        };
        json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
    }
}

#[derive(Debug)]
struct GoalTool {
    what: What,
    astra: Option<Arc<Astra>>,
    runs: Runs,
}

#[async_trait]
impl ToolHandler for GoalTool {
    fn tool(&self) -> Tool {
        Tool {
            name: self.what.name().into(),
            description: self.what.description().into(),
            parameters: self.what.parameters(),
        }
    }

    async fn call(&self, cx: &CallContext, arguments: Value) -> ToolAnswer {
        let Some(astra) = &self.astra else { return ToolAnswer::refusal(NOT_AVAILABLE) };
        let done = match self.what {
            What::Plan => plan(astra, cx, &arguments).await,
            What::Status => status(astra, &arguments),
            What::Cancel => self.cancel(&arguments),
            What::Schedule => schedule(astra, arguments).await,
            _ => on_the_list(self.what, astra, &arguments).await.map_err(|error| error.to_string()),
        };
        match done {
            Ok(text) => ToolAnswer::text(text),
            Err(problem) => ToolAnswer::refusal(format!("not carried out: {problem}")),
        }
    }
}

impl GoalTool {
    fn cancel(&self, arguments: &Value) -> Result<String, String> {
        let run = text(arguments, "run");
        if self.runs.cancel(run) {
            return Ok(format!("{run} is being stopped; it can be resumed"));
        }
        let alive = self.runs.alive();
        let alive = if alive.is_empty() { "none".to_owned() } else { alive.join(", ") };
        Err(format!("no run `{run}` goes on here; alive: {alive}"))
    }
}

async fn plan(astra: &Astra, cx: &CallContext, arguments: &Value) -> Result<String, String> {
    let goal = ExecuteGoal::from_tool(arguments).map_err(|error| error.to_string())?;
    let watch = Watch { cancel: cx.cancel.child_token(), ..Watch::default() };
    let report = astra.plan_goal(goal, &watch).await.map_err(|error| error.to_string())?;
    Ok(report.to_text())
}

fn status(astra: &Astra, arguments: &Value) -> Result<String, String> {
    let runs = astra.runs().map_err(|error| error.to_string())?;
    let wanted = arguments["run"].as_str();
    let mut lines = String::new();
    for run in runs.iter().filter(|run| wanted.is_none_or(|wanted| wanted == run.run)).take(10) {
        let outcome = run.outcome.map(|outcome| format!(", {outcome}")).unwrap_or_default();
        let state = serde_json::to_value(run.state).unwrap_or_default();
        let state = state.as_str().unwrap_or("unknown");
        lines.push_str(&format!("{}: {} — {state}{outcome}\n", run.run, run.goal_text));
    }
    if lines.is_empty() {
        return Ok(
            wanted.map_or("no run yet".into(), |wanted| format!("there is no run `{wanted}`"))
        );
    }
    if let Some(wanted) = wanted
        && let Ok(result) = astra.result(wanted)
    {
        lines.push('\n');
        lines.push_str(&result.to_text());
    }
    Ok(lines)
}

async fn schedule(astra: &Astra, arguments: Value) -> Result<String, String> {
    let wanted: ScheduleChange =
        serde_json::from_value(arguments).map_err(|error| error.to_string())?;
    let change = astra.schedule_change(wanted).await.map_err(|error| error.to_string())?;
    Ok(format!(
        "change {} of {} is scheduled: {}. A person decides: `astra changes approve {}` or `reject`",
        change.id, change.file_path, change.status, change.id
    ))
}

async fn on_the_list(what: What, astra: &Astra, arguments: &Value) -> Result<String, StoreError> {
    let store = astra.goals();
    let id = || GoalId::from(text(arguments, "goal_id"));
    match what {
        What::Create => {
            let worth = |name: &str, default: f64| arguments[name].as_f64().unwrap_or(default);
            let goal = NewGoal::new(text(arguments, "text")).with_worth(
                worth("value", 0.5),
                worth("effort", 0.5),
                worth("risk", 0.2),
            );
            Ok(line(&store.create(goal, None).await?))
        }
        What::Adopt => Ok(line(&store.adopt(&id(), None, None).await?)),
        What::Abandon => {
            let reason = arguments["reason"].as_str().unwrap_or("abandoned in conversation");
            Ok(line(&store.abandon(&id(), reason, None, None).await?))
        }
        _ => {
            let mut query = GoalQuery::default();
            if let Some(state) = arguments["state"].as_str().and_then(GoalState::from_name) {
                query = query.with_state(state);
            }
            let goals = store.list(&query)?;
            let left_out = goals.len().saturating_sub(MAX_GOALS);
            let mut out = String::new();
            if left_out > 0 {
                out.push_str(&format!("({left_out} older ones)\n"));
            }
            for goal in &goals[left_out..] {
                out.push_str(&format!("{}\n", line(goal)));
            }
            Ok(if out.is_empty() { "no goals on the list".into() } else { out })
        }
    }
}

fn line(goal: &Goal) -> String {
    format!("{} [{}] {}", goal.id, goal.state, goal.definition.text)
}

fn text<'a>(arguments: &'a Value, name: &str) -> &'a str {
    arguments[name].as_str().unwrap_or_default()
}

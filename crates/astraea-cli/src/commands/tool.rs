//! `astra tool`: a tool called directly, without a model.

use std::sync::Arc;

use astraea_goals::ExecuteGoal;
use astraea_llm::ToolCall;
use astraea_persona::{CallContext, Runs};
use serde_json::{Value, json};

use crate::{
    args::Global,
    commands::{self, changes, open, serve::toolset},
    failure::Failure,
    output,
};

/// Calls the tool `name`.
///
/// # Errors
/// When there is no such tool, its arguments are not what it takes, or it does not do what it was asked.
pub(crate) async fn run(global: &Global, name: &str, arguments: &str) -> Result<u8, Failure> {
    let arguments: Value = serde_json::from_str(arguments).map_err(|error| {
        Failure::new(2, format!("the arguments of {name} are not JSON: {error}"))
    })?;
    match name {
        // These two have answers of their own on the command line: progress, exit codes.
        "execute_goal" => {
            let request = ExecuteGoal::from_tool(&arguments)?;
            let astra = open(global, false)?;
            let request = commands::run::scoped(&astra, request);
            let result = commands::run::watched(global, |watch| async move {
                astra.execute_goal(request, &watch).await
            })
            .await?;
            commands::run::print_result(global, &result, None)?;
            Ok(result.exit_code)
        }
        "schedule_code_modification" => changes::schedule(global, &arguments).await,
        _ => other(global, name, arguments).await,
    }
}

/// The tools, with what each does; as JSON with the schemas of their arguments.
///
/// # Errors
/// When the repository cannot be used.
pub(crate) fn list(global: &Global) -> Result<u8, Failure> {
    let astra = Arc::new(open(global, false)?);
    let tools = toolset(&astra, &Runs::default()).tools();
    if global.json {
        output::json(&json!(tools))?;
    } else {
        let rows: Vec<_> =
            tools.into_iter().map(|tool| vec![tool.name, tool.description]).collect();
        output::text(&output::table(&rows))?;
    }
    Ok(0)
}

async fn other(global: &Global, name: &str, arguments: Value) -> Result<u8, Failure> {
    let astra = Arc::new(open(global, false)?);
    let tools = toolset(&astra, &Runs::default());
    let call = ToolCall { id: "cli".into(), name: name.to_owned(), arguments };
    // Bad usage and a refusal of the tool itself are told apart.
    tools.check(&call).map_err(|problem| Failure::new(2, problem))?;
    let answer = tools.call(&CallContext::default(), &call).await;
    if answer.refused {
        return Err(Failure::new(1, answer.text));
    }
    if global.json {
        output::json(&json!({ "tool": name, "text": answer.text }))?;
    } else {
        output::text(&answer.text)?;
    }
    Ok(0)
}

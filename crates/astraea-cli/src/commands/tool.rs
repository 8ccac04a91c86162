//! `astra tool`: a tool called directly, without a model.

use astraea_goals::ExecuteGoal;
use serde_json::Value;

use crate::{
    args::Global,
    commands::{self, changes, open},
    failure::Failure,
};

/// Calls the tool `name`.
///
/// # Errors
/// When there is no such tool, or its arguments are not what it takes.
pub(crate) async fn run(global: &Global, name: &str, arguments: &str) -> Result<u8, Failure> {
    let arguments: Value = serde_json::from_str(arguments).map_err(|error| {
        Failure::new(2, format!("the arguments of {name} are not JSON: {error}"))
    })?;
    match name {
        "execute_goal" => {
            let request = ExecuteGoal::from_tool(&arguments)?;
            let astra = open(global, false)?;
            let request = commands::run::scoped(&astra, request);
            let result = commands::run::watched(global, |watch| async move {
                astra.execute_goal(request, &watch).await
            })
            .await?;
            commands::run::print_result(global, &result)?;
            Ok(result.exit_code)
        }
        "schedule_code_modification" => changes::schedule(global, &arguments).await,
        other => Err(Failure::new(
            2,
            format!(
                "there is no tool `{other}`; there are execute_goal and schedule_code_modification"
            ),
        )),
    }
}

//! `astra changes`: changes that wait for a person's word.

use astraea_goals::{ScheduleChange, changes::Change};
use serde_json::{Value, json};

use crate::{
    args::{Changes, Global},
    commands::{open, print_as},
    failure::Failure,
    output::{self, shown},
};

/// Lists, approves or rejects changes.
///
/// # Errors
/// When there is no such change, or it does not wait.
pub(crate) async fn run(global: &Global, command: Option<Changes>) -> Result<u8, Failure> {
    let astra = open(global, false)?;
    match command.unwrap_or(Changes::List) {
        Changes::List => list(global, &astra.changes()?)?,
        Changes::Show { id } => {
            let diff = astra.change_diff(&id)?;
            print_as(global, &json!({ "id": id, "diff": diff }), || diff.clone())?;
        }
        Changes::Approve { id } => {
            let approved = astra.approve_change(&id).await?;
            print_as(global, &approved, || {
                format!(
                    "approved; it is on {}, and no test was run on it\ntake: astra apply {}",
                    approved.branch, approved.branch
                )
            })?;
        }
        Changes::Reject { id, reason } => {
            list(global, &[astra.reject_change(&id, &reason).await?])?
        }
    }
    Ok(0)
}

/// The tool `schedule_code_modification`.
///
/// # Errors
/// When the arguments are not what it takes, or the path is forbidden.
pub(crate) async fn schedule(global: &Global, arguments: &Value) -> Result<u8, Failure> {
    let wanted: ScheduleChange = serde_json::from_value(arguments.clone())
        .map_err(|error| Failure::new(2, format!("schedule_code_modification: {error}")))?;
    let change = open(global, false)?.schedule_change(wanted).await?;
    list(global, &[change])?;
    // Nothing has changed yet: a person decides.
    Ok(4)
}

fn list(global: &Global, changes: &[Change]) -> Result<(), Failure> {
    print_as(global, &changes, || {
        let row = |change: &Change| {
            vec![
                change.id.clone(),
                change.status.to_string(),
                shown(&change.file_path),
                shown(&change.reason),
            ]
        };
        if changes.is_empty() {
            "no changes wait".to_owned()
        } else {
            output::table(&changes.iter().map(row).collect::<Vec<_>>())
        }
    })
}

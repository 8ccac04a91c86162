//! `astra runs`: what was carried out here.

use astraea_goals::RunSummary;

use crate::{
    args::Global,
    commands::{open, print_as},
    failure::Failure,
    output::{self, shown},
};

/// Lists the runs.
///
/// # Errors
/// When the journal cannot be read.
pub(crate) fn run(global: &Global) -> Result<u8, Failure> {
    let runs = open(global, false)?.runs()?;
    print_as(global, &runs, || {
        if runs.is_empty() {
            "no runs yet".to_owned()
        } else {
            output::table(&runs.iter().map(row).collect::<Vec<_>>())
        }
    })?;
    Ok(0)
}

fn row(run: &RunSummary) -> Vec<String> {
    let state = match run.outcome {
        Some(outcome) => outcome.to_string(),
        None => format!("{:?}", run.state).to_lowercase(),
    };
    let note =
        if run.resumable { "astra resume goes on" } else { run.branch.as_deref().unwrap_or("") };
    vec![run.run.clone(), run.started_at.clone(), state, shown(&run.goal_text), shown(note)]
}

//! `astra plan`: what would be done, and why.

use astraea_goals::Watch;

use crate::{
    args::{Global, Goal},
    commands::{self, open},
    failure::Failure,
    output,
};

/// How the plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Explained,
    Json,
    Dot,
    Mermaid,
}

impl Form {
    /// By the flags; clap refuses those that contradict each other.
    pub(crate) fn choose(json: bool, explain: bool, dot: bool, mermaid: bool) -> Self {
        match (dot, mermaid, json, explain) {
            (true, ..) => Self::Dot,
            (_, true, ..) => Self::Mermaid,
            (_, _, true, _) => Self::Json,
            (.., true) => Self::Explained,
            _ => Self::Text,
        }
    }
}

/// Observes and plans.
///
/// # Errors
/// What keeps the goal from being planned; that there is no plan is an answer, with exit code 3.
pub(crate) async fn run(global: &Global, goal: &Goal, form: Form) -> Result<u8, Failure> {
    let request = commands::run::request(goal)?;
    let astra = open(global, goal.allow_shell)?;
    let request = commands::run::scoped(&astra, request);
    let report = astra.plan_goal(request, &Watch::default()).await?;
    match form {
        Form::Text => output::text(&report.to_text())?,
        Form::Explained => output::text(&format!("{}\n{}", report.to_text(), report.explanation))?,
        Form::Json => output::json(&report.to_json())?,
        Form::Dot => output::text(report.to_dot())?,
        Form::Mermaid => output::text(report.to_mermaid())?,
    }
    if !report.found {
        eprintln!(
            "astra: no plan for {}: {}",
            report.goal,
            report.explanation.lines().next().unwrap_or_default()
        );
    }
    Ok(report.exit_code())
}

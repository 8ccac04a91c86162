//! `astra push`, and what `astra run` publishes when it is asked to.

use astraea_goals::{Astra, GoalResult, PublishReport, PublishRequest};

use crate::{
    args::{Global, Publish, Push},
    commands::{open, print_as},
    failure::Failure,
};

/// `astra push`.
///
/// # Errors
/// When there is no such result, the remote refuses, or the user's own commits would go along.
pub(crate) async fn run(global: &Global, push: &Push) -> Result<u8, Failure> {
    let request = PublishRequest::new(push.result.as_deref())
        .with_pull_request(push.pull_request)
        .with_remote(push.remote.clone())
        .with_into(push.into.clone())
        .with_my_commits(push.with_my_commits);
    let report = open(global, false)?.publish(request).await?;
    print_as(global, &report, || report.to_text())?;
    Ok(code(&report))
}

/// What was asked for and did not come about is no success.
pub(crate) fn code(report: &PublishReport) -> u8 {
    u8::from(report.problem.is_some())
}

/// Whether a push and a pull request are wanted: by flags, or by the person's own settings. What the words of a goal say
/// is never taken for it: `do not push it` has the same words.
pub(crate) fn wanted(astra: &Astra, flags: &Publish) -> (bool, bool) {
    let git = &astra.config().git;
    let pull_request = flags.pull_request || git.pull_request;
    (flags.push || git.push || pull_request, pull_request)
}

/// Publishes the result of a run that has just ended, if it is a success.
///
/// # Errors
/// What keeps the branch from being pushed; the goal itself is achieved all the same.
pub(crate) async fn after(
    astra: &Astra,
    result: &GoalResult,
    (push, pull_request): (bool, bool),
) -> Result<Option<PublishReport>, Failure> {
    if !push || !result.success || result.branch.is_none() {
        return Ok(None);
    }
    let request = PublishRequest::new(Some(&result.run)).with_pull_request(pull_request);
    astra.publish(request).await.map(Some).map_err(|error| {
        let again = if pull_request { " --pull-request" } else { "" };
        Failure::new(
            error.exit_code(),
            format!("not pushed: {error}; the result is kept: astra push {}{again}", result.run),
        )
    })
}

//! `astra push`, and what `astra run` publishes when it is asked to.

use astraea_goals::{Astra, GoalResult, PublishReport, PublishRequest};

use crate::{
    args::{Global, Publish, Push},
    commands::{open, print_as},
    failure::Failure,
};

/// Ways of asking for a pull request, and for a push, in the words of a goal.
const PULL_REQUEST: [&str; 8] = [
    "open a pull request",
    "open a merge request",
    "make a pull request",
    "make a merge request",
    "create a pull request",
    "create a merge request",
    "open a pr",
    "create a pr",
];
const PUSH: [&str; 4] = ["and push it", "then push it", "and push the branch", "push the result"];

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

/// Whether a push and a pull request are wanted: by flags, by the words of the person, or by their settings.
pub(crate) fn wanted(astra: &Astra, flags: &Publish, goal: &str) -> (bool, bool) {
    let git = &astra.config().git;
    let (push, pull_request) = asked(goal);
    let pull_request = pull_request || flags.pull_request || git.pull_request;
    (push || flags.push || git.push || pull_request, pull_request)
}

/// What the words of a goal ask for.
fn asked(goal: &str) -> (bool, bool) {
    let words = goal.to_lowercase();
    let says = |list: &[&str]| {
        list.iter().any(|phrase| {
            words.match_indices(phrase).any(|(at, _)| {
                let after = words[at + phrase.len()..].chars().next();
                after.is_none_or(|c| !c.is_alphanumeric())
            })
        })
    };
    (says(&PUSH), says(&PULL_REQUEST))
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

#[cfg(test)]
mod tests {
    use super::asked;

    #[test]
    fn a_push_is_what_the_words_say_and_not_what_they_are_about() {
        assert_eq!(asked("fix_bug: the sum, and open a pull request"), (false, true));
        assert_eq!(asked("mend the parser and push it"), (true, false));
        assert_eq!(asked("Mend it, then open a PR."), (false, true));
        for about in ["the push button fails", "open a prompt", "pull requests are not listed"] {
            assert_eq!(asked(about), (false, false), "{about}");
        }
    }
}

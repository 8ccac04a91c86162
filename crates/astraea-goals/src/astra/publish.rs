//! Pushing a result, and opening a pull request for it: for a person who asks.

use std::fmt::Write as _;

use astraea_engine::CancellationToken;
use astraea_executors::Error as ExecutorError;
use astraea_executors::publish::{Opened, PublishOptions, Publisher, PullRequest, Pushed};
use serde::Serialize;
use serde_json::json;

use super::Astra;
use crate::error::GoalError;
use crate::result::{GoalResult, Outcome};
use crate::runs::{self, RunRow};
use crate::store::{PUSHED, REQUESTED};

/// What is to be published, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishRequest {
    /// A run or the branch of one; absent: the newest result.
    pub result: Option<String>,
    /// Whether a pull request is wanted besides.
    pub pull_request: bool,
    /// The remote; absent: what the settings say.
    pub remote: Option<String>,
    /// The branch that the pull request is to be merged into; absent: what the settings say.
    pub into: Option<String>,
    /// Whether commits of the user's that the remote does not have may go along.
    pub with_my_commits: bool,
}

impl PublishRequest {
    /// The newest result, or that of a run or branch.
    #[must_use]
    pub fn new(result: Option<&str>) -> Self {
        Self { result: result.map(str::to_owned), ..Self::default() }
    }

    /// Asks for a pull request besides, or not.
    #[must_use]
    pub fn with_pull_request(mut self, wanted: bool) -> Self {
        self.pull_request = wanted;
        self
    }

    /// Sets the remote.
    #[must_use]
    pub fn with_remote(mut self, remote: Option<String>) -> Self {
        self.remote = remote;
        self
    }

    /// Sets the branch that the pull request is to be merged into.
    #[must_use]
    pub fn with_into(mut self, branch: Option<String>) -> Self {
        self.into = branch;
        self
    }

    /// Lets commits of the user's go along.
    #[must_use]
    pub fn with_my_commits(mut self, along: bool) -> Self {
        self.with_my_commits = along;
        self
    }
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PublishReport {
    /// What the push did.
    pub pushed: Pushed,
    /// The pull request, where one was asked for.
    pub pull_request: Option<Opened>,
    /// Why there is none though one was asked for; the push stays.
    pub problem: Option<String>,
}

impl PublishReport {
    /// The report for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let Pushed { remote, url, branch, commits, was_there, .. } = &self.pushed;
        let mut out = match was_there {
            true => format!("{branch} is at {remote} already ({url})\n"),
            false => {
                let word = if *commits == 1 { "commit" } else { "commits" };
                format!("pushed {branch} to {remote} ({url}): {commits} {word}\n")
            }
        };
        if let Some(Opened { url, number, into, was_open, .. }) = &self.pull_request {
            let word = if *was_open { "was open already" } else { "opened" };
            let _ = writeln!(out, "pull request {number} into {into} {word}: {url}");
        }
        if let Some(problem) = &self.problem {
            let _ = writeln!(out, "no pull request: {problem}");
        }
        out
    }
}

impl Astra {
    /// Pushes the branch of a result, and opens a pull request for it if that is asked for. Done again, it finds what is
    /// there already.
    ///
    /// Only a person may ask for it: no tool and no plan of a conversation comes here.
    ///
    /// # Errors
    /// [`GoalError::NothingDelivered`], [`GoalError::NoSuchRun`]; [`GoalError::NeedsApproval`] where commits of the user's
    /// would go along; [`GoalError::Delivery`] where the push fails. A pull request that cannot be opened is told in the
    /// report.
    pub async fn publish(&self, request: PublishRequest) -> Result<PublishReport, GoalError> {
        self.usable()?;
        self.check_ledger()?;
        let (branch, run) = self.branch(request.result.as_deref(), "push")?;
        if run.is_none() && !branch.starts_with("astra/") {
            return Err(GoalError::NoSuchRun { run: branch });
        }
        let rows = runs::all(&self.reader()?)?;
        let row = rows.iter().find(|row| run.as_ref().is_some_and(|run| row.run == run.as_str()));
        let result = row.and_then(RunRow::goal_result);
        let delivered = self.delivered(&rows)?.remove(&branch).unwrap_or_default();
        let ours: Vec<&str> = delivered.iter().map(String::as_str).collect();
        let mut options = self.publish_options().with_my_commits(request.with_my_commits);
        if let Some(remote) = &request.remote {
            options = options.with_remote(remote);
        }
        let publisher = self.publisher(options);
        let pushed = publisher
            .push(&branch, &ours, &CancellationToken::new())
            .await
            .map_err(|error| told(error, &self.redactor))?;
        let data = json!({
            "remote": pushed.remote, "url": pushed.url, "branch": pushed.branch, "commit": pushed.commit,
            "commits": pushed.commits, "was_there": pushed.was_there, "tier": "host",
        });
        self.record(PUSHED, data, run.clone()).await?;
        let mut report = PublishReport { pushed, pull_request: None, problem: None };
        if request.pull_request {
            let into = request.into.or_else(|| self.config.git.into.clone());
            let wanted = wording(result.as_ref(), &branch).with_into(into);
            match publisher.pull_request(&branch, &wanted).await {
                Ok(opened) => {
                    let data = json!({
                        "url": opened.url, "number": opened.number, "into": opened.into,
                        "branch": branch, "was_open": opened.was_open,
                    });
                    self.record(REQUESTED, data, run).await?;
                    report.pull_request = Some(opened);
                }
                Err(error) => {
                    report.problem = Some(self.redactor.redact(&error.to_string()).into())
                }
            }
        }
        Ok(report)
    }

    pub(super) fn publish_options(&self) -> PublishOptions {
        self.config.git.options(&self.options.env)
    }

    pub(super) fn publisher(&self, options: PublishOptions) -> Publisher {
        let (repo, sandbox) = (self.repo.clone(), self.sandbox().clone());
        Publisher::new(repo, sandbox, (*self.redactor).clone(), options)
    }
}

fn told(error: ExecutorError, redactor: &astraea_redact::Redactor) -> GoalError {
    let text = redactor.redact(&error.to_string()).into_owned();
    match error {
        ExecutorError::TakesAlong { .. } => GoalError::NeedsApproval(text),
        _ => GoalError::Delivery(text),
    }
}

/// Title and text of a pull request: what the report says, and no more than it says.
fn wording(result: Option<&GoalResult>, branch: &str) -> PullRequest {
    let Some(result) = result else {
        return PullRequest::new(branch).with_draft(true);
    };
    let text = result.goal_text.trim();
    let text = text.strip_prefix(result.goal.as_str()).unwrap_or(text);
    let words = text.trim_start_matches([':', ' ']).lines().next().unwrap_or_default();
    let files = result.files.join(", ");
    let title = match words {
        "" => format!("{}: {files}", result.goal),
        words => words.to_owned(),
    };
    let title: String = title.chars().take(120).collect();
    let mut body = format!("{}: {}\n", result.outcome, result.summary.trim());
    if let Some(evidence) = &result.evidence {
        let _ = writeln!(
            body,
            "\n{} of {} tests pass ({}, sandbox tier {}).",
            evidence.passed, evidence.tests_run, evidence.runner, evidence.tier
        );
        if !evidence.rows.is_empty() {
            body.push_str("\n| test | before | after |\n|---|---|---|\n");
        }
        for row in evidence.rows.iter().take(20) {
            let word = |o: &Option<String>| cell(o.as_deref().unwrap_or("absent"));
            let _ = writeln!(
                body,
                "| `{}` | {} | {} |",
                cell(&row.test),
                word(&row.before),
                word(&row.after)
            );
        }
    }
    let head = result.ledger_head.as_deref().and_then(|head| head.get(..12));
    let ledger = head.map(|head| format!(", ledger {head}")).unwrap_or_default();
    let _ = writeln!(body, "\nMade by Astraea in `{}`{ledger}.", result.run);
    let sure = matches!(result.outcome, Outcome::Verified | Outcome::Plausible);
    PullRequest::new(title).with_body(body).with_draft(!sure)
}

/// A text that stays inside its cell.
fn cell(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '|' | '`') { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::{Evidence, EvidenceRow};

    #[test]
    fn a_pull_request_says_what_the_report_says() {
        let row = EvidenceRow {
            test: "t::a|b".to_owned(),
            before: Some("failed".to_owned()),
            after: Some("passed".to_owned()),
        };
        let evidence = Evidence { passed: 2, tests_run: 2, rows: vec![row], ..Evidence::default() };
        let mut result = GoalResult {
            goal: "fix_bug".to_owned(),
            goal_text: "fix_bug: the sum is wrong\nmore".to_owned(),
            outcome: Outcome::Plausible,
            summary: "the tests pass".to_owned(),
            evidence: Some(evidence),
            ..GoalResult::default()
        };
        let wanted = wording(Some(&result), "astra/x");
        assert_eq!((wanted.title.as_str(), wanted.draft), ("the sum is wrong", false));
        assert!(wanted.body.starts_with("plausible: the tests pass\n"), "{}", wanted.body);
        assert!(wanted.body.contains("| `t::a b` | failed | passed |"), "{}", wanted.body);
        result.outcome = Outcome::Scaffold;
        assert!(wording(Some(&result), "astra/x").draft);
    }
}

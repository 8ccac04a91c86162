//! What is no longer wanted is removed: results that are in the user's branch or old, records of what has ended.

use std::collections::{BTreeMap, BTreeSet};

use astraea_code_access::Freed;
use astraea_executors::Model;
use astraea_ledger::{Event, Query};
use serde::Serialize;
use serde_json::json;

use super::Astra;
use super::changes::CHANGE_DELIVERED;
use crate::error::GoalError;
use crate::runs::{self, RunRow};

/// Where the branches of results lie.
const RESULTS: &str = "astra";
/// A day, in seconds.
const DAY: i64 = 24 * 60 * 60;

/// What to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PruneOptions {
    /// Results and records that are older than this, in days. Default 30. Conversations of the last day always stay.
    pub older_than_days: u32,
    /// Working copies and kept builds too, whatever their age: the next goal makes them again, which takes it longer.
    pub caches: bool,
    /// Only say what would be removed.
    pub dry_run: bool,
}

impl Default for PruneOptions {
    fn default() -> Self {
        Self { older_than_days: 30, caches: false, dry_run: false }
    }
}

impl PruneOptions {
    /// Sets the age from which results and records are removed, in days.
    #[must_use]
    pub fn with_older_than_days(mut self, days: u32) -> Self {
        self.older_than_days = days;
        self
    }

    /// Removes working copies and kept builds too, or not.
    #[must_use]
    pub fn with_caches(mut self, caches: bool) -> Self {
        self.caches = caches;
        self
    }

    /// Only says what would be removed, or does it.
    #[must_use]
    pub fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }
}

/// A branch that was removed, or was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PrunedBranch {
    /// Its name.
    pub branch: String,
    /// The commit it stood at.
    pub commit: String,
    /// Why it was removed or is kept.
    pub reason: String,
}

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// Branches that are gone; `git branch NAME COMMIT` brings one back until git collects its commit.
    pub branches: Vec<PrunedBranch>,
    /// Branches below `astra/` that stay.
    pub kept: Vec<PrunedBranch>,
    /// Conversations that are gone.
    pub conversations: Freed,
    /// Answers of models, kept for runs that could go on, that are gone.
    pub answers: Freed,
    /// Working copies and kept builds that are gone.
    pub caches: Freed,
    /// Whether nothing was removed but only looked at.
    pub dry_run: bool,
    /// What could not be removed or written down, and why; branches that stay are in `kept`.
    pub problems: Vec<String>,
}

impl PruneReport {
    /// The report for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let word = if self.dry_run { "would remove" } else { "removed" };
        let mut out = String::new();
        for branch in &self.branches {
            let commit = branch.commit.get(..12).unwrap_or(&branch.commit);
            out.push_str(&format!("{word} {} ({commit}): {}\n", branch.branch, branch.reason));
        }
        for branch in &self.kept {
            out.push_str(&format!("kept {}: {}\n", branch.branch, branch.reason));
        }
        for (what, freed) in [
            ("conversations", self.conversations),
            ("answers of models", self.answers),
            ("working copies and builds", self.caches),
        ] {
            if freed.records > 0 {
                let kib = freed.bytes.div_ceil(1024);
                out.push_str(&format!("{word} {} {what}, {kib} KiB\n", freed.records));
            }
        }
        if !self.branches.is_empty() && !self.dry_run {
            out.push_str("a branch comes back with `git branch NAME COMMIT`, until git collects its commit\n");
        }
        for problem in &self.problems {
            out.push_str(&format!("not done: {problem}\n"));
        }
        if out.is_empty() {
            out.push_str("nothing to remove\n");
        }
        out
    }
}

impl Astra {
    /// Removes branches of results whose change is in the user's branch or that are old, and old records of what has
    /// ended. The journal and the ledger are never pruned.
    ///
    /// Only a branch that a run delivered, and that stands at the very commit it delivered, may go; one that a checkout
    /// stands on, or that the next undo or redo needs, is kept all the same. What cannot be removed is told in the
    /// report, beside what was.
    ///
    /// # Errors
    /// Where the repository, the state directory or the journal cannot be read, or the ledger not be written: nothing
    /// is removed then.
    pub async fn prune(&self, options: &PruneOptions) -> Result<PruneReport, GoalError> {
        self.usable()?;
        let now = i64::try_from(self.clock.now_ms() / 1000).unwrap_or(i64::MAX);
        let before = now.saturating_sub(i64::from(options.older_than_days) * DAY);
        let rows = runs::all(&self.reader()?)?;
        let delivered = self.delivered(&rows)?;
        let mut report = PruneReport { dry_run: options.dry_run, ..PruneReport::default() };
        let mut going = Vec::new();
        for found in self.repo.result_branches(RESULTS)? {
            let commit = found.commit.to_string();
            let (goes, reason) = match (delivered.get(&found.branch), &found) {
                (None, _) => (false, "no run here delivered it"),
                (Some(commits), _) if !commits.contains(&commit) => {
                    (false, "it was moved after it was delivered")
                }
                (_, f) if f.in_use => (false, "a checkout, an undo or a redo needs it"),
                (_, f) if f.merged => (true, "its commit is in your branch"),
                (_, f) if f.applied => (true, "it was applied"),
                (_, f) if f.time <= before => (true, "it is old"),
                _ => (false, "it was not applied and is not old"),
            };
            let branch = PrunedBranch { branch: found.branch, commit, reason: reason.to_owned() };
            if goes { going.push((found.commit, branch)) } else { report.kept.push(branch) }
        }
        let really = !options.dry_run;
        if really && !going.is_empty() {
            // Before the first goes: whatever happens then, the ledger has the commits to bring them back by.
            let branches: Vec<&PrunedBranch> = going.iter().map(|(_, branch)| branch).collect();
            self.record("code_modification_pruned", json!({ "branches": branches }), None).await?;
        }
        let mut stayed = Vec::new();
        for (commit, mut branch) in going {
            let removed =
                if really { self.repo.remove_branch(&branch.branch, commit) } else { Ok(()) };
            match removed {
                Ok(()) => report.branches.push(branch),
                Err(error) => {
                    branch.reason = error.to_string();
                    stayed.push(branch);
                }
            }
        }
        if !stayed.is_empty() {
            let data = json!({ "branches": stayed });
            report.kept.append(&mut stayed);
            if let Err(error) = self.record("code_modification_prune_refused", data, None).await {
                report.problems.push(error.to_string());
            }
        }
        // Somebody may still be in a conversation of today: no turn takes longer than a day.
        let asleep = before.min(now - DAY);
        let ended: BTreeSet<String> = rows
            .iter()
            .filter(|row| !row.resumable() && !self.is_alive(&row.run))
            .map(|row| Model::folder(&row.run))
            .collect();
        let freed = |report: &mut PruneReport, freed: Result<Freed, _>| match freed
            .map_err(GoalError::from)
        {
            Ok(freed) => freed,
            Err(error) => {
                report.problems.push(error.to_string());
                Freed::default()
            }
        };
        let gone = self.repo.prune_records("conversations", asleep, really, &|_| false);
        report.conversations = freed(&mut report, gone);
        // A run that is not known to have ended may have begun since the runs were read.
        let gone =
            self.repo.prune_records("answers", i64::MAX, really, &|name| !ended.contains(name));
        report.answers = freed(&mut report, gone);
        if options.caches {
            let gone = self.repo.prune_caches(really);
            report.caches = freed(&mut report, gone);
        }
        Ok(report)
    }

    /// The branches that were delivered here, each with the commits that were on record for it.
    pub(super) fn delivered(
        &self,
        rows: &[RunRow],
    ) -> Result<BTreeMap<String, BTreeSet<String>>, GoalError> {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut add = |branch: Option<String>, commit: Option<String>| {
            if let (Some(branch), Some(commit)) = (branch, commit) {
                all.entry(branch).or_default().insert(commit);
            }
        };
        for result in rows.iter().filter_map(RunRow::goal_result) {
            add(result.branch, result.commit);
            for one in result.alternatives {
                add(one.branch, one.commit);
            }
        }
        let changes = Query::default().with_event(Event::from(CHANGE_DELIVERED));
        for entry in self.ledger_entries(&changes)? {
            let text = |name: &str| entry.data[name].as_str().map(str::to_owned);
            add(text("branch"), text("commit"));
        }
        Ok(all)
    }
}

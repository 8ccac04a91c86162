//! What is no longer wanted is removed: results that are in the user's branch or old, records of what has ended.

use std::collections::BTreeSet;

use astraea_code_access::Freed;
use astraea_executors::Model;
use serde::Serialize;
use serde_json::json;

use super::Astra;
use crate::error::GoalError;
use crate::runs;

/// Where the branches of results lie.
const RESULTS: &str = "astra";
/// A day, in seconds.
const DAY: i64 = 24 * 60 * 60;

/// What to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PruneOptions {
    /// Results and records that are older than this, in days. Default 30.
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
    /// Branches of results that stay.
    pub kept: Vec<PrunedBranch>,
    /// Conversations that are gone.
    pub conversations: Freed,
    /// Answers of models, kept for runs that could go on, that are gone.
    pub answers: Freed,
    /// Working copies and kept builds that are gone.
    pub caches: Freed,
    /// Whether nothing was removed but only looked at.
    pub dry_run: bool,
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
    /// A branch that somebody moved, that a checkout stands on, or that the next undo or redo needs is kept.
    ///
    /// # Errors
    /// Where the repository, the state directory or the journal cannot be read or written.
    pub async fn prune(&self, options: &PruneOptions) -> Result<PruneReport, GoalError> {
        self.usable()?;
        let now = i64::try_from(self.clock.now_ms() / 1000).unwrap_or(i64::MAX);
        let before = now.saturating_sub(i64::from(options.older_than_days) * DAY);
        let mut report = PruneReport { dry_run: options.dry_run, ..PruneReport::default() };
        for found in self.repo.result_branches(RESULTS)? {
            let old = found.time <= before;
            let (gone, reason) = match &found {
                f if f.in_use => (false, "a checkout, an undo or a redo needs it"),
                f if f.merged => (true, "its commit is in your branch"),
                f if !f.untouched => (false, "it was moved after it was delivered"),
                f if f.applied => (true, "it was applied"),
                _ if old => (true, "it is old"),
                _ => (false, "it was not applied and is not old"),
            };
            let branch = PrunedBranch {
                branch: found.branch,
                commit: found.commit.to_string(),
                reason: reason.to_owned(),
            };
            if !gone {
                report.kept.push(branch);
                continue;
            }
            if !options.dry_run {
                self.repo.remove_branch(&branch.branch, found.commit)?;
            }
            report.branches.push(branch);
        }
        let really = !options.dry_run;
        report.conversations =
            self.repo.prune_records("conversations", before, really, &|_| false)?;
        let rows = runs::all(&self.reader()?)?;
        let open: BTreeSet<String> = rows
            .iter()
            .filter(|row| row.resumable() || self.is_alive(&row.run))
            .map(|row| Model::folder(&row.run))
            .collect();
        report.answers =
            self.repo.prune_records("answers", i64::MAX, really, &|name| open.contains(name))?;
        if options.caches {
            report.caches = self.repo.prune_caches(really)?;
        }
        if really && !report.branches.is_empty() {
            let data = json!({ "branches": report.branches });
            self.record("code_modification_pruned", data, None).await?;
        }
        Ok(report)
    }
}

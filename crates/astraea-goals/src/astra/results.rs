//! What to do with a result: look at it, apply it, take it back.

use serde::Serialize;
use serde_json::json;

use astraea_engine::{Journal as _, NewRecord, RunId};

use super::Astra;
use crate::error::GoalError;
use crate::result::GoalResult;
use crate::runs::{self, RunRow, RunSummary};

/// What `apply` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApplyReport {
    /// The branch that was applied.
    pub branch: String,
    /// The commit at HEAD now.
    pub commit: String,
    /// The files that were written.
    pub files: Vec<String>,
    /// HEAD before.
    pub head_before: String,
    /// HEAD after.
    pub head_after: String,
    /// Whether HEAD simply moved to the branch.
    pub fast_forward: bool,
    /// What to know besides.
    pub note: Option<String>,
}

impl ApplyReport {
    /// The report for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = format!("applied {} ({})\n", self.branch, short(&self.commit));
        for file in &self.files {
            out.push_str(&format!("  {file}\n"));
        }
        if let Some(note) = &self.note {
            out.push_str(&format!("note: {note}\n"));
        }
        out.push_str("`astra undo` takes it back\n");
        out
    }
}

/// What `undo` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UndoReport {
    /// The branch whose change was taken back.
    pub branch: String,
    /// The files that were written.
    pub files: Vec<String>,
    /// HEAD before.
    pub head_before: String,
    /// HEAD after.
    pub head_after: String,
    /// Whether anything changed.
    pub changed: bool,
}

impl UndoReport {
    /// The report for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = format!("took {} back\n", self.branch);
        for file in &self.files {
            out.push_str(&format!("  {file}\n"));
        }
        out.push_str("`astra redo` puts it in place again\n");
        out
    }
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

impl Astra {
    /// Brings a branch that a run delivered into the checkout; without a name, the newest.
    ///
    /// All or nothing: where the user changed one of the files meanwhile, nothing is written.
    ///
    /// # Errors
    /// [`GoalError::NothingDelivered`], [`GoalError::Delivery`].
    pub async fn apply(&self, branch: Option<&str>) -> Result<ApplyReport, GoalError> {
        self.usable()?;
        self.check_ledger()?;
        let (branch, run) = self.branch(branch, "apply")?;
        let (repo, name) = (self.repo.clone(), branch.clone());
        let seconds = i64::try_from(self.clock.now_ms() / 1000).unwrap_or(i64::MAX);
        let applied = blocking(move || repo.apply(&name, seconds)).await?;
        let report = ApplyReport {
            branch: applied.branch,
            commit: applied.to.to_string(),
            files: applied.files.iter().map(ToString::to_string).collect(),
            head_before: applied.from.to_string(),
            head_after: applied.to.to_string(),
            fast_forward: applied.fast_forward,
            note: (!applied.fast_forward)
                .then(|| "HEAD had moved on, so a new commit was put on top of it".to_owned()),
        };
        let data = json!({
            "branch": report.branch, "files": report.files,
            "head_before": report.head_before, "head_after": report.head_after,
        });
        self.record("code_modification_applied", data, run).await?;
        Ok(report)
    }

    /// Takes the last applied change back, byte for byte.
    ///
    /// # Errors
    /// [`GoalError::Delivery`], also where there is nothing to undo.
    pub async fn undo(&self) -> Result<UndoReport, GoalError> {
        let repo = self.repo.clone();
        let undone = blocking(move || repo.undo()).await?;
        if !undone.changed {
            return Err(GoalError::Delivery("there is no applied change to undo".to_owned()));
        }
        let report = UndoReport {
            branch: undone.branch,
            files: undone.files.iter().map(ToString::to_string).collect(),
            head_before: undone.from.to_string(),
            head_after: undone.to.to_string(),
            changed: undone.changed,
        };
        let data = json!({
            "branch": report.branch, "files": report.files,
            "head_before": report.head_before, "head_after": report.head_after,
        });
        self.record("code_modification_undone", data, None).await?;
        Ok(report)
    }

    /// Puts the change in place again that the last [`undo`](Self::undo) took back.
    ///
    /// # Errors
    /// [`GoalError::Delivery`], also where nothing was taken back last.
    pub async fn redo(&self) -> Result<ApplyReport, GoalError> {
        self.usable()?;
        let repo = self.repo.clone();
        let redone = blocking(move || repo.redo()).await?;
        if !redone.changed {
            return Err(GoalError::Delivery("there is no undo to take back".to_owned()));
        }
        let report = ApplyReport {
            branch: redone.branch,
            commit: redone.to.to_string(),
            files: redone.files.iter().map(ToString::to_string).collect(),
            head_before: redone.from.to_string(),
            head_after: redone.to.to_string(),
            fast_forward: true,
            note: None,
        };
        let data = json!({
            "branch": report.branch, "files": report.files,
            "head_before": report.head_before, "head_after": report.head_after,
        });
        self.record("code_modification_redone", data, None).await?;
        Ok(report)
    }

    /// What a run's branch changes, as a unified diff; by branch, by run, or the newest.
    ///
    /// # Errors
    /// [`GoalError::NothingDelivered`], [`GoalError::Delivery`].
    pub fn diff(&self, run_or_branch: Option<&str>) -> Result<String, GoalError> {
        let (branch, _) = self.branch(run_or_branch, "show")?;
        self.repo.diff_branch(&branch).map_err(|error| GoalError::Delivery(error.to_string()))
    }

    /// The runs, the newest first.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub fn runs(&self) -> Result<Vec<RunSummary>, GoalError> {
        let rows = runs::all(&self.reader()?)?;
        let alive = |row: &RunRow| !row.finished && self.is_alive(&row.run);
        Ok(rows.iter().map(|row| row.summary(alive(row))).collect())
    }

    /// The result of a run that has ended.
    ///
    /// # Errors
    /// [`GoalError::NoSuchRun`], also for one that has not ended.
    pub fn result(&self, run: &str) -> Result<GoalResult, GoalError> {
        let rows = runs::all(&self.reader()?)?;
        rows.iter()
            .find(|row| row.run == run)
            .and_then(RunRow::goal_result)
            .ok_or_else(|| GoalError::NoSuchRun { run: run.to_owned() })
    }

    /// The branch that is meant, and the run that made it.
    pub(super) fn branch(
        &self,
        wanted: Option<&str>,
        what: &'static str,
    ) -> Result<(String, Option<RunId>), GoalError> {
        let rows = runs::all(&self.reader()?)?;
        let with =
            |row: &RunRow| row.branch.clone().map(|b| (b, Some(RunId::new(row.run.as_str()))));
        match wanted {
            None => rows.iter().find_map(with).ok_or(GoalError::NothingDelivered { what }),
            Some(name) => {
                let known = rows.iter().filter(|row| {
                    row.run == name || row.branch.as_deref() == Some(name) || row.goal_id == name
                });
                Ok(known.into_iter().find_map(with).unwrap_or((name.to_owned(), None)))
            }
        }
    }

    /// Records an event of the ledger.
    pub(super) async fn record(
        &self,
        kind: &str,
        data: serde_json::Value,
        run: Option<RunId>,
    ) -> Result<(), GoalError> {
        let mut record = NewRecord::new(kind, data);
        record.run = run;
        self.journal.append(vec![record]).await?;
        self.sign_ledger()?;
        Ok(())
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, astraea_code_access::Error> + Send + 'static,
) -> Result<T, GoalError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| GoalError::Internal(error.to_string()))?
        .map_err(|error| GoalError::Delivery(error.to_string()))
}

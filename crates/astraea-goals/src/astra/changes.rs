//! Changes that a person approves or rejects.

use astraea_code_access::{Access, Delivery, EditSet, RepoPath, Snapshot};
use astraea_executors::syntax_regression;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Astra;
use crate::changes::{Change, ModificationStatus, NewChange};
use crate::error::GoalError;
use crate::store::StoreError;

/// What the ledger tells of a change that became a branch: the branch, and its commit.
pub(super) const CHANGE_DELIVERED: &str = "code_modification_delivered";

/// A change to queue: the arguments of the tool `schedule_code_modification`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleChange {
    /// The file, relative to the repository.
    pub file_path: String,
    /// What it is to say, whole.
    pub new_content: String,
    /// Why.
    pub reason: String,
    /// The goal that it serves.
    #[serde(default)]
    pub goal_id: Option<String>,
}

/// A change that a person approved, and where it is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApprovedChange {
    /// The change.
    pub change: Change,
    /// The branch that holds it.
    pub branch: String,
    /// The commit at its tip.
    pub commit: String,
}

/// What the store keeps of a change: ids of blobs, never contents.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pinned {
    pub(crate) snapshot: Snapshot,
    pub(crate) edits: EditSet,
}

impl Astra {
    /// Queues a change; it waits for [`approve_change`](Self::approve_change).
    ///
    /// # Errors
    /// A forbidden path is refused with its rule, and that it was is in the ledger.
    pub async fn schedule_change(&self, wanted: ScheduleChange) -> Result<Change, GoalError> {
        self.usable()?;
        let repo = self.repo.clone();
        let gate = move |path: &str| -> Result<(), String> {
            let path = RepoPath::new(path).map_err(|error| error.to_string())?;
            repo.policy().check(&path, Access::Write).map_err(|error| error.to_string())
        };
        let mut change = NewChange::new(wanted.file_path.as_str(), wanted.reason);
        change.goal_id = wanted.goal_id;
        if gate(&wanted.file_path).is_ok() {
            let snapshot = self.snapshot(None).await?;
            let path =
                RepoPath::new(&wanted.file_path).map_err(astraea_code_access::Error::from)?;
            let nothing = EditSet::new();
            let found = self.repo.lookup(&snapshot, &nothing, &path).map_err(delivery)?;
            let before = found.and_then(|(id, _)| self.repo.blob(id).ok());
            let before = before.and_then(|bytes| String::from_utf8(bytes).ok());
            let (name, after) = (wanted.file_path.as_str(), wanted.new_content.as_str());
            if let Some(wrong) = syntax_regression(name, before.as_deref(), after) {
                let wrong = format!("{path} would not parse: {wrong}; nothing was scheduled");
                return Err(GoalError::Store(StoreError::Invalid(wrong)));
            }
            let edits = {
                let mut editor = self.repo.edit(&snapshot, &nothing);
                editor.write(&path, wanted.new_content.as_bytes()).map_err(delivery)?;
                editor.finish().map_err(delivery)?
            };
            if edits.is_empty() {
                return Err(GoalError::Delivery(format!("{path} already says exactly that")));
            }
            change.edits = json!(Pinned { snapshot, edits });
        }
        Ok(self.goals.schedule_change(Some(&gate), change).await?)
    }

    /// The changes, in the order they were scheduled.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn changes(&self) -> Result<Vec<Change>, GoalError> {
        Ok(self.goals.changes(&[])?)
    }

    /// What a change would do, as a unified diff.
    ///
    /// # Errors
    /// Where there is no such change, or its contents are no longer there.
    pub fn change_diff(&self, id: &str) -> Result<String, GoalError> {
        let change = self.goals.change(id)?.ok_or_else(|| {
            StoreError::Missing(format!("there is no change {id}: `astra changes` lists them"))
        })?;
        let pinned: Pinned = serde_json::from_value(change.edits)
            .map_err(|error| GoalError::Internal(format!("change {id} is unreadable: {error}")))?;
        self.repo.diff(&pinned.snapshot, &pinned.edits).map_err(delivery)
    }

    /// A person says yes: the change becomes a branch. A change that was approved and, because the
    /// program was killed there, has no branch yet is delivered now.
    ///
    /// # Errors
    /// Where there is no such change, it does not wait, or it cannot be delivered.
    pub async fn approve_change(&self, id: &str) -> Result<ApprovedChange, GoalError> {
        self.usable()?;
        let change = match self.goals.change(id)? {
            Some(change) if change.status == ModificationStatus::Approved => change,
            _ => self.goals.approve_change(id).await?,
        };
        let pinned: Pinned = serde_json::from_value(change.edits.clone())
            .map_err(|error| GoalError::Internal(format!("change {id} is unreadable: {error}")))?;
        let short: String = change.id.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        let branch = format!("astra/change-{short}");
        let message = format!(
            "{}\n\nGoal: {}\nModification: {}\nFiles: {}\n",
            change.reason.lines().next().unwrap_or("A scheduled change"),
            change.goal_id.as_deref().unwrap_or("none"),
            change.id,
            change.file_path
        );
        let delivered = self
            .repo
            .deliver(&Delivery {
                snapshot: &pinned.snapshot,
                edits: &pinned.edits,
                branch: &branch,
                message: &message,
                author: None,
                time: i64::try_from(self.clock.now_ms() / 1000).unwrap_or(i64::MAX),
            })
            .map_err(delivery)?;
        let merged = ModificationStatus::Merged;
        let change = self.goals.move_change(id, merged, None, Some(&delivered.branch)).await?;
        let (branch, commit) = (delivered.branch, delivered.commit.to_string());
        let data = json!({ "change_id": change.id, "branch": branch, "commit": commit });
        self.record(CHANGE_DELIVERED, data, None).await?;
        Ok(ApprovedChange { change, branch, commit })
    }

    /// A person says no.
    ///
    /// # Errors
    /// Where there is no such change, or it does not wait.
    pub async fn reject_change(&self, id: &str, reason: &str) -> Result<Change, GoalError> {
        let change = self.goals.reject_change(id, reason).await?;
        self.sign_ledger()?;
        Ok(change)
    }
}

fn delivery(error: astraea_code_access::Error) -> GoalError {
    match error {
        astraea_code_access::Error::Access(denied) => {
            GoalError::Store(StoreError::Forbidden(denied.to_string()))
        }
        other => GoalError::Delivery(other.to_string()),
    }
}

//! Changes that wait for a person.
//!
//! ```text
//! pending ──▶ testing ──▶ awaiting_approval ──▶ approved ──▶ merged ──▶ rolled_back
//!    │           │                │                 │
//!    │           │                │                 └──▶ rejected
//!    └───────────┴────────────────┴──▶ rejected
//! ```
//! A pending change may also wait for approval at once, untested.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a scheduled change stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ModificationStatus {
    /// Scheduled, and nothing done with it yet.
    Pending,
    /// Its tests run.
    Testing,
    /// A person has to say yes or no.
    AwaitingApproval,
    /// A person said yes.
    Approved,
    /// It is on its branch.
    Merged,
    /// A person said no.
    Rejected,
    /// It was merged and taken back.
    RolledBack,
}

impl ModificationStatus {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Testing,
        Self::AwaitingApproval,
        Self::Approved,
        Self::Merged,
        Self::Rejected,
        Self::RolledBack,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Testing => "testing",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Approved => "approved",
            Self::Merged => "merged",
            Self::Rejected => "rejected",
            Self::RolledBack => "rolled_back",
        }
    }

    /// The status of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether a change may go from here to there.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Pending, Self::Testing | Self::AwaitingApproval)
            | (Self::Testing, Self::AwaitingApproval)
            | (Self::AwaitingApproval, Self::Approved)
            | (Self::Approved, Self::Merged)
            | (Self::Merged, Self::RolledBack) => true,
            (from, Self::Rejected) => matches!(
                from,
                Self::Pending | Self::Testing | Self::AwaitingApproval | Self::Approved
            ),
            _ => false,
        }
    }
}

impl fmt::Display for ModificationStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A change as somebody schedules it. Contents stay in the object store: `edits` holds their ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewChange {
    /// Its id; made up where there is none.
    #[serde(default)]
    pub id: Option<String>,
    /// The file it changes, relative to the repository's root.
    pub file_path: String,
    /// Why.
    pub reason: String,
    /// The goal it belongs to, if any.
    #[serde(default)]
    pub goal_id: Option<String>,
    /// The edits as an `EditSet` in JSON: blob ids, never contents.
    #[serde(default)]
    pub edits: Value,
    /// Whether tests run first; otherwise it waits for approval at once.
    #[serde(default)]
    pub test_first: bool,
}

impl NewChange {
    /// A change of one file.
    #[must_use]
    pub fn new(file_path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            id: None,
            file_path: file_path.into(),
            reason: reason.into(),
            goal_id: None,
            edits: Value::Null,
            test_first: false,
        }
    }

    /// Says which goal it belongs to.
    #[must_use]
    pub fn with_goal(mut self, goal_id: impl Into<String>) -> Self {
        self.goal_id = Some(goal_id.into());
        self
    }

    /// Adds the edits.
    #[must_use]
    pub fn with_edits(mut self, edits: Value) -> Self {
        self.edits = edits;
        self
    }

    /// Asks for its tests to run before a person is asked.
    #[must_use]
    pub fn with_test_first(mut self, test_first: bool) -> Self {
        self.test_first = test_first;
        self
    }
}

/// A scheduled change as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Its id.
    pub id: String,
    /// The file it changes, relative to the repository's root.
    pub file_path: String,
    /// Why.
    pub reason: String,
    /// The goal it belongs to, if any.
    pub goal_id: Option<String>,
    /// The edits as an `EditSet` in JSON.
    pub edits: Value,
    /// Where it stands.
    pub status: ModificationStatus,
    /// What was said at the last step: a reason for a rejection, a branch it went to.
    pub note: Option<String>,
    /// Grows by one with each step.
    pub version: u64,
    /// When it was scheduled, in milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// When it last moved on, in milliseconds since the Unix epoch.
    pub updated_at_ms: u64,
}

/// Says whether a path may be changed: the policy of the repository, behind a narrow door.
///
/// # Contract
/// `Err` holds the reason for people, beginning with the code (`access_denied:forbidden_path …`).
pub trait Gate: Send + Sync {
    /// Whether this path may be written.
    ///
    /// # Errors
    /// The reason why not.
    fn may_write(&self, path: &str) -> Result<(), String>;
}

impl<F: Fn(&str) -> Result<(), String> + Send + Sync> Gate for F {
    fn may_write(&self, path: &str) -> Result<(), String> {
        self(path)
    }
}

#[cfg(test)]
mod tests {
    use super::ModificationStatus::{
        Approved, AwaitingApproval, Merged, Pending, Rejected, RolledBack, Testing,
    };
    use super::*;

    #[test]
    fn nothing_is_merged_without_approval() {
        for from in ModificationStatus::ALL {
            assert_eq!(from.may_become(Merged), from == Approved, "{from}");
            assert_eq!(from.may_become(Approved), from == AwaitingApproval, "{from}");
            assert_eq!(from.may_become(RolledBack), from == Merged, "{from}");
            assert!(!from.may_become(from) && !from.may_become(Pending), "{from}");
        }
        for last in [Rejected, RolledBack] {
            assert!(ModificationStatus::ALL.iter().all(|next| !last.may_become(*next)));
        }
        assert!(Pending.may_become(Testing) && Testing.may_become(Rejected));
    }

    #[test]
    fn names_go_there_and_back() {
        for status in ModificationStatus::ALL {
            assert_eq!(ModificationStatus::from_name(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}

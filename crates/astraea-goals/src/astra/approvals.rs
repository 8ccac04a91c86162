//! What a person lets run without asking, once for all the plans that it covers.

use astraea_executors::Approval;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Astra;
use crate::error::GoalError;
use crate::store::StoreError;

/// The record in the user's own directory; nothing in a repository can give an approval.
const APPROVALS: &str = "approvals.json";

/// An approval to give.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewApproval {
    /// The words of the command; `*` in a word stands for any characters, `**` as the last word for any further words.
    pub argv: Vec<String>,
    /// The directory in or below which it holds; absent: everywhere.
    pub dir: Option<String>,
    /// The goal that it holds for, such as `fix_bug`; absent: every one.
    pub goal: Option<String>,
    /// For how long it holds, in milliseconds; absent: until it is revoked.
    pub for_ms: Option<u64>,
}

impl Astra {
    /// The approvals that hold here now, the oldest first.
    ///
    /// # Errors
    /// Where the user's record cannot be read.
    pub fn approvals(&self) -> Result<Vec<Approval>, GoalError> {
        let now = self.clock.now_ms();
        let mut all = self.all_approvals()?;
        all.retain(|approval| approval.until_ms.is_none_or(|until| now < until));
        Ok(all)
    }

    fn all_approvals(&self) -> Result<Vec<Approval>, GoalError> {
        let Some(bytes) = self.trust.dir().read(APPROVALS)? else { return Ok(Vec::new()) };
        serde_json::from_slice(&bytes).map_err(|error| {
            let file = self.trust.dir().path().join(APPROVALS);
            GoalError::Internal(format!("{} cannot be read: {error}; remove it", file.display()))
        })
    }

    fn keep_approvals(&self, approvals: &[Approval]) -> Result<(), GoalError> {
        let bytes = serde_json::to_vec_pretty(approvals)
            .map_err(|error| GoalError::Internal(error.to_string()))?;
        Ok(self.trust.dir().write_atomic(APPROVALS, &bytes)?)
    }

    /// Lets commands of a form run. The ledger tells it.
    ///
    /// # Errors
    /// A pattern that cannot be used, a goal that is unknown; where the record or the journal cannot be written.
    pub async fn approve_command(&self, wanted: NewApproval) -> Result<Approval, GoalError> {
        let invalid = |why: String| GoalError::Store(StoreError::Invalid(why));
        if let Some(fault) = Approval::fault(&wanted.argv) {
            return Err(invalid(format!(
                "`{}` cannot be approved: {fault}",
                wanted.argv.join(" ")
            )));
        }
        if let Some(goal) = &wanted.goal
            && !self.domain.goals().contains(goal)
        {
            let known = self.domain.goals().join(", ");
            return Err(invalid(format!("there is no goal {goal}; known: {known}")));
        }
        let now = self.clock.now_ms();
        let mut random = [0_u8; 4];
        getrandom::fill(&mut random).map_err(|error| GoalError::Internal(error.to_string()))?;
        let approval = Approval {
            id: hex::encode(random),
            argv: wanted.argv,
            dir: wanted.dir,
            goal: wanted.goal,
            given_ms: now,
            until_ms: wanted.for_ms.map(|ms| now.saturating_add(ms)),
        };
        let mut all = self.approvals()?;
        all.push(approval.clone());
        // First what is told, then what holds: an approval that the ledger does not know never holds.
        let data = json!({ "approval": approval, "words": approval.to_text() });
        self.record("policy_approval_given", data, None).await?;
        self.keep_approvals(&all)?;
        Ok(approval)
    }

    /// Takes an approval back; the beginning of its id is enough. The ledger tells it.
    ///
    /// # Errors
    /// Where there is none, or more than one; where the record or the journal cannot be written.
    pub async fn revoke_approval(&self, id: &str) -> Result<Approval, GoalError> {
        let mut all = self.approvals()?;
        let found: Vec<usize> = (0..all.len())
            .filter(|at| !id.is_empty() && all.get(*at).is_some_and(|a| a.id.starts_with(id)))
            .collect();
        let [at] = found[..] else {
            let why = if found.is_empty() { "there is no" } else { "there is more than one" };
            return Err(GoalError::Store(StoreError::Missing(format!(
                "{why} approval {id}: `astra approvals` lists them"
            ))));
        };
        let approval = all.remove(at);
        self.keep_approvals(&all)?;
        self.record("policy_approval_revoked", json!({ "approval": approval.id }), None).await?;
        Ok(approval)
    }
}

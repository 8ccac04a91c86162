//! Forming and giving up beliefs; scheduling changes and deciding on them.

use super::{GoalStore, StoreError, made_up_id, records, tables};
use crate::beliefs::Belief;
use crate::changes::{Change, Gate, ModificationStatus, NewChange};

impl GoalStore {
    /// Forms a belief, or changes it, or takes it up again.
    ///
    /// # Errors
    /// [`StoreError::Invalid`], or a failure of the journal.
    pub async fn believe(
        &self,
        id: &str,
        statement: &str,
        confidence: f64,
    ) -> Result<(), StoreError> {
        if !(0.0..=1.0).contains(&confidence) {
            return Err(StoreError::Invalid(format!(
                "the confidence of belief {id} is {confidence}; give a number from 0 to 1"
            )));
        }
        Ok(self.write(records::belief_set(id, statement, confidence)).await?)
    }

    /// Gives a belief up. It stays on record.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or a failure of the journal.
    pub async fn retract(&self, id: &str) -> Result<(), StoreError> {
        Ok(self.write(records::belief_retracted(id)).await?)
    }

    /// All beliefs, by id, retracted ones too.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub fn beliefs(&self) -> Result<Vec<Belief>, StoreError> {
        self.read(tables::beliefs)
    }

    /// Schedules a change of one file, which then waits for a person (or for its tests).
    ///
    /// # Errors
    /// [`StoreError::NotAvailable`] without a gate (there is no access to a repository),
    /// [`StoreError::Forbidden`] where the gate refuses the path (which the ledger then tells),
    /// [`StoreError::Invalid`], [`StoreError::Missing`] for an unknown goal, or a failure of the
    /// journal.
    pub async fn schedule_change(
        &self,
        gate: Option<&dyn Gate>,
        mut change: NewChange,
    ) -> Result<Change, StoreError> {
        let gate = gate.ok_or(StoreError::NotAvailable)?;
        if let Err(reason) = gate.may_write(&change.file_path) {
            self.write(records::change_refused(&change, &reason)).await?;
            return Err(StoreError::Forbidden(reason));
        }
        let id = match change.id.take() {
            Some(id) => id,
            None => made_up_id()?,
        };
        change.id = Some(id.clone());
        self.write(records::change_scheduled(&change)).await?;
        self.change_there(&id)
    }

    /// Moves a change on, if it has this version (or any). `note` says why, or where to.
    ///
    /// # Errors
    /// [`StoreError::IllegalTransition`], [`StoreError::StaleVersion`], [`StoreError::Missing`], or
    /// a failure of the journal.
    pub async fn move_change(
        &self,
        id: &str,
        to: ModificationStatus,
        version: Option<u64>,
        note: Option<&str>,
    ) -> Result<Change, StoreError> {
        self.write(records::change_moved(id, to, version, note)).await?;
        self.change_there(id)
    }

    /// A person says yes.
    ///
    /// # Errors
    /// As [`move_change`](Self::move_change).
    pub async fn approve_change(&self, id: &str) -> Result<Change, StoreError> {
        self.move_change(id, ModificationStatus::Approved, None, None).await
    }

    /// A person says no.
    ///
    /// # Errors
    /// As [`move_change`](Self::move_change).
    pub async fn reject_change(&self, id: &str, reason: &str) -> Result<Change, StoreError> {
        self.move_change(id, ModificationStatus::Rejected, None, Some(reason)).await
    }

    /// The change of this id.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub fn change(&self, id: &str) -> Result<Option<Change>, StoreError> {
        self.read(|conn| tables::change(conn, id))
    }

    /// Changes in one of these states (none for any), in the order they were scheduled.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub fn changes(&self, states: &[ModificationStatus]) -> Result<Vec<Change>, StoreError> {
        let all = self.read(|conn| {
            let mut statement = conn.prepare_cached("SELECT * FROM changes ORDER BY seq")?;
            let rows = statement.query_map([], tables::read_change)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        Ok(all.into_iter().filter(|c| states.is_empty() || states.contains(&c.status)).collect())
    }

    fn change_there(&self, id: &str) -> Result<Change, StoreError> {
        self.change(id)?.ok_or_else(|| {
            StoreError::Missing(format!("there is no change {id}: `astra changes` lists them"))
        })
    }
}

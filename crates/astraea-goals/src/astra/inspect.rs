//! Looking around: the ledger, and what works here.

use std::io::Write;

use astraea_ledger::{Ledger, Query, Stored};
use astraea_sandbox::Tier;
use rusqlite::Connection;
use serde::Serialize;

use super::Astra;
use crate::error::GoalError;
use crate::learning::Learned;
use crate::ledger_head::{self, LedgerReport};

/// One thing that was looked at by `astra doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// Whether goals cannot be carried out without it.
    pub required: bool,
    /// What was found.
    pub detail: String,
    /// What would make it better.
    pub advice: Option<String>,
}

impl Check {
    fn new(name: &str, ok: bool, required: bool, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), ok, required, detail: detail.into(), advice: None }
    }
}

impl Astra {
    /// What became of methods so far, by kind of repository.
    pub(super) fn learned(&self) -> Result<Learned, GoalError> {
        Learned::read(&self.reader()?).map_err(|error| {
            GoalError::Journal(format!("what was learned cannot be read: {error}"))
        })
    }

    pub(super) fn reader(&self) -> Result<Connection, GoalError> {
        Ok(self.journal.reader()?)
    }

    /// Entries of the ledger, in order; they are not verified.
    ///
    /// # Errors
    /// [`GoalError::Ledger`].
    pub fn ledger_entries(&self, query: &Query) -> Result<Vec<Stored>, GoalError> {
        Ok(Ledger::entries(&self.reader()?, query)?)
    }

    /// Writes the ledger as JSON lines; returns how many.
    ///
    /// # Errors
    /// [`GoalError::Ledger`].
    pub fn ledger_export(&self, writer: impl Write) -> Result<u64, GoalError> {
        Ok(Ledger::export(&self.reader()?, writer)?)
    }

    /// Verifies every entry of the ledger, its chain and its signed head.
    ///
    /// # Errors
    /// [`GoalError::LedgerDamaged`] with the first entry that cannot be trusted.
    pub fn ledger_verify(&self) -> Result<LedgerReport, GoalError> {
        ledger_head::verify(&self.reader()?, self.repo.state(), self.trust.dir())
    }

    /// What works here, and what would make it better.
    #[must_use]
    pub fn doctor(&self) -> Vec<Check> {
        let mut checks = vec![Check::new(
            "repository",
            true,
            true,
            format!("{} ({})", self.repo.root().display(), self.repo.name()),
        )];
        checks.push(match self.repo.head() {
            Ok(head) if head.commit.is_some() => {
                Check::new("commit", true, true, "HEAD has a commit to build on")
            }
            Ok(_) => Check {
                advice: Some("make a first commit".to_owned()),
                ..Check::new("commit", false, true, "the repository has no commit yet")
            },
            Err(error) => Check::new("commit", false, true, error.to_string()),
        });
        checks.push(Check::new(
            "state",
            true,
            true,
            self.repo.state().path().display().to_string(),
        ));
        checks.push(match self.ledger_verify() {
            Ok(report) => Check {
                advice: report.note,
                ..Check::new("ledger", true, true, format!("{} entries verify", report.entries))
            },
            Err(error) => Check::new("ledger", false, true, error.to_string()),
        });
        checks.push(match self.usable() {
            Ok(()) => Check::new("settings", true, true, "they can be used"),
            Err(error) => Check::new("settings", false, true, error.to_string()),
        });
        let trusted =
            if self.trusted { "trusted" } else { "not trusted: its settings may only narrow" };
        checks.push(Check {
            advice: self.config.notes.first().cloned(),
            ..Check::new("trust", true, false, trusted)
        });
        checks.push(Check::new(
            "domain",
            true,
            true,
            format!("{} goals: {}", self.domain.goals().len(), self.domain.goals().join(", ")),
        ));
        checks.push(match &self.model {
            Some(model) => {
                let limits = &self.config.model;
                let most =
                    format!("{} calls and {} tokens a run", limits.max_calls, limits.max_tokens);
                let host = limits.url.as_deref().map(crate::model::host).unwrap_or_default();
                Check::new("model", true, false, format!("{}{host}, at most {most}", model.model()))
            }
            None => Check {
                advice: Some(crate::model::HOW.to_owned()),
                ..Check::new("model", true, false, "none: goals are carried out without one")
            },
        });
        let sandbox = self.sandbox();
        let tier = sandbox.tier();
        checks.push(Check::new(
            "sandbox",
            !matches!(tier, Tier::D),
            true,
            format!("commands run in tier {tier}"),
        ));
        for capability in sandbox.report() {
            checks.push(Check {
                name: format!("sandbox: {}", capability.name),
                ok: capability.available,
                required: false,
                detail: capability.detail,
                advice: capability.raise,
            });
        }
        checks
    }
}

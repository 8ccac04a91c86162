//! An independent judge of plans.
//!
//! It reads the domain's syntax tree, not the compiled form, and shares no code with the search: a plan is checked by executing it.

mod complete;
mod judge;
mod order;
mod world;

pub(crate) use complete::complete;
pub(crate) use judge::verify;
use serde::{Deserialize, Serialize};

/// The first thing found wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}{what}", step.map(|s| format!("step {s}: ")).unwrap_or_default())]
#[non_exhaustive]
pub struct Fault {
    /// Which rule the plan breaks.
    pub kind: FaultKind,
    /// What is wrong, in words.
    pub what: String,
    /// The step concerned, from 0.
    pub step: Option<usize>,
    /// The task of the tree concerned.
    pub node: Option<usize>,
}

/// The rules that a plan can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// A name that the domain or the state does not have.
    UnknownName,
    /// A wrong number or type of arguments.
    BadArguments,
    /// A position that does not exist, a task with two parents, a step outside the tree.
    BrokenTree,
    /// The roots are not the tasks asked for.
    WrongRoots,
    /// The method refines another task, or binds its variables otherwise.
    WrongMethod,
    /// The subtasks are not those of the method.
    WrongSubtasks,
    /// An order that a method or the problem demands is not kept.
    WrongOrder,
    /// A method's precondition or constraint does not hold where it was chosen.
    MethodPrecondition,
    /// An action's precondition does not hold when it is executed.
    ActionPrecondition,
    /// The goal does not hold at the end.
    Goal,
    /// The costs do not add up.
    Cost,
}

//! A plan: steps, and the decomposition that they come from.

mod output;
mod text;

use serde::{Deserialize, Serialize};

use crate::atom::{Atom, Word, Words};
pub(crate) use text::{Outline, is_standard};

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The action, as the domain spells it.
    pub action: Word,
    /// Its arguments.
    pub args: Words,
    /// The method that asked for it; `None` where the step itself was the task given to the planner.
    pub method: Option<Word>,
    /// Position of its leaf in [`Plan::tree`].
    pub node: usize,
}

impl Step {
    /// Action and arguments.
    #[must_use]
    pub fn atom(&self) -> Atom {
        Atom { name: self.action.clone(), args: self.args.clone() }
    }
}

/// A task of the decomposition tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The task with its arguments.
    pub task: Atom,
    /// Position of the task that it is a part of; `None` for a task given to the planner.
    pub parent: Option<usize>,
    /// How it was carried out.
    pub done: Done,
}

/// How a task was carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Done {
    /// It is an action: executed as this step.
    Step {
        /// Position in [`Plan::steps`].
        step: usize,
    },
    /// Refined by a method.
    Method {
        /// The method.
        method: Word,
        /// What its variables stand for, in the order of its parameters.
        binding: Vec<(Word, Word)>,
        /// Positions of the subtasks in [`Plan::tree`], in the order in which the method declares them.
        children: smallvec::SmallVec<[usize; 4]>,
        /// How many steps were executed before the method was chosen; its precondition held then.
        at: usize,
    },
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// The steps in the order of execution.
    pub steps: Vec<Step>,
    /// All tasks.
    pub tree: Vec<Node>,
    /// Positions in `tree` of the tasks that were asked for.
    pub roots: Vec<usize>,
    /// The sum of the costs of the methods used.
    pub cost: f64,
    /// The sum of the actions' `(increase (total-cost) …)`.
    pub action_cost: f64,
}

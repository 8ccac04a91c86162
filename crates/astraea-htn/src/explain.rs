//! Why a plan is as it is, or why there is none.

mod obstacles;
mod reasons;
mod show;

pub(crate) use reasons::{explain, explain_plan, summary};
use serde::{Deserialize, Serialize};

use crate::atom::Atom;
use crate::plan::Plan;

/// What became of one method that could have refined a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
#[non_exhaustive]
pub enum Verdict {
    /// The plan uses it.
    Taken,
    /// There is no plan, but this way came furthest.
    Furthest,
    /// The search ended before it was tried.
    NotReached,
    /// Its precondition does not hold.
    Blocked {
        /// The part that failed, with the variables bound so far.
        failed: String,
        /// Why it does not hold: missing, believed too weakly …
        why: String,
        /// What the variables stood for.
        binding: Vec<(String, String)>,
    },
    /// It may be used, but what it asks for could not be carried out.
    Abandoned,
    /// It may be used, but one before it worked.
    NotNeeded,
    /// `RuledOut` forbids it.
    RuledOut,
}

/// A method and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The method.
    pub method: String,
    /// Its `:cost`.
    pub cost: Option<f64>,
    /// What became of it.
    pub verdict: Verdict,
}

/// A task that the search met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Met {
    /// The task.
    pub task: Atom,
    /// How deep it is nested: 0 for a task that was asked for.
    pub depth: usize,
    /// How many steps were executed before it.
    pub at: usize,
    /// Its methods, in the order in which they are tried. Empty for an action.
    pub candidates: Vec<Candidate>,
    /// For an action that could not be executed: the part of its precondition that failed.
    pub failed: Option<String>,
}

/// The reasons behind a plan, or behind there being none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The plan, where there is one.
    pub plan: Option<Plan>,
    /// Why there is none.
    pub failure: Option<String>,
    /// With a plan: every task of its tree. Without: the tasks on the way to the deepest point reached, which is the last.
    pub met: Vec<Met>,
    /// Without a plan: the steps that lead to the deepest point.
    pub steps: Vec<Atom>,
    /// The conditions that stood in the way most often, the most frequent first; at most five.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obstacles: Vec<Obstacle>,
}

/// A condition that stood in the way of the search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    /// The condition, as the domain has it.
    pub condition: String,
    /// The method or action whose precondition it is a part of.
    pub of: String,
    /// How often it did not hold when it was asked for.
    pub times: u64,
}

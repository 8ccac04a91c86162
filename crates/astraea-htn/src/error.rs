//! The one error type of the crate.

use crate::atom::Atom;
use crate::diagnostic::Report;
use crate::verify::Fault;

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A source text, or a domain made by a builder, has errors. The report shows each with its place.
    #[error("{0}")]
    Invalid(Report),
    /// A name that is not declared.
    #[error("unknown {what} `{name}`{}", help.as_ref().map(|h| format!("; {h}")).unwrap_or_default())]
    Unknown {
        /// Kind of thing: task, predicate, object, type …
        what: &'static str,
        /// The name that was asked for.
        name: String,
        /// A near miss, or what else to do.
        help: Option<String>,
    },
    /// A fact or task with the wrong number or type of arguments.
    #[error("{atom} does not fit its declaration: {why}")]
    Mismatch {
        /// The fact or task.
        atom: Box<Atom>,
        /// What is wrong with it.
        why: String,
    },
    /// The order of the tasks asked for is cyclic, or speaks of a task that is not there.
    #[error("the order of the tasks is impossible: {why}")]
    BadOrder {
        /// What is wrong with it.
        why: String,
    },
    /// A number outside its range.
    #[error("{what} is {value}, which is outside {range}; give a value within it")]
    OutOfRange {
        /// What was set.
        what: &'static str,
        /// To what.
        value: f64,
        /// What is allowed.
        range: &'static str,
    },
    /// There is no plan: the whole search space was examined.
    #[error("no plan: every way to carry out {task} was tried and none works{}", deepest.as_ref().map(|d| format!("; {d}")).unwrap_or_default())]
    NoPlan {
        /// The tasks asked for.
        task: String,
        /// The deepest point reached and what failed there.
        deepest: Option<String>,
    },
    /// The search ended before it had looked everywhere.
    #[error(
        "no plan found within {limit}; raise the limit, or ask `explain` where the search got stuck"
    )]
    Stopped {
        /// Which limit ended it.
        limit: Limit,
    },
    /// A text that should be a plan is not one.
    #[error("not a plan: line {line}: {why}")]
    PlanSyntax {
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// A plan text that can be read, but says something that is no plan: an id that is not there, a task that is a part of itself …
    #[error("the plan is wrong: {0}")]
    WrongPlan(Fault),
}

/// The limit that ended a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Limit {
    /// `Options::stop` said so (a deadline, a cancellation).
    Stopped,
    /// `Options::max_steps`.
    Steps,
    /// `Options::max_depth`.
    Depth,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stopped => "the time given",
            Self::Steps => "the step limit",
            Self::Depth => "the depth limit",
        })
    }
}

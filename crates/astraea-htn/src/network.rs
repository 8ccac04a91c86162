//! What is asked of the planner: tasks, their order, and a goal.

use serde::{Deserialize, Serialize};

use crate::ast;
use crate::atom::Atom;

/// The tasks to carry out.
///
/// ```
/// use astraea_htn::Network;
/// let tasks = Network::ordered(["fetch parcel", "deliver parcel"]);
/// assert_eq!(tasks.tasks.len(), 2);
/// ```
#[doc(alias = "goal")]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Network {
    /// The tasks. Arguments are objects, or variables (`?x`) declared in `variables`.
    pub tasks: Vec<Atom>,
    /// Pairs of positions in `tasks`: the first comes before the second.
    pub before: Vec<(usize, usize)>,
    /// Variables that the planner has to choose values for.
    pub variables: Vec<ast::Typed>,
    /// A condition on the variables.
    pub constraints: Option<ast::Formula>,
    /// What has to hold at the end.
    pub goal: Option<ast::Formula>,
}

impl Network {
    /// Tasks to be done one after the other.
    pub fn ordered<A: Into<Atom>>(tasks: impl IntoIterator<Item = A>) -> Self {
        let mut network = Self::unordered(tasks);
        network.before = (1..network.tasks.len()).map(|i| (i - 1, i)).collect();
        network
    }

    /// Tasks to be done in any order, also interleaved.
    pub fn unordered<A: Into<Atom>>(tasks: impl IntoIterator<Item = A>) -> Self {
        Self { tasks: tasks.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// One task.
    pub fn task(task: impl Into<Atom>) -> Self {
        Self::ordered([task.into()])
    }

    /// With a condition that has to hold at the end.
    #[must_use]
    pub fn with_goal(mut self, goal: ast::Formula) -> Self {
        self.goal = Some(goal);
        self
    }
}

impl Network {
    /// The initial network of a problem file; orderings that name no subtask are left out (they are reported elsewhere).
    pub(crate) fn from_ast(problem: &ast::Problem) -> Self {
        let network = &problem.network;
        let tasks: Vec<Atom> = network
            .subtasks
            .iter()
            .map(|s| Atom::new(&s.term.name.text, s.term.args.iter().map(|a| &a.text)))
            .collect();
        let place = |label: &ast::Name| {
            network.subtasks.iter().position(|s| s.label.as_ref() == Some(label))
        };
        let before = if network.ordered {
            (1..tasks.len()).map(|i| (i - 1, i)).collect()
        } else {
            let pairs = network.ordering.iter();
            pairs.filter_map(|(a, b)| place(a).zip(place(b))).collect()
        };
        Self {
            tasks,
            before,
            variables: problem.htn_params.clone(),
            constraints: Some(network.constraints.clone()).filter(|c| !c.is_yes()),
            goal: problem.goal.clone().filter(|g| !g.is_yes()),
        }
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, task) in self.tasks.iter().enumerate() {
            if i == 8 {
                return write!(f, " and {} more", self.tasks.len() - i);
            }
            if i > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{task}")?;
        }
        Ok(())
    }
}

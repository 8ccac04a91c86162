//! A domain made ready for planning.

use std::sync::Arc;

use crate::ast;
use crate::diagnostic::{Diagnostic, Source};
use crate::error::Error;
use crate::explain::Explanation;
use crate::network::Network;
use crate::options::Options;
use crate::plan::Plan;
use crate::state::State;
use crate::verify::Fault;

/// A domain, checked, with every name resolved: build it once, plan with it often. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CompiledDomain {
    inner: Arc<ast::Domain>,
}

/// A state with tasks: what a problem file says.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Where to begin.
    pub state: State,
    /// What to do.
    pub tasks: Network,
}

/// How two steps of a plan depend on each other.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Dependency {
    /// The step that must come first (position in [`Plan::steps`]).
    pub before: usize,
    /// The step that must come later.
    pub after: usize,
    /// The fact that ties them.
    pub fact: crate::Atom,
    /// In which way.
    pub why: Link,
}

/// The ways in which a fact ties two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The first makes true (or false) what the second needs so.
    Produces,
    /// The second would undo what the first relies on.
    Threatens,
    /// Both set the fact, to different values, so the last one decides.
    Overwrites,
}

impl CompiledDomain {
    /// Reads and compiles one HDDL domain.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every error found.
    pub fn from_hddl(text: &str) -> Result<Self, Error> {
        Self::from_sources(&[Source { name: "domain.hddl", text }])
    }

    /// Reads several texts, each a `(define (domain …) …)`, as one domain: later ones may add to the earlier, for example a user's own methods.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every error found, each with its place.
    pub fn from_sources(sources: &[Source<'_>]) -> Result<Self, Error> {
        let _ = sources;
        todo!()
    }

    /// Compiles a domain that a program made.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every error found.
    pub fn compile(domain: ast::Domain) -> Result<Self, Error> {
        let _ = domain;
        todo!()
    }

    /// The domain's syntax tree.
    #[must_use]
    pub fn ast(&self) -> &ast::Domain {
        &self.inner
    }

    /// What is suspicious about the domain: tasks that no method refines, methods that can never be used.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        todo!()
    }

    /// Whether there is a task or an action of that name.
    #[must_use]
    pub fn has_task(&self, name: &str) -> bool {
        let _ = name;
        todo!()
    }

    /// Whether there is an action of that name.
    #[must_use]
    pub fn has_action(&self, name: &str) -> bool {
        let _ = name;
        todo!()
    }

    /// An empty state: no facts, the domain's constants as objects.
    #[must_use]
    pub fn state(&self) -> State {
        todo!()
    }

    /// Reads a problem file.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every error found.
    pub fn problem(&self, source: Source<'_>) -> Result<Problem, Error> {
        let _ = source;
        todo!()
    }

    /// Looks for a plan that carries out the tasks.
    ///
    /// # Errors
    /// [`Error::NoPlan`] where there is none, [`Error::Stopped`] where a limit came first, [`Error::Unknown`] and [`Error::Mismatch`] for tasks that
    /// the domain does not have in this form.
    pub fn plan(
        &self,
        state: &State,
        tasks: &Network,
        options: &Options<'_>,
    ) -> Result<Plan, Error> {
        let _ = (state, tasks, options);
        todo!()
    }

    /// Looks for up to `count` plans, no two with the same steps.
    ///
    /// # Errors
    /// As [`plan`](Self::plan), where not even one is found.
    pub fn plans(
        &self,
        state: &State,
        tasks: &Network,
        options: &Options<'_>,
        count: usize,
    ) -> Result<Vec<Plan>, Error> {
        let _ = (state, tasks, options, count);
        todo!()
    }

    /// Plans, and gives the reasons: for each task each method in order, taken, or which part of its precondition failed.
    ///
    /// # Errors
    /// [`Error::Unknown`] and [`Error::Mismatch`] for tasks that the domain does not have in this form. That there is no plan is not an error here.
    pub fn explain(
        &self,
        state: &State,
        tasks: &Network,
        options: &Options<'_>,
    ) -> Result<Explanation, Error> {
        let _ = (state, tasks, options);
        todo!()
    }

    /// Checks a plan against the domain's text, without any code of the search.
    ///
    /// # Errors
    /// The first fault found.
    pub fn verify(&self, state: &State, tasks: &Network, plan: &Plan) -> Result<(), Fault> {
        let _ = (state, tasks, plan);
        todo!()
    }

    /// Which steps of a plan must keep their order, and because of which fact; all others may run at the same time.
    #[must_use]
    pub fn dependencies(&self, state: &State, plan: &Plan) -> Vec<Dependency> {
        let _ = (state, plan);
        todo!()
    }
}

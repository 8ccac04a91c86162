//! What may be asked of a search.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::atom::Atom;
use crate::observe::Observer;
use crate::plan::Step;

/// In which order the methods of a task are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MethodOrder {
    /// By `:cost`, the lowest first (no cost counts as 0); the declared order decides between equals. For agents.
    #[default]
    Cheapest,
    /// As declared.
    Declared,
}

/// What a plan must not be, because it was tried and failed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RuledOut {
    /// Sequences of steps; a plan with exactly these steps is rejected.
    pub plans: Vec<Vec<Atom>>,
    /// Methods that may not be used: for any arguments (`None`), or only where the task they refine has these.
    pub methods: Vec<(String, Option<Vec<String>>)>,
    /// Steps that no plan may hold.
    pub steps: Vec<Atom>,
    /// Methods that may not be used with these values of some of their variables: `("drive", [("?truck", "red_one")])`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<(String, Vec<(String, String)>)>,
}

impl RuledOut {
    /// Whether nothing is ruled out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { plans, methods, steps, bindings } = self;
        plans.is_empty() && methods.is_empty() && steps.is_empty() && bindings.is_empty()
    }
}

/// A test that a finished plan has to pass.
pub type Accept<'a> = &'a dyn Fn(&[Step]) -> bool;

/// How to search.
#[derive(Clone)]
pub struct Options<'a> {
    /// Asked now and then; `true` ends the search. This is where a deadline or a cancellation goes: the planner has no clock.
    pub stop: Option<&'a dyn Fn() -> bool>,
    /// How many search steps (methods and actions tried) to spend at most. Default 1 000 000.
    pub max_steps: u64,
    /// How deep tasks may be nested. Default 10 000.
    pub max_depth: u32,
    /// A plan with more steps is rejected and the search goes on. Default: any length.
    pub max_plan_length: Option<usize>,
    /// Actions that no plan may use.
    pub forbidden_actions: Vec<String>,
    /// The order in which methods are tried.
    pub method_order: MethodOrder,
    /// What was tried before and must not come again.
    pub ruled_out: RuledOut,
    /// A further test of a finished plan; where it says `false` the search goes on.
    pub accept: Option<Accept<'a>>,
    /// Is told what the search does.
    pub observer: Option<&'a dyn Observer>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            stop: None,
            max_steps: 1_000_000,
            max_depth: 10_000,
            max_plan_length: None,
            forbidden_actions: Vec::new(),
            method_order: MethodOrder::Cheapest,
            ruled_out: RuledOut::default(),
            accept: None,
            observer: None,
        }
    }
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("stop", &self.stop.is_some())
            .field("max_steps", &self.max_steps)
            .field("max_depth", &self.max_depth)
            .field("max_plan_length", &self.max_plan_length)
            .field("forbidden_actions", &self.forbidden_actions)
            .field("method_order", &self.method_order)
            .field("ruled_out", &self.ruled_out)
            .field("accept", &self.accept.is_some())
            .field("observer", &self.observer.is_some())
            .finish()
    }
}

impl<'a> Options<'a> {
    /// With a function that ends the search by saying `true`.
    #[must_use]
    pub fn with_stop(mut self, stop: &'a dyn Fn() -> bool) -> Self {
        self.stop = Some(stop);
        self
    }

    /// With this many search steps at most.
    #[must_use]
    pub fn with_max_steps(mut self, steps: u64) -> Self {
        self.max_steps = steps;
        self
    }

    /// With plans of this length at most.
    #[must_use]
    pub fn with_max_plan_length(mut self, length: usize) -> Self {
        self.max_plan_length = Some(length);
        self
    }

    /// With one more action that no plan may use.
    #[must_use]
    pub fn with_forbidden_action(mut self, action: impl Into<String>) -> Self {
        self.forbidden_actions.push(action.into());
        self
    }

    /// With this order of methods.
    #[must_use]
    pub fn with_method_order(mut self, order: MethodOrder) -> Self {
        self.method_order = order;
        self
    }

    /// With this set of things that are ruled out.
    #[must_use]
    pub fn with_ruled_out(mut self, ruled_out: RuledOut) -> Self {
        self.ruled_out = ruled_out;
        self
    }

    /// With a test that a finished plan has to pass.
    #[must_use]
    pub fn with_accept(mut self, accept: Accept<'a>) -> Self {
        self.accept = Some(accept);
        self
    }

    /// With somebody who is told what the search does.
    #[must_use]
    pub fn with_observer(mut self, observer: &'a dyn Observer) -> Self {
        self.observer = Some(observer);
        self
    }
}

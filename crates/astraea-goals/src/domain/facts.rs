//! Facts: what was observed, what the caller says, what was learned from failures.

use std::collections::{BTreeMap, BTreeSet};

use astraea_htn::{Atom, State};
use serde_json::Value;

use super::CodingDomain;
use crate::context::GoalContext;
use crate::error::GoalError;

/// Facts that only looking can establish: a caller may not claim them against what was seen.
const OBSERVED: [&str; 11] = [
    "has_codebase",
    "has_test_framework",
    "tests_failing",
    "tests_green",
    "no_tests",
    "tests_blocked",
    "repairer_available",
    "characteriser_available",
    "fixer_available",
    "formatter_available",
    "model_available",
];

/// A set of facts and beliefs, ready to be planned with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    atoms: BTreeSet<Atom>,
    beliefs: BTreeMap<Atom, f64>,
    pub(crate) notes: Vec<String>,
}

impl Facts {
    /// Takes over what `observe` found: `true` is a fact, a string or a list is a fact with arguments.
    pub(crate) fn observed(facts: &Value) -> Self {
        let mut out = Self::default();
        for (name, value) in facts.as_object().into_iter().flatten() {
            out.take(name, value);
        }
        out
    }

    fn take(&mut self, name: &str, value: &Value) {
        match value {
            Value::Bool(true) => self.add(Atom::new(name, [""; 0])),
            Value::String(arg) if !arg.is_empty() => self.add(Atom::new(name, [object(name, arg)])),
            Value::Array(args) => {
                for arg in args.iter().filter_map(Value::as_str) {
                    self.add(Atom::new(name, [object(name, arg)]));
                }
            }
            _ => {}
        }
    }

    /// Adds what the caller's context says.
    pub(crate) fn add_context(&mut self, domain: &CodingDomain, context: &GoalContext) {
        for name in context.derived() {
            self.add(Atom::from(name));
        }
        for (name, value) in context.facts() {
            let Some(arity) = domain.arity(name) else {
                if value.is_boolean() {
                    self.notes
                        .push(format!("the domain knows no fact `{name}`; it changes nothing"));
                }
                continue;
            };
            match value {
                Value::Bool(true) if arity == 0 => {
                    let atom = Atom::from(name.as_str());
                    if OBSERVED.contains(&name.as_str()) && !self.atoms.contains(&atom) {
                        self.notes.push(format!(
                            "the context claims `{name}`, but looking at the repository did not show it"
                        ));
                    } else {
                        self.add(atom);
                    }
                }
                Value::Bool(false) if arity == 0 => {
                    self.atoms.remove(&Atom::from(name.as_str()));
                }
                Value::Number(confidence) if arity == 0 => {
                    self.beliefs
                        .insert(Atom::from(name.as_str()), confidence.as_f64().unwrap_or(0.0));
                }
                Value::Array(_) if arity == 1 && !OBSERVED.contains(&name.as_str()) => {
                    self.take(name, value);
                }
                _ => {}
            }
        }
    }

    /// Adds one fact.
    pub(crate) fn add(&mut self, atom: Atom) {
        self.atoms.insert(atom);
    }

    /// Records that an action failed.
    pub(crate) fn failed(&mut self, action: &str) {
        self.add(Atom::new("failed", [action]));
    }

    /// The facts as data: `true`, or the list of arguments.
    pub(crate) fn to_data(&self) -> BTreeMap<String, Value> {
        let mut data = BTreeMap::new();
        for atom in &self.atoms {
            if atom.args.is_empty() {
                data.insert(atom.name.to_string(), Value::Bool(true));
            } else if let Value::Array(list) =
                data.entry(atom.name.to_string()).or_insert_with(|| Value::Array(Vec::new()))
            {
                list.push(Value::String(atom.args.join(" ")));
            }
        }
        for (atom, confidence) in &self.beliefs {
            data.insert(atom.name.to_string(), Value::from(*confidence));
        }
        data
    }

    /// The state to plan from. Facts that the domain does not declare are left out.
    ///
    /// # Errors
    /// [`GoalError::ContextField`] where the context contradicts the domain's declarations.
    pub(crate) fn to_state(
        &self,
        domain: &CodingDomain,
        context: &GoalContext,
    ) -> Result<State, GoalError> {
        let mut state = domain.compiled().state();
        let wrong = |field: &str, error: astraea_htn::Error| GoalError::ContextField {
            field: field.to_owned(),
            problem: format!("does not fit the domain: {error}"),
        };
        for (name, ty) in context.objects() {
            if !domain.has_constant(name) {
                state.add_object(name, ty).map_err(|error| wrong(name, error))?;
            }
        }
        for atom in &self.atoms {
            if domain.arity(&atom.name) != Some(atom.args.len()) {
                continue;
            }
            if let Err(error) = state.add(atom) {
                // An object that no constant names, such as a language that is new to the domain.
                tracing::debug!(%atom, %error, "a fact is left out");
            }
        }
        for (atom, confidence) in &self.beliefs {
            state.add_belief(atom, *confidence).map_err(|error| wrong(&atom.name, error))?;
        }
        Ok(state)
    }
}

/// The object that stands for a word: runners have names of their own, since `go` is a language too.
fn object(predicate: &str, word: &str) -> String {
    let word = word.to_lowercase().replace([' ', '-'], "_");
    if predicate == "runner" && !word.ends_with("_runner") {
        format!("{word}_runner")
    } else {
        word
    }
}

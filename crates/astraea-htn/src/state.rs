//! The facts that hold.

use crate::atom::Atom;
use crate::error::Error;

/// A set of facts about declared objects.
///
/// Made by [`CompiledDomain::state`](crate::CompiledDomain::state). Names are checked against the domain when a fact is added.
#[derive(Debug, Clone)]
pub struct State {}

impl State {
    /// Declares an object.
    ///
    /// # Errors
    /// [`Error::Unknown`] where the type is not declared; [`Error::Mismatch`] where the name already stands for an object of another type.
    pub fn add_object(&mut self, name: &str, ty: &str) -> Result<(), Error> {
        let _ = (name, ty);
        todo!()
    }

    /// [`add_object`](Self::add_object) for building a state in one expression.
    ///
    /// # Errors
    /// The same.
    pub fn with_object(mut self, name: &str, ty: &str) -> Result<Self, Error> {
        self.add_object(name, ty)?;
        Ok(self)
    }

    /// Makes a fact true. Says whether it was not before.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a predicate or object that is not declared, [`Error::Mismatch`] for a wrong number or type of arguments.
    pub fn add(&mut self, fact: impl Into<Atom>) -> Result<bool, Error> {
        let _ = fact.into();
        todo!()
    }

    /// [`add`](Self::add) for building a state in one expression.
    ///
    /// # Errors
    /// The same.
    pub fn with_fact(mut self, fact: impl Into<Atom>) -> Result<Self, Error> {
        self.add(fact)?;
        Ok(self)
    }

    /// Makes a fact false. Says whether it was true.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn remove(&mut self, fact: impl Into<Atom>) -> Result<bool, Error> {
        let _ = fact.into();
        todo!()
    }

    /// Records a belief. One of confidence 0.5 or more counts as a fact.
    ///
    /// # Errors
    /// As [`add`](Self::add); [`Error::OutOfRange`] for a confidence outside 0..1.
    pub fn add_belief(&mut self, fact: impl Into<Atom>, confidence: f64) -> Result<(), Error> {
        let _ = (fact.into(), confidence);
        todo!()
    }

    /// [`add_belief`](Self::add_belief) for building a state in one expression.
    ///
    /// # Errors
    /// The same.
    pub fn with_belief(mut self, fact: impl Into<Atom>, confidence: f64) -> Result<Self, Error> {
        self.add_belief(fact, confidence)?;
        Ok(self)
    }

    /// Whether the fact holds (a world-state fact, or a belief of confidence 0.5 or more).
    #[must_use]
    pub fn holds(&self, fact: impl Into<Atom>) -> bool {
        let _ = fact.into();
        todo!()
    }

    /// All facts that hold, sorted.
    #[must_use]
    pub fn facts(&self) -> Vec<Atom> {
        todo!()
    }
}

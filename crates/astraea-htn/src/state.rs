//! The facts that hold.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::atom::Atom;
use crate::error::Error;
use crate::model::Model;
use crate::objects::{Obj, Objects};
use crate::search::resolve_args;
use crate::store::{FactId, Store};
use crate::syntax::did_you_mean;
use crate::types::Ty;

/// A belief of this confidence or more counts as a fact.
const BELIEVED: f64 = 0.5;

/// A set of facts about declared objects.
///
/// Made by [`CompiledDomain::state`](crate::CompiledDomain::state). Names are checked against the domain when a fact is added. What was not added is false.
#[derive(Debug, Clone)]
pub struct State {
    pub(crate) model: Arc<Model>,
    pub(crate) objects: Arc<Objects>,
    pub(crate) store: Store,
    pub(crate) beliefs: FxHashMap<FactId, f64>,
}

impl State {
    pub(crate) fn new(model: &Arc<Model>) -> Self {
        Self {
            model: Arc::clone(model),
            objects: Arc::new(model.constants.clone()),
            store: Store::new(model.predicates.len() + model.functions.len()),
            beliefs: FxHashMap::default(),
        }
    }

    /// Declares an object. Names that differ in letter case are different objects (a file `A.py` is not `a.py`), unless the domain has a constant
    /// of that name.
    ///
    /// # Errors
    /// [`Error::Unknown`] where the type is not declared.
    pub fn add_object(&mut self, name: &str, ty: &str) -> Result<(), Error> {
        let model = Arc::clone(&self.model);
        let Some(id) = model.types.get(ty) else {
            return Err(Error::Unknown {
                what: "type",
                name: ty.to_owned(),
                help: did_you_mean(ty, model.types.names.iter().map(String::as_str)),
            });
        };
        let constant = model.constants.find(name).is_some();
        self.declare(name, &if id == 0 { Ty::default() } else { Ty::from([id]) }, constant);
        Ok(())
    }

    pub(crate) fn declare(&mut self, name: &str, ty: &Ty, fold: bool) -> Obj {
        let model = Arc::clone(&self.model);
        Arc::make_mut(&mut self.objects).declare(name, ty, &model.types, fold)
    }

    /// [`add_object`](Self::add_object) for building a state in one expression.
    ///
    /// # Errors
    /// The same.
    pub fn with_object(mut self, name: &str, ty: &str) -> Result<Self, Error> {
        self.add_object(name, ty)?;
        Ok(self)
    }

    fn resolve(&self, fact: &Atom) -> Result<(u32, Vec<Obj>), Error> {
        let Some(pred) = self.model.predicate(&fact.name) else {
            let known = self.model.predicates.iter().map(|p| p.name.as_str());
            return Err(Error::Unknown {
                what: "predicate",
                name: fact.name.to_string(),
                help: did_you_mean(&fact.name, known)
                    .or_else(|| Some("declare it in the domain's `:predicates`".into())),
            });
        };
        if self.model.externals.contains_key(&pred) {
            let why = "the predicate is answered by the program".to_owned();
            return Err(Error::Mismatch { atom: Box::new(fact.clone()), why });
        }
        let params = &self.model.predicates[pred as usize].params;
        Ok((pred, resolve_args(&self.model, &self.objects, fact, params)?))
    }

    pub(crate) fn set(&mut self, pred: u32, args: &[Obj], value: bool) -> bool {
        let fact = self.store.intern(pred, args);
        let changed = self.store.holds_id(fact) != value;
        if changed {
            self.store.flip(fact);
        }
        changed
    }

    /// Makes a fact true. Says whether it was not before.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a predicate or object that is not declared, [`Error::Mismatch`] for a wrong number or type of arguments.
    pub fn add(&mut self, fact: impl Into<Atom>) -> Result<bool, Error> {
        let (pred, args) = self.resolve(&fact.into())?;
        let changed = self.set(pred, &args, true);
        self.forget_belief(pred, &args);
        Ok(changed)
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
        let (pred, args) = self.resolve(&fact.into())?;
        self.forget_belief(pred, &args);
        Ok(self.set(pred, &args, false))
    }

    fn forget_belief(&mut self, pred: u32, args: &[Obj]) {
        if let Some(id) = self.store.find(pred, args) {
            self.beliefs.remove(&id);
        }
    }

    /// Records a belief. One of confidence 0.5 or more counts as a fact; a fact that was observed stays true whatever is believed of it.
    ///
    /// # Errors
    /// As [`add`](Self::add); [`Error::OutOfRange`] for a confidence outside 0..1.
    pub fn add_belief(&mut self, fact: impl Into<Atom>, confidence: f64) -> Result<(), Error> {
        if !(0.0..=1.0).contains(&confidence) {
            return Err(Error::OutOfRange {
                what: "the confidence of a belief",
                value: confidence,
                range: "0..1",
            });
        }
        let (pred, args) = self.resolve(&fact.into())?;
        let id = self.store.intern(pred, &args);
        let observed = self.store.holds_id(id) && !self.beliefs.contains_key(&id);
        if !observed {
            self.set(pred, &args, confidence >= BELIEVED);
            self.beliefs.insert(id, confidence);
        }
        Ok(())
    }

    /// [`add_belief`](Self::add_belief) for building a state in one expression.
    ///
    /// # Errors
    /// The same.
    pub fn with_belief(mut self, fact: impl Into<Atom>, confidence: f64) -> Result<Self, Error> {
        self.add_belief(fact, confidence)?;
        Ok(self)
    }

    /// Whether the fact holds (observed, or believed with confidence 0.5 or more). A fact with unknown names does not.
    #[must_use]
    pub fn holds(&self, fact: impl Into<Atom>) -> bool {
        self.resolve(&fact.into()).is_ok_and(|(pred, args)| self.store.holds(pred, &args))
    }

    /// The confidence of a belief, where the fact is one.
    #[must_use]
    pub fn confidence(&self, fact: impl Into<Atom>) -> Option<f64> {
        let (pred, args) = self.resolve(&fact.into()).ok()?;
        let id = self.store.find(pred, &args)?;
        self.beliefs.get(&id).copied()
    }

    fn resolve_function(&self, function: &Atom) -> Result<(u32, Vec<Obj>), Error> {
        let found = crate::model::lookup_ref(&self.model.functions, &function.name);
        let Some((id, params)) = found else {
            let known = self.model.functions.keys().map(String::as_str);
            return Err(Error::Unknown {
                what: "function",
                name: function.name.to_string(),
                help: did_you_mean(&function.name, known)
                    .or_else(|| Some("declare it in the domain's `:functions`".into())),
            });
        };
        Ok((*id, resolve_args(&self.model, &self.objects, function, params)?))
    }

    /// Gives a numeric function a value: `set_number("fuel truck", 4.5)`.
    ///
    /// # Errors
    /// [`Error::Unknown`] and [`Error::Mismatch`] as for [`add`](Self::add); [`Error::OutOfRange`] for a value that is not finite.
    pub fn set_number(&mut self, function: impl Into<Atom>, value: f64) -> Result<(), Error> {
        if !value.is_finite() {
            let (what, range) = ("the value of a function", "the finite numbers");
            return Err(Error::OutOfRange { what, value, range });
        }
        let (id, args) = self.resolve_function(&function.into())?;
        self.give(id, &args, value);
        Ok(())
    }

    pub(crate) fn give(&mut self, function: u32, args: &[Obj], value: f64) {
        let id = self.store.intern(function, args);
        self.store.set_number(id, value);
    }

    /// [`set_number`](Self::set_number) for building a state in one expression.
    ///
    /// # Errors
    /// The same.
    pub fn with_number(mut self, function: impl Into<Atom>, value: f64) -> Result<Self, Error> {
        self.set_number(function, value)?;
        Ok(self)
    }

    /// The value of a numeric function, where it has one.
    #[must_use]
    pub fn number(&self, function: impl Into<Atom>) -> Option<f64> {
        let (id, args) = self.resolve_function(&function.into()).ok()?;
        self.store.number(id, &args)
    }

    pub(crate) fn atom(&self, fact: FactId) -> Atom {
        let args = self.store.args(fact).iter().map(|o| self.objects.word(*o));
        Atom {
            name: self.model.predicates[self.store.pred(fact) as usize].name.as_str().into(),
            args: args.collect(),
        }
    }

    /// All facts that hold, sorted.
    #[must_use]
    pub fn facts(&self) -> Vec<Atom> {
        let mut facts: Vec<Atom> = self.store.iter().map(|id| self.atom(id)).collect();
        facts.sort();
        facts
    }
}

//! Predicates that the program answers instead of the state.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::atom::Atom;
use crate::cond::with_values;
use crate::model::{Arg, lookup};
use crate::objects::{Obj, Objects};
use crate::store::Store;

/// Answers whether an external predicate holds for some objects.
pub(crate) type Ask = dyn Fn(&[&str], &Now<'_>) -> bool + Send + Sync;

/// The state at the moment in which an external predicate is asked.
#[derive(Clone, Copy)]
pub struct Now<'a>(pub(crate) &'a dyn Facts);

pub(crate) trait Facts {
    fn holds(&self, fact: &Atom) -> bool;
    fn number(&self, function: &Atom) -> Option<f64>;
}

impl Now<'_> {
    /// Whether the fact holds now. A fact with unknown names does not, and external predicates are not asked from here.
    #[must_use]
    pub fn holds(&self, fact: impl Into<Atom>) -> bool {
        self.0.holds(&fact.into())
    }

    /// What the numeric function is now, where it is known.
    #[must_use]
    pub fn number(&self, function: impl Into<Atom>) -> Option<f64> {
        self.0.number(&function.into())
    }
}

impl fmt::Debug for Now<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Now")
    }
}

/// What names mean to a closure.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    pub(crate) predicates: FxHashMap<String, u32>,
    pub(crate) functions: FxHashMap<String, u32>,
}

/// An external predicate.
#[derive(Clone)]
pub(crate) struct External {
    pub(crate) pred: u32,
    pub(crate) ask: Arc<Ask>,
    pub(crate) symbols: Arc<Symbols>,
}

impl fmt::Debug for External {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("External").field("pred", &self.pred).finish_non_exhaustive()
    }
}

impl PartialEq for External {
    fn eq(&self, other: &Self) -> bool {
        self.pred == other.pred && Arc::ptr_eq(&self.ask, &other.ask)
    }
}

/// A predicate or function with its arguments.
pub(crate) type Looked = (u32, Vec<Obj>);

/// A store as a closure sees it; notes what was looked up, where that is asked for.
pub(crate) struct View<'a> {
    pub(crate) store: &'a Store,
    pub(crate) objects: &'a Objects,
    pub(crate) symbols: &'a Symbols,
    pub(crate) seen: Option<&'a RefCell<Vec<Looked>>>,
}

impl View<'_> {
    fn find(&self, names: &FxHashMap<String, u32>, atom: &Atom) -> Option<Looked> {
        let symbol = lookup(names, &atom.name)?;
        let args: Option<Vec<Obj>> = atom.args.iter().map(|a| self.objects.find(a)).collect();
        let found = (symbol, args?);
        if let Some(seen) = self.seen {
            seen.borrow_mut().push(found.clone());
        }
        Some(found)
    }
}

impl Facts for View<'_> {
    fn holds(&self, fact: &Atom) -> bool {
        self.find(&self.symbols.predicates, fact)
            .is_some_and(|(p, args)| self.store.holds(p, &args))
    }

    fn number(&self, function: &Atom) -> Option<f64> {
        self.find(&self.symbols.functions, function)
            .and_then(|(f, args)| self.store.number(f, &args))
    }
}

impl External {
    pub(crate) fn holds(
        &self,
        args: &[Arg],
        store: &Store,
        objects: &Objects,
        binding: &[Obj],
    ) -> bool {
        let view = View { store, objects, symbols: &self.symbols, seen: None };
        with_values(args, binding, |args| self.answer(args, objects, &view))
    }

    pub(crate) fn answer(&self, args: &[Obj], objects: &Objects, facts: &dyn Facts) -> bool {
        let names: Vec<&str> = args.iter().map(|o| objects.name(*o)).collect();
        (self.ask)(&names, &Now(facts))
    }
}

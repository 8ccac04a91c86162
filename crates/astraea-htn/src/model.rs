//! A domain with every name resolved: what the search works on.

use rustc_hash::FxHashMap;

use crate::ast;
use crate::atom::Word;
use crate::compile::Lift;
use crate::cond::Cond;
use crate::diagnostic::Diagnostic;
use crate::external::External;
use crate::number::{NumberChange, Price};
use crate::objects::{Obj, Objects};
use crate::query::Query;
use crate::types::{Ty, TypeTable};

/// Position of a task or action in [`Model::tasks`].
pub(crate) type TaskId = u32;

/// An argument inside a method or action: one of its variables, or an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arg {
    Var(u16),
    Obj(Obj),
}

impl Method {
    /// The query to use.
    #[inline]
    pub(crate) fn query(&self, ordered: bool) -> &Query {
        if ordered { &self.ordered_query } else { &self.query }
    }
}

impl Arg {
    #[inline]
    pub(crate) fn value(self, binding: &[Obj]) -> Obj {
        match self {
            Self::Var(slot) => binding[usize::from(slot)],
            Self::Obj(obj) => obj,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Predicate {
    pub(crate) name: String,
    pub(crate) params: Vec<Ty>,
    /// The types that the arguments of every fact are sure to have: wider than declared where an action may add a fact of wider ones.
    pub(crate) sure: Vec<Ty>,
}

/// A task: compound, or an action.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) name: Word,
    pub(crate) params: Vec<Ty>,
    /// Positions of its methods as declared, and from the cheapest to the dearest.
    pub(crate) declared: Vec<u32>,
    pub(crate) cheapest: Vec<u32>,
    /// Position in [`Model::actions`].
    pub(crate) action: Option<u32>,
    /// Choosing it first loses nothing, whatever else could be done: it neither reads nor changes the state.
    pub(crate) neutral: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Sub {
    pub(crate) task: TaskId,
    pub(crate) args: Vec<Arg>,
    /// Subtasks that wait for this one.
    pub(crate) next: Vec<u16>,
    /// How many subtasks this one waits for.
    pub(crate) waits: u16,
}

#[derive(Debug, Clone)]
pub(crate) struct Method {
    pub(crate) name: Word,
    pub(crate) cost: Option<f64>,
    pub(crate) vars: Vec<Word>,
    /// How the task's arguments bind the variables.
    pub(crate) head: Vec<Arg>,
    /// Finds the bindings, with what subtasks need wherever they stand.
    pub(crate) query: Query,
    /// The same with all that subtasks need where everything is totally ordered.
    pub(crate) ordered_query: Query,
    pub(crate) subs: Vec<Sub>,
    /// The subtasks in an order in which every one comes after those that wait for it.
    pub(crate) backwards: Vec<u16>,
}

/// A change that an action makes.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// Quantified variables with their types.
    pub(crate) forall: Vec<(u16, Ty)>,
    pub(crate) when: Option<Cond>,
    pub(crate) add: bool,
    pub(crate) pred: u32,
    pub(crate) args: Vec<Arg>,
}

#[derive(Debug, Clone)]
pub(crate) struct Action {
    /// Checked when it is executed, in order.
    pub(crate) parts: Vec<Cond>,
    pub(crate) changes: Vec<Change>,
    /// Whether no change has a quantifier or a condition.
    pub(crate) plain: bool,
    /// Changes of numbers.
    pub(crate) numbers: Vec<NumberChange>,
    pub(crate) prices: Vec<Price>,
    /// Variables, those of quantifiers included.
    pub(crate) slots: usize,
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) ast: ast::Domain,
    pub(crate) warnings: Vec<Diagnostic>,
    pub(crate) types: TypeTable,
    pub(crate) constants: Objects,
    pub(crate) predicates: Vec<Predicate>,
    pub(crate) predicate_by_key: FxHashMap<String, u32>,
    pub(crate) functions: FxHashMap<String, (u32, Vec<Ty>)>,
    /// Predicates that the program answers.
    pub(crate) externals: FxHashMap<u32, External>,
    /// Whether plans depend on numbers, or on what the program answers: only the lifted search can do that.
    pub(crate) numeric: bool,
    pub(crate) tasks: Vec<Task>,
    pub(crate) task_by_key: FxHashMap<String, TaskId>,
    pub(crate) methods: Vec<Method>,
    pub(crate) actions: Vec<Action>,
    pub(crate) lift: Lift,
    /// Memory of the last search, for the next.
    pub(crate) memory: std::sync::Mutex<Option<Box<crate::search::Memory>>>,
    /// The domain in one total order, once it was asked for.
    pub(crate) linear: std::sync::OnceLock<Option<std::sync::Arc<Model>>>,
}

impl Model {
    pub(crate) fn task(&self, name: &str) -> Option<TaskId> {
        lookup(&self.task_by_key, name)
    }

    /// The name of a predicate, or of a function, which are numbered after them.
    pub(crate) fn symbol(&self, id: u32) -> &str {
        match self.predicates.get(id as usize) {
            Some(predicate) => &predicate.name,
            None => {
                let function = self.ast.functions.get(id as usize - self.predicates.len());
                function.map_or("?", |f| &f.name.text)
            }
        }
    }

    pub(crate) fn predicate(&self, name: &str) -> Option<u32> {
        lookup(&self.predicate_by_key, name)
    }
}

pub(crate) fn lookup<T: Copy>(map: &FxHashMap<String, T>, name: &str) -> Option<T> {
    lookup_ref(map, name).copied()
}

pub(crate) fn lookup_ref<'m, T>(map: &'m FxHashMap<String, T>, name: &str) -> Option<&'m T> {
    if let Some(found) = map.get(name) {
        return Some(found);
    }
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        map.get(&name.to_ascii_lowercase())
    } else {
        None
    }
}

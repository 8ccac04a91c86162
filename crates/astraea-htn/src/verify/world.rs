//! Values, conditions and effects, straight from the syntax tree.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::ast::{Effect, Formula, Name, TypeRef, Typed};
use crate::objects::Obj;
use crate::state::State;

/// What variables stand for.
pub(super) type Env = Vec<(String, Obj)>;
/// Predicate in lower case, and arguments.
pub(super) type Fact = (String, Vec<Obj>);

/// What an execution changed: the facts that it made true, and false.
#[derive(Debug, Default)]
pub(super) struct Change {
    added: Vec<Fact>,
    deleted: Vec<Fact>,
}

/// The facts that hold, in a form of its own.
pub(super) struct World<'a> {
    pub(super) state: &'a State,
    facts: FxHashMap<String, FxHashSet<Vec<Obj>>>,
}

impl<'a> World<'a> {
    pub(super) fn new(state: &'a State) -> Self {
        let mut world = Self { state, facts: FxHashMap::default() };
        for id in state.store.iter() {
            let name = &state.model.predicates[state.store.pred(id) as usize].name;
            world.add(&(name.to_ascii_lowercase(), state.store.args(id).to_vec()));
        }
        world
    }
}

impl World<'_> {
    fn add(&mut self, fact: &Fact) -> bool {
        match self.facts.get_mut(&fact.0) {
            Some(facts) => facts.insert(fact.1.clone()),
            None => {
                self.facts.insert(fact.0.clone(), FxHashSet::from_iter([fact.1.clone()]));
                true
            }
        }
    }

    fn remove(&mut self, fact: &Fact) -> bool {
        self.facts.get_mut(&fact.0).is_some_and(|facts| facts.remove(&fact.1))
    }

    /// Makes an effect happen.
    pub(super) fn execute(&mut self, effect: &Effect, env: &Env) -> Change {
        let (mut adds, mut deletes) = (Vec::new(), Vec::new());
        self.effects(effect, &mut env.clone(), &mut adds, &mut deletes);
        let deleted = deletes.into_iter().filter(|fact| self.remove(fact)).collect();
        let added = adds.into_iter().filter(|fact| self.add(fact)).collect();
        Change { added, deleted }
    }

    pub(super) fn take_back(&mut self, change: Change) {
        for fact in &change.added {
            self.remove(fact);
        }
        for fact in &change.deleted {
            self.add(fact);
        }
    }

    /// The facts of a predicate that hold, in a fixed order.
    pub(super) fn facts_of(&self, name: &Name) -> Vec<&[Obj]> {
        let facts = self.facts.get(&name.key());
        let mut facts: Vec<&[Obj]> = facts.into_iter().flatten().map(Vec::as_slice).collect();
        facts.sort_unstable();
        facts
    }

    /// The objects of a type.
    pub(super) fn members<'s>(&'s self, ty: &'s TypeRef) -> impl Iterator<Item = Obj> + 's {
        let count = u32::try_from(self.state.objects.names.len()).unwrap_or(u32::MAX);
        (0..count).filter(move |obj| self.is_of(*obj, ty))
    }

    pub(super) fn object(&self, name: &str) -> Option<Obj> {
        self.state.objects.find(name)
    }

    pub(super) fn is_of(&self, obj: Obj, ty: &TypeRef) -> bool {
        ty.alternatives.is_empty()
            || ty.alternatives.iter().any(|name| {
                self.state
                    .model
                    .types
                    .get(&name.text)
                    .is_some_and(|t| self.state.objects.fits(obj, &[t]))
            })
    }

    pub(super) fn value(&self, name: &Name, env: &Env) -> Option<Obj> {
        if name.is_variable() {
            let key = name.key();
            env.iter().rev().find(|(k, _)| *k == key).map(|(_, obj)| *obj)
        } else {
            self.object(&name.text)
        }
    }

    /// Gives a variable its value, or compares.
    pub(super) fn bind(&self, name: &Name, obj: Obj, env: &mut Env) -> bool {
        match self.value(name, env) {
            Some(known) => known == obj,
            None if name.is_variable() => {
                env.push((name.key(), obj));
                true
            }
            None => false,
        }
    }

    pub(super) fn fact(&self, name: &Name, args: &[Name], env: &Env) -> Option<Fact> {
        let args: Option<Vec<Obj>> = args.iter().map(|a| self.value(a, env)).collect();
        args.map(|args| (name.key(), args))
    }

    fn effects(
        &self,
        effect: &Effect,
        env: &mut Env,
        adds: &mut Vec<Fact>,
        deletes: &mut Vec<Fact>,
    ) {
        match effect {
            Effect::Add(term) => adds.extend(self.fact(&term.name, &term.args, env)),
            Effect::Delete(term) => deletes.extend(self.fact(&term.name, &term.args, env)),
            Effect::And(parts) => {
                for part in parts {
                    self.effects(part, env, adds, deletes);
                }
            }
            Effect::Forall(vars, body) => {
                self.choices(vars, env, &mut |env| {
                    self.effects(body, env, adds, deletes);
                    true
                });
            }
            Effect::When(condition, body) => {
                if self.holds(condition, env) {
                    self.effects(body, env, adds, deletes);
                }
            }
            Effect::Increase(..) => {}
        }
    }

    /// Calls `f` for every choice of values until it says `false`; whether it never did.
    pub(super) fn choices(
        &self,
        vars: &[Typed],
        env: &mut Env,
        f: &mut dyn FnMut(&mut Env) -> bool,
    ) -> bool {
        let Some((first, rest)) = vars.split_first() else { return f(env) };
        for obj in self.members(&first.ty) {
            env.push((first.name.key(), obj));
            let go_on = self.choices(rest, env, f);
            env.pop();
            if !go_on {
                return false;
            }
        }
        true
    }

    pub(super) fn holds(&self, formula: &Formula, env: &mut Env) -> bool {
        match formula {
            Formula::Atom(term) => {
                self.fact(&term.name, &term.args, env).is_some_and(|(name, args)| {
                    self.facts.get(&name).is_some_and(|f| f.contains(&args))
                })
            }
            Formula::Equal(a, b) => self.value(a, env) == self.value(b, env),
            Formula::SortOf(a, ty) => self.value(a, env).is_some_and(|obj| self.is_of(obj, ty)),
            Formula::Not(part) => !self.holds(part, env),
            Formula::And(parts) => parts.iter().all(|p| self.holds(p, env)),
            Formula::Or(parts) => parts.iter().any(|p| self.holds(p, env)),
            Formula::Imply(a, b) => !self.holds(a, env) || self.holds(b, env),
            Formula::Forall(vars, body) => {
                self.choices(vars, env, &mut |env| self.holds(body, env))
            }
            Formula::Exists(vars, body) => {
                !self.choices(vars, env, &mut |env| !self.holds(body, env))
            }
        }
    }

    /// The first part of a conjunction that does not hold, as text with its values.
    pub(super) fn first_false(&self, formula: &Formula, env: &Env) -> Option<String> {
        let mut env = env.clone();
        let parts = crate::compile::parts_of(formula);
        let part = parts.into_iter().find(|p| !self.holds(p, &mut env))?;
        Some(self.shown(part, &env))
    }

    /// A condition with the values of its variables.
    pub(super) fn shown(&self, part: &Formula, env: &Env) -> String {
        let name = |var: &str| {
            let key = var.to_ascii_lowercase();
            let found = env.iter().rev().find(|(k, _)| *k == key);
            found.map(|(_, obj)| self.state.objects.name(*obj).to_owned())
        };
        part.instantiate(&name).to_string()
    }
}

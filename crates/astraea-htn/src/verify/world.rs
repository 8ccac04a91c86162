//! Values, conditions and effects, straight from the syntax tree.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::ast::{Amount, Assignment, Comparison, Effect, Formula, Name, Operator, TypeRef, Typed};
use crate::atom::Atom;
use crate::external::{External, Facts};
use crate::model::Model;
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
    /// Functions with their values before.
    numbers: Vec<(Fact, Option<f64>)>,
    /// What was added to the cost.
    pub(super) cost: f64,
    /// A change that could not be made, because a number is not known.
    pub(super) impossible: Option<String>,
}

/// What an effect does in a state.
#[derive(Default)]
struct Effects {
    adds: Vec<Fact>,
    deletes: Vec<Fact>,
    numbers: Vec<(Assignment, Fact, f64)>,
    cost: f64,
    impossible: Option<String>,
}

/// The facts that hold, in a form of its own.
pub(super) struct World<'a> {
    model: &'a Model,
    pub(super) state: &'a State,
    facts: FxHashMap<String, FxHashSet<Vec<Obj>>>,
    numbers: FxHashMap<Fact, f64>,
}

impl<'a> World<'a> {
    pub(super) fn new(model: &'a Model, state: &'a State) -> Self {
        let (facts, numbers) = (FxHashMap::default(), FxHashMap::default());
        let mut world = Self { model, state, facts, numbers };
        for id in state.store.iter() {
            let name = &state.model.predicates[state.store.pred(id) as usize].name;
            world.add(&(name.to_ascii_lowercase(), state.store.args(id).to_vec()));
        }
        for (id, value) in state.store.numbers() {
            let name = state.model.symbol(state.store.pred(id)).to_ascii_lowercase();
            world.numbers.insert((name, state.store.args(id).to_vec()), value);
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
        let mut effects = Effects::default();
        self.effects(effect, &mut env.clone(), &mut effects);
        let Effects { adds, deletes, numbers, cost, mut impossible } = effects;
        let deleted = deletes.into_iter().filter(|fact| self.remove(fact)).collect();
        let added = adds.into_iter().filter(|fact| self.add(fact)).collect();
        let mut before = Vec::new();
        for (how, fact, amount) in numbers {
            let old = self.numbers.get(&fact).copied();
            let new = match (how, old) {
                (Assignment::Assign, _) => Some(amount),
                (Assignment::Increase, Some(old)) => Some(old + amount),
                (Assignment::Decrease, Some(old)) => Some(old - amount),
                (Assignment::ScaleUp, Some(old)) => Some(old * amount),
                (Assignment::ScaleDown, Some(old)) => Some(old / amount),
                (_, None) => None,
            };
            match new.filter(|n| n.is_finite()) {
                Some(new) => {
                    self.numbers.insert(fact.clone(), new);
                    before.push((fact, old));
                }
                None => {
                    let args = fact.1.iter().map(|o| self.state.objects.name(*o));
                    impossible = Some(Atom::new(fact.0, args).to_string());
                }
            }
        }
        Change { added, deleted, numbers: before, cost, impossible }
    }

    pub(super) fn take_back(&mut self, change: Change) {
        for fact in &change.added {
            self.remove(fact);
        }
        for fact in &change.deleted {
            self.add(fact);
        }
        for (fact, old) in change.numbers.into_iter().rev() {
            match old {
                Some(old) => self.numbers.insert(fact, old),
                None => self.numbers.remove(&fact),
            };
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

    /// The closure that answers a predicate.
    pub(super) fn external(&self, name: &Name) -> Option<&External> {
        if self.model.externals.is_empty() {
            return None;
        }
        self.model.externals.get(&self.model.predicate(&name.text)?)
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

    fn effects(&self, effect: &Effect, env: &mut Env, into: &mut Effects) {
        match effect {
            Effect::Add(term) => into.adds.extend(self.fact(&term.name, &term.args, env)),
            Effect::Delete(term) => into.deletes.extend(self.fact(&term.name, &term.args, env)),
            Effect::And(parts) => {
                for part in parts {
                    self.effects(part, env, into);
                }
            }
            Effect::Forall(vars, body) => {
                self.choices(vars, env, &mut |env| {
                    self.effects(body, env, into);
                    true
                });
            }
            Effect::When(condition, body) => {
                if self.holds(condition, env) {
                    self.effects(body, env, into);
                }
            }
            Effect::Number(how, target, amount) => {
                let fact = self.fact(&target.name, &target.args, env);
                let amount = self.amount(amount, env);
                let cost = target.name.text.eq_ignore_ascii_case("total-cost");
                if cost && *how == Assignment::Increase {
                    into.cost += amount.unwrap_or(0.0);
                    if !self.numbers.contains_key(&(target.name.key(), Vec::new())) {
                        return;
                    }
                }
                match fact.zip(amount) {
                    Some((fact, amount)) => into.numbers.push((*how, fact, amount)),
                    None => into.impossible = Some(target.to_string()),
                }
            }
        }
    }

    /// The value of an amount, where all that it needs is known.
    fn amount(&self, amount: &Amount, env: &Env) -> Option<f64> {
        let value = match amount {
            Amount::Number(n) => *n,
            Amount::Function(term) => {
                *self.numbers.get(&self.fact(&term.name, &term.args, env)?)?
            }
            Amount::Calculated(how, a, b) => {
                let (a, b) = (self.amount(a, env)?, self.amount(b, env)?);
                match how {
                    Operator::Plus => a + b,
                    Operator::Minus => a - b,
                    Operator::Times => a * b,
                    Operator::Divide => a / b,
                }
            }
        };
        value.is_finite().then_some(value)
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
            Formula::Atom(term) if self.external(&term.name).is_some() => {
                let fact = self.fact(&term.name, &term.args, env);
                let external = self.external(&term.name);
                fact.zip(external)
                    .is_some_and(|((_, args), e)| e.answer(&args, &self.state.objects, self))
            }
            Formula::Atom(term) => {
                self.fact(&term.name, &term.args, env).is_some_and(|(name, args)| {
                    self.facts.get(&name).is_some_and(|f| f.contains(&args))
                })
            }
            Formula::Equal(a, b) => self.value(a, env) == self.value(b, env),
            Formula::Compare(how, a, b) => {
                self.amount(a, env).zip(self.amount(b, env)).is_some_and(|(a, b)| match how {
                    Comparison::Less => a < b,
                    Comparison::AtMost => a <= b,
                    Comparison::Equal => a == b,
                    Comparison::AtLeast => a >= b,
                    Comparison::Greater => a > b,
                })
            }
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

/// What a closure may look at.
impl Facts for World<'_> {
    fn holds(&self, fact: &Atom) -> bool {
        let args: Option<Vec<Obj>> = fact.args.iter().map(|a| self.object(a)).collect();
        let facts = self.facts.get(&*fact.name.to_ascii_lowercase());
        args.zip(facts).is_some_and(|(args, facts)| facts.contains(&args))
    }

    fn number(&self, function: &Atom) -> Option<f64> {
        let args: Option<Vec<Obj>> = function.args.iter().map(|a| self.object(a)).collect();
        self.numbers.get(&(function.name.to_ascii_lowercase().into(), args?)).copied()
    }
}

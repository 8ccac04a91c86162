//! Values, conditions and effects, straight from the syntax tree.

use super::judge::Judge;
use crate::ast::{Effect, Formula, Name, TypeRef, Typed};
use crate::objects::Obj;

/// What variables stand for.
pub(super) type Env = Vec<(String, Obj)>;
/// Predicate in lower case, and arguments.
pub(super) type Fact = (String, Vec<Obj>);

impl Judge<'_> {
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

    pub(super) fn effects(
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
        let count = u32::try_from(self.state.objects.names.len()).unwrap_or(u32::MAX);
        for obj in (0..count).filter(|o| self.is_of(*o, &first.ty)) {
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
            Formula::Atom(term) => self
                .fact(&term.name, &term.args, env)
                .is_some_and(|fact| self.facts.contains(&fact)),
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
        let name = |var: &str| {
            let key = var.to_ascii_lowercase();
            let found = env.iter().rev().find(|(k, _)| *k == key);
            found.map(|(_, obj)| self.state.objects.name(*obj).to_owned())
        };
        Some(part.instantiate(&name).to_string())
    }
}

//! Which steps of a plan depend on each other.

use std::cell::RefCell;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::atom::{Atom, Word};
use crate::compile::{Names, Scope};
use crate::cond::{Cond, for_each_choice, with_values};
use crate::external::View;
use crate::model::Model;
use crate::number::Expr;
use crate::objects::{Obj, Objects};
use crate::plan::{Done, Plan};
use crate::search::{change, resolve_task};
use crate::state::State;
use crate::store::{NONE, Store};

/// How two steps of a plan depend on each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The step that must come first (position in [`Plan::steps`]).
    pub before: usize,
    /// The step that must come later.
    pub after: usize,
    /// The fact that ties them.
    pub fact: Atom,
    /// In which way.
    pub why: Link,
}

/// The ways in which a fact ties two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The first makes true (or false) what the second needs so.
    Produces,
    /// The second would undo what the first relies on.
    Threatens,
    /// Both set the fact, to different values, so the last one decides.
    Overwrites,
}

/// The facts that a step reads and writes, each with the value it needs or sets.
#[derive(Debug, Default)]
struct Touch {
    reads: Vec<(Fact, bool)>,
    writes: Vec<(Fact, bool)>,
}

type Fact = (u32, Vec<Obj>);

pub(crate) fn dependencies(model: &Model, state: &State, plan: &Plan) -> Vec<Dependency> {
    let mut store = state.store.clone();
    let touches: Vec<Touch> = (0..plan.steps.len())
        .map(|step| touch(model, state, plan, step, &mut store).unwrap_or_default())
        .collect();
    // For each fact the steps that touch it, in order.
    let mut readers: FxHashMap<&Fact, Vec<(usize, bool)>> = FxHashMap::default();
    let mut writers: FxHashMap<&Fact, Vec<(usize, bool)>> = FxHashMap::default();
    let mut found: Vec<(usize, usize, Fact, Link)> = Vec::new();
    for (after, touch) in touches.iter().enumerate() {
        for (fact, value) in &touch.reads {
            // Whoever set the value last supports it; whoever set the other value before must stay before.
            if let Some(list) = writers.get(fact) {
                if let Some((before, _)) = list.iter().rev().find(|(_, v)| v == value) {
                    found.push((*before, after, fact.clone(), Link::Produces));
                }
                let others = list.iter().filter(|(_, v)| v != value);
                found.extend(others.map(|(b, _)| (*b, after, fact.clone(), Link::Overwrites)));
            }
            readers.entry(fact).or_default().push((after, *value));
        }
        for (fact, value) in &touch.writes {
            if let Some(list) = readers.get(fact) {
                let others = list.iter().filter(|(s, v)| *s != after && v != value);
                found.extend(others.map(|(b, _)| (*b, after, fact.clone(), Link::Threatens)));
            }
            if let Some(list) = writers.get(fact) {
                let others = list.iter().filter(|(s, v)| *s != after && v != value);
                found.extend(others.map(|(b, _)| (*b, after, fact.clone(), Link::Overwrites)));
            }
            writers.entry(fact).or_default().push((after, *value));
        }
    }
    guards(model, state, plan, &touches, &mut found);
    let mut edges: Vec<Dependency> = found
        .into_iter()
        .filter(|(before, after, ..)| before != after)
        .map(|(before, after, (pred, args), why)| {
            let args = args.iter().map(|o| state.objects.word(*o)).collect();
            let name = model.symbol(pred).into();
            Dependency { before, after, fact: Atom { name, args }, why }
        })
        .collect();
    edges.sort_by(|a, b| {
        (a.before, a.after, &a.fact, a.why).cmp(&(b.before, b.after, &b.fact, b.why))
    });
    edges.dedup();
    edges
}

/// What a method's precondition relies on ties all the steps under it to the steps outside it.
fn guards(
    model: &Model,
    state: &State,
    plan: &Plan,
    touches: &[Touch],
    found: &mut Vec<(usize, usize, Fact, Link)>,
) {
    let mut under: Vec<Vec<usize>> = vec![Vec::new(); plan.tree.len()];
    for (step, taken) in plan.steps.iter().enumerate() {
        let mut up = plan.tree.get(taken.node).and_then(|n| n.parent);
        for _ in 0..plan.tree.len() {
            let Some(node) = up else { break };
            under[node].push(step);
            up = plan.tree.get(node).and_then(|n| n.parent);
        }
    }
    for (node, steps) in plan.tree.iter().zip(&under) {
        let Done::Method { method, binding, at, .. } = &node.done else { continue };
        for (fact, value) in asked(model, state, method, binding) {
            let sets = |step: &usize, wanted: bool| {
                touches[*step].writes.iter().any(|(f, v)| *f == fact && (*v == value) == wanted)
            };
            let outside = |step: &usize| !steps.contains(step);
            let producer = (0..*at.min(&touches.len())).rev().find(|s| sets(s, true));
            let undone = (0..*at.min(&touches.len())).filter(|s| sets(s, false));
            let before: Vec<(usize, Link)> = producer
                .into_iter()
                .map(|s| (s, Link::Produces))
                .chain(undone.map(|s| (s, Link::Overwrites)))
                .filter(|(s, _)| outside(s))
                .collect();
            let threats: Vec<usize> =
                (*at..touches.len()).filter(|s| sets(s, false) && outside(s)).collect();
            for step in steps {
                found.extend(before.iter().map(|(b, why)| (*b, *step, fact.clone(), *why)));
                let later = threats.iter().filter(|t| *t > step);
                found.extend(later.map(|t| (*step, *t, fact.clone(), Link::Threatens)));
            }
        }
    }
}

/// The facts that a method's precondition asks for, with the values wanted.
fn asked(
    model: &Model,
    state: &State,
    method: &str,
    binding: &[(Word, Word)],
) -> Vec<(Fact, bool)> {
    let mut facts = Vec::new();
    let Some(ast) = model.ast.methods.iter().find(|m| m.name.text.eq_ignore_ascii_case(method))
    else {
        return facts;
    };
    let names = Names::of(model, &state.objects);
    let mut errors = Vec::new();
    let mut scope = Scope::new(&names, &ast.params, &mut errors);
    let parts = scope.conjuncts(&ast.precondition);
    let mut values: Vec<Obj> = ast
        .params
        .iter()
        .map(|p| {
            let found = binding.iter().find(|(var, _)| var.eq_ignore_ascii_case(&p.name.text));
            found.and_then(|(_, value)| state.objects.find(value)).unwrap_or(NONE)
        })
        .collect();
    values.resize(scope.slots, NONE);
    for (cond, _) in &parts {
        reads(cond, true, (&state.store, &state.objects), &mut values, &mut facts);
    }
    facts
}

/// What a step reads and writes in the state in which it is executed; executes it.
fn touch(
    model: &Model,
    state: &State,
    plan: &Plan,
    step: usize,
    store: &mut Store,
) -> Option<Touch> {
    let (task, args) = resolve_task(model, &state.objects, &plan.steps[step].atom()).ok()?;
    let action = &model.actions[model.tasks[task as usize].action? as usize];
    let mut binding = args;
    binding.resize(action.slots.max(binding.len()), NONE);
    let objects = &state.objects;
    let mut touch = Touch::default();
    for part in &action.parts {
        reads(part, true, (store, objects), &mut binding, &mut touch.reads);
    }
    for change in &action.changes {
        for_each_choice(&change.forall, objects, &mut binding, |binding| {
            let mut happens = true;
            if let Some(when) = &change.when {
                happens = when.eval(store, objects, binding);
                reads(when, happens, (store, objects), binding, &mut touch.reads);
            }
            if happens {
                let args = change.args.iter().map(|a| a.value(binding)).collect();
                touch.writes.push(((change.pred, args), change.add));
            }
            false
        });
    }
    // Deletions stand first, so the later write of one fact decides.
    let last = touch.writes.clone();
    touch.writes.retain(|(fact, value)| {
        last.iter().rev().find(|(f, _)| f == fact).is_some_and(|(_, v)| v == value)
    });
    for change in &action.numbers {
        for_each_choice(&change.forall, objects, &mut binding, |binding| {
            let mut happens = true;
            if let Some(when) = &change.when {
                happens = when.eval(store, objects, binding);
                reads(when, happens, (store, objects), binding, &mut touch.reads);
            }
            if happens {
                let args: Vec<Obj> = change.args.iter().map(|a| a.value(binding)).collect();
                // Whatever the number was good for before, it may not be any more.
                touch.writes.extend([true, false].map(|v| ((change.function, args.clone()), v)));
            }
            false
        });
    }
    change(action, store, objects, &mut binding, &mut Vec::new());
    Some(touch)
}

/// The numbers that an expression needs: any other value may do harm.
fn number_reads(expr: &Expr, binding: &[Obj], into: &mut Vec<(Fact, bool)>) {
    expr.functions(&mut |function, args| {
        into.push(((function, args.iter().map(|a| a.value(binding)).collect()), true));
    });
}

/// The facts that a condition speaks of, with the value that makes it true (or, where `wanted` is false, not true).
fn reads(
    cond: &Cond,
    wanted: bool,
    (store, objects): (&Store, &Objects),
    binding: &mut [Obj],
    into: &mut Vec<(Fact, bool)>,
) {
    match cond {
        Cond::Atom(pred, args) => {
            into.push(((*pred, args.iter().map(|a| a.value(binding)).collect()), wanted));
        }
        Cond::Equal(..) | Cond::Sort(..) => {}
        Cond::Compare(_, pair) => {
            number_reads(&pair.0, binding, into);
            number_reads(&pair.1, binding, into);
        }
        Cond::Known(expr) => number_reads(expr, binding, into),
        Cond::Ask(external, args) => {
            // What the closure looks at; whether it wants it so cannot be told.
            let seen = RefCell::default();
            let view = View { store, objects, symbols: &external.symbols, seen: Some(&seen) };
            with_values(args, binding, |args| external.answer(args, objects, &view));
            into.extend(
                seen.into_inner().into_iter().flat_map(|f| [(f.clone(), true), (f, false)]),
            );
        }
        Cond::Not(part) => reads(part, !wanted, (store, objects), binding, into),
        Cond::And(parts) | Cond::Or(parts) => {
            for part in parts {
                reads(part, wanted, (store, objects), binding, into);
            }
        }
        Cond::Forall(vars, body) | Cond::Exists(vars, body) => {
            for_each_choice(vars, objects, binding, |binding| {
                reads(body, wanted, (store, objects), binding, into);
                false
            });
        }
    }
}

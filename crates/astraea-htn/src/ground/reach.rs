//! Which tasks, actions and methods can come up at all, with every variable bound.
//!
//! Methods and actions are read as rules: a task that is asked for, and a precondition that can be met, give the subtasks or the effects. Facts never
//! become false here, so what is found is more than can really happen, never less. Each new task or fact is joined with what is already there, through
//! the indexes of [`Store`] (semi-naive evaluation; grounding through the hierarchy follows Behnke, Höller, Schmid, Bercher and Biundo, AAAI 2020).

use super::intern::Interner;
use super::{Asked, Stop};
use crate::compile::Lift;
use crate::cond::{Cond, for_each_choice};
use crate::model::{Arg, Method, Model};
use crate::objects::{Obj, Objects};
use crate::query::{Query, Vars};
use crate::store::{FactId, NONE, Store, Walk};
use crate::types::Ty;

/// A method or an action as a rule.
#[derive(Debug)]
struct Rule {
    /// Position in the model's methods or actions, or [`Reached::TOP`].
    of: u32,
    is_action: bool,
    vars: usize,
    triggers: Vec<Trigger>,
}

/// One of a rule's facts, and the query for the others.
#[derive(Debug)]
struct Trigger {
    pred: u32,
    args: Vec<Arg>,
    types: Vec<Ty>,
    rest: Query,
}

/// All that can come up.
#[derive(Debug)]
pub(crate) struct Reached {
    /// Facts of the domain's predicates, and, from `predicates` on, tasks.
    pub(crate) store: Store,
    pub(crate) predicates: u32,
    /// Method and binding; the method of the tasks asked for is [`Reached::TOP`].
    pub(crate) methods: Interner,
    /// Tasks that are actions and can be executed.
    pub(crate) actions: Vec<FactId>,
}

impl Reached {
    /// The method that stands for what was asked.
    pub(crate) const TOP: u32 = u32::MAX - 1;
}

/// Finds everything, or says that it is too much.
pub(crate) fn reach(
    model: &Model,
    objects: &Objects,
    start: &Store,
    asked: &Asked<'_>,
    stop: &mut Stop<'_>,
) -> Option<Reached> {
    let predicates = model.predicates.len() as u32;
    let root = predicates + model.tasks.len() as u32;
    let rules = rules(model, asked, predicates, root);
    let mut by_pred: Vec<Vec<(u32, u32)>> = vec![Vec::new(); root as usize + 1];
    for (r, rule) in rules.iter().enumerate() {
        for (t, trigger) in rule.triggers.iter().enumerate() {
            by_pred[trigger.pred as usize].push((r as u32, t as u32));
        }
    }
    let mut store = Store::new(root as usize + 1);
    for id in start.iter() {
        let fact = store.intern(start.pred(id), start.args(id));
        store.flip(fact);
    }
    let mut queued = vec![true; store.count()];
    let mut queue: Vec<FactId> = Vec::new();
    add(&mut store, &mut queued, &mut queue, root, &[]);
    let mut reached =
        Reached { store, predicates, methods: Interner::default(), actions: Vec::new() };
    let mut seen_actions = Interner::default();
    let mut binding: Vec<Obj> = Vec::new();
    let mut cursors: Vec<Walk> = Vec::new();
    let mut words: Vec<u32> = Vec::new();
    let mut found: Vec<u32> = Vec::new();
    let mut next = 0;
    while let Some(&fact) = queue.get(next) {
        next += 1;
        reached.store.flip(fact);
        let pred = reached.store.pred(fact);
        for (r, t) in &by_pred[pred as usize] {
            let rule = &rules[*r as usize];
            let trigger = &rule.triggers[*t as usize];
            binding.clear();
            binding.resize(trigger.rest.slots.max(rule.vars), NONE);
            if !unify(trigger, reached.store.args(fact), objects, &mut binding) {
                continue;
            }
            cursors.clear();
            cursors.resize(trigger.rest.cursors(), Walk { at: NONE, by: NONE });
            let mut resume = false;
            found.clear();
            while trigger.rest.next(&reached.store, objects, &mut binding, &mut cursors, resume) {
                resume = true;
                found.extend_from_slice(&binding[..rule.vars]);
                if rule.vars == 0 {
                    found.push(0);
                    break;
                }
                if stop.now(reached.methods.bytes() + found.len() * 4 + queue.len() * 80) {
                    return None;
                }
            }
            for values in found.chunks(rule.vars.max(1)) {
                let values = &values[..rule.vars];
                words.clear();
                words.push(rule.of);
                words.extend_from_slice(values);
                if rule.is_action {
                    if seen_actions.intern(&words).1 {
                        act(model, objects, &mut reached, &mut queued, &mut queue, &words);
                    }
                } else if reached.methods.intern(&words).1 {
                    if reached.methods.is_full() {
                        return None;
                    }
                    let method = method_of(model, asked, rule.of);
                    for sub in &method.subs {
                        let args: Vec<Obj> = sub.args.iter().map(|a| a.value(values)).collect();
                        let pred = predicates + sub.task;
                        add(&mut reached.store, &mut queued, &mut queue, pred, &args);
                    }
                }
            }
        }
        if stop.now(reached.methods.bytes() + queue.len() * 80) {
            return None;
        }
    }
    Some(reached)
}

/// The method with this number.
pub(crate) fn method_of<'a>(model: &'a Model, asked: &Asked<'a>, id: u32) -> &'a Method {
    if id == Reached::TOP { asked.top } else { &model.methods[id as usize] }
}

fn act(
    model: &Model,
    objects: &Objects,
    reached: &mut Reached,
    queued: &mut Vec<bool>,
    queue: &mut Vec<FactId>,
    words: &[u32],
) {
    let action = &model.actions[words[0] as usize];
    let mut binding = words[1..].to_vec();
    binding.resize(action.slots.max(binding.len()), NONE);
    let task = model.tasks.iter().position(|t| t.action == Some(words[0])).unwrap_or(0) as u32;
    let own = reached.store.intern(reached.predicates + task, &words[1..]);
    reached.actions.push(own);
    for change in action.changes.iter().filter(|c| c.add) {
        for_each_choice(&change.forall, objects, &mut binding, |binding| {
            let args: Vec<Obj> = change.args.iter().map(|a| a.value(binding)).collect();
            add(&mut reached.store, queued, queue, change.pred, &args);
            false
        });
    }
}

/// Queues a fact that was not there before.
fn add(
    store: &mut Store,
    queued: &mut Vec<bool>,
    queue: &mut Vec<FactId>,
    pred: u32,
    args: &[Obj],
) {
    let fact = store.intern(pred, args);
    if fact as usize >= queued.len() {
        queued.resize(fact as usize + 1, false);
    }
    if !std::mem::replace(&mut queued[fact as usize], true) && !store.holds_id(fact) {
        queue.push(fact);
    }
}

fn unify(trigger: &Trigger, fact: &[Obj], objects: &Objects, binding: &mut [Obj]) -> bool {
    trigger.args.iter().zip(fact).all(|(arg, obj)| match arg {
        Arg::Obj(own) => own == obj,
        Arg::Var(slot) => {
            let into = &mut binding[usize::from(*slot)];
            if *into == NONE {
                *into = *obj;
                objects.fits(*obj, &trigger.types[usize::from(*slot)])
            } else {
                *into == *obj
            }
        }
    })
}

fn rules(model: &Model, asked: &Asked<'_>, predicates: u32, root: u32) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut make = |of,
                    is_action,
                    task: Cond,
                    vars: usize,
                    own: (Vec<Cond>, Vec<Ty>, Vec<bool>)| {
        let (parts, types, used) = own;
        let mut parts: Vec<Cond> = parts.into_iter().filter(|c| keeps(c, &model.lift)).collect();
        parts.push(task);
        let fluent = |c: &Cond| match c {
            Cond::Atom(pred, _) => *pred >= predicates || !model.lift.is_rigid(c),
            _ => false,
        };
        let mut triggers = Vec::new();
        for (i, part) in parts.iter().enumerate().filter(|(_, c)| fluent(c)) {
            let Cond::Atom(pred, args) = part else { continue };
            let mut bound = vec![false; vars];
            part.variables(&mut bound);
            let rest = parts.iter().enumerate().filter(|(k, _)| *k != i);
            let rest = rest.map(|(_, c)| (c.clone(), 0)).collect();
            let known = Vars {
                types: types[..vars].to_vec(),
                bound,
                used: used[..vars].to_vec(),
                slots: types.len(),
            };
            let params_of = |p: u32| match p.checked_sub(predicates) {
                None => model.predicates[p as usize].sure.clone(),
                Some(t) => model.tasks.get(t as usize).map_or_else(Vec::new, |t| t.params.clone()),
            };
            let rest = Query::compile(rest, known, params_of, &model.types);
            triggers.push(Trigger { pred: *pred, args: args.clone(), types: types.clone(), rest });
        }
        rules.push(Rule { of, is_action, vars, triggers });
    };
    for (t, task) in model.tasks.iter().enumerate() {
        let pred = predicates + t as u32;
        if let Some(a) = task.action {
            let action = &model.actions[a as usize];
            let count = task.params.len();
            let args = (0..count).map(|i| Arg::Var(i as u16)).collect();
            let slots = action.slots.max(count);
            let own = (action.parts.clone(), vec![Ty::default(); slots], vec![true; slots]);
            make(a, true, Cond::Atom(pred, args), count, own);
        }
        for m in &task.declared {
            let method = &model.methods[*m as usize];
            let head = Cond::Atom(pred, method.head.clone());
            make(*m, false, head, method.vars.len(), padded(method, asked.ordered));
        }
    }
    let top = padded(asked.top, asked.ordered);
    make(Reached::TOP, false, Cond::Atom(root, Vec::new()), asked.top.vars.len(), top);
    rules
}

fn padded(method: &Method, ordered: bool) -> (Vec<Cond>, Vec<Ty>, Vec<bool>) {
    let (parts, mut types, mut used) = method.query(ordered).parts();
    let slots = types.len().max(method.vars.len());
    types.resize(slots, Ty::default());
    used.resize(slots, true);
    (parts, types, used)
}

/// Whether the condition can be asked of facts that never become false.
fn keeps(cond: &Cond, lift: &Lift) -> bool {
    matches!(cond, Cond::Atom(..)) || lift.is_rigid(cond)
}

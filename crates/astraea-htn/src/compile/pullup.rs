//! What a task needs before anything is done for it, lifted into the methods that ask for it.
//!
//! A method whose subtask is bound to fail should not be chosen, and the facts that its subtasks need can give its variables their values. The idea is
//! the *pullup* of HyperTensioN (Magnaguagno, Meneguzzi, de Silva 2020), here for compound tasks too: a task needs what all its methods need.
//!
//! Only what holds for certain is lifted: facts that no action ever changes, and, where everything is totally ordered, facts that nothing before the
//! subtask can make true (or, for a fact that must not hold, false). What a task can make true is told by predicate and by the types of the
//! arguments: driving a truck leaves the packages where they are, although both are `at` some place.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::cond::Cond;
use crate::model::{Action, Arg, Method, Sub};
use crate::number::Expr;
use crate::types::{Ty, TypeTable};

/// What is known about a task.
#[derive(Debug, Clone, Default)]
pub(crate) struct Needs {
    /// Conditions on its parameters that every way to carry it out needs at the start. The first list holds in any network, the second only in one that is
    /// totally ordered.
    rigid: Vec<Cond>,
    total: Vec<Cond>,
    /// For each predicate the facts that may become true, and false, while it is carried out.
    adds: Shapes,
    deletes: Shapes,
}

type Shapes = FxHashMap<u32, Vec<Shape>>;

/// Facts of one predicate: for each argument its type, and which parameter of the task it is, if it is one.
type Shape = Vec<(Ty, Option<u16>)>;

/// A method with its own conditions, the types of its variables, and the task it refines.
pub(crate) type Known<'a> = (u32, &'a Method, Vec<Cond>, &'a [Ty]);

/// What is known about all tasks.
#[derive(Debug, Default)]
pub(crate) struct Lift {
    needs: Vec<Needs>,
    /// Predicates, and functions after them, that some action changes.
    fluent: Vec<bool>,
    /// Whether every method is totally ordered.
    pub(crate) total: bool,
}

/// More conditions than this are not kept for one task.
const MOST: usize = 32;
/// A predicate with more shapes than this counts as changed for any arguments.
const SHAPES: usize = 8;
/// How often what tasks need is looked at again; each round is sound by itself.
const ROUNDS: usize = 8;

/// Whether each subtask has to wait for the one before it; the positions in that order.
pub(crate) fn chain(subs: &[Sub], backwards: &[u16]) -> bool {
    backwards.windows(2).all(|pair| subs[usize::from(pair[1])].next.contains(&pair[0]))
}

impl Lift {
    pub(crate) fn new(
        symbols: usize,
        actions: &[(u32, &Action)],
        methods: &[Known<'_>],
        params: &[&[Ty]],
        types: &TypeTable,
    ) -> Self {
        let mut lift = Self {
            needs: vec![Needs::default(); params.len()],
            fluent: vec![false; symbols],
            total: methods.iter().all(|(_, m, ..)| chain(&m.subs, &m.backwards)),
        };
        for (task, action) in actions {
            let own = params[*task as usize];
            let needs = &mut lift.needs[*task as usize];
            for change in &action.changes {
                let list = if change.add { &mut needs.adds } else { &mut needs.deletes };
                let side = |arg: &Arg| match arg {
                    Arg::Var(v) => match own.get(usize::from(*v)) {
                        Some(ty) => (ty.clone(), Some(*v)),
                        None => {
                            let quantified = change.forall.iter().find(|(slot, _)| slot == v);
                            (quantified.map(|(_, ty)| ty.clone()).unwrap_or_default(), None)
                        }
                    },
                    Arg::Obj(_) => (Ty::default(), None),
                };
                let shape = change.args.iter().map(side).collect();
                note(list.entry(change.pred).or_default(), shape);
                lift.fluent[change.pred as usize] = true;
            }
            for change in &action.numbers {
                lift.fluent[change.function as usize] = true;
            }
        }
        lift.spread(methods, types);
        for (task, action) in actions {
            let simple: Vec<Cond> =
                action.parts.iter().filter(|c| is_simple(c)).take(MOST).cloned().collect();
            let rigid = simple.iter().filter(|c| lift.is_rigid(c)).cloned().collect();
            let needs = &mut lift.needs[*task as usize];
            needs.rigid = rigid;
            needs.total = simple;
        }
        for _ in 0..ROUNDS {
            if !lift.round(methods, types) {
                break;
            }
        }
        lift
    }

    /// What may change while a task is carried out: all that its methods' subtasks change.
    fn spread(&mut self, methods: &[Known<'_>], types: &TypeTable) {
        let mut users: Vec<Vec<(usize, usize)>> = vec![Vec::new(); self.needs.len()];
        for (m, (_, method, ..)) in methods.iter().enumerate() {
            for (s, sub) in method.subs.iter().enumerate() {
                users[sub.task as usize].push((m, s));
            }
        }
        let mut todo: Vec<u32> = (0..self.needs.len() as u32).collect();
        let mut waiting: FxHashSet<u32> = todo.iter().copied().collect();
        while let Some(task) = todo.pop() {
            waiting.remove(&task);
            for (m, s) in &users[task as usize] {
                let (owner, method, _, vars) = &methods[*m];
                let mut changed = false;
                for add in [true, false] {
                    let from = self.needs[task as usize].changes(add);
                    let shapes: Vec<(u32, Shape)> = from
                        .iter()
                        .flat_map(|(pred, shapes)| shapes.iter().map(|shape| (*pred, shape)))
                        .map(|(p, shape)| {
                            (p, outwards(shape, method, &method.subs[*s], vars, types))
                        })
                        .collect();
                    let needs = &mut self.needs[*owner as usize];
                    let into = if add { &mut needs.adds } else { &mut needs.deletes };
                    for (pred, shape) in shapes {
                        changed |= note(into.entry(pred).or_default(), shape);
                    }
                }
                if changed && waiting.insert(*owner) {
                    todo.push(*owner);
                }
            }
        }
    }

    /// Looks once at every task; whether anything new was learned.
    fn round(&mut self, methods: &[Known<'_>], types: &TypeTable) -> bool {
        let mut found: Vec<Option<(Vec<Cond>, Vec<Cond>)>> = vec![None; self.needs.len()];
        for (task, method, own, vars) in methods {
            let mut lists = [false, true].map(|total| {
                let mut all = own.clone();
                all.extend(self.lifted(method, vars, types, total));
                if !total {
                    all.retain(|c| self.is_rigid(c));
                }
                let mut shown: Vec<Cond> =
                    all.iter().filter_map(|c| on_parameters(c, &method.head)).collect();
                shown.dedup();
                shown
            });
            let total = std::mem::take(&mut lists[1]);
            let rigid = std::mem::take(&mut lists[0]);
            let slot = &mut found[*task as usize];
            *slot = Some(match slot.take() {
                None => (rigid, total),
                Some((mut r, mut t)) => {
                    r.retain(|c| rigid.contains(c));
                    t.retain(|c| total.contains(c));
                    (r, t)
                }
            });
        }
        let mut changed = false;
        for (needs, found) in self.needs.iter_mut().zip(found) {
            let Some((mut rigid, mut total)) = found else { continue };
            rigid.truncate(MOST);
            total.truncate(MOST);
            changed |= rigid.len() > needs.rigid.len() || total.len() > needs.total.len();
            needs.rigid = rigid;
            needs.total = total;
        }
        changed
    }

    /// Whether no action can change it.
    pub(crate) fn is_rigid(&self, cond: &Cond) -> bool {
        match cond {
            Cond::Atom(pred, _) => !self.fluent[*pred as usize],
            Cond::Equal(..) | Cond::Sort(..) => true,
            Cond::Compare(_, pair) => self.is_fixed(&pair.0) && self.is_fixed(&pair.1),
            Cond::Known(expr) => self.is_fixed(expr),
            // The program may look at the state.
            Cond::Ask(..) => false,
            Cond::Not(part) | Cond::Forall(_, part) | Cond::Exists(_, part) => self.is_rigid(part),
            Cond::And(parts) | Cond::Or(parts) => parts.iter().all(|p| self.is_rigid(p)),
        }
    }

    fn is_fixed(&self, expr: &Expr) -> bool {
        let mut fixed = true;
        expr.functions(&mut |function, _| fixed &= !self.fluent[function as usize]);
        fixed
    }

    /// What the subtasks need when the method is chosen, in the method's variables, which have these types.
    pub(crate) fn lifted(
        &self,
        method: &Method,
        vars: &[Ty],
        types: &TypeTable,
        total: bool,
    ) -> Vec<Cond> {
        let mut list: Vec<Cond> = Vec::new();
        let mut before: Vec<&Sub> = Vec::new();
        for sub in method.backwards.iter().rev().map(|i| &method.subs[usize::from(*i)]) {
            let needs = &self.needs[sub.task as usize];
            for cond in if total { &needs.total } else { &needs.rigid } {
                let here = replace(cond, &|arg| match arg {
                    Arg::Var(slot) => sub.args.get(usize::from(slot)).copied(),
                    arg => Some(arg),
                });
                let Some(here) = here.filter(|here| !list.contains(here)) else { continue };
                let (atom, add) = match &here {
                    Cond::Not(part) => (&**part, false),
                    other => (other, true),
                };
                let made = matches!(atom, Cond::Atom(pred, args) if before.iter().any(|b| {
                    let shapes = self.needs[b.task as usize].changes(add).get(pred);
                    shapes.into_iter().flatten().any(|s| meets(&outwards(s, method, b, vars, types), args, vars, types))
                }));
                if !made {
                    list.push(here);
                }
            }
            before.push(sub);
        }
        list
    }
}

impl Needs {
    fn changes(&self, add: bool) -> &Shapes {
        if add { &self.adds } else { &self.deletes }
    }
}

/// Adds a shape, or makes the predicate one that changes for any arguments; whether that is new.
fn note(shapes: &mut Vec<Shape>, shape: Shape) -> bool {
    if shapes.contains(&shape) {
        return false;
    }
    if shapes.len() < SHAPES {
        shapes.push(shape);
        return true;
    }
    let any = vec![(Ty::default(), None); shape.len()];
    let new = shapes[0] != any;
    if new {
        shapes[0] = any;
    }
    new
}

/// A shape of a subtask's changes as one of the method's task.
fn outwards(shape: &Shape, method: &Method, sub: &Sub, vars: &[Ty], types: &TypeTable) -> Shape {
    let side =
        |(ty, param): &(Ty, Option<u16>)| match param.and_then(|p| sub.args.get(usize::from(p))) {
            Some(arg @ Arg::Var(v)) => {
                let own = vars.get(usize::from(*v)).cloned().unwrap_or_default();
                let ty = if types.covers(&own, ty) { own } else { ty.clone() };
                (ty, method.head.iter().position(|h| h == arg).map(|i| i as u16))
            }
            _ => (ty.clone(), None),
        };
    shape.iter().map(side).collect()
}

/// Whether a fact of the shape may be the one with these arguments.
fn meets(shape: &Shape, args: &[Arg], vars: &[Ty], types: &TypeTable) -> bool {
    shape.iter().zip(args).all(|((ty, _), arg)| match arg {
        Arg::Var(v) => vars.get(usize::from(*v)).is_none_or(|own| types.overlap(ty, own)),
        Arg::Obj(_) => true,
    })
}

/// A fact, an equality, or the negation of one.
pub(crate) fn is_simple(cond: &Cond) -> bool {
    match cond {
        Cond::Atom(..) | Cond::Equal(..) => true,
        Cond::Not(part) => matches!(**part, Cond::Atom(..) | Cond::Equal(..)),
        _ => false,
    }
}

fn replace(cond: &Cond, f: &dyn Fn(Arg) -> Option<Arg>) -> Option<Cond> {
    Some(match cond {
        Cond::Atom(pred, args) => {
            Cond::Atom(*pred, args.iter().map(|a| f(*a)).collect::<Option<_>>()?)
        }
        Cond::Equal(a, b) => Cond::Equal(f(*a)?, f(*b)?),
        Cond::Not(part) => Cond::Not(Box::new(replace(part, f)?)),
        _ => return None,
    })
}

/// The condition in terms of the task's parameters, where it speaks of nothing else.
fn on_parameters(cond: &Cond, head: &[Arg]) -> Option<Cond> {
    replace(cond, &|arg| match arg {
        Arg::Var(_) => head.iter().position(|h| *h == arg).map(|i| Arg::Var(i as u16)),
        arg => Some(arg),
    })
}

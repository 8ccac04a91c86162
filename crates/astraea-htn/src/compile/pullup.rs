//! What a task needs before anything is done for it, lifted into the methods that ask for it.
//!
//! A method whose subtask is bound to fail should not be chosen, and the facts that its subtasks need can give its variables their values. The idea is
//! the *pullup* of HyperTensioN (Magnaguagno, Meneguzzi, de Silva 2020), here for compound tasks too: a task needs what all its methods need.
//!
//! Only what holds for certain is lifted: facts that no action ever changes, and, where everything is totally ordered, facts that nothing before the
//! subtask can make true (or, for a fact that must not hold, false).

use crate::cond::Cond;
use crate::model::{Action, Arg, Method, Sub};
use crate::number::Expr;

/// What is known about a task.
#[derive(Debug, Clone, Default)]
pub(crate) struct Needs {
    /// Conditions on its parameters that every way to carry it out needs at the start. The first list holds in any network, the second only in one that is
    /// totally ordered.
    rigid: Vec<Cond>,
    total: Vec<Cond>,
    /// Predicates of facts that may become true, and false, while it is carried out.
    adds: Vec<bool>,
    deletes: Vec<bool>,
}

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
/// How often what tasks need is looked at again; each round is sound by itself.
const ROUNDS: usize = 8;

/// Whether each subtask has to wait for the one before it; the positions in that order.
pub(crate) fn chain(subs: &[Sub], backwards: &[u16]) -> bool {
    backwards.windows(2).all(|pair| subs[usize::from(pair[1])].next.contains(&pair[0]))
}

/// A method with its own conditions, before its query is made.
pub(crate) type Own = Vec<Cond>;

impl Lift {
    pub(crate) fn new(
        symbols: usize,
        actions: &[(u32, &Action)],
        methods: &[(u32, &Method, Own)],
        tasks: usize,
    ) -> Self {
        let none = vec![false; symbols];
        let empty = Needs { adds: none.clone(), deletes: none.clone(), ..Needs::default() };
        let mut lift = Self {
            needs: vec![empty; tasks],
            fluent: none,
            total: methods.iter().all(|(_, m, _)| chain(&m.subs, &m.backwards)),
        };
        for (task, action) in actions {
            let needs = &mut lift.needs[*task as usize];
            for change in &action.changes {
                let list = if change.add { &mut needs.adds } else { &mut needs.deletes };
                list[change.pred as usize] = true;
                lift.fluent[change.pred as usize] = true;
            }
            for change in &action.numbers {
                lift.fluent[change.function as usize] = true;
            }
        }
        lift.spread(methods);
        for (task, action) in actions {
            let simple: Vec<Cond> =
                action.parts.iter().filter(|c| is_simple(c)).take(MOST).cloned().collect();
            let rigid = simple.iter().filter(|c| lift.is_rigid(c)).cloned().collect();
            let needs = &mut lift.needs[*task as usize];
            needs.rigid = rigid;
            needs.total = simple;
        }
        for _ in 0..ROUNDS {
            if !lift.round(methods) {
                break;
            }
        }
        lift
    }

    /// What may change while a task is carried out: all that its methods' subtasks change.
    fn spread(&mut self, methods: &[(u32, &Method, Own)]) {
        loop {
            let mut changed = false;
            for (task, method, _) in methods {
                for sub in &method.subs {
                    let from = self.needs[sub.task as usize].clone();
                    let into = &mut self.needs[*task as usize];
                    let pairs = into.adds.iter_mut().zip(&from.adds);
                    for (a, b) in pairs.chain(into.deletes.iter_mut().zip(&from.deletes)) {
                        changed |= *b && !*a;
                        *a |= *b;
                    }
                }
            }
            if !changed {
                break;
            }
        }
    }

    /// Looks once at every task; whether anything new was learned.
    fn round(&mut self, methods: &[(u32, &Method, Own)]) -> bool {
        let mut found: Vec<Option<(Vec<Cond>, Vec<Cond>)>> = vec![None; self.needs.len()];
        for (task, method, own) in methods {
            let mut lists = [false, true].map(|total| {
                let mut all = own.clone();
                all.extend(self.lifted(&method.subs, &method.backwards, total));
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

    /// What the subtasks need when the method is chosen, in the method's variables.
    pub(crate) fn lifted(&self, subs: &[Sub], backwards: &[u16], total: bool) -> Vec<Cond> {
        let mut list: Vec<Cond> = Vec::new();
        let mut adds = vec![false; self.fluent.len()];
        let mut deletes = adds.clone();
        for sub in backwards.iter().rev().map(|i| &subs[usize::from(*i)]) {
            let needs = &self.needs[sub.task as usize];
            for cond in if total { &needs.total } else { &needs.rigid } {
                let stands = match cond {
                    Cond::Atom(pred, _) => !adds[*pred as usize],
                    Cond::Not(part) => match &**part {
                        Cond::Atom(pred, _) => !deletes[*pred as usize],
                        _ => true,
                    },
                    _ => true,
                };
                let here = replace(cond, &|arg| match arg {
                    Arg::Var(slot) => sub.args.get(usize::from(slot)).copied(),
                    arg => Some(arg),
                });
                if let (true, Some(here)) = (stands, here)
                    && !list.contains(&here)
                {
                    list.push(here);
                }
            }
            for (into, from) in [(&mut adds, &needs.adds), (&mut deletes, &needs.deletes)] {
                for (a, b) in into.iter_mut().zip(from) {
                    *a |= *b;
                }
            }
        }
        list
    }
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

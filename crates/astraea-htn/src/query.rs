//! Finding the bindings that make a conjunction true.

use crate::cond::Cond;
use crate::model::Arg;
use crate::objects::{Obj, Objects};
use crate::store::{NONE, Store, Walk};
use crate::types::{Ty, TypeTable};

#[derive(Debug, Clone)]
enum Pat {
    /// A value that is known before the fact is looked up.
    Known(Arg),
    /// The fact gives the variable its value, if that is of the type.
    Bind(u16, Ty),
    /// A variable that an earlier argument of the same fact bound.
    Same(u16),
}

#[derive(Debug, Clone)]
enum Op {
    /// Find a fact.
    Match { pred: u32, args: Vec<Pat>, part: u16 },
    /// Ask a condition.
    Check(Cond, u16),
    /// Try every object of a type; only the first where the choice does not matter.
    Each { slot: u16, ty: Ty, once: bool },
}

/// A conjunction as a series of look-ups, each using what the ones before have bound.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    ops: Vec<Op>,
    /// Variables, those of quantifiers included.
    pub(crate) slots: usize,
}

/// One conjunct: what it asks, and which part of the source it came from.
pub(crate) type Part = (Cond, u16);

/// The operation that a query could not get past.
#[derive(Debug, Clone)]
pub(crate) struct Stuck {
    /// The part of the precondition; `None` where a variable has no object of its type.
    pub(crate) part: Option<u16>,
    /// What it asked.
    pub(crate) cond: Option<Cond>,
    /// The variables at that moment; `None` for those not bound yet.
    pub(crate) binding: Vec<Option<Obj>>,
}

/// What the compiler knows about the variables of a query.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vars {
    /// Their types.
    pub(crate) types: Vec<Ty>,
    /// Which are bound before the query runs.
    pub(crate) bound: Vec<bool>,
    /// Which are used outside the query.
    pub(crate) used: Vec<bool>,
    /// Variables, those of quantifiers included.
    pub(crate) slots: usize,
}

impl Query {
    /// Orders the conjuncts: checks as soon as their variables are bound, then the fact with most arguments known.
    pub(crate) fn compile(
        parts: Vec<Part>,
        mut vars: Vars,
        params_of: impl Fn(u32) -> Vec<Ty>,
        types: &TypeTable,
    ) -> Self {
        let count = vars.types.len();
        let mut ops = Vec::new();
        let mut waiting: Vec<(Part, Vec<bool>)> = parts
            .into_iter()
            .map(|part| {
                let mut seen = vec![false; count];
                part.0.variables(&mut seen);
                (part, seen)
            })
            .collect();
        loop {
            let ready = |seen: &[bool]| seen.iter().zip(&vars.bound).all(|(s, b)| !s || *b);
            if let Some(i) = waiting.iter().position(|(_, seen)| ready(seen)) {
                let ((cond, part), _) = waiting.remove(i);
                ops.push(match cond {
                    Cond::Atom(pred, args) => {
                        Op::Match { pred, args: args.into_iter().map(Pat::Known).collect(), part }
                    }
                    cond => Op::Check(cond, part),
                });
                continue;
            }
            // The fact with the fewest unknown arguments, then the most known ones.
            let unknown =
                |seen: &[bool]| seen.iter().zip(&vars.bound).filter(|(s, b)| **s && !**b).count();
            let best = waiting
                .iter()
                .enumerate()
                .filter_map(|(i, ((cond, _), seen))| match cond {
                    Cond::Atom(_, args) => {
                        let open = unknown(seen);
                        Some((open.min(2), args.len() == open, std::cmp::Reverse(args.len()), i))
                    }
                    _ => None,
                })
                .min();
            if let Some((.., i)) = best {
                let ((cond, part), _) = waiting.remove(i);
                let Cond::Atom(pred, args) = cond else { continue };
                let params = params_of(pred);
                let mut fresh = Vec::new();
                let args = args
                    .iter()
                    .enumerate()
                    .map(|(pos, arg)| match *arg {
                        Arg::Var(slot) if fresh.contains(&slot) => Pat::Same(slot),
                        Arg::Var(slot) if !vars.bound[usize::from(slot)] => {
                            fresh.push(slot);
                            let ty = &vars.types[usize::from(slot)];
                            let sure = params.get(pos).is_some_and(|p| types.covers(p, ty));
                            Pat::Bind(slot, if sure { Ty::default() } else { ty.clone() })
                        }
                        arg => Pat::Known(arg),
                    })
                    .collect();
                for slot in fresh {
                    vars.bound[usize::from(slot)] = true;
                }
                ops.push(Op::Match { pred, args, part });
                continue;
            }
            // No fact can bind what is left: go through the objects of a type.
            let wanted = (0..count).filter(|v| !vars.bound[*v]).max_by_key(|v| {
                let in_test = waiting.iter().any(|(_, seen)| seen[*v]);
                (in_test, std::cmp::Reverse(*v))
            });
            let Some(v) = wanted else { break };
            let in_test = waiting.iter().any(|(_, seen)| seen[v]);
            vars.bound[v] = true;
            let once = !in_test && !vars.used[v];
            ops.push(Op::Each { slot: v as u16, ty: vars.types[v].clone(), once });
        }
        Self { ops, slots: vars.slots }
    }

    /// The conjuncts again, and for each variable its type, where one has to be asked for, and whether its choice matters.
    pub(crate) fn parts(&self) -> (Vec<Cond>, Vec<Ty>, Vec<bool>) {
        let mut types = vec![Ty::default(); self.slots];
        let mut used = vec![true; self.slots];
        let mut parts = Vec::with_capacity(self.ops.len());
        for op in &self.ops {
            match op {
                Op::Match { pred, args, .. } => {
                    let mut plain = Vec::with_capacity(args.len());
                    for pat in args {
                        plain.push(match pat {
                            Pat::Known(arg) => *arg,
                            Pat::Same(slot) => Arg::Var(*slot),
                            Pat::Bind(slot, ty) => {
                                types[usize::from(*slot)] = ty.clone();
                                Arg::Var(*slot)
                            }
                        });
                    }
                    parts.push(Cond::Atom(*pred, plain));
                }
                Op::Check(cond, _) => parts.push(cond.clone()),
                Op::Each { slot, ty, once } => {
                    types[usize::from(*slot)] = ty.clone();
                    used[usize::from(*slot)] = !once;
                }
            }
        }
        (parts, types, used)
    }

    /// How many cursors a run needs.
    pub(crate) fn cursors(&self) -> usize {
        self.ops.len()
    }

    /// Finds the first (`resume` = false) or the next binding.
    pub(crate) fn next(
        &self,
        store: &Store,
        objects: &Objects,
        binding: &mut [Obj],
        cursors: &mut [Walk],
        resume: bool,
    ) -> bool {
        self.run(store, objects, binding, cursors, resume, |_, _| {})
    }

    /// Why there is no binding: the operation that came furthest; `None` where there is one.
    pub(crate) fn stuck(
        &self,
        store: &Store,
        objects: &Objects,
        binding: &mut [Obj],
        bound: &[bool],
    ) -> Option<Stuck> {
        let mut cursors = vec![Walk { at: NONE, by: NONE }; self.ops.len()];
        let mut furthest: Option<(usize, Vec<Obj>)> = None;
        let found = self.run(store, objects, binding, &mut cursors, false, |i, binding| {
            if furthest.as_ref().is_none_or(|(best, _)| i > *best) {
                furthest = Some((i, binding.to_vec()));
            }
        });
        if found {
            return None;
        }
        let (at, values) = furthest?;
        let mut known = bound.to_vec();
        known.resize(self.slots, false);
        for op in &self.ops[..at] {
            match op {
                Op::Match { args, .. } => {
                    for arg in args {
                        if let Pat::Bind(slot, _) = arg {
                            known[usize::from(*slot)] = true;
                        }
                    }
                }
                Op::Each { slot, .. } => known[usize::from(*slot)] = true,
                Op::Check(..) => {}
            }
        }
        let (part, cond) = match &self.ops[at] {
            Op::Match { pred, args, part } => {
                let args = args.iter().map(|pat| match pat {
                    Pat::Known(arg) => *arg,
                    Pat::Bind(slot, _) | Pat::Same(slot) => Arg::Var(*slot),
                });
                (Some(*part), Some(Cond::Atom(*pred, args.collect())))
            }
            Op::Check(cond, part) => (Some(*part), Some(cond.clone())),
            Op::Each { .. } => (None, None),
        };
        let binding = values.iter().zip(known).map(|(v, k)| k.then_some(*v)).collect();
        Some(Stuck { part, cond, binding })
    }

    fn run(
        &self,
        store: &Store,
        objects: &Objects,
        binding: &mut [Obj],
        cursors: &mut [Walk],
        resume: bool,
        mut failed: impl FnMut(usize, &[Obj]),
    ) -> bool {
        let mut back = resume;
        let mut i = if resume { self.ops.len() } else { 0 };
        loop {
            if back {
                if i == 0 {
                    return false;
                }
                i -= 1;
            } else if i == self.ops.len() {
                return true;
            }
            let ok = match &self.ops[i] {
                Op::Check(cond, _) => !back && cond.eval(store, objects, binding),
                Op::Each { slot, ty, once } => {
                    let start = if back { cursors[i].at as usize + 1 } else { 0 };
                    let end = if back && *once { 0 } else { objects.candidates(ty) };
                    let found =
                        (start..end).find_map(|k| objects.candidate(ty, k).map(|obj| (k, obj)));
                    if let Some((k, obj)) = found {
                        cursors[i].at = k as u32;
                        binding[usize::from(*slot)] = obj;
                    }
                    found.is_some()
                }
                Op::Match { pred, args, .. } => {
                    find_fact(store, objects, *pred, args, binding, &mut cursors[i], back)
                }
            };
            if ok {
                back = false;
                i += 1;
            } else {
                if !back {
                    failed(i, binding);
                }
                back = true;
            }
        }
    }
}

/// Moves the walk to the first or the next fact that fits, and binds its variables.
fn find_fact(
    store: &Store,
    objects: &Objects,
    pred: u32,
    args: &[Pat],
    binding: &mut [Obj],
    walk: &mut Walk,
    back: bool,
) -> bool {
    let mut at = if back {
        if walk.at == NONE {
            return false;
        }
        store.after(*walk)
    } else {
        if args.len() <= 8 && args.iter().all(|pat| matches!(pat, Pat::Known(_))) {
            // Everything is known: one look-up instead of a walk.
            walk.at = NONE;
            let mut values = [0; 8];
            for (into, pat) in values.iter_mut().zip(args) {
                if let Pat::Known(arg) = pat {
                    *into = arg.value(binding);
                }
            }
            return store.holds(pred, &values[..args.len()]);
        }
        let mut best = store.of_pred(pred);
        walk.by = NONE;
        for (pos, pat) in args.iter().enumerate() {
            if best.len <= 1 {
                break;
            }
            if let Pat::Known(arg) = pat {
                let chain = store.of_arg(pred, pos, arg.value(binding));
                if chain.len < best.len {
                    best = chain;
                    walk.by = pos as u32;
                }
            }
        }
        best.first
    };
    while at != NONE {
        walk.at = at;
        if store.holds_id(at) && fits(store.args(at), args, objects, binding) {
            return true;
        }
        at = store.after(*walk);
    }
    walk.at = NONE;
    false
}

fn fits(fact: &[Obj], args: &[Pat], objects: &Objects, binding: &mut [Obj]) -> bool {
    fact.iter().zip(args).all(|(obj, pat)| match pat {
        Pat::Known(arg) => arg.value(binding) == *obj,
        Pat::Same(slot) => binding[usize::from(*slot)] == *obj,
        Pat::Bind(slot, ty) => {
            binding[usize::from(*slot)] = *obj;
            objects.fits(*obj, ty)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cond::for_each_choice;

    /// Objects 0..n without types, and the facts of one binary predicate.
    fn world(n: u32, facts: &[[Obj; 2]]) -> (Store, Objects, TypeTable) {
        let types = TypeTable::build(&[], &mut Vec::new());
        let mut objects = Objects::new(&types);
        for i in 0..n {
            objects.declare(&format!("o{i}"), &Ty::default(), &types, true);
        }
        let mut store = Store::new(1);
        for fact in facts {
            let id = store.intern(0, fact);
            store.flip(id);
        }
        (store, objects, types)
    }

    fn all(parts: Vec<Cond>, count: usize, facts: &[[Obj; 2]]) -> Vec<Vec<Obj>> {
        let (store, objects, types) = world(4, facts);
        let vars = Vars {
            types: vec![Ty::default(); count],
            bound: vec![false; count],
            used: vec![true; count],
            slots: count,
        };
        let parts = parts.into_iter().map(|c| (c, 0)).collect();
        let query = Query::compile(parts, vars, |_| vec![Ty::default(); 2], &types);
        let mut binding = vec![NONE; count];
        let mut cursors = vec![Walk { at: NONE, by: NONE }; query.cursors()];
        let mut found = Vec::new();
        let mut resume = false;
        while query.next(&store, &objects, &mut binding, &mut cursors, resume) {
            found.push(binding.clone());
            resume = true;
        }
        found
    }

    fn edge(a: u16, b: u16) -> Cond {
        Cond::Atom(0, vec![Arg::Var(a), Arg::Var(b)])
    }

    #[test]
    fn joins_give_every_binding_once() {
        let facts = [[0, 1], [1, 2], [2, 3], [1, 3]];
        let paths = all(vec![edge(0, 1), edge(1, 2)], 3, &facts);
        assert_eq!(paths, [[0, 1, 2], [0, 1, 3], [1, 2, 3]]);
        let unlike = Cond::Not(Box::new(Cond::Equal(Arg::Var(0), Arg::Obj(0))));
        assert_eq!(all(vec![unlike, edge(0, 1), edge(1, 2)], 3, &facts), [[1, 2, 3]]);
        assert!(all(vec![edge(0, 0)], 1, &facts).is_empty());
        assert_eq!(all(vec![edge(0, 0)], 1, &[[2, 2], [0, 1]]), [[2]]);
    }

    #[test]
    fn variables_that_no_fact_binds_go_through_their_type() {
        assert_eq!(all(Vec::new(), 1, &[]).len(), 4);
        let none = Cond::Not(Box::new(edge(0, 1)));
        assert_eq!(all(vec![none], 2, &[[0, 1]]).len(), 15);
    }

    #[test]
    fn choices_of_several_variables() {
        let (_, objects, _) = world(3, &[]);
        let vars = [(0, Ty::default()), (1, Ty::default())];
        let mut seen = Vec::new();
        for_each_choice(&vars, &objects, &mut [0, 0], |b| {
            seen.push(b.to_vec());
            seen.len() == 5
        });
        assert_eq!(seen, [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1]]);
    }
}

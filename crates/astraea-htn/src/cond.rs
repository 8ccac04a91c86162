//! Conditions whose variables are all bound.

use crate::ast::Comparison;
use crate::external::External;
use crate::model::Arg;
use crate::number::{Expr, compare};
use crate::objects::{Obj, Objects};
use crate::store::Store;
use crate::types::Ty;

/// A condition whose variables are all bound when it is asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cond {
    Atom(u32, Vec<Arg>),
    Equal(Arg, Arg),
    Sort(Arg, Ty),
    /// Two numbers compare in this way.
    Compare(Comparison, Box<(Expr, Expr)>),
    /// The program says so.
    Ask(External, Vec<Arg>),
    /// The number can be worked out.
    Known(Expr),
    Not(Box<Cond>),
    And(Vec<Cond>),
    Or(Vec<Cond>),
    Forall(Vec<(u16, Ty)>, Box<Cond>),
    Exists(Vec<(u16, Ty)>, Box<Cond>),
}

/// Calls `f` with the values of the arguments.
#[inline]
pub(crate) fn with_values<R>(args: &[Arg], binding: &[Obj], f: impl FnOnce(&[Obj]) -> R) -> R {
    let mut short = [0; 8];
    if args.len() <= short.len() {
        for (into, arg) in short.iter_mut().zip(args) {
            *into = arg.value(binding);
        }
        f(&short[..args.len()])
    } else {
        let long: Vec<Obj> = args.iter().map(|a| a.value(binding)).collect();
        f(&long)
    }
}

/// Goes through all values of some variables until `f` says stop; whether it did.
pub(crate) fn for_each_choice(
    vars: &[(u16, Ty)],
    objects: &Objects,
    binding: &mut [Obj],
    mut f: impl FnMut(&mut [Obj]) -> bool,
) -> bool {
    let mut at = vec![0usize; vars.len()];
    let mut i = 0;
    loop {
        if i == vars.len() {
            if f(binding) {
                return true;
            }
            if i == 0 {
                return false;
            }
            i -= 1;
            continue;
        }
        let (slot, ty) = &vars[i];
        let limit = objects.candidates(ty);
        let found = (at[i]..limit).find_map(|k| objects.candidate(ty, k).map(|obj| (k, obj)));
        match found {
            Some((k, obj)) => {
                binding[usize::from(*slot)] = obj;
                at[i] = k + 1;
                i += 1;
                if i < vars.len() {
                    at[i] = 0;
                }
            }
            None if i == 0 => return false,
            None => i -= 1,
        }
    }
}

impl Cond {
    /// Whether it holds. Recursion is bounded by the nesting that the parser and the compiler allow.
    pub(crate) fn eval(&self, store: &Store, objects: &Objects, binding: &mut [Obj]) -> bool {
        match self {
            Self::Atom(pred, args) => with_values(args, binding, |args| store.holds(*pred, args)),
            Self::Equal(a, b) => a.value(binding) == b.value(binding),
            Self::Sort(arg, ty) => objects.fits(arg.value(binding), ty),
            Self::Compare(how, pair) => {
                let (a, b) = (pair.0.eval(store, binding), pair.1.eval(store, binding));
                a.zip(b).is_some_and(|(a, b)| compare(*how, a, b))
            }
            Self::Ask(external, args) => external.holds(args, store, objects, binding),
            Self::Known(expr) => expr.eval(store, binding).is_some(),
            Self::Not(part) => !part.eval(store, objects, binding),
            Self::And(parts) => parts.iter().all(|p| p.eval(store, objects, binding)),
            Self::Or(parts) => parts.iter().any(|p| p.eval(store, objects, binding)),
            Self::Forall(vars, body) => {
                !for_each_choice(vars, objects, binding, |b| !body.eval(store, objects, b))
            }
            Self::Exists(vars, body) => {
                for_each_choice(vars, objects, binding, |b| body.eval(store, objects, b))
            }
        }
    }

    /// Whether it speaks of nothing but facts and objects, as the ground searches have to have it.
    pub(crate) fn is_plain(&self) -> bool {
        match self {
            Self::Atom(..) | Self::Equal(..) | Self::Sort(..) => true,
            Self::Compare(..) | Self::Known(_) | Self::Ask(..) => false,
            Self::Not(part) | Self::Forall(_, part) | Self::Exists(_, part) => part.is_plain(),
            Self::And(parts) | Self::Or(parts) => parts.iter().all(Self::is_plain),
        }
    }

    /// Marks the variables below `seen.len()` that occur in it.
    pub(crate) fn variables(&self, seen: &mut [bool]) {
        let mut mark = |arg: &Arg| {
            if let Arg::Var(slot) = arg
                && let Some(s) = seen.get_mut(usize::from(*slot))
            {
                *s = true;
            }
        };
        match self {
            Self::Atom(_, args) | Self::Ask(_, args) => args.iter().for_each(mark),
            Self::Equal(a, b) => {
                mark(a);
                mark(b);
            }
            Self::Sort(a, _) => mark(a),
            Self::Compare(_, pair) => {
                pair.0.functions(&mut |_, args| args.iter().for_each(&mut mark));
                pair.1.functions(&mut |_, args| args.iter().for_each(&mut mark));
            }
            Self::Known(expr) => expr.functions(&mut |_, args| args.iter().for_each(&mut mark)),
            Self::Not(part) | Self::Forall(_, part) | Self::Exists(_, part) => {
                part.variables(seen);
            }
            Self::And(parts) | Self::Or(parts) => {
                for part in parts {
                    part.variables(seen);
                }
            }
        }
    }
}

//! Numbers: expressions over numeric functions, as they are asked for and changed.
//!
//! The functions of PDDL 2.1 (Fox and Long 2003), level 2. A function without a value is not known: a comparison with it does not hold, and an effect that would
//! need it keeps the action from being executed.

use crate::ast::{Assignment, Comparison, Operator};
use crate::cond::{Cond, for_each_choice, with_values};
use crate::model::{Action, Arg};
use crate::objects::{Obj, Objects};
use crate::store::{FactId, Store};
use crate::types::Ty;

/// A number that is worked out in a state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Number(f64),
    /// The function's number among the predicates of a [`Store`], and its arguments.
    Function(u32, Vec<Arg>),
    Calc(Operator, Box<Expr>, Box<Expr>),
}

/// A change of a number that an action makes.
#[derive(Debug, Clone)]
pub(crate) struct NumberChange {
    pub(crate) forall: Vec<(u16, Ty)>,
    pub(crate) when: Option<Cond>,
    pub(crate) how: Assignment,
    pub(crate) function: u32,
    pub(crate) args: Vec<Arg>,
    pub(crate) amount: Expr,
}

/// A part of what an action costs.
#[derive(Debug, Clone)]
pub(crate) struct Price {
    pub(crate) forall: Vec<(u16, Ty)>,
    pub(crate) when: Option<Cond>,
    pub(crate) amount: Expr,
}

impl Expr {
    /// Its value, where every function in it has one and nothing is divided by zero.
    pub(crate) fn eval(&self, store: &Store, binding: &[Obj]) -> Option<f64> {
        let value = match self {
            Self::Number(n) => *n,
            Self::Function(function, args) => {
                with_values(args, binding, |args| store.number(*function, args))?
            }
            Self::Calc(how, a, b) => {
                calculate(*how, a.eval(store, binding)?, b.eval(store, binding)?)
            }
        };
        value.is_finite().then_some(value)
    }

    /// Calls `f` with each function in it.
    pub(crate) fn functions(&self, f: &mut dyn FnMut(u32, &[Arg])) {
        match self {
            Self::Number(_) => {}
            Self::Function(function, args) => f(*function, args),
            Self::Calc(_, a, b) => {
                a.functions(f);
                b.functions(f);
            }
        }
    }
}

pub(crate) fn calculate(how: Operator, a: f64, b: f64) -> f64 {
    match how {
        Operator::Plus => a + b,
        Operator::Minus => a - b,
        Operator::Times => a * b,
        Operator::Divide => a / b,
    }
}

pub(crate) fn compare(how: Comparison, a: f64, b: f64) -> bool {
    match how {
        Comparison::Less => a < b,
        Comparison::AtMost => a <= b,
        Comparison::Equal => a == b,
        Comparison::AtLeast => a >= b,
        Comparison::Greater => a > b,
    }
}

/// The value after a change; `None` where that needs a value that is not known.
pub(crate) fn assign(how: Assignment, old: Option<f64>, amount: f64) -> Option<f64> {
    Some(match how {
        Assignment::Assign => amount,
        Assignment::Increase => old? + amount,
        Assignment::Decrease => old? - amount,
        Assignment::ScaleUp => old? * amount,
        Assignment::ScaleDown => old? / amount,
    })
}

impl NumberChange {
    /// What has to be known before the action for this change to be possible.
    pub(crate) fn known(&self) -> Cond {
        let own = Expr::Function(self.function, self.args.clone());
        let needed = match self.how {
            Assignment::Assign => self.amount.clone(),
            Assignment::Increase => calc(Operator::Plus, own, &self.amount),
            Assignment::Decrease => calc(Operator::Minus, own, &self.amount),
            Assignment::ScaleUp => calc(Operator::Times, own, &self.amount),
            Assignment::ScaleDown => calc(Operator::Divide, own, &self.amount),
        };
        let mut known = Cond::Known(needed);
        if let Some(when) = &self.when {
            known = Cond::Or(vec![Cond::Not(Box::new(when.clone())), known]);
        }
        if !self.forall.is_empty() {
            known = Cond::Forall(self.forall.clone(), Box::new(known));
        }
        known
    }
}

fn calc(how: Operator, a: Expr, b: &Expr) -> Expr {
    Expr::Calc(how, Box::new(a), Box::new(b.clone()))
}

/// The changes that an action makes to numbers in this state, in the order declared: what is changed, how, and by how much.
pub(crate) fn number_changes(
    action: &Action,
    store: &mut Store,
    objects: &Objects,
    binding: &mut [Obj],
) -> Vec<(FactId, Assignment, f64)> {
    let mut list = Vec::new();
    for c in &action.numbers {
        for_each_choice(&c.forall, objects, binding, |binding| {
            if c.when.as_ref().is_none_or(|w| w.eval(store, objects, binding))
                && let Some(amount) = c.amount.eval(store, binding)
            {
                let id = with_values(&c.args, binding, |args| store.intern(c.function, args));
                list.push((id, c.how, amount));
            }
            false
        });
    }
    list
}

/// What the action costs when it is executed in this state.
pub(crate) fn cost(action: &Action, store: &Store, objects: &Objects, binding: &mut [Obj]) -> f64 {
    let mut sum = 0.0;
    for price in &action.prices {
        for_each_choice(&price.forall, objects, binding, |binding| {
            if price.when.as_ref().is_none_or(|w| w.eval(store, objects, binding)) {
                sum += price.amount.eval(store, binding).unwrap_or(0.0);
            }
            false
        });
    }
    sum
}

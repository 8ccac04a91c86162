//! Variables in reach, and the resolving of formulas, effects and terms.

use super::{Names, TOTAL_COST};
use crate::ast::{Amount, Assignment, Effect, Formula, Name, Term, Typed};
use crate::atom::Word;
use crate::cond::Cond;
use crate::diagnostic::Diagnostic;
use crate::model::{Arg, Change};
use crate::number::{Expr, NumberChange, Price};
use crate::query::Part;
use crate::syntax::did_you_mean;
use crate::types::Ty;

/// Formulas may be nested this deep (the parser allows no more either).
const MAX_DEPTH: usize = 300;

/// A quantifier may have this many variables.
const MAX_QUANTIFIED: usize = 64;

/// The variables that may be named at some point.
#[derive(Debug)]
pub(crate) struct Scope<'a, 'n> {
    pub(crate) names: &'n Names<'n>,
    visible: Vec<(String, u16)>,
    /// The type of each slot.
    pub(crate) types: Vec<Ty>,
    /// Parameters; the slots after them belong to quantifiers.
    pub(crate) count: usize,
    /// All slots.
    pub(crate) slots: usize,
    pub(crate) errors: &'a mut Vec<Diagnostic>,
    depth: usize,
}

/// What an effect does, and under what it stands while it is read.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) changes: Vec<Change>,
    pub(crate) numbers: Vec<NumberChange>,
    pub(crate) prices: Vec<Price>,
    forall: Vec<(u16, Ty)>,
    when: Vec<Cond>,
}

impl Effects {
    fn condition(&self) -> Option<Cond> {
        (!self.when.is_empty()).then(|| Cond::And(self.when.clone()))
    }
}

/// Resolves name and arguments, without variables.
pub(crate) fn resolve_term(
    names: &Names<'_>,
    term: &Term,
    errors: &mut Vec<Diagnostic>,
) -> Option<(u32, Vec<u32>)> {
    let mut scope = Scope::new(names, &[], errors);
    let (pred, args) = scope.predicate(term)?;
    scope.not_external(pred, term, "so it is not a fact of a state");
    let values = args.iter().map(|a| a.value(&[])).collect();
    Some((pred, values))
}

impl<'a, 'n> Scope<'a, 'n> {
    pub(crate) fn new(
        names: &'n Names<'n>,
        params: &[Typed],
        errors: &'a mut Vec<Diagnostic>,
    ) -> Self {
        let mut scope = Self {
            names,
            visible: Vec::new(),
            types: Vec::new(),
            count: params.len(),
            slots: 0,
            errors,
            depth: 0,
        };
        for param in params {
            scope.declare(param);
        }
        scope
    }

    fn declare(&mut self, var: &Typed) -> u16 {
        let ty = self.names.types.resolve(&var.ty, self.errors);
        if self.slots >= 0x7fff {
            self.errors.push(Diagnostic::error("more than 32 767 variables", var.name.span));
            return 0;
        }
        let slot = self.slots as u16;
        self.slots += 1;
        self.types.push(ty);
        self.visible.push((var.name.key(), slot));
        slot
    }

    /// Within the variables of a quantifier.
    fn within<R>(&mut self, vars: &[Typed], f: impl FnOnce(&mut Self, Vec<(u16, Ty)>) -> R) -> R {
        if let Some(var) = vars.get(MAX_QUANTIFIED) {
            let text = format!("more than {MAX_QUANTIFIED} variables in one quantifier");
            self.errors.push(Diagnostic::error(text, var.name.span));
        }
        let visible = self.visible.len();
        let slots = vars
            .iter()
            .map(|v| {
                let slot = self.declare(v);
                (slot, self.types.get(usize::from(slot)).cloned().unwrap_or_default())
            })
            .collect();
        let result = f(self, slots);
        self.visible.truncate(visible);
        result
    }

    fn arg(&mut self, name: &Name) -> Option<(Arg, Option<Ty>)> {
        if name.is_variable() {
            let key = name.key();
            if let Some((_, slot)) = self.visible.iter().rev().find(|(k, _)| *k == key) {
                return Some((Arg::Var(*slot), self.types.get(usize::from(*slot)).cloned()));
            }
            let mut d = Diagnostic::error(format!("unknown variable `{name}`"), name.span);
            d.help = did_you_mean(&name.text, self.visible.iter().map(|(k, _)| k.as_str()))
                .or_else(|| Some(format!("declare it: `:parameters ({name} - type …)`")));
            self.errors.push(d);
            return None;
        }
        if let Some(obj) = self.names.objects.find(&name.text) {
            return Some((Arg::Obj(obj), None));
        }
        let mut d = Diagnostic::error(format!("unknown object `{name}`"), name.span);
        let known = self.names.objects.names.iter().map(Word::as_str);
        d.help = if self.visible.iter().any(|(k, _)| k[1..] == name.key()) {
            Some(format!("did you mean the variable `?{name}`?"))
        } else if self.names.objects.names.len() > 2000 {
            None
        } else {
            did_you_mean(&name.text, known)
        }
        .or_else(|| Some("declare it in `:constants` or `:objects`".to_owned()));
        self.errors.push(d);
        None
    }

    fn args(&mut self, term: &Term, params: &[Ty], what: &str) -> Option<Vec<Arg>> {
        if term.args.len() != params.len() {
            let shown: Vec<String> = params.iter().map(|t| self.names.types.show(t)).collect();
            self.errors.push(
                Diagnostic::error(
                    format!(
                        "{what} `{}` takes {} argument{}, not {}",
                        term.name,
                        params.len(),
                        if params.len() == 1 { "" } else { "s" },
                        term.args.len()
                    ),
                    term.span(),
                )
                .help(format!(
                    "it is declared as `({} {})`",
                    term.name,
                    shown.join(" ")
                )),
            );
            return None;
        }
        let mut args = Vec::with_capacity(params.len());
        let mut fine = true;
        for (name, ty) in term.args.iter().zip(params) {
            let Some((arg, own)) = self.arg(name) else {
                fine = false;
                continue;
            };
            let fits = match (arg, &own) {
                (Arg::Obj(obj), _) => self.names.objects.fits(obj, ty),
                (_, Some(own)) => self.names.types.overlap(own, ty),
                _ => true,
            };
            if !fits {
                fine = false;
                let is = own.map_or_else(String::new, |own| {
                    format!(" is of type `{}`, which", self.names.types.show(&own))
                });
                let wanted = self.names.types.show(ty);
                self.errors.push(
                    Diagnostic::error(
                        format!(
                            "`{name}`{is} is not a `{wanted}`, as {what} `{}` wants",
                            term.name
                        ),
                        name.span,
                    )
                    .label(format!("expected `{wanted}`"))
                    .help("pass something of that type, or widen the declaration"),
                );
            }
            args.push(arg);
        }
        fine.then_some(args)
    }

    fn predicate(&mut self, term: &Term) -> Option<(u32, Vec<Arg>)> {
        let Some(pred) = crate::model::lookup(self.names.predicate_by_key, &term.name.text) else {
            let known = self.names.predicates.iter().map(|p| p.name.as_str());
            let mut d =
                Diagnostic::error(format!("unknown predicate `{}`", term.name), term.name.span);
            d.help = did_you_mean(&term.name.text, known)
                .or_else(|| Some(format!("declare it: `(:predicates ({} …))`", term.name)));
            self.errors.push(d);
            return None;
        };
        let params = &self.names.predicates[pred as usize].params;
        self.args(term, params, "predicate").map(|args| (pred, args))
    }

    fn not_external(&mut self, pred: u32, term: &Term, so: &str) {
        if self.names.externals.contains_key(&pred) {
            let text = format!("`{}` is answered by the program, {so}", term.name);
            let help = "remove it here, or do not register a closure for the predicate";
            self.errors.push(Diagnostic::error(text, term.name.span).help(help));
        }
    }

    /// A task or an action.
    pub(crate) fn task(&mut self, term: &Term, what: &str) -> Option<(u32, Vec<Arg>)> {
        let Some(id) = crate::model::lookup(self.names.task_by_key, &term.name.text) else {
            let known = self.names.tasks.iter().map(|t| t.name.as_str());
            let mut d = Diagnostic::error(format!("unknown task `{}`", term.name), term.name.span);
            d.help = did_you_mean(&term.name.text, known).or_else(|| {
                Some(format!("declare it with `(:task {0} …)` or `(:action {0} …)`", term.name))
            });
            self.errors.push(d);
            return None;
        };
        let params = &self.names.tasks[id as usize].params;
        self.args(term, params, what).map(|args| (id, args))
    }

    /// The parts of a conjunction, numbered.
    pub(crate) fn conjuncts(&mut self, formula: &Formula) -> Vec<Part> {
        let mut flat = Vec::new();
        flatten(formula, &mut flat);
        let parts = flat.iter().enumerate();
        parts.filter_map(|(i, f)| Some((self.cond(f)?, i.min(0x7ffe) as u16))).collect()
    }

    /// A condition; `None` where something in it is wrong.
    pub(crate) fn cond(&mut self, formula: &Formula) -> Option<Cond> {
        if self.depth > MAX_DEPTH {
            let text = format!("a condition is nested more than {MAX_DEPTH} deep");
            self.errors.push(Diagnostic::error(text, crate::Span::default()));
            return None;
        }
        self.depth += 1;
        let cond = self.cond_inner(formula);
        self.depth -= 1;
        cond
    }

    fn cond_inner(&mut self, formula: &Formula) -> Option<Cond> {
        Some(match formula {
            Formula::Atom(term) => {
                let (pred, args) = self.predicate(term)?;
                match self.names.externals.get(&pred) {
                    Some(external) => Cond::Ask(external.clone(), args),
                    None => Cond::Atom(pred, args),
                }
            }
            Formula::Equal(a, b) => {
                let (a, b) = (self.arg(a), self.arg(b));
                Cond::Equal(a?.0, b?.0)
            }
            Formula::Compare(how, a, b) => {
                let (a, b) = (self.amount(a), self.amount(b));
                Cond::Compare(*how, Box::new((a?, b?)))
            }
            Formula::SortOf(a, ty) => {
                let ty = self.names.types.resolve(ty, self.errors);
                Cond::Sort(self.arg(a)?.0, ty)
            }
            Formula::Not(part) => Cond::Not(Box::new(self.cond(part)?)),
            Formula::And(parts) => Cond::And(self.all(parts)?),
            Formula::Or(parts) => Cond::Or(self.all(parts)?),
            Formula::Imply(a, b) => {
                let (a, b) = (self.cond(a), self.cond(b));
                Cond::Or(vec![Cond::Not(Box::new(a?)), b?])
            }
            Formula::Forall(vars, body) => {
                self.within(vars, |s, slots| Some(Cond::Forall(slots, Box::new(s.cond(body)?))))?
            }
            Formula::Exists(vars, body) => {
                self.within(vars, |s, slots| Some(Cond::Exists(slots, Box::new(s.cond(body)?))))?
            }
        })
    }

    fn all(&mut self, parts: &[Formula]) -> Option<Vec<Cond>> {
        let conds: Vec<Option<Cond>> = parts.iter().map(|p| self.cond(p)).collect();
        conds.into_iter().collect()
    }

    /// Flattens an effect into changes.
    pub(crate) fn effect(&mut self, effect: &Effect, into: &mut Effects) {
        if self.depth > MAX_DEPTH {
            let text = format!("an effect is nested more than {MAX_DEPTH} deep");
            self.errors.push(Diagnostic::error(text, crate::Span::default()));
            return;
        }
        self.depth += 1;
        match effect {
            Effect::Add(term) | Effect::Delete(term) => {
                if let Some((pred, args)) = self.predicate(term) {
                    self.not_external(pred, term, "so no action can change it");
                    let add = matches!(effect, Effect::Add(_));
                    let (forall, when) = (into.forall.clone(), into.condition());
                    into.changes.push(Change { forall, when, add, pred, args });
                }
            }
            Effect::And(parts) => {
                for part in parts {
                    self.effect(part, into);
                }
            }
            Effect::Forall(vars, body) => self.within(vars, |s, slots| {
                let outer = into.forall.len();
                into.forall.extend(slots);
                s.effect(body, into);
                into.forall.truncate(outer);
            }),
            Effect::When(condition, body) => {
                if let Some(cond) = self.cond(condition) {
                    into.when.push(cond);
                    self.effect(body, into);
                    into.when.pop();
                }
            }
            Effect::Number(how, target, amount) => self.number(*how, target, amount, into),
        }
        self.depth -= 1;
    }

    fn number(&mut self, how: Assignment, target: &Term, amount: &Amount, into: &mut Effects) {
        let Some(amount) = self.amount(amount) else { return };
        let (forall, when) = (into.forall.clone(), into.condition());
        let is_cost = target.name.text.eq_ignore_ascii_case(TOTAL_COST);
        if is_cost && how == Assignment::Increase {
            let (forall, when, amount) = (forall.clone(), when.clone(), amount.clone());
            into.prices.push(Price { forall, when, amount });
            if !self.names.counts_cost {
                return;
            }
        }
        if let Some((function, args)) = self.function(target) {
            into.numbers.push(NumberChange { forall, when, how, function, args, amount });
        }
    }

    /// A number that is worked out from functions.
    fn amount(&mut self, amount: &Amount) -> Option<Expr> {
        if self.depth > MAX_DEPTH {
            let text = format!("a number is nested more than {MAX_DEPTH} deep");
            self.errors.push(Diagnostic::error(text, crate::Span::default()));
            return None;
        }
        self.depth += 1;
        let expr = match amount {
            Amount::Number(n) => Some(Expr::Number(*n)),
            Amount::Function(term) => {
                let is_cost = term.name.text.eq_ignore_ascii_case(TOTAL_COST);
                if is_cost && !self.names.counts_cost {
                    let text = "the domain only adds `total-cost` up, so it cannot be asked for";
                    self.errors.push(Diagnostic::error(text, term.name.span).help(
                        "let a condition of the domain speak of it, or count under another name",
                    ));
                }
                self.function(term).map(|(function, args)| Expr::Function(function, args))
            }
            Amount::Calculated(how, a, b) => {
                let (a, b) = (self.amount(a), self.amount(b));
                a.zip(b).map(|(a, b)| Expr::Calc(*how, Box::new(a), Box::new(b)))
            }
        };
        self.depth -= 1;
        expr
    }

    /// A function with its arguments.
    pub(crate) fn function(&mut self, term: &Term) -> Option<(u32, Vec<Arg>)> {
        let Some((id, params)) = self.names.functions.get(&term.name.key()) else {
            let mut d =
                Diagnostic::error(format!("unknown function `{}`", term.name), term.name.span);
            d.help = did_you_mean(&term.name.text, self.names.functions.keys().map(String::as_str))
                .or_else(|| Some(format!("declare it: `(:functions ({} …))`", term.name)));
            self.errors.push(d);
            return None;
        };
        self.args(term, params, "function").map(|args| (*id, args))
    }
}

fn flatten<'f>(formula: &'f Formula, into: &mut Vec<&'f Formula>) {
    let mut open = vec![formula];
    while let Some(next) = open.pop() {
        match next {
            Formula::And(parts) => open.extend(parts.iter().rev()),
            other => into.push(other),
        }
    }
}

/// The conjuncts of a formula in the order of their part numbers.
pub(crate) fn parts_of(formula: &Formula) -> Vec<&Formula> {
    let mut flat = Vec::new();
    flatten(formula, &mut flat);
    flat
}

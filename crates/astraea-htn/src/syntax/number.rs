//! Numbers: comparisons, amounts, and effects on functions.

use super::parse::Reader;
use super::sexp::Sexp;
use crate::ast::{Amount, Assignment, Comparison, Effect, Formula, Operator};

impl Reader {
    pub(super) fn comparison(&mut self, head: &str, a: Sexp<'_>, b: Sexp<'_>) -> Formula {
        let how = match head {
            "<" => Comparison::Less,
            "<=" => Comparison::AtMost,
            ">=" => Comparison::AtLeast,
            ">" => Comparison::Greater,
            _ => Comparison::Equal,
        };
        match (self.amount(a), self.amount(b)) {
            (Some(a), Some(b)) => Formula::Compare(how, a, b),
            _ => Formula::yes(),
        }
    }

    pub(super) fn assignment(&mut self, head: &str, target: Sexp<'_>, amount: Sexp<'_>) -> Effect {
        let how = match head {
            "increase" => Assignment::Increase,
            "decrease" => Assignment::Decrease,
            "scale-up" => Assignment::ScaleUp,
            "scale-down" => Assignment::ScaleDown,
            _ => Assignment::Assign,
        };
        match (self.term(target, "function"), self.amount(amount)) {
            (Some(target), Some(amount)) => Effect::Number(how, target, amount),
            _ => Effect::nothing(),
        }
    }

    /// A number, a function, or `(+ a b …)`, `(- a b)`, `(- a)`, `(* a b …)`, `(/ a b)`.
    fn amount(&mut self, item: Sexp<'_>) -> Option<Amount> {
        if let Some(word) = item.word() {
            let number = self.number(item).map(Amount::Number);
            if number.is_none() {
                let what = format!("`{word}` is not a number");
                self.error(what, item, format!("write a number, or `({word})` for a function"));
            }
            return number;
        }
        let how = match item.head().as_deref() {
            Some("+") => Operator::Plus,
            Some("-") => Operator::Minus,
            Some("*") => Operator::Times,
            Some("/") => Operator::Divide,
            _ => return self.term(item, "function").map(Amount::Function),
        };
        let parts: Vec<Sexp<'_>> = item.items().skip(1).collect();
        let chains = matches!(how, Operator::Plus | Operator::Times);
        if parts.len() > 64
            || parts.len() > 2 && !chains
            || parts.len() < 2 && how != Operator::Minus
            || parts.is_empty()
        {
            let what = format!("`{how}` with {} numbers", parts.len());
            self.error(what, item, "give it two; `+` and `*` take up to 64");
            return None;
        }
        let mut amounts = Vec::with_capacity(parts.len());
        for part in parts {
            amounts.push(self.amount(part)?);
        }
        if amounts.len() == 1 {
            amounts.insert(0, Amount::Number(0.0));
        }
        amounts.into_iter().reduce(|a, b| Amount::Calculated(how, Box::new(a), Box::new(b)))
    }

    /// A finite number, if the item is one.
    pub(super) fn number(&mut self, item: Sexp<'_>) -> Option<f64> {
        let number: f64 = item.word()?.parse().ok()?;
        number.is_finite().then_some(number)
    }
}

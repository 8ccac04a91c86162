//! Methods, task networks and actions.

use super::parse::{Fields, Reader};
use super::sexp::Sexp;
use crate::ast::{Action, Effect, Formula, Method, Name, Network, Signature, Subtask, Term};
use crate::diagnostic::Diagnostic;

const ORDERED: &[&str] = &[":ordered-subtasks", ":ordered-tasks"];
const UNORDERED: &[&str] = &[":subtasks", ":tasks"];
const ORDERINGS: &[&str] = &[":ordering", ":order"];

impl Reader {
    /// The name after `:task`, `:method` or `:action`, then the keyword arguments.
    fn named_fields<'a>(
        &mut self,
        item: Sexp<'a>,
        what: &str,
        known: &[&str],
    ) -> Option<(Name, Fields<'a>)> {
        let mut items = item.items();
        items.next();
        let mut rest = items;
        let name = match rest.next().and_then(Sexp::name) {
            Some(name) if !name.text.starts_with(':') => name,
            _ => {
                self.error(
                    format!("a {what} without a name"),
                    item,
                    format!("write `(:{what} name …)`"),
                );
                return None;
            }
        };
        Some((name, self.fields(rest, what, known)))
    }

    pub(super) fn task(&mut self, item: Sexp<'_>) -> Option<Signature> {
        let known = [":parameters", ":precondition", ":effect"];
        let (name, fields) = self.named_fields(item, "task", &known)?;
        let params = fields.get(":parameters").map_or_else(Vec::new, |p| self.variables(p));
        Some(Signature { name, params })
    }

    pub(super) fn action(&mut self, item: Sexp<'_>) -> Option<Action> {
        let known = [":parameters", ":precondition", ":effect"];
        let (name, fields) = self.named_fields(item, "action", &known)?;
        let params = fields.get(":parameters").map_or_else(Vec::new, |p| self.variables(p));
        let precondition =
            fields.get(":precondition").map_or_else(Formula::yes, |p| self.formula(p));
        let effect = fields.get(":effect").map_or_else(Effect::nothing, |e| self.effect(e));
        Some(Action { name, params, precondition, effect })
    }

    pub(super) fn method(&mut self, item: Sexp<'_>) -> Option<Method> {
        let known = [
            ":parameters",
            ":task",
            ":precondition",
            ":cost",
            ":constraints",
            ORDERED[0],
            ORDERED[1],
            UNORDERED[0],
            UNORDERED[1],
            ORDERINGS[0],
            ORDERINGS[1],
        ];
        let (name, fields) = self.named_fields(item, "method", &known)?;
        let params = fields.get(":parameters").map_or_else(Vec::new, |p| self.variables(p));
        let task = match fields.get(":task") {
            Some(task) => self.term(task, "task"),
            None => {
                self.push(
                    Diagnostic::error(
                        format!("method `{name}` does not say which task it refines"),
                        name.span,
                    )
                    .help("add `:task (name …)`"),
                );
                None
            }
        };
        if self.strict && !ORDERED.iter().chain(UNORDERED).any(|k| fields.get(k).is_some()) {
            self.push(
                Diagnostic::error(format!("method `{name}` has no subtasks"), name.span)
                    .help("add `:ordered-subtasks (and …)`, or `:ordered-subtasks ()` for a method that has nothing to do"),
            );
        }
        let cost = fields.get(":cost").and_then(|item| {
            let cost = item.word().and_then(|w| w.parse::<f64>().ok());
            match cost {
                Some(cost) if (0.0..=1.0).contains(&cost) => Some(cost),
                _ => {
                    self.error(
                        format!("the cost of method `{name}` is not a number between 0 and 1"),
                        item,
                        "give a number from 0 (tried first) to 1 (tried last)",
                    );
                    None
                }
            }
        });
        let precondition =
            fields.get(":precondition").map_or_else(Formula::yes, |p| self.formula(p));
        let network = self.network(&fields);
        Some(Method { name, params, task: task?, precondition, cost, network })
    }

    /// Subtasks, ordering and constraints, of a method or of `:htn`.
    pub(super) fn network(&mut self, fields: &Fields<'_>) -> Network {
        let find = |keys: &[&str]| keys.iter().find_map(|k| fields.get(k));
        let (tasks, ordered) = match (find(ORDERED), find(UNORDERED)) {
            (Some(tasks), other) => {
                if let Some(other) = other {
                    self.error(
                        "both ordered and unordered subtasks",
                        other,
                        "give the subtasks once",
                    );
                }
                (Some(tasks), true)
            }
            (None, tasks) => (tasks, false),
        };
        let subtasks = tasks.map_or_else(Vec::new, |t| self.subtasks(t));
        let ordering = find(ORDERINGS).map_or_else(Vec::new, |o| self.orderings(o));
        let constraints = fields.get(":constraints").map_or_else(Formula::yes, |c| self.formula(c));
        // One subtask, or none, is ordered whichever way it is written.
        let ordered = ordered && ordering.is_empty() || subtasks.len() < 2 && ordering.is_empty();
        if !ordered && find(ORDERED).is_some() {
            self.error(
                "ordered subtasks with an ordering",
                find(ORDERINGS).or(tasks).unwrap_or_else(|| fields.whole()),
                "use `:subtasks` where you give the order yourself",
            );
        }
        Network { ordered, subtasks, ordering, constraints }
    }

    fn subtasks(&mut self, item: Sexp<'_>) -> Vec<Subtask> {
        let Some(first) = item.items().next() else {
            if !item.is_list() {
                self.error("a list of subtasks was expected", item, "write `(and (task …) …)`");
            }
            return Vec::new();
        };
        let mut list = Vec::new();
        if first.is("and") {
            for part in item.items().skip(1) {
                if part.is_list() && part.items().next().is_none() {
                    continue;
                }
                list.extend(self.subtask(part));
            }
        } else {
            list.extend(self.subtask(item));
        }
        list
    }

    fn subtask(&mut self, item: Sexp<'_>) -> Option<Subtask> {
        let parts: Vec<Sexp<'_>> = item.items().take(3).collect();
        if let [label, term] = parts.as_slice()
            && let Some(label) = label.name()
            && term.is_list()
        {
            return self.term(*term, "task").map(|term| Subtask { label: Some(label), term });
        }
        let term: Term = self.term(item, "task")?;
        Some(Subtask { label: None, term })
    }

    fn orderings(&mut self, item: Sexp<'_>) -> Vec<(Name, Name)> {
        let mut list = Vec::new();
        match item.head().as_deref() {
            None if item.is_list() && item.items().next().is_none() => {}
            Some("and") => {
                for part in item.items().skip(1) {
                    list.extend(self.ordering(part));
                }
            }
            _ => list.extend(self.ordering(item)),
        }
        list
    }

    fn ordering(&mut self, item: Sexp<'_>) -> Option<(Name, Name)> {
        let parts: Vec<Sexp<'_>> = item.items().collect();
        let pair = match parts.as_slice() {
            [op, a, b] | [a, op, b] if op.is("<") => a.name().zip(b.name()),
            _ => None,
        };
        if pair.is_none() {
            self.error("this is not an ordering", item, "write `(< first second)` with two labels");
        }
        pair
    }
}

//! Conditions, effects, and lists of typed names.

use super::parse::Reader;
use super::sexp::Sexp;
use crate::ast::{Effect, Formula, Name, Term, TypeRef, Typed};
use crate::diagnostic::Diagnostic;

impl Reader {
    /// `a b - t c - (either t u)`.
    pub(super) fn typed_list<'a>(
        &mut self,
        items: impl Iterator<Item = Sexp<'a>>,
        what: &str,
    ) -> Vec<Typed> {
        let mut list: Vec<Typed> = Vec::new();
        let mut untyped = 0;
        let mut items = items.peekable();
        while let Some(item) = items.next() {
            if item.is("-") {
                let Some(ty) = items.next() else {
                    self.error("a type is missing after `-`", item, "name a type here");
                    break;
                };
                let ty = self.type_ref(ty);
                if untyped == list.len() {
                    self.error(format!("no {what} before `-`"), item, "name it before the dash");
                }
                for entry in &mut list[untyped..] {
                    entry.ty = ty.clone();
                }
                untyped = list.len();
            } else if let Some(name) = item.name() {
                list.push(Typed { name, ty: TypeRef::default() });
            } else {
                self.error(format!("a {what} was expected, not a list"), item, "write a name");
            }
        }
        list
    }

    /// The same, each name being a variable.
    pub(super) fn variables(&mut self, list: Sexp<'_>) -> Vec<Typed> {
        if !list.is_list() {
            self.error(
                "a list of variables was expected",
                list,
                "write `(?x - type …)`, or `()` for none",
            );
            return Vec::new();
        }
        self.variable_items(list.items())
    }

    pub(super) fn variable_items<'a>(
        &mut self,
        items: impl Iterator<Item = Sexp<'a>>,
    ) -> Vec<Typed> {
        let vars = self.typed_list(items, "variable");
        for (i, v) in vars.iter().enumerate() {
            if !v.name.is_variable() {
                self.push(
                    Diagnostic::error(format!("`{}` is not a variable", v.name), v.name.span)
                        .help(format!("variables begin with a question mark: `?{}`", v.name)),
                );
            }
            if vars[..i].iter().any(|w| w.name == v.name) {
                self.push(
                    Diagnostic::error(
                        format!("variable `{}` is declared twice", v.name),
                        v.name.span,
                    )
                    .help("rename or remove one of the two"),
                );
            }
        }
        vars
    }

    fn type_ref(&mut self, item: Sexp<'_>) -> TypeRef {
        if item.is("object") {
            return TypeRef::default();
        }
        if let Some(name) = item.name() {
            return TypeRef { alternatives: vec![name] };
        }
        let mut items = item.items();
        if !items.next().is_some_and(|i| i.is("either")) {
            self.error("this is not a type", item, "write a name or `(either a b)`");
            return TypeRef::default();
        }
        let alternatives: Vec<Name> = items.filter_map(Sexp::name).collect();
        if alternatives.is_empty() {
            self.error("`either` needs at least one type", item, "write `(either a b)`");
        }
        TypeRef { alternatives }
    }

    /// `(name arg …)`.
    pub(super) fn term(&mut self, item: Sexp<'_>, what: &str) -> Option<Term> {
        let mut items = item.items();
        let Some(name) = items.next().and_then(Sexp::name) else {
            self.error(format!("a {what} was expected"), item, format!("write `({what} …)`"));
            return None;
        };
        let mut args = Vec::new();
        for arg in items {
            match arg.name() {
                Some(name) => args.push(name),
                None => self.error(
                    "an argument must be a variable or an object",
                    arg,
                    "nested terms are not part of HDDL",
                ),
            }
        }
        Some(Term { name, args })
    }

    pub(super) fn formula(&mut self, item: Sexp<'_>) -> Formula {
        if let Some(word) = item.word() {
            self.error(
                format!("a condition was expected, not `{word}`"),
                item,
                format!("write `({word})`, or `()` for no condition"),
            );
            return Formula::yes();
        }
        let args: Vec<Sexp<'_>> = item.items().skip(1).collect();
        let Some(head) = item.head() else {
            if item.items().next().is_some() {
                self.error("a condition begins with a name", item, "did you forget an `and`?");
            }
            return Formula::yes();
        };
        match (head.as_str(), args.as_slice()) {
            ("and", parts) => Formula::And(parts.iter().map(|p| self.formula(*p)).collect()),
            ("or", parts) => Formula::Or(parts.iter().map(|p| self.formula(*p)).collect()),
            ("not", [part]) => Formula::Not(Box::new(self.formula(*part))),
            ("imply" | "implies", [a, b]) => {
                Formula::Imply(Box::new(self.formula(*a)), Box::new(self.formula(*b)))
            }
            ("forall", [vars, body]) => {
                Formula::Forall(self.variables(*vars), Box::new(self.formula(*body)))
            }
            ("exists", [vars, body]) => {
                Formula::Exists(self.variables(*vars), Box::new(self.formula(*body)))
            }
            ("=", [a, b]) => match (a.name(), b.name()) {
                (Some(a), Some(b)) => Formula::Equal(a, b),
                _ => self.comparison("=", *a, *b),
            },
            ("<" | ">" | "<=" | ">=", [a, b]) => self.comparison(&head, *a, *b),
            ("sortof" | "typeof", [var, rest @ ..]) if !rest.is_empty() => {
                let ty = rest.iter().find(|r| !r.is("-")).copied().unwrap_or(item);
                let Some(var) = var.name() else { return self.unsupported(item, "this") };
                Formula::SortOf(var, self.type_ref(ty))
            }
            (
                "not" | "imply" | "implies" | "forall" | "exists" | "=" | "<" | ">" | "<=" | ">="
                | "sortof" | "typeof",
                _,
            ) => {
                let shape = match head.as_str() {
                    "not" => "(not condition)",
                    "imply" | "implies" => "(imply condition condition)",
                    "=" => "(= a b)",
                    "<" | ">" | "<=" | ">=" => "(<= (function …) number)",
                    "sortof" | "typeof" => "(sortof ?x - type)",
                    _ => "(forall (?x - type) condition)",
                };
                self.error(
                    format!("`{head}` has the wrong number of parts ({})", args.len()),
                    item,
                    format!("write `{shape}`"),
                );
                Formula::yes()
            }
            ("preference" | "always" | "sometime" | "at-most-once" | "at" | "over", [part, ..])
                if part.is_list() =>
            {
                self.unsupported(item, "a trajectory constraint")
            }
            _ => self.term(item, "condition").map_or_else(Formula::yes, Formula::Atom),
        }
    }

    fn unsupported(&mut self, item: Sexp<'_>, what: &str) -> Formula {
        self.error(
            format!("{what} is not supported in a condition"),
            item,
            "conditions speak of facts, equality, numbers and types",
        );
        Formula::yes()
    }

    pub(super) fn effect(&mut self, item: Sexp<'_>) -> Effect {
        let args: Vec<Sexp<'_>> = item.items().skip(1).collect();
        let Some(head) = item.head() else {
            if !item.is_list() || item.items().next().is_some() {
                self.error("this is not an effect", item, "write `(and (fact) (not (fact)))`");
            }
            return Effect::nothing();
        };
        match (head.as_str(), args.as_slice()) {
            ("and", parts) => Effect::And(parts.iter().map(|p| self.effect(*p)).collect()),
            ("not", [fact]) => {
                self.term(*fact, "fact").map_or_else(Effect::nothing, Effect::Delete)
            }
            ("forall", [vars, body]) => {
                Effect::Forall(self.variables(*vars), Box::new(self.effect(*body)))
            }
            ("when", [condition, body]) => {
                Effect::When(Box::new(self.formula(*condition)), Box::new(self.effect(*body)))
            }
            ("assign" | "increase" | "decrease" | "scale-up" | "scale-down", [target, amount]) => {
                self.assignment(&head, *target, *amount)
            }
            (
                "not" | "forall" | "when" | "assign" | "increase" | "decrease" | "scale-up"
                | "scale-down",
                _,
            ) => {
                self.error(
                    format!("`{head}` has the wrong number of parts ({})", args.len()),
                    item,
                    "write `(not fact)`, `(forall (vars) effect)`, `(when condition effect)` or `(increase (total-cost) n)`",
                );
                Effect::nothing()
            }
            ("or" | "imply" | "exists", _) => {
                self.error(
                    format!("`{head}` is not supported in an effect"),
                    item,
                    "effects add and delete facts and change numbers, under `forall` and `when`",
                );
                Effect::nothing()
            }
            _ => self.term(item, "fact").map_or_else(Effect::nothing, Effect::Add),
        }
    }
}

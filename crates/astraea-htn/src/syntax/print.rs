//! From syntax tree to text: what is printed parses to the same tree.

use std::fmt::{self, Display, Formatter};

use crate::ast::{
    Action, Amount, Assignment, Comparison, Domain, Effect, Formula, Method, Name, Network,
    Operator, Problem, Signature, Term, TypeRef, Typed,
};

struct Spaced<'a, T>(&'a [T]);

impl<T: Display> Display for Spaced<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (i, item) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{item}")?;
        }
        Ok(())
    }
}

impl Display for TypeRef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.alternatives.as_slice() {
            [] => f.write_str("object"),
            [one] => write!(f, "{one}"),
            many => write!(f, "(either {})", Spaced(many)),
        }
    }
}

impl Display for Typed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} - {}", self.name, self.ty)
    }
}

/// Typed names. An untyped name must not be followed by a typed one, or it would take its type: such lists say `- object`, but a list without
/// any type is printed without.
struct TypedList<'a>(&'a [Typed]);

impl Display for TypedList<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let last_typed = self.0.iter().rposition(|t| !t.ty.alternatives.is_empty());
        for (i, item) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            if last_typed.is_some_and(|last| i <= last) {
                write!(f, "{item}")?;
            } else {
                write!(f, "{}", item.name)?;
            }
        }
        Ok(())
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "({}", self.name)?;
        for arg in &self.args {
            write!(f, " {arg}")?;
        }
        f.write_str(")")
    }
}

impl Display for Formula {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Atom(term) => write!(f, "{term}"),
            Self::Equal(a, b) => write!(f, "(= {a} {b})"),
            Self::Compare(how, a, b) => write!(f, "({how} {a} {b})"),
            Self::SortOf(var, ty) => write!(f, "(sortof {var} - {ty})"),
            Self::Not(part) => write!(f, "(not {part})"),
            Self::And(parts) if parts.is_empty() => f.write_str("()"),
            Self::And(parts) => write!(f, "(and {})", Spaced(parts)),
            Self::Or(parts) if parts.is_empty() => f.write_str("(or)"),
            Self::Or(parts) => write!(f, "(or {})", Spaced(parts)),
            Self::Imply(a, b) => write!(f, "(imply {a} {b})"),
            Self::Forall(vars, body) => write!(f, "(forall ({}) {body})", TypedList(vars)),
            Self::Exists(vars, body) => write!(f, "(exists ({}) {body})", TypedList(vars)),
        }
    }
}

impl Display for Amount {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(n) => write!(f, "{n}"),
            Self::Function(term) => write!(f, "{term}"),
            Self::Calculated(how, a, b) => write!(f, "({how} {a} {b})"),
        }
    }
}

impl Display for Operator {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Divide => "/",
        })
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::AtLeast => ">=",
            Self::Greater => ">",
        })
    }
}

impl Display for Assignment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Assign => "assign",
            Self::Increase => "increase",
            Self::Decrease => "decrease",
            Self::ScaleUp => "scale-up",
            Self::ScaleDown => "scale-down",
        })
    }
}

impl Display for Effect {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add(term) => write!(f, "{term}"),
            Self::Delete(term) => write!(f, "(not {term})"),
            Self::And(parts) if parts.is_empty() => f.write_str("()"),
            Self::And(parts) => write!(f, "(and {})", Spaced(parts)),
            Self::Forall(vars, body) => write!(f, "(forall ({}) {body})", TypedList(vars)),
            Self::When(condition, body) => write!(f, "(when {condition} {body})"),
            Self::Number(how, target, amount) => write!(f, "({how} {target} {amount})"),
        }
    }
}

impl Display for Signature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "({}", self.name)?;
        if !self.params.is_empty() {
            write!(f, " {}", TypedList(&self.params))?;
        }
        f.write_str(")")
    }
}

impl Display for Network {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.ordered { ":ordered-subtasks (and" } else { ":subtasks (and" })?;
        for subtask in &self.subtasks {
            match &subtask.label {
                Some(label) => write!(f, "\n      ({label} {})", subtask.term)?,
                None => write!(f, "\n      {}", subtask.term)?,
            }
        }
        f.write_str(")")?;
        if !self.ordering.is_empty() {
            f.write_str("\n    :ordering (and")?;
            for (a, b) in &self.ordering {
                write!(f, " (< {a} {b})")?;
            }
            f.write_str(")")?;
        }
        if !self.constraints.is_yes() {
            write!(f, "\n    :constraints {}", self.constraints)?;
        }
        Ok(())
    }
}

impl Display for Method {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "(:method {}\n    :parameters ({})", self.name, TypedList(&self.params))?;
        write!(f, "\n    :task {}", self.task)?;
        if !self.precondition.is_yes() {
            write!(f, "\n    :precondition {}", self.precondition)?;
        }
        if let Some(cost) = self.cost {
            write!(f, "\n    :cost {cost}")?;
        }
        write!(f, "\n    {})", self.network)
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "(:action {}\n    :parameters ({})", self.name, TypedList(&self.params))?;
        if !self.precondition.is_yes() {
            write!(f, "\n    :precondition {}", self.precondition)?;
        }
        write!(f, "\n    :effect {})", self.effect)
    }
}

fn section<T: Display>(f: &mut Formatter<'_>, head: &str, items: &[T]) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    write!(f, "\n  ({head}")?;
    for item in items {
        write!(f, "\n    {item}")?;
    }
    f.write_str(")")
}

fn typed_section(f: &mut Formatter<'_>, head: &str, items: &[Typed]) -> fmt::Result {
    if items.is_empty() { Ok(()) } else { write!(f, "\n  ({head} {})", TypedList(items)) }
}

fn requirements(f: &mut Formatter<'_>, names: &[Name]) -> fmt::Result {
    if names.is_empty() { Ok(()) } else { write!(f, "\n  (:requirements {})", Spaced(names)) }
}

/// Prints the domain as HDDL.
impl Display for Domain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "(define (domain {})", self.name)?;
        requirements(f, &self.requirements)?;
        typed_section(f, ":types", &self.types)?;
        typed_section(f, ":constants", &self.constants)?;
        section(f, ":predicates", &self.predicates)?;
        section(f, ":functions", &self.functions)?;
        for task in &self.tasks {
            write!(f, "\n  (:task {} :parameters ({}))", task.name, TypedList(&task.params))?;
        }
        for method in &self.methods {
            write!(f, "\n  {method}")?;
        }
        for action in &self.actions {
            write!(f, "\n  {action}")?;
        }
        f.write_str(")\n")
    }
}

/// Prints the problem as HDDL.
impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "(define (problem {})\n  (:domain {})", self.name, self.domain)?;
        requirements(f, &self.requirements)?;
        typed_section(f, ":objects", &self.objects)?;
        write!(
            f,
            "\n  (:htn :parameters ({})\n    {})",
            TypedList(&self.htn_params),
            self.network
        )?;
        f.write_str("\n  (:init")?;
        for fact in &self.init {
            write!(f, "\n    {fact}")?;
        }
        for (function, value) in &self.values {
            write!(f, "\n    (= {function} {value})")?;
        }
        f.write_str(")")?;
        if let Some(goal) = &self.goal {
            write!(f, "\n  (:goal {goal})")?;
        }
        if self.minimize {
            f.write_str("\n  (:metric minimize (total-cost))")?;
        }
        f.write_str(")\n")
    }
}

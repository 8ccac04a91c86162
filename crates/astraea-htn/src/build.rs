//! Domains made by a program instead of from text.

use crate::ast::{
    Action, Amount, Assignment, Comparison, Domain, Effect, Formula, Method, Name, Network,
    Operator, Signature, Subtask, Term, TypeRef, Typed,
};
use crate::atom::Atom;
use crate::diagnostic::{Diagnostic, Report};
use crate::domain::CompiledDomain;
use crate::error::Error;
use crate::span::Span;

/// Makes a domain step by step.
///
/// ```
/// use astraea_htn::{ActionBuilder, DomainBuilder, MethodBuilder, Network, Options};
/// use astraea_htn::ast::Formula;
///
/// let domain = DomainBuilder::new("tea")
///     .predicate("hot", [])
///     .task("make_tea", [])
///     .action(ActionBuilder::new("boil").adds("hot"))
///     .action(ActionBuilder::new("brew").needs(Formula::fact("hot")))
///     .method(MethodBuilder::new("properly").task("make_tea").cost(0.3).ordered(["boil", "brew"]))
///     .build()?;
/// let plan = domain.plan(&domain.state(), &Network::task("make_tea"), &Options::default())?;
/// assert_eq!(plan.steps.len(), 2);
/// # Ok::<(), astraea_htn::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct DomainBuilder {
    domain: Domain,
    errors: Vec<String>,
}

fn typed<'s>(params: impl IntoIterator<Item = (&'s str, &'s str)>) -> Vec<Typed> {
    let ty = |ty: &str| {
        if ty.is_empty() || ty.eq_ignore_ascii_case("object") {
            TypeRef::default()
        } else {
            TypeRef::named(ty)
        }
    };
    params.into_iter().map(|(name, t)| Typed { name: Name::new(name), ty: ty(t) }).collect()
}

fn term(atom: impl Into<Atom>) -> Term {
    let atom = atom.into();
    Term { name: Name::new(atom.name), args: atom.args.into_iter().map(Name::new).collect() }
}

impl DomainBuilder {
    /// A domain of this name.
    pub fn new(name: &str) -> Self {
        let domain = Domain { name: Name::new(name), ..Domain::default() };
        Self { domain, errors: Vec::new() }
    }

    /// A type below `parent`; `"object"` is the root.
    pub fn subtype(mut self, name: &str, parent: &str) -> Self {
        self.domain.types.extend(typed([(name, parent)]));
        self
    }

    /// An object that every state has.
    pub fn constant(mut self, name: &str, ty: &str) -> Self {
        self.domain.constants.extend(typed([(name, ty)]));
        self
    }

    /// A predicate with its parameters: variable and type.
    pub fn predicate<'s>(
        mut self,
        name: &str,
        params: impl IntoIterator<Item = (&'s str, &'s str)>,
    ) -> Self {
        self.domain.predicates.push(Signature { name: Name::new(name), params: typed(params) });
        self
    }

    /// A numeric function with its parameters.
    pub fn function<'s>(
        mut self,
        name: &str,
        params: impl IntoIterator<Item = (&'s str, &'s str)>,
    ) -> Self {
        self.domain.functions.push(Signature { name: Name::new(name), params: typed(params) });
        self
    }

    /// A compound task with its parameters.
    pub fn task<'s>(
        mut self,
        name: &str,
        params: impl IntoIterator<Item = (&'s str, &'s str)>,
    ) -> Self {
        self.domain.tasks.push(Signature { name: Name::new(name), params: typed(params) });
        self
    }

    /// An action.
    pub fn action(mut self, action: ActionBuilder) -> Self {
        self.domain.actions.push(action.action);
        self
    }

    /// A method. One without name, task or subtasks is refused by [`build`](Self::build).
    pub fn method(mut self, method: MethodBuilder) -> Self {
        let name = &method.name;
        let mut missing = |what: &str, how: &str| {
            self.errors.push(format!("method `{name}` has no {what}; {how}"));
        };
        if name.is_empty() {
            missing("name", "give it one in `MethodBuilder::new`");
        }
        if method.task.is_none() {
            missing("task", "say which one it refines with `MethodBuilder::task`");
        }
        if method.network.is_none() {
            missing("subtasks", "add some, or `ordered([\"\"; 0])` where nothing is to be done");
        }
        if let (Some(task), Some(network)) = (method.task, method.network) {
            self.domain.methods.push(Method {
                name: Name::new(method.name),
                params: method.params,
                task,
                precondition: Formula::And(method.needs),
                cost: method.cost,
                network,
            });
        }
        self
    }

    /// The syntax tree so far.
    #[must_use]
    pub fn ast(&self) -> &Domain {
        &self.domain
    }

    /// Checks and compiles the domain.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every error found.
    pub fn build(self) -> Result<CompiledDomain, Error> {
        if self.errors.is_empty() {
            return CompiledDomain::compile(self.domain);
        }
        let errors = self.errors.into_iter();
        let errors = errors.map(|e| Diagnostic::error(e, Span::default())).collect();
        Err(Error::Invalid(Report::new(errors, &[])))
    }
}

/// Makes an action.
#[derive(Debug, Clone)]
#[must_use]
pub struct ActionBuilder {
    action: Action,
}

impl ActionBuilder {
    /// An action of this name without parameters, precondition and effects.
    pub fn new(name: &str) -> Self {
        Self {
            action: Action {
                name: Name::new(name),
                params: Vec::new(),
                precondition: Formula::yes(),
                effect: Effect::nothing(),
            },
        }
    }

    /// One more parameter.
    pub fn param(mut self, variable: &str, ty: &str) -> Self {
        self.action.params.extend(typed([(variable, ty)]));
        self
    }

    /// One more condition that has to hold.
    pub fn needs(mut self, condition: Formula) -> Self {
        if let Formula::And(parts) = &mut self.action.precondition {
            parts.push(condition);
        }
        self
    }

    fn effect(mut self, effect: Effect) -> Self {
        if let Effect::And(parts) = &mut self.action.effect {
            parts.push(effect);
        }
        self
    }

    /// A fact that becomes true.
    pub fn adds(self, fact: impl Into<Atom>) -> Self {
        self.effect(Effect::Add(term(fact)))
    }

    /// A fact that becomes false.
    pub fn deletes(self, fact: impl Into<Atom>) -> Self {
        self.effect(Effect::Delete(term(fact)))
    }

    /// What the action costs, added to [`Plan::action_cost`](crate::Plan::action_cost).
    pub fn costs(self, amount: f64) -> Self {
        self.changes(Assignment::Increase, "total-cost", amount)
    }

    /// A number that changes: `changes(Assignment::Decrease, "fuel ?truck", 1.0)`, or by an amount that is worked out.
    pub fn changes(
        self,
        how: Assignment,
        function: impl Into<Atom>,
        amount: impl Into<Amount>,
    ) -> Self {
        self.effect(Effect::Number(how, term(function), amount.into()))
    }
}

/// Makes a method.
#[derive(Debug, Clone)]
#[must_use]
pub struct MethodBuilder {
    name: String,
    params: Vec<Typed>,
    task: Option<Term>,
    needs: Vec<Formula>,
    cost: Option<f64>,
    network: Option<Network>,
}

impl MethodBuilder {
    /// A method of this name.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            params: Vec::new(),
            task: None,
            needs: Vec::new(),
            cost: None,
            network: None,
        }
    }

    /// One more variable.
    pub fn param(mut self, variable: &str, ty: &str) -> Self {
        self.params.extend(typed([(variable, ty)]));
        self
    }

    /// The task that the method refines: `"deliver ?parcel"`.
    pub fn task(mut self, task: impl Into<Atom>) -> Self {
        self.task = Some(term(task));
        self
    }

    /// One more condition that has to hold.
    pub fn needs(mut self, condition: Formula) -> Self {
        self.needs.push(condition);
        self
    }

    /// 0..1; methods of a lower cost are tried first.
    pub fn cost(mut self, cost: f64) -> Self {
        self.cost = Some(cost);
        self
    }

    /// The subtasks, one after the other.
    pub fn ordered<A: Into<Atom>>(self, subtasks: impl IntoIterator<Item = A>) -> Self {
        self.network(subtasks, true, &[])
    }

    /// The subtasks in an order given by pairs of positions; all others may be interleaved.
    pub fn partially_ordered<A: Into<Atom>>(
        self,
        subtasks: impl IntoIterator<Item = A>,
        before: &[(usize, usize)],
    ) -> Self {
        self.network(subtasks, false, before)
    }

    fn network<A: Into<Atom>>(
        mut self,
        subtasks: impl IntoIterator<Item = A>,
        ordered: bool,
        before: &[(usize, usize)],
    ) -> Self {
        let label = |i: usize| Name::new(format!("t{i}"));
        let subtasks: Vec<Subtask> = subtasks
            .into_iter()
            .enumerate()
            .map(|(i, t)| Subtask { label: (!ordered).then(|| label(i)), term: term(t) })
            .collect();
        // Fewer than two subtasks are in order however they are given.
        let ordered = ordered || subtasks.len() < 2 && before.is_empty();
        let ordering = before.iter().map(|(a, b)| (label(*a), label(*b))).collect();
        self.network = Some(Network { ordered, subtasks, ordering, constraints: Formula::yes() });
        self
    }
}

impl Formula {
    /// The fact holds: `"at ?truck home"`.
    pub fn fact(fact: impl Into<Atom>) -> Self {
        Self::Atom(term(fact))
    }

    /// The condition does not hold.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// The fact does not hold.
    pub fn no_fact(fact: impl Into<Atom>) -> Self {
        Self::fact(fact).negated()
    }

    /// Both are the same object.
    #[must_use]
    pub fn same(a: &str, b: &str) -> Self {
        Self::Equal(Name::new(a), Name::new(b))
    }

    /// The numbers compare in this way: `compare(Amount::of("fuel ?truck"), Comparison::AtLeast, 2.0)`.
    pub fn compare(a: impl Into<Amount>, how: Comparison, b: impl Into<Amount>) -> Self {
        Self::Compare(how, a.into(), b.into())
    }

    /// All hold.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::And(parts.into_iter().collect())
    }

    /// One holds.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::Or(parts.into_iter().collect())
    }

    /// It holds for every choice of the variables.
    pub fn for_all<'s>(vars: impl IntoIterator<Item = (&'s str, &'s str)>, body: Self) -> Self {
        Self::Forall(typed(vars), Box::new(body))
    }

    /// It holds for some choice of the variables.
    pub fn some<'s>(vars: impl IntoIterator<Item = (&'s str, &'s str)>, body: Self) -> Self {
        Self::Exists(typed(vars), Box::new(body))
    }
}

impl Amount {
    /// The value of a function: `Amount::of("fuel ?truck")`.
    pub fn of(function: impl Into<Atom>) -> Self {
        Self::Function(term(function))
    }

    /// The result of an operation with another number.
    #[must_use]
    pub fn then(self, how: Operator, other: impl Into<Self>) -> Self {
        Self::Calculated(how, Box::new(self), Box::new(other.into()))
    }
}

impl From<f64> for Amount {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

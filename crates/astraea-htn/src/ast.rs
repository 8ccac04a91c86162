//! The syntax tree of HDDL: what a file says, with the place where it says it.
//!
//! Names compare without regard to letter case, as HDDL wants; the spelling of the file is kept for output.

use serde::{Deserialize, Serialize};

use crate::span::Span;

/// A name as written, and where.
///
/// Equality ignores letter case and place.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Name {
    /// The spelling of the source.
    pub text: String,
    /// Where it stands.
    #[serde(skip)]
    pub span: Span,
}

impl Name {
    /// A name that stands nowhere (made by a program).
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), span: Span::default() }
    }

    /// The lower-case form, by which names are compared.
    #[must_use]
    pub fn key(&self) -> String {
        self.text.to_ascii_lowercase()
    }

    /// Whether this is a variable (`?x`).
    #[must_use]
    pub fn is_variable(&self) -> bool {
        self.text.starts_with('?')
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}
impl Eq for Name {}

impl std::hash::Hash for Name {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// The type of a variable or an object: one name, or `(either a b …)`. Empty means `object`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TypeRef {
    /// The alternatives.
    pub alternatives: Vec<Name>,
}

impl TypeRef {
    /// A plain type.
    #[must_use]
    pub fn named(name: impl Into<Name>) -> Self {
        Self { alternatives: vec![name.into()] }
    }
}

/// A name with its type: a variable, an object, or a type with its parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    /// The variable, object or type.
    pub name: Name,
    /// What stands behind the dash.
    pub ty: TypeRef,
}

/// `(name argument …)`: a fact, a task, or either with variables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// Predicate, task or action.
    pub name: Name,
    /// Variables and objects.
    pub args: Vec<Name>,
}

impl Term {
    /// Where the term stands (from its name to its last argument).
    #[must_use]
    pub fn span(&self) -> Span {
        self.args.last().map_or(self.name.span, |last| self.name.span.to(last.span))
    }
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Formula {
    /// The fact holds.
    Atom(Term),
    /// Both are the same object.
    Equal(Name, Name),
    /// The two numbers compare in this way. One that is not known compares with nothing.
    Compare(Comparison, Amount, Amount),
    /// The object is of the type: `(sortof ?x - type)` in constraints.
    SortOf(Name, TypeRef),
    /// It does not hold.
    Not(Box<Formula>),
    /// All hold; an empty one is true.
    And(Vec<Formula>),
    /// One holds; an empty one is false.
    Or(Vec<Formula>),
    /// If the first, then the second.
    Imply(Box<Formula>, Box<Formula>),
    /// For every choice of the variables.
    Forall(Vec<Typed>, Box<Formula>),
    /// For some choice of the variables.
    Exists(Vec<Typed>, Box<Formula>),
}

impl Formula {
    /// The formula that always holds.
    #[must_use]
    pub fn yes() -> Self {
        Self::And(Vec::new())
    }

    /// The formula with values in the place of variables, where `value` has one.
    #[must_use]
    pub fn instantiate(&self, value: &dyn Fn(&str) -> Option<String>) -> Self {
        let name = |n: &Name| match value(&n.text) {
            Some(text) if n.is_variable() => Name { text, span: n.span },
            _ => n.clone(),
        };
        let all = |parts: &[Self]| parts.iter().map(|p| p.instantiate(value)).collect();
        let one = |part: &Self| Box::new(part.instantiate(value));
        match self {
            Self::Atom(term) => Self::Atom(Term {
                name: term.name.clone(),
                args: term.args.iter().map(name).collect(),
            }),
            Self::Equal(a, b) => Self::Equal(name(a), name(b)),
            Self::Compare(how, a, b) => {
                Self::Compare(*how, a.instantiate(value), b.instantiate(value))
            }
            Self::SortOf(a, ty) => Self::SortOf(name(a), ty.clone()),
            Self::Not(part) => Self::Not(one(part)),
            Self::And(parts) => Self::And(all(parts)),
            Self::Or(parts) => Self::Or(all(parts)),
            Self::Imply(a, b) => Self::Imply(one(a), one(b)),
            // A quantified variable hides one of the same name.
            Self::Forall(vars, body) | Self::Exists(vars, body) => {
                let inner = |text: &str| {
                    let hidden = vars.iter().any(|v| v.name.text.eq_ignore_ascii_case(text));
                    if hidden { None } else { value(text) }
                };
                let body = Box::new(body.instantiate(&inner));
                match self {
                    Self::Forall(..) => Self::Forall(vars.clone(), body),
                    _ => Self::Exists(vars.clone(), body),
                }
            }
        }
    }

    /// Whether it is the empty conjunction.
    #[must_use]
    pub fn is_yes(&self) -> bool {
        matches!(self, Self::And(parts) if parts.is_empty())
    }
}

/// What an action does to the state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// The fact becomes true.
    Add(Term),
    /// The fact becomes false. When one action adds and deletes the same fact, it is true afterwards.
    Delete(Term),
    /// All of them.
    And(Vec<Effect>),
    /// For every choice of the variables.
    Forall(Vec<Typed>, Box<Effect>),
    /// Where the condition held before the action.
    When(Box<Formula>, Box<Effect>),
    /// A function gets another value: `(increase (total-cost) amount)`.
    Number(Assignment, Term, Amount),
}

impl Effect {
    /// The effect that changes nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self::And(Vec::new())
    }
}

/// A number: given, looked up, or worked out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Amount {
    /// A number.
    Number(f64),
    /// The value of a function at that moment.
    Function(Term),
    /// The result of an operation.
    Calculated(Operator, Box<Amount>, Box<Amount>),
}

impl Amount {
    /// The amount with values in the place of variables, where `value` has one.
    #[must_use]
    pub fn instantiate(&self, value: &dyn Fn(&str) -> Option<String>) -> Self {
        match self {
            Self::Number(n) => Self::Number(*n),
            Self::Function(term) => {
                let mut term = term.clone();
                for arg in term.args.iter_mut().filter(|a| a.is_variable()) {
                    if let Some(text) = value(&arg.text) {
                        arg.text = text;
                    }
                }
                Self::Function(term)
            }
            Self::Calculated(how, a, b) => {
                let (a, b) = (a.instantiate(value), b.instantiate(value));
                Self::Calculated(*how, Box::new(a), Box::new(b))
            }
        }
    }
}

/// What is done with two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Times,
    /// `/`
    Divide,
}

/// How two numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `>=`
    AtLeast,
    /// `>`
    Greater,
}

/// How a number changes. Amounts are worked out before the action; changes of the same number follow each other as declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assignment {
    /// It becomes the amount.
    Assign,
    /// The amount is added.
    Increase,
    /// The amount is taken away.
    Decrease,
    /// It is multiplied by the amount.
    ScaleUp,
    /// It is divided by the amount.
    ScaleDown,
}

/// `:predicates`, `:task` and `:functions` declare the same thing: a name with typed parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The declared name.
    pub name: Name,
    /// Its parameters.
    pub params: Vec<Typed>,
}

/// One subtask of a network, with the label that orderings speak of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subtask {
    /// The label, where the file gives one.
    pub label: Option<Name>,
    /// Task or action with arguments.
    pub term: Term,
}

/// Subtasks, the order between them, and constraints on their variables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// Whether each subtask comes after the one before it.
    pub ordered: bool,
    /// The subtasks as declared.
    pub subtasks: Vec<Subtask>,
    /// `(< a b)` pairs of labels, for networks that are not `ordered`.
    pub ordering: Vec<(Name, Name)>,
    /// `:constraints`.
    pub constraints: Formula,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            ordered: true,
            subtasks: Vec::new(),
            ordering: Vec::new(),
            constraints: Formula::yes(),
        }
    }
}

/// One way to carry out a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// The method's name.
    pub name: Name,
    /// All variables, those of the task included.
    pub params: Vec<Typed>,
    /// The task it refines.
    pub task: Term,
    /// When it may be used.
    pub precondition: Formula,
    /// `:cost`, an extension: 0..1, the cheaper is tried first.
    pub cost: Option<f64>,
    /// What is to be done instead of the task.
    pub network: Network,
}

/// A primitive task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// The action's name.
    pub name: Name,
    /// Its parameters.
    pub params: Vec<Typed>,
    /// When it may be executed.
    pub precondition: Formula,
    /// What it changes.
    pub effect: Effect,
}

/// A planning domain.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Domain {
    /// `(domain name)`.
    pub name: Name,
    /// `:requirements`, colon included.
    pub requirements: Vec<Name>,
    /// Types with their parents.
    pub types: Vec<Typed>,
    /// Objects that every problem has.
    pub constants: Vec<Typed>,
    /// Predicates.
    pub predicates: Vec<Signature>,
    /// Numeric functions.
    pub functions: Vec<Signature>,
    /// Compound tasks.
    pub tasks: Vec<Signature>,
    /// Methods, in the order in which they are declared.
    pub methods: Vec<Method>,
    /// Actions.
    pub actions: Vec<Action>,
}

impl Domain {
    /// Adds what another domain declares after what this one does. The name stays.
    pub fn extend(&mut self, other: Self) {
        if self.name.text.is_empty() {
            self.name = other.name;
        }
        for requirement in other.requirements {
            if !self.requirements.contains(&requirement) {
                self.requirements.push(requirement);
            }
        }
        self.types.extend(other.types);
        self.constants.extend(other.constants);
        // An addition may repeat the declarations that it builds on.
        for p in other.predicates {
            if !self.predicates.contains(&p) {
                self.predicates.push(p);
            }
        }
        for f in other.functions {
            if !self.functions.contains(&f) {
                self.functions.push(f);
            }
        }
        for t in other.tasks {
            if !self.tasks.contains(&t) {
                self.tasks.push(t);
            }
        }
        self.methods.extend(other.methods);
        self.actions.extend(other.actions);
    }
}

/// A planning problem.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Problem {
    /// `(problem name)`.
    pub name: Name,
    /// `(:domain name)`.
    pub domain: Name,
    /// `:requirements`.
    pub requirements: Vec<Name>,
    /// The objects.
    pub objects: Vec<Typed>,
    /// Variables of the initial network.
    pub htn_params: Vec<Typed>,
    /// The initial network.
    pub network: Network,
    /// Facts that hold at the start.
    pub init: Vec<Term>,
    /// `(= (f a) 3)` in `:init`.
    pub values: Vec<(Term, f64)>,
    /// `:goal`, to hold at the end.
    pub goal: Option<Formula>,
    /// `(:metric minimize …)`: whether one was given.
    pub minimize: bool,
}

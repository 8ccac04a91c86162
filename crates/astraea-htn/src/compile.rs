//! From syntax tree to model, checking every name, arity, type and ordering on the way.

mod check;
mod order;
mod pullup;
mod scope;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::ast;
use crate::cond::Cond;
use crate::diagnostic::Diagnostic;
use crate::external::{Ask, External, Symbols};
use crate::model::{Action, Arg, Change, Method, Model, Predicate, Sub, Task, TaskId};
use crate::number::NumberChange;
use crate::objects::Objects;
use crate::query::{Part, Query, Vars};
use crate::types::{Ty, TypeTable};

pub(crate) use order::link;
pub(crate) use pullup::{Lift, chain};
pub(crate) use scope::{Effects, Scope, parts_of, resolve_term};

/// What names mean while methods, actions and problems are compiled.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    pub(crate) types: &'a TypeTable,
    pub(crate) objects: &'a Objects,
    pub(crate) predicates: &'a [Predicate],
    pub(crate) predicate_by_key: &'a FxHashMap<String, u32>,
    pub(crate) functions: &'a FxHashMap<String, (u32, Vec<Ty>)>,
    pub(crate) externals: &'a FxHashMap<u32, External>,
    /// Whether `total-cost` is a number like any other, because a condition or an amount speaks of it.
    pub(crate) counts_cost: bool,
    pub(crate) tasks: &'a [Task],
    pub(crate) task_by_key: &'a FxHashMap<String, TaskId>,
}

impl<'a> Names<'a> {
    pub(crate) fn of(model: &'a Model, objects: &'a Objects) -> Self {
        Self {
            types: &model.types,
            objects,
            predicates: &model.predicates,
            predicate_by_key: &model.predicate_by_key,
            functions: &model.functions,
            externals: &model.externals,
            counts_cost: speaks_of_cost(&model.ast),
            tasks: &model.tasks,
            task_by_key: &model.task_by_key,
        }
    }
}

/// What costs are added up in.
pub(crate) const TOTAL_COST: &str = "total-cost";

/// Whether the domain uses `total-cost` for more than to add it up.
fn speaks_of_cost(domain: &ast::Domain) -> bool {
    let methods = domain.methods.iter();
    methods.flat_map(|m| [&m.precondition, &m.network.constraints]).any(ask_cost)
        || domain.actions.iter().any(|a| ask_cost(&a.precondition) || changes_cost(&a.effect))
}

fn ask_cost(formula: &ast::Formula) -> bool {
    use ast::Formula as F;
    match formula {
        F::Atom(_) | F::Equal(..) | F::SortOf(..) => false,
        F::Compare(_, a, b) => is_of_cost(a) || is_of_cost(b),
        F::Not(part) | F::Forall(_, part) | F::Exists(_, part) => ask_cost(part),
        F::And(parts) | F::Or(parts) => parts.iter().any(ask_cost),
        F::Imply(a, b) => ask_cost(a) || ask_cost(b),
    }
}

fn changes_cost(effect: &ast::Effect) -> bool {
    use ast::{Assignment, Effect as E};
    match effect {
        E::Add(_) | E::Delete(_) => false,
        E::And(parts) => parts.iter().any(changes_cost),
        E::Forall(_, body) => changes_cost(body),
        E::When(condition, body) => ask_cost(condition) || changes_cost(body),
        E::Number(how, target, amount) => {
            let own = target.name.text.eq_ignore_ascii_case(TOTAL_COST);
            is_of_cost(amount) || own && *how != Assignment::Increase
        }
    }
}

fn is_of_cost(amount: &ast::Amount) -> bool {
    match amount {
        ast::Amount::Number(_) => false,
        ast::Amount::Function(term) => term.name.text.eq_ignore_ascii_case(TOTAL_COST),
        ast::Amount::Calculated(_, a, b) => is_of_cost(a) || is_of_cost(b),
    }
}

/// Predicates may have this many parameters.
const MAX_ARITY: usize = 60;

fn twice(what: &str, name: &ast::Name) -> Diagnostic {
    Diagnostic::error(format!("{what} `{name}` is declared twice"), name.span)
        .label("declared again here")
        .help("rename or remove one of the two")
}

/// Compiles a domain; some predicates, by their keys, are answered by the program.
pub(crate) fn compile(
    domain: ast::Domain,
    asks: &[(String, Arc<Ask>)],
) -> Result<Model, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    check::spelling(&domain, &mut errors);
    let types = TypeTable::build(&domain.types, &mut errors);
    if types.names.len() >= usize::from(u16::MAX) {
        errors.push(Diagnostic::error("more than 65 534 types", domain.name.span));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut constants = Objects::new(&types);
    for constant in &domain.constants {
        let ty = types.resolve(&constant.ty, &mut errors);
        constants.declare(&constant.name.text, &ty, &types, true);
    }
    let mut predicates: Vec<Predicate> = Vec::new();
    let mut predicate_by_key = FxHashMap::default();
    for p in &domain.predicates {
        let params: Vec<Ty> = p.params.iter().map(|v| types.resolve(&v.ty, &mut errors)).collect();
        if predicate_by_key.insert(p.name.key(), predicates.len() as u32).is_some() {
            errors.push(twice("predicate", &p.name));
        }
        if p.params.len() > MAX_ARITY {
            let text = format!("predicate `{}` has more than {MAX_ARITY} parameters", p.name);
            errors.push(Diagnostic::error(text, p.name.span));
        }
        predicates.push(Predicate { name: p.name.text.clone(), sure: Vec::clone(&params), params });
    }
    let mut functions = FxHashMap::default();
    for f in &domain.functions {
        let params = f.params.iter().map(|v| types.resolve(&v.ty, &mut errors)).collect();
        // Functions are numbered after the predicates: a store has both.
        let id = (predicates.len() + functions.len()) as u32;
        if functions.insert(f.name.key(), (id, params)).is_some() {
            errors.push(twice("function", &f.name));
        }
    }
    let externals = externals(asks, &predicate_by_key, &functions);
    let mut tasks: Vec<Task> = Vec::new();
    let mut task_by_key = FxHashMap::default();
    let heads = domain.tasks.iter().map(|t| (&t.name, &t.params, None));
    let actions = domain.actions.iter().enumerate();
    let heads = heads.chain(actions.map(|(i, a)| (&a.name, &a.params, Some(i as u32))));
    for (name, params, action) in heads {
        let params = params.iter().map(|v| types.resolve(&v.ty, &mut errors)).collect();
        if task_by_key.insert(name.key(), tasks.len() as TaskId).is_some() {
            errors.push(twice("task or action", name));
        }
        tasks.push(Task {
            name: name.text.as_str().into(),
            params,
            declared: Vec::new(),
            cheapest: Vec::new(),
            action,
            neutral: false,
        });
    }
    let names = Names {
        types: &types,
        objects: &constants,
        predicates: &predicates,
        predicate_by_key: &predicate_by_key,
        functions: &functions,
        externals: &externals,
        counts_cost: speaks_of_cost(&domain),
        tasks: &tasks,
        task_by_key: &task_by_key,
    };
    let compiled: Vec<Action> =
        domain.actions.iter().map(|a| action(a, &names, &mut errors)).collect();
    let mut methods = Vec::with_capacity(domain.methods.len());
    let mut refines = vec![Vec::new(); tasks.len()];
    let mut seen = FxHashMap::default();
    for m in &domain.methods {
        if seen.insert(m.name.key(), ()).is_some() {
            errors.push(twice("method", &m.name));
        }
        if let Some((task, compiled)) = method(m, &names, &mut errors) {
            refines[task as usize].push(methods.len() as u32);
            methods.push(compiled);
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let heads = tasks.iter().enumerate();
    let of_action: Vec<(u32, &Action)> =
        heads.filter_map(|(t, task)| Some((t as u32, &compiled[task.action? as usize]))).collect();
    widen(&mut predicates, &of_action, &tasks, &types);
    let owners: FxHashMap<u32, u32> = refines
        .iter()
        .enumerate()
        .flat_map(|(t, list)| list.iter().map(move |m| (*m, t as u32)))
        .collect();
    let of_method: Vec<pullup::Known<'_>> = methods
        .iter()
        .enumerate()
        .map(|(m, body): (usize, &Body)| {
            (owners[&(m as u32)], &body.method, body.own(), &body.vars.types[..])
        })
        .collect();
    let symbols = predicates.len() + functions.len();
    let params: Vec<&[Ty]> = tasks.iter().map(|t| &t.params[..]).collect();
    let lift = Lift::new(symbols, &of_action, &of_method, &params, &types);
    drop(of_method);
    let stateless: Vec<bool> =
        methods.iter().map(|b| b.parts.iter().all(|(cond, _)| lift.is_rigid(cond))).collect();
    for (task, declared) in tasks.iter_mut().zip(refines) {
        let mut cheapest = declared.clone();
        let cost = |m: &u32| methods[*m as usize].method.cost.unwrap_or(0.0);
        cheapest.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
        task.neutral = match task.action {
            Some(a) => {
                let action = &compiled[a as usize];
                action.parts.is_empty() && action.changes.is_empty() && action.numbers.is_empty()
            }
            None => declared.iter().all(|m| stateless[*m as usize]),
        };
        task.declared = declared;
        task.cheapest = cheapest;
    }
    let numeric =
        compiled.iter().any(|a| !a.numbers.is_empty() || !a.parts.iter().all(Cond::is_plain))
            || methods.iter().any(|m| !m.parts.iter().all(|(cond, _)| cond.is_plain()));
    let methods: Vec<Method> =
        methods.into_iter().map(|body| body.finish(&lift, &predicates, &types)).collect();
    let mut model = Model {
        ast: domain,
        warnings: Vec::new(),
        types,
        constants,
        predicates,
        predicate_by_key,
        functions,
        externals,
        numeric,
        tasks,
        task_by_key,
        methods,
        actions: compiled,
        lift,
        memory: std::sync::Mutex::default(),
        linear: std::sync::OnceLock::new(),
    };
    model.warnings = check::warnings(&model);
    Ok(model)
}

fn externals(
    asks: &[(String, Arc<Ask>)],
    predicates: &FxHashMap<String, u32>,
    functions: &FxHashMap<String, (u32, Vec<Ty>)>,
) -> FxHashMap<u32, External> {
    if asks.is_empty() {
        return FxHashMap::default();
    }
    let functions = functions.iter().map(|(key, (id, _))| (key.clone(), *id)).collect();
    let symbols = Arc::new(Symbols { predicates: predicates.clone(), functions });
    let asks = asks.iter().filter_map(|(key, ask)| {
        let pred = *predicates.get(key)?;
        Some((pred, External { pred, ask: Arc::clone(ask), symbols: Arc::clone(&symbols) }))
    });
    asks.collect()
}

/// Takes back what is sure about the types of facts, where an effect may add others than were declared.
fn widen(
    predicates: &mut [Predicate],
    actions: &[(u32, &Action)],
    tasks: &[Task],
    types: &TypeTable,
) {
    for (task, action) in actions {
        for change in action.changes.iter().filter(|c| c.add) {
            let Predicate { params, sure, .. } = &mut predicates[change.pred as usize];
            for ((arg, declared), sure) in change.args.iter().zip(params).zip(sure) {
                let Arg::Var(v) = arg else { continue };
                let own = tasks[*task as usize]
                    .params
                    .get(usize::from(*v))
                    .or_else(|| change.forall.iter().find(|(slot, _)| slot == v).map(|(_, ty)| ty));
                if own.is_none_or(|own| !types.covers(own, declared)) {
                    *sure = Ty::default();
                }
            }
        }
    }
}

fn action(ast: &ast::Action, names: &Names<'_>, errors: &mut Vec<Diagnostic>) -> Action {
    let mut scope = Scope::new(names, &ast.params, errors);
    let mut parts: Vec<Cond> =
        scope.conjuncts(&ast.precondition).into_iter().map(|(cond, _)| cond).collect();
    let mut effects = Effects::default();
    scope.effect(&ast.effect, &mut effects);
    let Effects { mut changes, numbers, prices, .. } = effects;
    parts.extend(numbers.iter().map(NumberChange::known));
    let plain = changes.iter().all(|c: &Change| c.forall.is_empty() && c.when.is_none());
    let slots = scope.slots;
    // Deletions first: an action that adds and deletes a fact leaves it true.
    changes.sort_by_key(|c| c.add);
    Action { parts, changes, plain, numbers, prices, slots }
}

fn method(
    ast: &ast::Method,
    names: &Names<'_>,
    errors: &mut Vec<Diagnostic>,
) -> Option<(TaskId, Body)> {
    if let Some(cost) = ast.cost
        && !(0.0..=1.0).contains(&cost)
    {
        let text = format!("the cost of method `{}` is {cost}, not between 0 and 1", ast.name);
        errors.push(Diagnostic::error(text, ast.name.span).help("give a cost from 0 to 1"));
    }
    if ast.name.text.is_empty() || ast.task.name.text.is_empty() {
        errors.push(
            Diagnostic::error("a method needs a name and a task", ast.name.span).help("name both"),
        );
        return None;
    }
    let mut scope = Scope::new(names, &ast.params, errors);
    let task = scope.task(&ast.task, "task");
    let head = task.as_ref().map(|(_, args)| args.clone()).unwrap_or_default();
    if let Some((id, _)) = &task
        && names.tasks[*id as usize].action.is_some()
    {
        let d = Diagnostic::error(
            format!("method `{}` refines `{}`, which is an action", ast.name, ast.task.name),
            ast.task.name.span,
        );
        scope.errors.push(d.help("only tasks declared with `:task` have methods"));
    }
    let params = task.as_ref().map(|(id, _)| names.tasks[*id as usize].params.clone());
    let compiled = network(ast, scope, head, params.as_deref().unwrap_or(&[]))?;
    task.map(|(id, _)| (id, compiled))
}

/// Compiles the body of a method, or the initial network in the form of one.
pub(crate) fn network(
    ast: &ast::Method,
    mut scope: Scope<'_, '_>,
    head: Vec<Arg>,
    head_types: &[Ty],
) -> Option<Body> {
    let names = scope.names;
    let mut parts: Vec<Part> = Vec::new();
    let mut bound = vec![false; scope.count];
    for (arg, ty) in head.iter().zip(head_types) {
        if let Arg::Var(slot) = arg {
            let own = scope.types[usize::from(*slot)].clone();
            if !bound[usize::from(*slot)] && !names.types.covers(ty, &own) {
                parts.push((Cond::Sort(*arg, own), u16::MAX));
            }
            bound[usize::from(*slot)] = true;
        }
    }
    let constraints = scope.conjuncts(&ast.network.constraints);
    parts.extend(constraints.into_iter().map(|(cond, part)| (cond, part | CONSTRAINT)));
    parts.extend(scope.conjuncts(&ast.precondition));
    let mut used = vec![false; scope.count];
    let mut subs = Vec::new();
    let mut fine = ast.network.subtasks.len() <= usize::from(u16::MAX);
    for sub in &ast.network.subtasks {
        let Some((task, args)) = scope.task(&sub.term, "task") else {
            fine = false;
            subs.push(Sub { task: 0, args: Vec::new(), next: Vec::new(), waits: 0 });
            continue;
        };
        for (arg, ty) in args.iter().zip(&names.tasks[task as usize].params) {
            if let Arg::Var(slot) = arg {
                used[usize::from(*slot)] = true;
                if !names.types.covers(&scope.types[usize::from(*slot)], ty) {
                    parts.push((Cond::Sort(*arg, ty.clone()), u16::MAX));
                }
            }
        }
        subs.push(Sub { task, args, next: Vec::new(), waits: 0 });
    }
    let backwards = order::order(&ast.network, &mut subs, &mut scope)?;
    if !fine {
        return None;
    }
    let types = scope.types[..scope.count].to_vec();
    let vars = Vars { types, bound, used, slots: scope.slots };
    let method = Method {
        name: ast.name.text.as_str().into(),
        cost: ast.cost,
        vars: ast.params.iter().map(|p| p.name.text.as_str().into()).collect(),
        head,
        query: Query::default(),
        ordered_query: Query::default(),
        subs,
        backwards,
    };
    Some(Body { method, parts, vars })
}

/// A method whose queries are still to be made.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) method: Method,
    parts: Vec<Part>,
    vars: Vars,
}

impl Body {
    /// Makes the queries, with what the subtasks need.
    pub(crate) fn finish(self, lift: &Lift, predicates: &[Predicate], types: &TypeTable) -> Method {
        let Self { mut method, parts, vars } = self;
        let params_of = |p: u32| predicates[p as usize].sure.clone();
        let query = |total: bool| {
            let mut parts = parts.clone();
            for cond in lift.lifted(&method, &vars.types, types, total) {
                if parts.iter().all(|(own, _)| *own != cond) {
                    parts.push((cond, IMPLIED));
                }
            }
            Query::compile(parts, vars.clone(), params_of, types)
        };
        let (general, ordered) = (query(false), query(lift.total));
        method.query = general;
        method.ordered_query = ordered;
        method
    }

    fn own(&self) -> Vec<Cond> {
        let simple = self.parts.iter().map(|(cond, _)| cond).filter(|c| pullup::is_simple(c));
        simple.cloned().collect()
    }
}

/// Marks parts of `:constraints` among the part numbers of a query; `u16::MAX` is the part number of a type check that no source wrote.
pub(crate) const CONSTRAINT: u16 = 0x8000;

/// The part number of a condition that a subtask needs.
pub(crate) const IMPLIED: u16 = u16::MAX - 1;

//! What is asked of a search, with every name resolved.

use std::collections::BTreeSet;

use crate::ast;
use crate::atom::{Atom, Word};
use crate::compile::{self, Names, Scope};
use crate::cond::Cond;
use crate::diagnostic::Report;
use crate::error::Error;
use crate::model::{Arg, Method, Model, Sub};
use crate::network::Network;
use crate::objects::{Obj, Objects};
use crate::options::Options;
use crate::query::Query;
use crate::syntax::did_you_mean;

/// A task or step with resolved names.
type Ground = (u32, Vec<Obj>);

/// What a plan must not be.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) actions: Vec<u32>,
    pub(crate) plans: Vec<Vec<Ground>>,
    pub(crate) methods: Vec<(u32, Option<Vec<Obj>>)>,
    pub(crate) steps: Vec<Ground>,
    /// Methods with values of some of their variables.
    pub(crate) bindings: Vec<(u32, Vec<(usize, Obj)>)>,
}

/// Tasks, goal and rules.
#[derive(Debug)]
pub(crate) struct Request {
    /// The tasks, in the form of a method.
    pub(crate) top: Method,
    /// The goal, and how many variables it has.
    pub(crate) goal: Option<(Cond, usize)>,
    pub(crate) rules: Rules,
    /// Whether the tasks and everything below them are totally ordered.
    pub(crate) chained: bool,
    /// Whether they are, and what that tells of what tasks need may be used.
    pub(crate) ordered: bool,
}

impl Request {
    pub(crate) fn new(
        model: &Model,
        objects: &Objects,
        network: &Network,
        options: &Options<'_>,
    ) -> Result<Self, Error> {
        let count = network.tasks.len();
        if let Some((a, b)) = network.before.iter().find(|(a, b)| *a >= count || *b >= count) {
            return Err(Error::BadOrder {
                why: format!("({a}, {b}) names a task beyond the {count} there are"),
            });
        }
        if count > usize::from(u16::MAX) {
            return Err(Error::BadOrder {
                why: format!("{count} tasks are more than the 65 535 that fit; plan in portions"),
            });
        }
        let plain = network.variables.is_empty() && network.constraints.is_none();
        let top = if plain {
            plain_top(model, objects, network)?
        } else {
            full_top(model, objects, network)?
        };
        let goal = network.goal.as_ref().map(|g| goal(model, objects, network, g)).transpose()?;
        // What is lifted in total order rests on types that have no object in common.
        let chained = model.lift.total && compile::chain(&top.subs, &top.backwards);
        let ordered = chained && !objects.mixed;
        Ok(Self { top, goal, rules: Rules::new(model, objects, options)?, chained, ordered })
    }
}

/// Resolves a task.
pub(crate) fn resolve_task(model: &Model, objects: &Objects, atom: &Atom) -> Result<Ground, Error> {
    let Some(task) = model.task(&atom.name) else {
        let known = model.tasks.iter().map(|t| t.name.as_str());
        return Err(Error::Unknown {
            what: "task",
            name: atom.name.to_string(),
            help: did_you_mean(&atom.name, known).or_else(|| {
                Some("the domain has neither a task nor an action of that name".into())
            }),
        });
    };
    let params = &model.tasks[task as usize].params;
    let args = resolve_args(model, objects, atom, params)?;
    Ok((task, args))
}

/// Resolves the arguments of a task or fact and checks them against its parameters.
pub(crate) fn resolve_args(
    model: &Model,
    objects: &Objects,
    atom: &Atom,
    params: &[crate::types::Ty],
) -> Result<Vec<Obj>, Error> {
    if atom.args.len() != params.len() {
        let why = format!("it takes {} arguments, not {}", params.len(), atom.args.len());
        return Err(Error::Mismatch { atom: Box::new(atom.clone()), why });
    }
    let mut args = Vec::with_capacity(params.len());
    for (name, ty) in atom.args.iter().zip(params) {
        let Some(obj) = objects.find(name) else {
            let known = objects.names.iter().take(1000).map(Word::as_str);
            return Err(Error::Unknown {
                what: "object",
                name: name.to_string(),
                help: did_you_mean(name, known)
                    .or_else(|| Some("declare it with `State::add_object`".into())),
            });
        };
        if !objects.fits(obj, ty) {
            let why = format!("`{name}` is not a `{}`", model.types.show(ty));
            return Err(Error::Mismatch { atom: Box::new(atom.clone()), why });
        }
        args.push(obj);
    }
    Ok(args)
}

fn plain_top(model: &Model, objects: &Objects, network: &Network) -> Result<Method, Error> {
    let mut subs = Vec::with_capacity(network.tasks.len());
    for atom in &network.tasks {
        let (task, args) = resolve_task(model, objects, atom)?;
        let args = args.into_iter().map(Arg::Obj).collect();
        subs.push(Sub { task, args, next: Vec::new(), waits: 0 });
    }
    let backwards = compile::link(&mut subs, network.before.clone()).map_err(|stuck| {
        Error::BadOrder { why: format!("{} would come before itself", network.tasks[stuck[0]]) }
    })?;
    Ok(Method {
        name: Word::default(),
        cost: None,
        vars: Vec::new(),
        head: Vec::new(),
        query: Query::default(),
        ordered_query: Query::default(),
        subs,
        backwards,
    })
}

/// The initial network as the method that it is compiled as.
pub(crate) fn as_method(network: &Network) -> ast::Method {
    let name = |text: &str| ast::Name::new(text);
    ast::Method {
        name: name("the initial network"),
        params: network.variables.clone(),
        task: ast::Term { name: name(""), args: Vec::new() },
        precondition: ast::Formula::yes(),
        cost: None,
        network: ast::Network {
            ordered: false,
            subtasks: network
                .tasks
                .iter()
                .enumerate()
                .map(|(i, t)| ast::Subtask {
                    label: Some(ast::Name::new(format!("task{i}"))),
                    term: ast::Term {
                        name: name(&t.name),
                        args: t.args.iter().map(|a| name(a)).collect(),
                    },
                })
                .collect(),
            ordering: network
                .before
                .iter()
                .map(|(a, b)| {
                    (ast::Name::new(format!("task{a}")), ast::Name::new(format!("task{b}")))
                })
                .collect(),
            constraints: network.constraints.clone().unwrap_or_else(ast::Formula::yes),
        },
    }
}

fn full_top(model: &Model, objects: &Objects, network: &Network) -> Result<Method, Error> {
    let names = Names::of(model, objects);
    let mut errors = Vec::new();
    let method = as_method(network);
    let scope = Scope::new(&names, &method.params, &mut errors);
    let top = compile::network(&method, scope, Vec::new(), &[]);
    match top {
        Some(top) if errors.is_empty() => {
            Ok(top.finish(&model.lift, &model.predicates, &model.types))
        }
        _ => Err(Error::Invalid(Report::new(errors, &[]))),
    }
}

fn goal(
    model: &Model,
    objects: &Objects,
    network: &Network,
    goal: &ast::Formula,
) -> Result<(Cond, usize), Error> {
    let names = Names::of(model, objects);
    let mut errors = Vec::new();
    let mut scope = Scope::new(&names, &network.variables, &mut errors);
    let cond = scope.cond(goal);
    let slots = scope.slots;
    match cond {
        Some(cond) if errors.is_empty() => Ok((cond, slots)),
        _ => Err(Error::Invalid(Report::new(errors, &[]))),
    }
}

impl Rules {
    /// Whether every plan will do.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { actions, plans, methods, steps, bindings } = self;
        actions.is_empty()
            && plans.is_empty()
            && methods.is_empty()
            && steps.is_empty()
            && bindings.is_empty()
    }

    fn new(model: &Model, objects: &Objects, options: &Options<'_>) -> Result<Self, Error> {
        let mut rules = Self::default();
        for name in &options.forbidden_actions {
            let action = model.task(name).filter(|t| model.tasks[*t as usize].action.is_some());
            let Some(action) = action else {
                let actions = model.tasks.iter().filter(|t| t.action.is_some());
                return Err(Error::Unknown {
                    what: "action",
                    name: name.clone(),
                    help: did_you_mean(name, actions.map(|t| t.name.as_str())),
                });
            };
            rules.actions.push(action);
        }
        let out = &options.ruled_out;
        // What names an object or an action that is not there cannot come again anyway.
        let ground = |atom: &Atom| -> Option<Ground> { resolve_task(model, objects, atom).ok() };
        rules.steps.extend(out.steps.iter().filter_map(ground));
        let plans: BTreeSet<Vec<Ground>> = out
            .plans
            .iter()
            .filter_map(|plan| plan.iter().map(ground).collect::<Option<Vec<_>>>())
            .collect();
        rules.plans.extend(plans);
        for (name, args) in &out.methods {
            let id = method_of(model, name)?;
            let args = match args {
                None => None,
                Some(args) => {
                    match args.iter().map(|a| objects.find(a)).collect::<Option<Vec<Obj>>>() {
                        Some(args) => Some(args),
                        None => continue,
                    }
                }
            };
            rules.methods.push((id as u32, args));
        }
        for (name, values) in &out.bindings {
            let id = method_of(model, name)?;
            let vars = &model.methods[id].vars;
            let mut bound = Some(Vec::with_capacity(values.len()));
            for (var, value) in values {
                let Some(slot) = vars.iter().position(|v| v.eq_ignore_ascii_case(var)) else {
                    return Err(Error::Unknown {
                        what: "variable",
                        name: format!("{var} of method {name}"),
                        help: did_you_mean(var, vars.iter().map(Word::as_str)),
                    });
                };
                match (objects.find(value), &mut bound) {
                    (Some(obj), Some(bound)) => bound.push((slot, obj)),
                    // A value that is not there cannot come again.
                    _ => bound = None,
                }
            }
            rules.bindings.extend(bound.map(|bound| (id as u32, bound)));
        }
        Ok(rules)
    }
}

fn method_of(model: &Model, name: &str) -> Result<usize, Error> {
    let found = model.methods.iter().position(|m| m.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| Error::Unknown {
        what: "method",
        name: name.to_owned(),
        help: did_you_mean(name, model.methods.iter().map(|m| m.name.as_str())),
    })
}

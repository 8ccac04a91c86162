//! Finds the reasons by executing again what the search found, and asking each method anew.

use super::obstacles::{formula, obstacles};
use super::{Candidate, Explanation, Met, Verdict};
use crate::ast::{Amount, Formula, Name};
use crate::atom::{Atom, Word};
use crate::compile::{CONSTRAINT, IMPLIED, parts_of};
use crate::domain::CompiledDomain;
use crate::error::Error;
use crate::model::{Arg, Model};
use crate::network::Network;
use crate::objects::Obj;
use crate::options::{MethodOrder, Options};
use crate::plan::{Done, Plan};
use crate::search::{End, Request, Rules, Search, change, resolve_task};
use crate::state::State;
use crate::store::{NONE, Store};

/// A task to explain.
struct Point {
    task: u32,
    args: Vec<Obj>,
    depth: usize,
    at: usize,
    chosen: Option<u32>,
}

struct Explainer<'a> {
    model: &'a Model,
    state: &'a State,
    store: Store,
    done: usize,
    /// Whether everything is totally ordered.
    ordered: bool,
    /// The verdicts on the method chosen, and on one behind it that is applicable.
    verdicts: (Verdict, Verdict),
}

pub(crate) fn explain(
    domain: &CompiledDomain,
    state: &State,
    tasks: &Network,
    options: &Options<'_>,
) -> Result<Explanation, Error> {
    let model = &domain.model;
    let request = Request::new(model, &state.objects, tasks, options)?;
    let mut search = Search::new(model, &state.objects, &state.store, &request, options, false);
    search.tally = Some(Box::default());
    let end = search.run();
    let ordered = request.ordered;
    let verdicts = match end {
        End::Found => (Verdict::Taken, Verdict::NotNeeded),
        End::Exhausted => (Verdict::Furthest, Verdict::Abandoned),
        End::Stopped(_) => (Verdict::Furthest, Verdict::NotReached),
    };
    let mut explainer =
        Explainer { model, state, store: state.store.clone(), done: 0, ordered, verdicts };
    if let End::Found = end {
        let plan = domain.priced(state, search.plan());
        return Ok(explainer.plan(plan, options, &request.rules));
    }
    let tally = search.tally.as_deref();
    let obstacles = tally.map_or_else(Vec::new, |t| obstacles(model, &state.objects, t));
    let (steps, chain) = search.deepest.unpack();
    let chain = chain.iter().enumerate();
    let met: Vec<Met> = chain
        .map(|(depth, link)| {
            let point = Point {
                task: link.task,
                args: link.args.clone(),
                depth,
                at: link.at,
                chosen: link.method,
            };
            explainer.met(&point, &steps, options, &request.rules)
        })
        .collect();
    let mut failure = match end {
        End::Stopped(limit) => format!("no plan found within {limit}"),
        _ => format!("no plan: every way to carry out {tasks} was tried and none works"),
    };
    if search.rejected > 0 {
        failure += &format!(
            "; {} complete plan(s) were rejected by the goal or by a plan constraint",
            search.rejected
        );
    }
    let steps = steps.iter().map(|(t, a)| atom(model, state, *t, a)).collect();
    Ok(Explanation { plan: None, failure: Some(failure), met, steps, obstacles })
}

/// Explains a plan that was found in whatever way.
pub(crate) fn explain_plan(
    domain: &CompiledDomain,
    state: &State,
    tasks: &Network,
    plan: &Plan,
    options: &Options<'_>,
) -> Result<Explanation, Error> {
    let model = &domain.model;
    let request = Request::new(model, &state.objects, tasks, options)?;
    let verdicts = (Verdict::Taken, Verdict::NotNeeded);
    let (store, ordered) = (state.store.clone(), request.ordered);
    let mut explainer = Explainer { model, state, store, done: 0, ordered, verdicts };
    Ok(explainer.plan(plan.clone(), options, &request.rules))
}

/// One line about the deepest point of a search that found nothing.
pub(crate) fn summary(
    model: &Model,
    state: &State,
    search: &Search<'_>,
    options: &Options<'_>,
    request: &Request,
) -> Option<String> {
    let (rules, ordered) = (&request.rules, request.ordered);
    let (steps, chain) = search.deepest.unpack();
    let mut text = String::new();
    if let Some(last) = chain.last() {
        let verdicts = (Verdict::Furthest, Verdict::Abandoned);
        let mut explainer =
            Explainer { model, state, store: state.store.clone(), done: 0, ordered, verdicts };
        let depth = chain.len() - 1;
        let point =
            Point { task: last.task, args: last.args.clone(), depth, at: last.at, chosen: None };
        let met = explainer.met(&point, &steps, options, rules);
        text = format!("it got furthest at {} after {} step(s)", met.task, met.at);
        for reason in met.reasons() {
            text += "; ";
            text += &reason;
        }
    }
    if search.rejected > 0 {
        if !text.is_empty() {
            text += "; ";
        }
        text += &format!(
            "{} complete plan(s) were rejected by the goal or by a plan constraint",
            search.rejected
        );
    }
    (!text.is_empty()).then_some(text)
}

fn atom(model: &Model, state: &State, task: u32, args: &[Obj]) -> Atom {
    let args = args.iter().map(|o| state.objects.word(*o));
    Atom { name: model.tasks[task as usize].name.clone(), args: args.collect() }
}

/// The compound tasks of a plan in the order in which they were refined.
fn points(model: &Model, state: &State, plan: &Plan) -> Vec<Point> {
    let mut depth = vec![0; plan.tree.len()];
    let mut points = Vec::new();
    for (id, node) in plan.tree.iter().enumerate() {
        // A parent stands before its children in the trees that the search makes.
        depth[id] = node.parent.map_or(0, |p| depth[p] + 1);
        let Done::Method { method, at, .. } = &node.done else { continue };
        let Ok((task, args)) = resolve_task(model, &state.objects, &node.task) else { continue };
        let chosen = model.methods.iter().position(|m| m.name == *method).map(|m| m as u32);
        points.push(Point { task, args, depth: depth[id], at: *at, chosen });
    }
    points.sort_by_key(|p| p.at);
    points
}

impl Explainer<'_> {
    fn plan(&mut self, plan: Plan, options: &Options<'_>, rules: &Rules) -> Explanation {
        let objects = &self.state.objects;
        let steps = plan.steps.iter();
        let steps = steps.filter_map(|s| resolve_task(self.model, objects, &s.atom()).ok());
        let steps: Vec<(u32, Vec<Obj>)> = steps.collect();
        let points = points(self.model, self.state, &plan);
        let met = points.iter().map(|p| self.met(p, &steps, options, rules)).collect();
        Explanation {
            plan: Some(plan),
            failure: None,
            met,
            steps: Vec::new(),
            obstacles: Vec::new(),
        }
    }

    /// Executes up to the point, then asks each method.
    fn met(
        &mut self,
        point: &Point,
        steps: &[(u32, Vec<Obj>)],
        options: &Options<'_>,
        rules: &Rules,
    ) -> Met {
        while self.done < point.at {
            if let Some((task, args)) = steps.get(self.done) {
                self.execute(*task, args);
            }
            self.done += 1;
        }
        let task = &self.model.tasks[point.task as usize];
        let mut met = Met {
            task: atom(self.model, self.state, point.task, &point.args),
            depth: point.depth,
            at: point.at,
            candidates: Vec::new(),
            failed: None,
        };
        if task.action.is_some() {
            met.failed = self.why_not_executed(point, options, rules);
            return met;
        }
        let methods = match options.method_order {
            MethodOrder::Cheapest => &task.cheapest,
            MethodOrder::Declared => &task.declared,
        };
        let mut before = true;
        for id in methods {
            let method = &self.model.methods[*id as usize];
            let out = rules
                .methods
                .iter()
                .any(|(m, args)| m == id && args.as_ref().is_none_or(|args| *args == point.args));
            let verdict = if out {
                Verdict::RuledOut
            } else if point.chosen == Some(*id) {
                before = false;
                self.verdicts.0.clone()
            } else if let Some(blocked) = self.blocked(*id, &point.args) {
                blocked
            } else if before {
                Verdict::Abandoned
            } else {
                self.verdicts.1.clone()
            };
            met.candidates.push(Candidate {
                method: method.name.to_string(),
                cost: method.cost,
                verdict,
            });
        }
        met
    }

    fn execute(&mut self, task: u32, args: &[Obj]) {
        let Some(action) = self.model.tasks[task as usize].action else { return };
        let action = &self.model.actions[action as usize];
        let mut binding = args.to_vec();
        binding.resize(action.slots.max(args.len()), NONE);
        let objects = &self.state.objects;
        change(action, &mut self.store, objects, &mut binding, &mut Vec::new());
    }

    fn why_not_executed(
        &self,
        point: &Point,
        options: &Options<'_>,
        rules: &Rules,
    ) -> Option<String> {
        let task = &self.model.tasks[point.task as usize];
        let action = task.action? as usize;
        if rules.actions.contains(&point.task) {
            return Some(format!("the action `{}` is forbidden", task.name));
        }
        if rules.steps.iter().any(|(t, a)| *t == point.task && *a == point.args) {
            return Some("the step is ruled out".to_owned());
        }
        let ast = &self.model.ast.actions[action];
        let names: Vec<Word> = ast.params.iter().map(|p| p.name.text.as_str().into()).collect();
        let bound: Vec<Option<Obj>> = point.args.iter().map(|a| Some(*a)).collect();
        let compiled = &self.model.actions[action];
        let mut binding = point.args.clone();
        binding.resize(compiled.slots.max(binding.len()), NONE);
        let objects = &self.state.objects;
        let parts = compiled.parts.iter();
        let failed = parts.zip(parts_of(&ast.precondition)).find_map(|(cond, part)| {
            (!cond.eval(&self.store, objects, &mut binding)).then_some(part)
        });
        if let Some(part) = failed {
            let (text, why) = self.reason(part, &names, &bound);
            return Some(format!("{text}: {why}"));
        }
        if compiled.parts.iter().any(|p| !p.eval(&self.store, objects, &mut binding)) {
            return Some("a number that its effect needs is not known".to_owned());
        }
        match options.max_plan_length {
            Some(max) if point.at >= max => {
                Some(format!("the plan would be longer than the {max} steps allowed"))
            }
            _ => None,
        }
    }

    fn blocked(&self, id: u32, args: &[Obj]) -> Option<Verdict> {
        let method = &self.model.methods[id as usize];
        let ast = &self.model.ast.methods[id as usize];
        let mut binding = vec![NONE; method.query(self.ordered).slots];
        let mut bound = vec![false; method.query(self.ordered).slots];
        for (arg, value) in method.head.iter().zip(args) {
            let fits = match arg {
                Arg::Obj(obj) => obj == value,
                Arg::Var(slot) => {
                    let slot = usize::from(*slot);
                    let fits = !bound[slot] || binding[slot] == *value;
                    binding[slot] = *value;
                    bound[slot] = true;
                    fits
                }
            };
            if !fits {
                return Some(Verdict::Blocked {
                    failed: format!(":task {}", ast.task),
                    why: "the method is for other arguments".to_owned(),
                    binding: Vec::new(),
                });
            }
        }
        let stuck = method.query(self.ordered).stuck(
            &self.store,
            &self.state.objects,
            &mut binding,
            &bound,
        )?;
        let shown = method.vars.iter().zip(&stuck.binding).filter_map(|(name, obj)| {
            obj.map(|obj| (name.to_string(), self.state.objects.name(obj).to_owned()))
        });
        let part = match stuck.part {
            Some(u16::MAX) | None => None,
            Some(IMPLIED) => {
                let part = stuck
                    .cond
                    .as_ref()
                    .and_then(|c| formula(self.model, &self.state.objects, c, &method.vars))?;
                let (failed, why) = self.reason(&part, &method.vars, &stuck.binding);
                let why = format!("{why}, and a subtask needs it");
                return Some(Verdict::Blocked { failed, why, binding: shown.collect() });
            }
            Some(part) if part & CONSTRAINT != 0 => {
                parts_of(&ast.network.constraints).get(usize::from(part & !CONSTRAINT)).copied()
            }
            Some(part) => parts_of(&ast.precondition).get(usize::from(part)).copied(),
        };
        let (failed, why) = match part {
            Some(part) => self.reason(part, &method.vars, &stuck.binding),
            None => {
                ("the variables' types".to_owned(), "no object is of the type wanted".to_owned())
            }
        };
        Some(Verdict::Blocked { failed, why, binding: shown.collect() })
    }

    /// What the functions in an amount are now.
    fn values(&self, amount: &Amount, into: &mut Vec<String>) {
        match amount {
            Amount::Number(_) => {}
            Amount::Function(term) if term.args.iter().any(Name::is_variable) => {
                into.push(format!("{term} has no such value for any object"));
            }
            Amount::Function(term) => {
                let args: Option<Vec<Obj>> =
                    term.args.iter().map(|a| self.state.objects.find(&a.text)).collect();
                let function = self.model.functions.get(&term.name.key());
                let value =
                    function.zip(args).and_then(|((f, _), args)| self.store.number(*f, &args));
                let text = match value {
                    Some(value) => format!("{term} is {value}"),
                    None => format!("{term} is not known"),
                };
                if !into.contains(&text) {
                    into.push(text);
                }
            }
            Amount::Calculated(_, a, b) => {
                self.values(a, into);
                self.values(b, into);
            }
        }
    }

    /// The part with values in the place of variables, and why it does not hold.
    fn reason(&self, part: &Formula, vars: &[Word], binding: &[Option<Obj>]) -> (String, String) {
        let value = |var: &str| {
            let slot = vars.iter().position(|v| v.eq_ignore_ascii_case(var))?;
            let obj = binding.get(slot).copied().flatten()?;
            Some(self.state.objects.name(obj).to_owned())
        };
        let shown = part.instantiate(&value);
        let why = match &shown {
            Formula::Atom(term)
                if self
                    .model
                    .predicate(&term.name.text)
                    .is_some_and(|p| self.model.externals.contains_key(&p)) =>
            {
                "the program was asked, and says no".to_owned()
            }
            Formula::Atom(term) if term.args.iter().any(crate::ast::Name::is_variable) => {
                "no fact matches it".to_owned()
            }
            Formula::Atom(term) => {
                let args = term.args.iter().map(|a| a.text.clone());
                match self.state.confidence(Atom::new(term.name.text.clone(), args)) {
                    Some(c) if c < 0.5 => {
                        format!("it is only believed with confidence {c}, and 0.5 is needed")
                    }
                    _ => "it is not a fact".to_owned(),
                }
            }
            Formula::Compare(_, a, b) => {
                let mut values = Vec::new();
                self.values(a, &mut values);
                self.values(b, &mut values);
                values.join(", ")
            }
            Formula::Not(part) if matches!(**part, Formula::Atom(_)) => {
                format!("{part} is a fact")
            }
            _ => "it does not hold".to_owned(),
        };
        (shown.to_string(), why)
    }
}

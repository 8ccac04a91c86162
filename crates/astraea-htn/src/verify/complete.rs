//! From a plan text to a [`Plan`]: the tree, and what the text leaves out.
//!
//! The text does not say what the variables of a method stand for that neither its task nor its subtasks show, nor when a method was chosen. Every condition
//! on these moments bounds them from below by others (a subtask comes after its task is refined, a task after what it waits for), so the earliest moment at
//! which a method's precondition holds is also the best one, and one walk through the tree finds them all.

use rustc_hash::FxHashMap;

use super::order::{pairs, sorted};
use super::world::{Env, World};
use super::{Fault, FaultKind};
use crate::ast::{Domain, Formula, Method, Name};
use crate::atom::Atom;
use crate::model::Model;
use crate::network::Network;
use crate::plan::{Done, Node, Outline, Plan, Step};
use crate::state::State;

/// Makes the plan that a text means. Whether it is right is for [`verify`](super::verify) to say: a fault here is one that leaves no tree.
pub(crate) fn complete(
    model: &Model,
    state: &State,
    tasks: &Network,
    outline: &Outline,
) -> Result<Plan, Fault> {
    let mut plan = tree(outline)?;
    let domain = &model.ast;
    let methods: FxHashMap<String, &Method> =
        domain.methods.iter().map(|m| (m.name.key(), m)).collect();
    let world = World::new(model, state);
    let first = first_steps(&plan);
    match_roots(&world, &mut plan, tasks, &first);
    let mut completer = Completer {
        envs: vec![Env::new(); plan.tree.len()],
        methods,
        moments: Moments::new(domain, world, &plan),
        first,
        plan,
    };
    completer.match_subtasks();
    completer.walk(tasks);
    let mut plan = completer.plan;
    plan.cost = plan.tree.iter().map(|n| method_cost(&completer.methods, n)).sum();
    Ok(plan)
}

fn method_cost(methods: &FxHashMap<String, &Method>, node: &Node) -> f64 {
    let Done::Method { method, .. } = &node.done else { return 0.0 };
    methods.get(&*method.to_ascii_lowercase()).and_then(|m| m.cost).unwrap_or(0.0)
}

fn broken(what: String) -> Fault {
    Fault { kind: FaultKind::BrokenTree, what, step: None, node: None }
}

/// What an id of the text names.
#[derive(Clone, Copy)]
enum Named {
    Step(usize),
    Task(usize),
}

/// The tree, parents before children, without bindings and moments.
fn tree(outline: &Outline) -> Result<Plan, Fault> {
    let mut named: FxHashMap<u64, Named> = FxHashMap::default();
    let steps = outline.steps.iter().enumerate().map(|(i, s)| (s.id, Named::Step(i), s.line));
    let tasks = outline.tasks.iter().enumerate().map(|(i, t)| (t.id, Named::Task(i), t.line));
    for (id, what, line) in steps.chain(tasks) {
        if named.insert(id, what).is_some() {
            return Err(broken(format!("line {line}: the id {id} is given twice")));
        }
    }
    let mut plan = Plan::default();
    let steps = outline.steps.iter().map(|s| Step {
        action: s.atom.name.clone(),
        args: s.atom.args.clone(),
        method: None,
        node: usize::MAX,
    });
    plan.steps = steps.collect();
    // Ids to place, each with its parent in the tree.
    let mut open: Vec<(u64, Option<usize>)> =
        outline.roots.iter().rev().map(|id| (*id, None)).collect();
    let mut placed: FxHashMap<u64, usize> = FxHashMap::default();
    while let Some((id, parent)) = open.pop() {
        let from = || match parent.and_then(|p| plan.tree.get(p)) {
            Some(node) => format!("{} has the subtask {id}", node.task),
            None => format!("the line `root` has the id {id}"),
        };
        let Some(what) = named.get(&id) else {
            return Err(broken(format!("{}, which no line of the plan gives", from())));
        };
        let here = plan.tree.len();
        if placed.insert(id, here).is_some() {
            return Err(broken(format!("{}, which is part of another task already", from())));
        }
        let (task, done) = match what {
            Named::Step(step) => {
                plan.steps[*step].node = here;
                (outline.steps[*step].atom.clone(), Done::Step { step: *step })
            }
            Named::Task(t) => {
                let task = &outline.tasks[*t];
                open.extend(task.subtasks.iter().rev().map(|id| (*id, Some(here))));
                let done = Done::Method {
                    method: task.method.as_str().into(),
                    binding: Vec::new(),
                    children: smallvec::SmallVec::new(),
                    at: 0,
                };
                (task.atom.clone(), done)
            }
        };
        plan.tree.push(Node { task, parent, done });
        match parent {
            None => plan.roots.push(here),
            Some(p) => {
                if let Done::Method { method, children, .. } = &mut plan.tree[p].done {
                    children.push(here);
                    if let Named::Step(step) = what {
                        plan.steps[*step].method = Some(method.clone());
                    }
                }
            }
        }
    }
    unreached(outline, &placed)?;
    Ok(plan)
}

/// Every line belongs to a task that was asked for.
fn unreached(outline: &Outline, placed: &FxHashMap<u64, usize>) -> Result<(), Fault> {
    let mut parents: FxHashMap<u64, u64> = FxHashMap::default();
    for task in &outline.tasks {
        parents.extend(task.subtasks.iter().map(|sub| (*sub, task.id)));
    }
    let mut lost = outline.tasks.iter().filter(|t| !placed.contains_key(&t.id)).peekable();
    if let Some(first) = lost.peek() {
        let (line, id, atom) = (first.line, first.id, &first.atom);
        // Follow the parents up: a cycle comes back to the task.
        let mut up = parents.get(&id);
        for _ in 0..outline.tasks.len() {
            match up {
                Some(parent) if *parent == id => {
                    let what = format!("line {line}: the task {id} {atom} is a part of itself");
                    return Err(broken(what));
                }
                Some(parent) => up = parents.get(parent),
                None => break,
            }
        }
    }
    if let Some(task) = lost.next() {
        let what = format!("the task {} {} belongs to no root", task.id, task.atom);
        return Err(broken(format!("line {}: {what}", task.line)));
    }
    if let Some(i) = outline.steps.iter().position(|s| !placed.contains_key(&s.id)) {
        let step = &outline.steps[i];
        let what = format!("line {}: {} is not part of any task", step.line, step.atom);
        return Err(Fault { step: Some(i), ..broken(what) });
    }
    Ok(())
}

/// For each node the first step under it; the number of steps where there is none.
fn first_steps(plan: &Plan) -> Vec<usize> {
    let mut first = vec![plan.steps.len(); plan.tree.len()];
    for id in (0..plan.tree.len()).rev() {
        if let Done::Step { step } = plan.tree[id].done {
            first[id] = step;
        }
        if let Some(parent) = plan.tree[id].parent {
            first[parent] = first[parent].min(first[id]);
        }
    }
    first
}

/// Which of the nodes stands for which of the patterns: as they stand if that fits, else any way that does, those begun first tried first.
fn matching(
    world: &World<'_>,
    patterns: &[(&Name, &[Name])],
    nodes: &[usize],
    tree: &[Node],
    first: &[usize],
    env: &mut Env,
) -> Option<Vec<usize>> {
    if patterns.len() != nodes.len() {
        return None;
    }
    let known = env.len();
    let as_given = patterns
        .iter()
        .zip(nodes)
        .all(|((name, args), node)| unify(world, name, args, &tree[*node].task, env));
    if as_given {
        return Some(nodes.to_vec());
    }
    env.truncate(known);
    let mut order = nodes.to_vec();
    order.sort_by_key(|n| first[*n]);
    // Depth first, with a bound: this only helps with texts that list subtasks in another order.
    let mut chosen: Vec<usize> = Vec::new();
    let mut marks = vec![env.len()];
    let mut next = 0;
    for _ in 0..10_000 {
        if chosen.len() == patterns.len() {
            return Some(chosen.iter().map(|c| order[*c]).collect());
        }
        let (name, args) = patterns[chosen.len()];
        let fits = (next..order.len()).find(|c| {
            env.truncate(marks[chosen.len()]);
            !chosen.contains(c) && unify(world, name, args, &tree[order[*c]].task, env)
        });
        match fits {
            Some(c) => {
                chosen.push(c);
                marks.push(env.len());
                next = 0;
            }
            None => {
                next = chosen.pop()? + 1;
                marks.pop();
            }
        }
    }
    None
}

fn unify(world: &World<'_>, name: &Name, args: &[Name], task: &Atom, env: &mut Env) -> bool {
    name.text.eq_ignore_ascii_case(&task.name)
        && args.len() == task.args.len()
        && args
            .iter()
            .zip(&task.args)
            .all(|(want, have)| world.object(have).is_some_and(|obj| world.bind(want, obj, env)))
}

fn match_roots(world: &World<'_>, plan: &mut Plan, tasks: &Network, first: &[usize]) {
    let names: Vec<(Name, Vec<Name>)> = tasks
        .tasks
        .iter()
        .map(|t| {
            (Name::new(t.name.as_str()), t.args.iter().map(|a| Name::new(a.as_str())).collect())
        })
        .collect();
    let patterns: Vec<(&Name, &[Name])> = names.iter().map(|(n, a)| (n, &a[..])).collect();
    let found = matching(world, &patterns, &plan.roots, &plan.tree, first, &mut Env::new());
    plan.roots = found.unwrap_or_else(|| std::mem::take(&mut plan.roots));
}

struct Completer<'a> {
    plan: Plan,
    methods: FxHashMap<String, &'a Method>,
    moments: Moments<'a>,
    first: Vec<usize>,
    /// What the variables of each node's method stand for, as far as the text shows it.
    envs: Vec<Env>,
}

/// A task whose parts are being looked at.
struct Open {
    /// Its parts in an order that keeps theirs, each with the positions (in the order declared) of those that it waits for.
    parts: Vec<(usize, Vec<usize>)>,
    next: usize,
    /// When each part, by its declared position, is finished.
    ends: Vec<usize>,
    at: usize,
    /// Its place among the parts of the task above.
    place: usize,
}

impl<'a> Completer<'a> {
    fn method(&self, node: usize) -> Option<&'a Method> {
        let Done::Method { method, .. } = &self.plan.tree[node].done else { return None };
        self.methods.get(&*method.to_ascii_lowercase()).copied()
    }

    fn match_subtasks(&mut self) {
        for id in 0..self.plan.tree.len() {
            let Some(method) = self.method(id) else { continue };
            let world = &self.moments.world;
            let mut env = Env::new();
            unify(world, &method.task.name, &method.task.args, &self.plan.tree[id].task, &mut env);
            let subtasks = &method.network.subtasks;
            let patterns: Vec<(&Name, &[Name])> =
                subtasks.iter().map(|s| (&s.term.name, &s.term.args[..])).collect();
            let Done::Method { children, .. } = &self.plan.tree[id].done else { continue };
            let tree = &self.plan.tree;
            let found = matching(world, &patterns, children, tree, &self.first, &mut env);
            if let (Some(found), Done::Method { children, .. }) =
                (found, &mut self.plan.tree[id].done)
            {
                *children = found.into();
            }
            self.envs[id] = env;
        }
    }

    /// Finds for each method the moment at which it was chosen and the values that the text does not show.
    fn walk(&mut self, tasks: &Network) {
        let roots = parts(self.plan.roots.clone(), &tasks.before);
        let count = self.plan.roots.len();
        let mut open = vec![Open { parts: roots, next: 0, ends: vec![0; count], at: 0, place: 0 }];
        while let Some(top) = open.last_mut() {
            let declared = |node: usize, parts: &[usize]| parts.iter().position(|p| *p == node);
            let Some((node, waits)) = top.parts.get(top.next) else {
                let end = top.ends.iter().copied().fold(top.at, usize::max);
                let place = top.place;
                open.pop();
                if let Some(above) = open.last_mut() {
                    above.ends[place] = end;
                }
                continue;
            };
            top.next += 1;
            let node = *node;
            let from = waits.iter().map(|w| top.ends[*w]).fold(top.at, usize::max);
            let siblings = match self.plan.tree[node].parent.map(|p| &self.plan.tree[p].done) {
                Some(Done::Method { children, .. }) => children.as_slice(),
                _ => self.plan.roots.as_slice(),
            };
            let place = declared(node, siblings).unwrap_or(0);
            match &self.plan.tree[node].done {
                Done::Step { step } => top.ends[place] = step + 1,
                Done::Method { children, .. } => {
                    let children = children.to_vec();
                    let order = self.method(node).map(|m| pairs(&m.network)).unwrap_or_default();
                    let at = self.choose(node, from);
                    let ends = vec![0; children.len()];
                    open.push(Open { parts: parts(children, &order), next: 0, ends, at, place });
                }
            }
        }
    }

    /// The earliest moment not before `from` at which the method of the node can be chosen.
    fn choose(&mut self, node: usize, from: usize) -> usize {
        let last = self.first[node];
        let method = self.method(node);
        let mut env = std::mem::take(&mut self.envs[node]);
        let mut found = from;
        if let Some(method) = method {
            let known = env.len();
            for at in from..=last {
                self.moments.seek(at);
                if self.moments.world.complete(method, &mut env) {
                    found = at;
                    break;
                }
                env.truncate(known);
            }
        }
        let world = &self.moments.world;
        if let Done::Method { binding, at, .. } = &mut self.plan.tree[node].done {
            *at = found;
            let params = method.map_or(&[][..], |m| &m.params);
            let named = params.iter().filter_map(|p| {
                let obj = world.value(&p.name, &env).or_else(|| world.members(&p.ty).next())?;
                Some((p.name.text.as_str().into(), world.state.objects.word(obj)))
            });
            *binding = named.collect();
        }
        found
    }
}

/// The nodes in an order that keeps the pairs, each with those that it waits for.
fn parts(nodes: Vec<usize>, pairs: &[(usize, usize)]) -> Vec<(usize, Vec<usize>)> {
    let mut waits: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (a, b) in pairs.iter().filter(|(a, b)| *a < nodes.len() && *b < nodes.len()) {
        waits[*b].push(*a);
    }
    sorted(nodes.len(), pairs)
        .into_iter()
        .map(|i| (nodes[i], std::mem::take(&mut waits[i])))
        .collect()
}

/// The states between the steps, one at a time.
struct Moments<'a> {
    world: World<'a>,
    now: usize,
    /// What each step changes; steps that the domain does not have change nothing.
    steps: Vec<(Option<&'a crate::ast::Action>, Env)>,
    /// How to take back the steps up to now.
    undo: Vec<super::world::Change>,
}

impl<'a> Moments<'a> {
    fn new(domain: &'a Domain, world: World<'a>, plan: &Plan) -> Self {
        let actions: FxHashMap<String, &crate::ast::Action> =
            domain.actions.iter().map(|a| (a.name.key(), a)).collect();
        let steps = plan.steps.iter().map(|step| {
            let action = actions.get(&*step.action.to_ascii_lowercase()).copied();
            let params = action.map_or(&[][..], |a| &a.params);
            let values = params.iter().zip(&step.args);
            let env = values.filter_map(|(p, arg)| Some((p.name.key(), world.object(arg)?)));
            let env: Env = env.collect();
            // With a name too few the effects cannot be told.
            (action.filter(|a| a.params.len() == env.len()), env)
        });
        let steps = steps.collect();
        Self { world, now: 0, steps, undo: Vec::new() }
    }

    fn seek(&mut self, to: usize) {
        while self.now > to {
            self.now -= 1;
            if let Some(change) = self.undo.pop() {
                self.world.take_back(change);
            }
        }
        while self.now < to {
            let Some((action, env)) = self.steps.get(self.now) else { return };
            let change = action.map(|a| self.world.execute(&a.effect, env)).unwrap_or_default();
            self.undo.push(change);
            self.now += 1;
        }
    }
}

impl World<'_> {
    /// Gives the method's variables that have no value yet values with which its constraints and its precondition hold now.
    fn complete(&self, method: &Method, env: &mut Env) -> bool {
        let mut parts = crate::compile::parts_of(&method.network.constraints);
        parts.extend(crate::compile::parts_of(&method.precondition));
        let typed = |env: &Env| {
            let mut params = method.params.iter();
            params.all(|p| self.value(&p.name, env).is_none_or(|obj| self.is_of(obj, &p.ty)))
        };
        self.extend(method, &parts, env, &typed)
    }

    fn extend(
        &self,
        method: &Method,
        parts: &[&Formula],
        env: &mut Env,
        typed: &dyn Fn(&Env) -> bool,
    ) -> bool {
        if !typed(env) {
            return false;
        }
        let is_open =
            |name: &Name, env: &Env| name.is_variable() && self.value(name, env).is_none();
        let opens = |env: &Env| method.params.iter().find(|p| is_open(&p.name, env));
        let Some(param) = opens(env) else {
            return parts.iter().all(|p| self.holds(p, env));
        };
        // Parts without open variables are settled: do not look further where one fails.
        let mut facts = Vec::new();
        for part in parts {
            if let Formula::Atom(term) = part
                && self.external(&term.name).is_none()
            {
                let open = term.args.iter().filter(|a| is_open(a, env)).count();
                if open > 0 {
                    facts.push((open, term));
                } else if !self.holds(part, env) {
                    return false;
                }
            }
        }
        let known = env.len();
        if let Some((_, term)) = facts.iter().min_by_key(|(open, _)| *open) {
            for fact in self.facts_of(&term.name) {
                let same = fact.len() == term.args.len()
                    && term.args.iter().zip(fact).all(|(arg, obj)| self.bind(arg, *obj, env));
                if same && self.extend(method, parts, env, typed) {
                    return true;
                }
                env.truncate(known);
            }
            return false;
        }
        for obj in self.members(&param.ty) {
            env.push((param.name.key(), obj));
            if self.extend(method, parts, env, typed) {
                return true;
            }
            env.truncate(known);
        }
        false
    }
}

//! The checks, in the order in which faults are reported: tree, methods, order, execution, goal, cost.

use rustc_hash::FxHashMap;

use super::order::pairs;
use super::world::{Env, World};
use super::{Fault, FaultKind};
use crate::ast::{Action, Formula, Method, Name, Signature, Typed};
use crate::atom::{Atom, Word};
use crate::model::Model;
use crate::network::Network;
use crate::objects::Obj;
use crate::plan::{Done, Plan};
use crate::state::State;

pub(super) struct Judge<'a> {
    world: World<'a>,
    plan: &'a Plan,
    actions: FxHashMap<String, &'a Action>,
    methods: FxHashMap<String, &'a Method>,
    tasks: FxHashMap<String, &'a Signature>,
    action_cost: f64,
}

fn fault(kind: FaultKind, what: impl Into<String>) -> Fault {
    Fault { kind, what: what.into(), step: None, node: None }
}

fn at_node(kind: FaultKind, node: usize, what: impl Into<String>) -> Fault {
    Fault { node: Some(node), ..fault(kind, what) }
}

fn at_step(kind: FaultKind, step: usize, what: impl Into<String>) -> Fault {
    Fault { step: Some(step), ..fault(kind, what) }
}

pub(crate) fn verify(
    model: &Model,
    state: &State,
    tasks: &Network,
    plan: &Plan,
) -> Result<(), Fault> {
    let domain = &model.ast;
    let mut judge = Judge {
        world: World::new(model, state),
        plan,
        actions: domain.actions.iter().map(|a| (a.name.key(), a)).collect(),
        methods: domain.methods.iter().map(|m| (m.name.key(), m)).collect(),
        tasks: domain.tasks.iter().map(|t| (t.name.key(), t)).collect(),
        action_cost: 0.0,
    };
    let order = judge.tree()?;
    let root_env = judge.roots(tasks)?;
    let mut cost = 0.0;
    let mut envs: Vec<Env> = vec![Vec::new(); plan.tree.len()];
    for &node in &order {
        envs[node] = judge.node(node, &mut cost)?;
    }
    judge.order(tasks, &order)?;
    judge.execute(&order, &envs)?;
    if let Some(goal) = &tasks.goal
        && let Some(part) = judge.world.first_false(goal, &root_env)
    {
        return Err(fault(FaultKind::Goal, format!("the goal {part} does not hold at the end")));
    }
    if (cost - plan.cost).abs() > 1e-6 {
        let what = format!("the methods cost {cost}, but the plan says {}", plan.cost);
        return Err(fault(FaultKind::Cost, what));
    }
    let cost = judge.action_cost;
    if (cost - plan.action_cost).abs() > 1e-6 * cost.abs().max(1.0) {
        let what = format!("the actions cost {cost}, but the plan says {}", plan.action_cost);
        return Err(fault(FaultKind::Cost, what));
    }
    Ok(())
}

impl<'a> Judge<'a> {
    /// Checks the shape of the tree; gives its nodes from the roots down.
    fn tree(&self) -> Result<Vec<usize>, Fault> {
        let broken = |node, what: String| Err(at_node(FaultKind::BrokenTree, node, what));
        let tree = &self.plan.tree;
        let mut seen = vec![false; tree.len()];
        let mut order = Vec::with_capacity(tree.len());
        for &root in &self.plan.roots {
            let Some(node) = tree.get(root) else {
                return broken(root, format!("root {root} is not in the tree"));
            };
            if node.parent.is_some() {
                return broken(root, format!("root {root} has a parent"));
            }
            if std::mem::replace(&mut seen[root], true) {
                return broken(root, format!("root {root} is named twice"));
            }
            order.push(root);
        }
        let mut steps = vec![false; self.plan.steps.len()];
        let mut next = 0;
        while next < order.len() {
            let id = order[next];
            next += 1;
            match &tree[id].done {
                Done::Step { step } => {
                    let Some(taken) = steps.get_mut(*step) else {
                        return broken(id, format!("node {id} is step {step}, which is not there"));
                    };
                    if std::mem::replace(taken, true) || self.plan.steps[*step].node != id {
                        return broken(id, format!("step {step} belongs to two nodes"));
                    }
                }
                Done::Method { children, .. } => {
                    for &child in children {
                        let Some(node) = tree.get(child) else {
                            return broken(
                                id,
                                format!("node {id} has a child {child} that is not there"),
                            );
                        };
                        if node.parent != Some(id) || std::mem::replace(&mut seen[child], true) {
                            return broken(child, format!("node {child} has more than one parent"));
                        }
                        order.push(child);
                    }
                }
            }
        }
        if let Some(step) = steps.iter().position(|taken| !taken) {
            return Err(at_step(
                FaultKind::BrokenTree,
                step,
                format!("{} is not part of any task", self.plan.steps[step].atom()),
            ));
        }
        if let Some(node) = seen.iter().position(|s| !s) {
            return broken(node, format!("node {node} is not part of any task"));
        }
        Ok(order)
    }

    /// The roots are the tasks asked for; gives the values of the problem's variables.
    fn roots(&self, tasks: &Network) -> Result<Env, Fault> {
        let wrong = |what: String| Err(fault(FaultKind::WrongRoots, what));
        if self.plan.roots.len() != tasks.tasks.len() {
            return wrong(format!(
                "{} tasks were asked for, the plan has {}",
                tasks.tasks.len(),
                self.plan.roots.len()
            ));
        }
        let mut env = Env::new();
        for (wanted, root) in tasks.tasks.iter().zip(&self.plan.roots) {
            let has = &self.plan.tree[*root].task;
            let differs = || wrong(format!("{wanted} was asked for, the plan carries out {has}"));
            if !wanted.name.eq_ignore_ascii_case(&has.name) || wanted.args.len() != has.args.len() {
                return differs();
            }
            for (want, have) in wanted.args.iter().zip(&has.args) {
                let Some(obj) = self.world.object(have) else {
                    return Err(at_node(
                        FaultKind::UnknownName,
                        *root,
                        format!("there is no object `{have}`"),
                    ));
                };
                if !self.world.bind(&Name::new(want.as_str()), obj, &mut env) {
                    return differs();
                }
            }
        }
        for var in &tasks.variables {
            match self.world.value(&var.name, &env) {
                Some(obj) if !self.world.is_of(obj, &var.ty) => {
                    return wrong(format!("{} is not a `{}`", var.name, var.ty));
                }
                _ => {}
            }
        }
        if let Some(constraints) = &tasks.constraints
            && let Some(part) = self.world.first_false(constraints, &env)
        {
            return wrong(format!("the constraint {part} is not kept"));
        }
        Ok(env)
    }

    fn arguments(&self, node: usize, task: &Atom, params: &[Typed]) -> Result<Vec<Obj>, Fault> {
        let bad = |what: String| at_node(FaultKind::BadArguments, node, what);
        if task.args.len() != params.len() {
            return Err(bad(format!("{task} should have {} arguments", params.len())));
        }
        let mut values = Vec::new();
        for (arg, param) in task.args.iter().zip(params) {
            let Some(obj) = self.world.object(arg) else {
                let what = format!("there is no object `{arg}`");
                return Err(at_node(FaultKind::UnknownName, node, what));
            };
            if !self.world.is_of(obj, &param.ty) {
                return Err(bad(format!("`{arg}` in {task} is not a `{}`", param.ty)));
            }
            values.push(obj);
        }
        Ok(values)
    }

    /// Checks one node against its action or method; gives its variables.
    fn node(&self, id: usize, cost: &mut f64) -> Result<Env, Fault> {
        let node = &self.plan.tree[id];
        match &node.done {
            Done::Step { step } => {
                let has = self.plan.steps[*step].atom();
                let Some(action) = self.actions.get(&*node.task.name.to_ascii_lowercase()) else {
                    let what = format!("there is no action `{}`", node.task.name);
                    return Err(at_node(FaultKind::UnknownName, id, what));
                };
                let values = self.arguments(id, &node.task, &action.params)?;
                let same = has.name.eq_ignore_ascii_case(&node.task.name)
                    && has.args.len() == values.len()
                    && has.args.iter().zip(&values).all(|(a, v)| self.world.object(a) == Some(*v));
                if !same {
                    let what = format!("the tree says {}, the step says {has}", node.task);
                    return Err(at_node(FaultKind::BrokenTree, id, what));
                }
                let method = node.parent.and_then(|p| match &self.plan.tree[p].done {
                    Done::Method { method, .. } => Some(method),
                    Done::Step { .. } => None,
                });
                if self.plan.steps[*step].method.as_ref() != method {
                    let what = format!("step {has} names another method than the tree");
                    return Err(at_step(FaultKind::BrokenTree, *step, what));
                }
                Ok(action.params.iter().map(|p| p.name.key()).zip(values).collect())
            }
            Done::Method { method: name, binding, children, .. } => {
                let Some(method) = self.methods.get(&*name.to_ascii_lowercase()) else {
                    let what = format!("there is no method `{name}`");
                    return Err(at_node(FaultKind::UnknownName, id, what));
                };
                let Some(task) = self.tasks.get(&*node.task.name.to_ascii_lowercase()) else {
                    let what = format!("there is no compound task `{}`", node.task.name);
                    return Err(at_node(FaultKind::UnknownName, id, what));
                };
                self.arguments(id, &node.task, &task.params)?;
                *cost += method.cost.unwrap_or(0.0);
                self.refinement(id, method, binding, children)
            }
        }
    }

    fn refinement(
        &self,
        id: usize,
        method: &Method,
        binding: &[(Word, Word)],
        children: &[usize],
    ) -> Result<Env, Fault> {
        let task = &self.plan.tree[id].task;
        let wrong = |what: String| Err(at_node(FaultKind::WrongMethod, id, what));
        let mut env = Env::new();
        for param in &method.params {
            let found = binding.iter().find(|(var, _)| var.eq_ignore_ascii_case(&param.name.text));
            let Some((_, value)) = found else {
                return wrong(format!("variable {} of `{}` has no value", param.name, method.name));
            };
            let Some(obj) = self.world.object(value) else {
                let what = format!("there is no object `{value}`");
                return Err(at_node(FaultKind::UnknownName, id, what));
            };
            if !self.world.is_of(obj, &param.ty) {
                let what = format!(
                    "{} of `{}` is `{value}`, not a `{}`",
                    param.name, method.name, param.ty
                );
                return Err(at_node(FaultKind::BadArguments, id, what));
            }
            env.push((param.name.key(), obj));
        }
        if !self.is_instance(&method.task.name, &method.task.args, task, &env) {
            return wrong(format!(
                "method `{}` refines {} with these values, not {task}",
                method.name, method.task
            ));
        }
        if children.len() != method.network.subtasks.len() {
            let what = format!(
                "method `{}` has {} subtasks, the plan has {}",
                method.name,
                method.network.subtasks.len(),
                children.len()
            );
            return Err(at_node(FaultKind::WrongSubtasks, id, what));
        }
        for (sub, child) in method.network.subtasks.iter().zip(children) {
            let has = &self.plan.tree[*child].task;
            if !self.is_instance(&sub.term.name, &sub.term.args, has, &env) {
                let wanted = self.world.shown(&Formula::Atom(sub.term.clone()), &env);
                let what =
                    format!("method `{}` asks for {wanted}, the plan has {has}", method.name);
                return Err(at_node(FaultKind::WrongSubtasks, *child, what));
            }
        }
        if let Some(part) = self.world.first_false(&method.network.constraints, &env) {
            let what = format!("the constraint {part} of method `{}` is not kept", method.name);
            return Err(at_node(FaultKind::MethodPrecondition, id, what));
        }
        Ok(env)
    }

    fn is_instance(&self, name: &Name, args: &[Name], of: &Atom, env: &Env) -> bool {
        name.text.eq_ignore_ascii_case(&of.name)
            && args.len() == of.args.len()
            && args.iter().zip(&of.args).all(|(want, have)| {
                let obj = self.world.object(have);
                obj.is_some() && self.world.value(want, env) == obj
            })
    }

    /// Every ordering that a method or the problem demands is kept.
    fn order(&self, tasks: &Network, order: &[usize]) -> Result<(), Fault> {
        let tree = &self.plan.tree;
        // When each task begins and ends; a method is chosen between two steps.
        let mut begin = vec![usize::MAX; tree.len()];
        let mut end = vec![0; tree.len()];
        for &id in order.iter().rev() {
            match &tree[id].done {
                Done::Step { step } => {
                    begin[id] = *step;
                    end[id] = step + 1;
                }
                Done::Method { children, at, .. } => {
                    let wrong = |what: String| Err(at_node(FaultKind::WrongOrder, id, what));
                    if *at > self.plan.steps.len() {
                        return wrong(format!("{} is refined after the end", tree[id].task));
                    }
                    begin[id] = *at;
                    end[id] = *at;
                    for child in children {
                        if begin[*child] < *at {
                            return wrong(format!(
                                "{} begins before {} is refined",
                                tree[*child].task, tree[id].task
                            ));
                        }
                        end[id] = end[id].max(end[*child]);
                    }
                }
            }
        }
        let check = |a: usize, b: usize| {
            if end[a] <= begin[b] {
                return Ok(());
            }
            let what = format!("{} must be finished before {} begins", tree[a].task, tree[b].task);
            Err(at_node(FaultKind::WrongOrder, b, what))
        };
        for (a, b) in &tasks.before {
            match (self.plan.roots.get(*a), self.plan.roots.get(*b)) {
                (Some(a), Some(b)) => check(*a, *b)?,
                _ => return Err(fault(FaultKind::WrongRoots, "an ordering of unknown tasks")),
            }
        }
        for &id in order {
            let Done::Method { method, children, .. } = &tree[id].done else { continue };
            let Some(method) = self.methods.get(&*method.to_ascii_lowercase()) else { continue };
            for (a, b) in pairs(&method.network) {
                check(children[a], children[b])?;
            }
        }
        Ok(())
    }

    /// Executes the steps; preconditions hold where they are asked.
    fn execute(&mut self, order: &[usize], envs: &[Env]) -> Result<(), Fault> {
        let plan = self.plan;
        let mut chosen: Vec<Vec<usize>> = vec![Vec::new(); plan.steps.len() + 1];
        for &id in order {
            if let Done::Method { at, .. } = &plan.tree[id].done {
                chosen[*at].push(id);
            }
        }
        for (now, nodes) in chosen.iter().enumerate() {
            for &id in nodes {
                let Done::Method { method, .. } = &plan.tree[id].done else { continue };
                let Some(method) = self.methods.get(&*method.to_ascii_lowercase()) else {
                    continue;
                };
                if let Some(part) = self.world.first_false(&method.precondition, &envs[id]) {
                    let what = format!(
                        "{part} does not hold, so method `{}` cannot refine {} after {now} steps",
                        method.name, plan.tree[id].task
                    );
                    return Err(at_node(FaultKind::MethodPrecondition, id, what));
                }
            }
            let Some(step) = plan.steps.get(now) else { continue };
            let Some(action) = self.actions.get(&*step.action.to_ascii_lowercase()).copied() else {
                continue;
            };
            let env = &envs[step.node];
            if let Some(part) = self.world.first_false(&action.precondition, env) {
                let what = format!("{part} does not hold, so {} cannot be executed", step.atom());
                return Err(at_step(FaultKind::ActionPrecondition, now, what));
            }
            let done = self.world.execute(&action.effect, env);
            if let Some(number) = done.impossible {
                let what =
                    format!("{number} cannot be worked out, so {} cannot be executed", step.atom());
                return Err(at_step(FaultKind::ActionPrecondition, now, what));
            }
            self.action_cost += done.cost;
        }
        Ok(())
    }
}

//! Making a plan shorter, a task at a time.
//!
//! A depth-first search takes the first way, and that may be a long one round. So each task of the decomposition is planned again from the state in which
//! it began, with fewer steps allowed, and what leads to the same state in fewer steps, at no higher cost of methods, takes its place: all that follows can
//! stay as it is. Such local rewriting of a finished plan is known from ARAS (Nakhost and Müller 2010) and from block-wise plan improvement (Siddiqui and Haslum 2015).

use std::cell::RefCell;
use std::ops::RangeInclusive;

use rustc_hash::FxHashMap;

use crate::atom::Atom;
use crate::model::Model;
use crate::network::Network;
use crate::objects::Obj;
use crate::options::Options;
use crate::plan::{Done, Node, Plan, Step};
use crate::portfolio::ROUNDED;
use crate::search::{End, Request, Search, change, resolve_task};
use crate::state::State;
use crate::store::{FactId, NONE, Store};

/// Search steps that one task gets, and more for each step it has.
const STEPS: u64 = 100;
const STEPS_EACH: u64 = 20;
/// Tasks of at most so many steps come first: what is short is tried soon, and detours are short.
const SIZES: [usize; 4] = [6, 24, 96, usize::MAX];

/// Where the steps of each node of the tree begin and end, where they stand together.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: usize,
    to: usize,
}

/// Another way to carry out a node.
struct Instead {
    node: usize,
    span: Span,
    plan: Plan,
    /// What its methods cost less.
    saved: f64,
}

/// A node and all below it.
fn below(plan: &Plan, node: usize) -> impl Iterator<Item = usize> + '_ {
    let mut open = vec![node];
    std::iter::from_fn(move || {
        let node = open.pop()?;
        if let Done::Method { children, .. } = &plan.tree[node].done {
            open.extend(children.iter().copied());
        }
        Some(node)
    })
}

fn cost(costs: &FxHashMap<&str, f64>, node: &Node) -> f64 {
    match &node.done {
        Done::Method { method, .. } => costs.get(method.as_str()).copied().unwrap_or(0.0),
        Done::Step { .. } => 0.0,
    }
}

/// The plan with every task carried out in fewer steps, as far as that is found before it is time to stop. The plan must be one in which nothing
/// interleaves: a task without steps that stands between the steps of another would lose its place.
pub(crate) fn shorten(model: &Model, state: &State, plan: Plan, stop: &dyn Fn() -> bool) -> Plan {
    let sizes = std::iter::once(2).chain(SIZES.map(|s| s.saturating_add(1)));
    let ranges = sizes.zip(SIZES).map(|(least, most)| least..=most);
    ranges.fold(plan, |plan, sizes| pass(model, state, plan, &sizes, stop))
}

/// Looks once at every task with so many steps.
fn pass(
    model: &Model,
    state: &State,
    plan: Plan,
    sizes: &RangeInclusive<usize>,
    stop: &dyn Fn() -> bool,
) -> Plan {
    let Some(spans) = spans(&plan) else { return plan };
    let mut begin: Vec<Vec<usize>> = vec![Vec::new(); plan.steps.len()];
    for (node, span) in spans.iter().enumerate() {
        if sizes.contains(&(span.to - span.from)) {
            begin[span.from].push(node);
        }
    }
    let costs: FxHashMap<&str, f64> =
        model.methods.iter().map(|m| (m.name.as_str(), m.cost.unwrap_or(0.0))).collect();
    let store = RefCell::new(state.store.clone());
    let mut found = Vec::new();
    let mut at = 0;
    while at < plan.steps.len() && !stop() {
        // Large tasks first: what shortens the whole leaves less to do.
        begin[at].sort_by_key(|n| std::cmp::Reverse(spans[*n].to));
        let better = begin[at].iter().find_map(|node| {
            let (node, span) = (*node, spans[*node]);
            if stop() {
                return None;
            }
            let cost = below(&plan, node).map(|n| cost(&costs, &plan.tree[n])).sum();
            let plan = instead(model, state, &store, &plan, (node, span, cost), stop)?;
            Some(Instead { node, span, saved: cost - plan.cost, plan })
        });
        let next = better.as_ref().map_or(at + 1, |b| b.span.to);
        let mut trail = Vec::new();
        let passed = &plan.steps[at..next];
        let store = &mut *store.borrow_mut();
        if !passed.iter().all(|s| carry_out(model, state, store, &s.atom(), &mut trail)) {
            return plan;
        }
        found.extend(better);
        at = next;
    }
    if found.is_empty() { plan } else { spliced(&plan, &found) }
}

/// A shorter way from the state to the one in which the node leaves it.
fn instead(
    model: &Model,
    state: &State,
    store: &RefCell<Store>,
    plan: &Plan,
    (node, span, cost): (usize, Span, f64),
    stop: &dyn Fn() -> bool,
) -> Option<Plan> {
    // Where the steps lead; then they are taken back.
    let leads_to = |steps: &[Step]| {
        let store = &mut *store.borrow_mut();
        let mut trail = Vec::new();
        let way = steps.iter().all(|s| carry_out(model, state, store, &s.atom(), &mut trail));
        let end = store.hash;
        for fact in trail.drain(..).rev() {
            store.flip(fact);
        }
        way.then_some(end)
    };
    let end = leads_to(&plan.steps[span.from..span.to])?;
    let mut best: Option<Plan> = None;
    let mut length = span.to - span.from;
    let tasks = Network::ordered([plan.tree[node].task.clone()]);
    while length > 0 && !stop() {
        let same = |steps: &[Step]| leads_to(steps) == Some(end);
        let options = Options {
            stop: Some(stop),
            max_steps: STEPS + STEPS_EACH * length as u64,
            max_depth: 10_000,
            max_plan_length: Some(length - 1),
            accept: Some(&same),
            ..Options::default()
        };
        let request = Request::new(model, &state.objects, &tasks, &options).ok()?;
        let mut search =
            Search::new(model, &state.objects, &store.borrow(), &request, &options, false);
        let End::Found = search.run() else { break };
        let plan = search.plan();
        if plan.cost > cost + ROUNDED {
            break;
        }
        length = plan.steps.len();
        best = Some(plan);
    }
    best
}

/// Makes the changes of an action; `false` where it is not one.
fn carry_out(
    model: &Model,
    state: &State,
    store: &mut Store,
    action: &Atom,
    trail: &mut Vec<FactId>,
) -> bool {
    let Ok((task, args)) = resolve_task(model, &state.objects, action) else { return false };
    let Some(action) = model.tasks[task as usize].action else { return false };
    let action = &model.actions[action as usize];
    let mut binding: Vec<Obj> = args;
    binding.resize(action.slots.max(binding.len()), NONE);
    change(action, store, &state.objects, &mut binding, trail);
    true
}

/// The steps of every node, if those of each stand together (which they do where nothing interleaves).
fn spans(plan: &Plan) -> Option<Vec<Span>> {
    let mut spans: Vec<Span> = plan
        .tree
        .iter()
        .map(|node| match node.done {
            Done::Step { step } => Span { from: step, to: step + 1 },
            Done::Method { at, .. } => Span { from: at, to: at },
        })
        .collect();
    let mut count: Vec<usize> = vec![0; plan.tree.len()];
    for step in &plan.steps {
        count[step.node] += 1;
    }
    // Every node stands behind the one above it, so from the last to the first each is complete when it is added to that.
    for node in (0..plan.tree.len()).rev() {
        let Some(up) = plan.tree[node].parent else { continue };
        if up >= node {
            return None;
        }
        if count[node] > 0 {
            let Span { from, to } = spans[node];
            spans[up].from = spans[up].from.min(from);
            spans[up].to = spans[up].to.max(to);
            count[up] += count[node];
        }
    }
    let together = spans.iter().zip(&count).all(|(s, count)| s.to - s.from == *count);
    together.then_some(spans)
}

/// The plan with other ways for some of its nodes, none within another, in the order of their steps.
fn spliced(plan: &Plan, found: &[Instead]) -> Plan {
    let mut sums = vec![0];
    for f in found {
        sums.push(sums[sums.len() - 1] + f.span.to - f.span.from - f.plan.steps.len());
    }
    let saved = |i: usize| sums[found.partition_point(|f| f.span.to <= i)];
    let mut gone = vec![false; plan.tree.len()];
    for f in found {
        for node in below(plan, f.node) {
            gone[node] = node != f.node;
        }
    }
    let mut place = vec![0; plan.tree.len()];
    let mut next = 0;
    for (node, gone) in gone.iter().enumerate() {
        place[node] = next;
        next += usize::from(!gone);
    }
    let cost = plan.cost - found.iter().map(|f| f.saved).sum::<f64>();
    let mut new = Plan { cost, roots: plan.roots.clone(), ..Plan::default() };
    for root in &mut new.roots {
        *root = place[*root];
    }
    for old in plan.tree.iter().zip(&gone).filter(|(_, gone)| !**gone).map(|(old, _)| old) {
        let mut copy = old.clone();
        copy.parent = old.parent.map(|p| place[p]);
        match &mut copy.done {
            Done::Step { step } => *step -= saved(*step),
            Done::Method { children, at, .. } => {
                for child in children.iter_mut() {
                    *child = place[*child];
                }
                *at -= saved(*at);
            }
        }
        new.tree.push(copy);
    }
    let mut at = 0;
    for f in found {
        for step in &plan.steps[at..f.span.from] {
            let mut step = step.clone();
            step.node = place[step.node];
            new.steps.push(step);
        }
        at = f.span.to;
        graft(&mut new, f, place[f.node]);
    }
    for step in &plan.steps[at..] {
        let mut step = step.clone();
        step.node = place[step.node];
        new.steps.push(step);
    }
    new
}

/// Puts the other way below its node, with its steps at the end of those there are.
fn graft(new: &mut Plan, f: &Instead, node: usize) {
    let (root, first) = (f.plan.roots[0], new.tree.len());
    // The root takes the place of the node; all others follow, so those behind the root move up by one.
    let place = |n: usize| if n == root { node } else { first + n - usize::from(n > root) };
    let before = new.steps.len();
    for (n, old) in f.plan.tree.iter().enumerate() {
        let mut copy = old.clone();
        copy.parent = old.parent.map(place);
        match &mut copy.done {
            Done::Step { step } => *step += before,
            Done::Method { children, at, .. } => {
                for child in children.iter_mut() {
                    *child = place(*child);
                }
                *at += before;
            }
        }
        if n == root {
            new.tree[node].done = copy.done;
        } else {
            new.tree.push(copy);
        }
    }
    for step in &f.plan.steps {
        let mut step = step.clone();
        step.node = place(step.node);
        new.steps.push(step);
    }
}

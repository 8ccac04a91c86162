//! Going on after a step failed: what is left of the task tree, and a new plan for it.
//!
//! Decisions that were carried out in part are kept as far as possible: a task that was begun is not begun again, its open subtasks are what is left of it.
//! Where these cannot be carried out any more, the decision is given up, one level of the tree at a time, up to the task that was asked for: the repair by
//! re-refinement of SHOPFixer (Goldman, Kuter, Freedman 2020), with the state as it is now instead of the one that was foreseen.

use rustc_hash::FxHashMap;

use crate::ast::{Formula, Name};
use crate::domain::CompiledDomain;
use crate::error::{Error, Limit};
use crate::model::Model;
use crate::network::Network;
use crate::options::Options;
use crate::plan::{Done, Plan};
use crate::state::State;

/// A new plan for what was left of an old one.
#[derive(Debug, Clone, PartialEq)]
pub struct Replanned {
    /// What was left to do: the plan carries this out, from the state it was asked for.
    pub tasks: Network,
    /// How.
    pub plan: Plan,
    /// How many decisions above the failed step were given up: with 0 none, with 1 the method that asked for it …
    pub given_up: usize,
}

impl CompiledDomain {
    /// What is left to do after the first `done` steps of a plan for the tasks: tasks not begun yet, and the open parts of those that were, in their order.
    ///
    /// With `given_up` above 0, that many decisions above the next step are taken back: the task whose method asked for it is to be done again as a whole
    /// (1), or the task above that (2), and so on; beyond the root nothing changes. Preconditions of methods that stay decided are not asked again.
    ///
    /// The plan has to be one that [`verify`](Self::verify) accepts.
    #[must_use]
    pub fn remaining(&self, tasks: &Network, plan: &Plan, done: usize, given_up: usize) -> Network {
        let above = |step: &crate::plan::Step| {
            let chain: Vec<usize> = ancestors(plan, step.node).collect();
            chain.get(given_up).or(chain.last()).copied()
        };
        let again = plan.steps.get(done).filter(|_| given_up > 0).and_then(above);
        Rest::of(&self.model, tasks, plan, done, again)
    }

    /// Plans again after step `failed` of a plan could not be carried out, from the state as it is now. The steps before it were; whatever follows is open.
    ///
    /// Where nothing speaks against it the failed step is tried again, so rule it out (or the method, or the values that led to it) in
    /// [`Options::ruled_out`] unless the state shows what went wrong. As few decisions as possible are given up; see [`remaining`](Self::remaining).
    ///
    /// ```
    /// # use astraea_htn::{CompiledDomain, Network, Options, RuledOut};
    /// let domain = CompiledDomain::from_hddl(
    ///     "(define (domain d) (:predicates (built)) (:task ship :parameters ()) (:task build :parameters ())
    ///        (:method m :parameters () :task (ship) :ordered-subtasks (and (build) (send)))
    ///        (:method quick :parameters () :task (build) :ordered-subtasks (and (fetch) (make)))
    ///        (:method slow :parameters () :task (build) :cost 0.9 :ordered-subtasks (and (clean) (make_all)))
    ///        (:action fetch) (:action make :effect (built)) (:action clean) (:action make_all :effect (built))
    ///        (:action send :precondition (built)))",
    /// )?;
    /// let (state, tasks) = (domain.state(), Network::task("ship"));
    /// let plan = domain.plan(&state, &tasks, &Options::default())?;
    /// // `fetch` was carried out, `make` failed and changed nothing.
    /// let ruled_out = RuledOut { steps: vec![plan.steps[1].atom()], ..RuledOut::default() };
    /// let options = Options::default().with_ruled_out(ruled_out);
    /// let again = domain.replan(&state, &tasks, &plan, 1, &options)?;
    /// let steps: Vec<&str> = again.plan.steps.iter().map(|s| s.action.as_str()).collect();
    /// assert_eq!((steps.as_slice(), again.given_up), (&["clean", "make_all", "send"][..], 1));
    /// # Ok::<(), astraea_htn::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`plan`](Self::plan), where even with all decisions above the step given up there is no plan.
    pub fn replan(
        &self,
        state: &State,
        tasks: &Network,
        plan: &Plan,
        failed: usize,
        options: &Options<'_>,
    ) -> Result<Replanned, Error> {
        let levels = plan.steps.get(failed).map_or(0, |s| ancestors(plan, s.node).count() - 1);
        let mut given_up = 0;
        loop {
            let rest = self.remaining(tasks, plan, failed, given_up);
            match self.plan(state, &rest, options) {
                Ok(plan) => return Ok(Replanned { tasks: rest, plan, given_up }),
                Err(error) if given_up >= levels => return Err(error),
                Err(
                    Error::NoPlan { .. } | Error::Stopped { limit: Limit::Steps | Limit::Depth },
                ) => {
                    given_up += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// The node and those above it, from below.
fn ancestors(plan: &Plan, node: usize) -> impl Iterator<Item = usize> + '_ {
    let first = plan.tree.get(node).map(|_| node);
    let up = std::iter::successors(first, |n| plan.tree.get(*n).and_then(|n| n.parent));
    // A tree that is none must not keep anybody busy.
    up.take(plan.tree.len())
}

struct Rest<'a> {
    plan: &'a Plan,
    /// For each node the first and the last step under it.
    steps: Vec<Option<(usize, usize)>>,
    done: usize,
}

impl<'a> Rest<'a> {
    fn of(
        model: &Model,
        tasks: &Network,
        plan: &'a Plan,
        done: usize,
        again: Option<usize>,
    ) -> Network {
        let mut rest = Self { plan, steps: vec![None; plan.tree.len()], done };
        let order = rest.downwards();
        for &id in order.iter().rev() {
            if let Done::Step { step } = plan.tree[id].done {
                rest.note(id, step, step);
            }
            if let (Some((first, last)), Some(parent)) = (rest.steps[id], plan.tree[id].parent) {
                rest.note(parent, first, last);
            }
        }
        // The open tasks, by when the old plan came to them.
        let mut open = Vec::new();
        let mut split = Vec::new();
        let mut queue: Vec<usize> = plan.roots.clone();
        queue.retain(|id| *id < plan.tree.len());
        let mut next = 0;
        while let Some(&id) = queue.get(next).filter(|_| next <= plan.tree.len()) {
            next += 1;
            if rest.is_done(id) {
                continue;
            }
            match &plan.tree[id].done {
                Done::Method { children, .. } if rest.is_begun(id) && again != Some(id) => {
                    split.push(id);
                    queue.extend(children.iter().filter(|c| **c < plan.tree.len()));
                }
                _ => open.push(id),
            }
        }
        open.sort_by_key(|id| rest.begin(*id));
        let mut ends: FxHashMap<usize, Ends> = FxHashMap::default();
        for (place, id) in open.iter().enumerate() {
            ends.insert(*id, Ends { first: vec![place], last: vec![place] });
        }
        let mut before = Vec::new();
        for &id in split.iter().rev() {
            let Done::Method { method, children, .. } = &plan.tree[id].done else { continue };
            let method = model.methods.iter().find(|m| m.name.eq_ignore_ascii_case(method));
            let pairs: Vec<(usize, usize)> = method
                .iter()
                .flat_map(|m| m.subs.iter().enumerate())
                .flat_map(|(a, sub)| sub.next.iter().map(move |b| (a, usize::from(*b))))
                .collect();
            let own = join(children, &pairs, &ends, &mut before);
            ends.insert(id, own);
        }
        join(&plan.roots, &tasks.before, &ends, &mut before);
        before.sort_unstable();
        before.dedup();
        Network {
            tasks: open.iter().map(|id| plan.tree[*id].task.clone()).collect(),
            before,
            variables: Vec::new(),
            constraints: None,
            goal: tasks.goal.as_ref().map(|goal| rest.bound(tasks, goal)),
        }
    }

    /// The nodes from the roots down.
    fn downwards(&self) -> Vec<usize> {
        let tree = &self.plan.tree;
        let mut order: Vec<usize> = self.plan.roots.clone();
        order.retain(|id| *id < tree.len());
        let mut next = 0;
        while let Some(&id) = order.get(next) {
            next += 1;
            if let Done::Method { children, .. } = &tree[id].done
                && order.len() <= tree.len()
            {
                order.extend(children.iter().filter(|c| **c < tree.len()));
            }
        }
        order
    }

    fn note(&mut self, id: usize, first: usize, last: usize) {
        // A tree that is none may name a parent that there is not.
        let Some(slot) = self.steps.get_mut(id) else { return };
        let known = slot.get_or_insert((first, last));
        *known = (known.0.min(first), known.1.max(last));
    }

    /// When the old plan came to the task.
    fn begin(&self, id: usize) -> usize {
        match (self.steps[id], &self.plan.tree[id].done) {
            (Some((first, _)), _) => first,
            (None, Done::Method { at, .. }) => *at,
            (None, Done::Step { step }) => *step,
        }
    }

    /// Whether its method was chosen before the last step that was carried out; what held then need not hold any more.
    fn is_begun(&self, id: usize) -> bool {
        matches!(self.plan.tree[id].done, Done::Method { at, .. } if at < self.done)
    }

    fn is_done(&self, id: usize) -> bool {
        match self.steps[id] {
            Some((_, last)) => last < self.done,
            None => self.begin(id) < self.done,
        }
    }

    /// The goal with the values that the plan gave the problem's variables.
    fn bound(&self, tasks: &Network, goal: &Formula) -> Formula {
        let value = |var: &str| {
            tasks.tasks.iter().zip(&self.plan.roots).find_map(|(task, root)| {
                let at = task.args.iter().position(|a| a.eq_ignore_ascii_case(var))?;
                self.plan.tree.get(*root)?.task.args.get(at).map(ToString::to_string)
            })
        };
        goal.instantiate(&|var| value(Name::new(var).text.as_str()))
    }
}

/// The open tasks of a part of the tree that wait for none of the others in it, and for which none of the others waits.
struct Ends {
    first: Vec<usize>,
    last: Vec<usize>,
}

/// Puts the open ones among some siblings in their order.
fn join(
    siblings: &[usize],
    pairs: &[(usize, usize)],
    ends: &FxHashMap<usize, Ends>,
    before: &mut Vec<(usize, usize)>,
) -> Ends {
    let of = |place: usize| siblings.get(place).and_then(|id| ends.get(id));
    let mut waits = vec![false; siblings.len()];
    let mut awaited = vec![false; siblings.len()];
    for (a, b) in pairs {
        let (Some(x), Some(y)) = (of(*a), of(*b)) else { continue };
        waits[*b] = true;
        awaited[*a] = true;
        before.extend(x.last.iter().flat_map(|l| y.first.iter().map(move |f| (*l, *f))));
    }
    let gather = |skip: &[bool], pick: fn(&Ends) -> &Vec<usize>| {
        let kept = (0..siblings.len()).filter(|i| !skip[*i]).filter_map(of);
        kept.flat_map(|e| pick(e).iter().copied()).collect()
    };
    Ends { first: gather(&waits, |e| &e.first), last: gather(&awaited, |e| &e.last) }
}

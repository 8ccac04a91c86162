//! The searches in turn, on one thread, under one budget.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::time::Duration;

use crate::domain::CompiledDomain;
use crate::error::{Error, Limit};
use crate::ground::{Asked, Ground, Progress, Progression, Stop, build, consult, replay};
use crate::model::Model;
use crate::network::Network;
use crate::options::Options;
use crate::plan::Plan;
use crate::search::{End, Request, Search, luby};
use crate::shorten::shorten;
use crate::state::State;

/// What a portfolio may use. The crate has no clock, so the caller brings one: CPU time or wall time, as is wanted.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// How much time has passed.
    pub elapsed: &'a dyn Fn() -> Duration,
    /// When to give up.
    pub time: Duration,
    /// Bytes that the ground search may take, roughly. The lifted search needs little.
    pub memory: usize,
    /// How long to look for a shorter plan after the first, as a multiple of the time spent until then; 0 takes the first. From 1 on it is a twentieth of a
    /// second at least where the plan has more than twelve steps. Plans of the searches on the ground problem are taken as they are.
    pub shorten: f64,
}

impl fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { time, memory, .. } = self;
        f.debug_struct("Budget").field("time", time).field("memory", memory).finish()
    }
}

/// One of the searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    /// Depth first, nothing bound before it is needed.
    Lifted,
    /// The same, begun again and again in other orders; where the problem is partially ordered, by turns as it stands and in one order.
    Restarted,
    /// Best first on the ground problem.
    Ground,
    /// A SAT solver on the ground problem.
    Sat,
}

/// Whose turn it is, and until which part of the time.
const TURNS: [(Engine, f64); 10] = [
    (Engine::Lifted, 0.02),
    (Engine::Restarted, 0.06),
    (Engine::Lifted, 0.13),
    (Engine::Restarted, 0.2),
    (Engine::Ground, 0.36),
    (Engine::Sat, 0.74),
    (Engine::Lifted, 0.8),
    (Engine::Restarted, 0.88),
    (Engine::Ground, 0.97),
    (Engine::Lifted, 1.0),
];
/// Search steps that the shortest attempt of the restarted search gets.
const ATTEMPT: u64 = 1000;
/// A plan with more steps than this is looked at twice, whatever little time it took.
const LONG: usize = 12;
/// For how long, in seconds, where [`Budget::shorten`] is 1 or more.
const LEAST: f64 = 0.05;
/// Until which part of the time the ground problem may be made.
const GROUNDING: f64 = 0.74;

/// Sums of the same costs may differ by so much.
pub(crate) const ROUNDED: f64 = 1e-9;

/// How a turn ended.
enum Turn {
    Found(Plan),
    /// A plan found depth first, and whether nothing interleaves in it.
    First(Plan, bool),
    /// Everything was tried.
    Exhausted,
    /// Nothing more is to be had from this search.
    Over,
    /// Time.
    Stopped,
}

/// What all searches but the first work on: the problem as it stands or, where that is partially ordered, in one order.
struct View<'a> {
    model: &'a Model,
    request: &'a Request,
    state: &'a State,
    stop: &'a dyn Fn() -> bool,
    memory: usize,
}

impl CompiledDomain {
    /// Looks for a plan with several searches in turn: depth first without grounding, the same restarted in other orders, best first on the ground
    /// problem, and a SAT solver. The right choice for hard problems, while [`plan`](Self::plan) is for small ones. The same problem gives the same
    /// plan as far as time allows.
    ///
    /// [`Budget::shorten`] says how long to look for a shorter plan after the first.
    ///
    /// Rules in the options (what is ruled out, forbidden, to be accepted, a longest plan), numbers and external predicates leave only the first search.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub fn solve(
        &self,
        state: &State,
        tasks: &Network,
        options: &Options<'_>,
        budget: &Budget<'_>,
    ) -> Result<Plan, Error> {
        let until = Cell::new(budget.time);
        let outside = options.stop;
        let stop = || outside.is_some_and(|s| s()) || (budget.elapsed)() >= until.get();
        let inner = Options { stop: Some(&stop), ..options.clone() };
        let request = Request::new(&self.model, &state.objects, tasks, &inner)?;
        let objects = &state.objects;
        let mut lifted = Search::new(&self.model, objects, &state.store, &request, &inner, false);
        let free = request.rules.is_empty()
            && options.accept.is_none()
            && options.max_plan_length.is_none()
            && asked(&request).is_plain(&self.model);
        let other = OnceCell::new();
        let linear = || {
            let model = self.model.linear().filter(|_| !request.chained)?;
            let request = Request::new(model, objects, &tasks.linear()?, &inner).ok()?;
            Some((model, request))
        };
        let view = || {
            let (model, request): (&Model, &Request) = match other.get_or_init(linear) {
                Some((model, request)) => (model, request),
                None => (&self.model, &request),
            };
            View { model, request, state, stop: &stop, memory: budget.memory }
        };
        let ground = OnceCell::new();
        let make = || {
            let view = view();
            let mut pause = Stop::new(&stop, budget.memory / 2);
            build(view.model, objects, &state.store, &asked(view.request), &mut pause).ok()
        };
        let mut restarted: Option<Vec<Restarted<'_>>> = None;
        let mut progression = None;
        let mut over: Vec<Engine> = Vec::new();
        let mut limit = Limit::Stopped;
        for (turn, (engine, part)) in TURNS.iter().enumerate() {
            let idle = |e: &Engine| *e != Engine::Lifted && (!free || over.contains(e));
            if idle(engine) {
                continue;
            }
            let last = TURNS[turn..].iter().all(|(e, _)| *e == Engine::Lifted || idle(e));
            let share = if last { budget.time } else { budget.time.mul_f64(*part) };
            until.set(share);
            let ended = match engine {
                Engine::Lifted => match lifted.run() {
                    End::Found => Turn::First(lifted.plan(), request.chained),
                    End::Exhausted => Turn::Exhausted,
                    // More steps or depth are not to be had; the other searches have no such limits.
                    End::Stopped(why) => {
                        limit = why;
                        Turn::Stopped
                    }
                },
                Engine::Restarted => {
                    let searches = restarted.get_or_insert_with(|| {
                        let View { model, request: one, .. } = view();
                        let mut searches =
                            vec![Restarted::new((&self.model, &request), true, state, &inner)];
                        if other.get().is_some_and(Option::is_some) {
                            searches.insert(0, Restarted::new((model, one), false, state, &inner));
                        }
                        searches
                    });
                    restart(searches, state)
                }
                Engine::Ground | Engine::Sat => {
                    let problem = ground.get_or_init(|| {
                        until.set(budget.time.mul_f64(GROUNDING));
                        make()
                    });
                    until.set(share);
                    match problem {
                        None => Turn::Over,
                        Some(problem) => {
                            let mut pause = Stop::new(&stop, budget.memory);
                            let sat = *engine == Engine::Sat;
                            let progress = if sat {
                                consult(problem, &mut pause, budget.memory)
                            } else {
                                let search =
                                    progression.get_or_insert_with(|| Progression::new(problem));
                                search.run(&mut pause)
                            };
                            match progress {
                                Progress::Found(path) => Turn::Found(view().replay(problem, &path)),
                                Progress::Exhausted if sat => Turn::Over,
                                Progress::Exhausted => Turn::Exhausted,
                                Progress::Stopped if pause.is_full() => Turn::Over,
                                Progress::Stopped => Turn::Stopped,
                            }
                        }
                    }
                }
            };
            match ended {
                Turn::Found(plan) => return Ok(self.priced(state, plan)),
                Turn::First(plan, in_order) => {
                    if !free || budget.shorten <= 0.0 {
                        return Ok(self.priced(state, plan));
                    }
                    let spent = (budget.elapsed)().as_secs_f64();
                    let least = if plan.steps.len() > LONG { LEAST } else { 0.0 };
                    let more = (spent * budget.shorten).max(least * budget.shorten.min(1.0));
                    let end = Duration::from_secs_f64((spent + more).clamp(0.0, 1e9));
                    until.set(budget.time.min(end));
                    // What the searches hold is memory that the next ones may take.
                    drop((restarted, progression));
                    let problem = || ground.get_or_init(make).as_ref();
                    return Ok(self.priced(state, view().shortest(plan, in_order, problem)));
                }
                Turn::Exhausted if *engine != Engine::Ground || request.ordered => {
                    return Err(self.no_plan(state, tasks, &lifted, &inner, &request));
                }
                Turn::Exhausted | Turn::Over => over.push(*engine),
                Turn::Stopped => {}
            }
            if outside.is_some_and(|s| s()) {
                break;
            }
        }
        Err(Error::Stopped { limit })
    }
}

/// A search that is begun again and again.
struct Restarted<'a> {
    search: Search<'a>,
    /// Whether it works on the problem as it stands, so that its end is a proof.
    own: bool,
    /// Whether nothing interleaves in its plans.
    in_order: bool,
    /// Of the order that is tried.
    number: u64,
}

impl<'a> Restarted<'a> {
    fn new(
        (model, request): (&'a Model, &'a Request),
        own: bool,
        state: &'a State,
        options: &'a Options<'a>,
    ) -> Self {
        let search = Search::new(model, &state.objects, &state.store, request, options, false);
        Self { search, own, in_order: request.chained, number: 0 }
    }
}

/// Begins again and again in other orders, with each search in turn. One that has no more to try is left out.
fn restart(searches: &mut Vec<Restarted<'_>>, state: &State) -> Turn {
    while let Some(at) = (0..searches.len()).min_by_key(|i| searches[*i].number) {
        let Restarted { search, own, in_order, number } = &mut searches[at];
        *number += 1;
        search.vary(&state.store, *number);
        if !search.allow(ATTEMPT * luby(*number)) {
            searches.remove(at);
            continue;
        }
        match search.run() {
            End::Found => return Turn::First(search.plan(), *in_order),
            End::Exhausted if *own => return Turn::Exhausted,
            End::Stopped(Limit::Stopped) => return Turn::Stopped,
            End::Stopped(Limit::Steps) => {}
            End::Exhausted | End::Stopped(_) => {
                searches.remove(at);
            }
        }
    }
    Turn::Over
}

fn asked(request: &Request) -> Asked<'_> {
    let Request { top, goal, ordered, .. } = request;
    Asked { top, goal: goal.as_ref(), ordered: *ordered }
}

impl View<'_> {
    fn replay(&self, problem: &Ground, path: &[Option<u32>]) -> Plan {
        replay(self.model, &self.state.objects, &asked(self.request), problem, path)
    }

    /// The shortest of `plan` and what the searches on the ground problem find in time, each made shorter a task at a time where nothing interleaves. No
    /// plan whose methods cost more takes its place.
    fn shortest<'g>(
        &self,
        plan: Plan,
        in_order: bool,
        problem: impl FnOnce() -> Option<&'g Ground>,
    ) -> Plan {
        let local = |plan| shorten(self.model, self.state, plan, self.stop);
        let mut plan = if in_order { local(plan) } else { plan };
        let Some(ground) = problem() else { return plan };
        let searches: [&dyn Fn(&mut Stop<'_>) -> Progress; 2] =
            [&|pause| Progression::new(ground).run(pause), &|pause| {
                consult(ground, pause, self.memory)
            }];
        for search in searches {
            let mut pause = Stop::new(self.stop, self.memory);
            if let Progress::Found(path) = search(&mut pause) {
                let other = local(self.replay(ground, &path));
                if other.steps.len() < plan.steps.len() && other.cost <= plan.cost + ROUNDED {
                    plan = other;
                }
            }
        }
        plan
    }
}

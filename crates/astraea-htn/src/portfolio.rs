//! The searches in turn, on one thread, under one budget.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::time::Duration;

use crate::domain::CompiledDomain;
use crate::error::{Error, Limit};
use crate::ground::{Asked, Progress, Progression, Stop, build, consult, replay};
use crate::network::Network;
use crate::options::Options;
use crate::plan::Plan;
use crate::search::{End, Request, Search};
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
    /// How long to look for a shorter plan after the first, as a multiple of the time spent until then; 0 takes the first.
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
    /// Best first on the ground problem.
    Ground,
    /// A SAT solver on the ground problem.
    Sat,
}

/// Whose turn it is, and until which part of the time.
const TURNS: [(Engine, f64); 6] = [
    (Engine::Lifted, 0.03),
    (Engine::Ground, 0.22),
    (Engine::Sat, 0.72),
    (Engine::Lifted, 0.8),
    (Engine::Ground, 0.97),
    (Engine::Lifted, 1.0),
];
/// Until which part of the time the ground problem may be made.
const GROUNDING: f64 = 0.72;

impl CompiledDomain {
    /// Looks for a plan with the lifted depth-first search and, where that does not come to an end soon, with a heuristic search on the ground
    /// problem: the right choice for hard problems, while [`plan`](Self::plan) is for small ones.
    ///
    /// [`Budget::shorten`] lets the second search look for a shorter plan where the first found one at once.
    ///
    /// Rules in the options (what is ruled out, forbidden, to be accepted, a longest plan) leave only the lifted search.
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
        let mut search =
            Search::new(&self.model, &state.objects, &state.store, &request, &inner, false);
        let free = request.rules.is_empty()
            && options.accept.is_none()
            && options.max_plan_length.is_none();
        let asked =
            Asked { top: &request.top, goal: request.goal.as_ref(), ordered: request.ordered };
        let ground = OnceCell::new();
        let mut progression = None;
        let mut over = !free;
        let mut full = false;
        for (turn, (engine, part)) in TURNS.iter().enumerate() {
            let lifted = *engine == Engine::Lifted;
            if (!lifted && over) || (*engine == Engine::Ground && full) {
                continue;
            }
            let last = over && turn > 0;
            until.set(budget.time.mul_f64(if last { 1.0 } else { *part }));
            if lifted {
                match search.run() {
                    End::Found => {
                        let plan = search.plan();
                        let spent = (budget.elapsed)();
                        let more = spent.as_secs_f64() * budget.shorten;
                        let end = spent.as_secs_f64() + more.clamp(0.0, 1e9);
                        until.set(budget.time.min(Duration::from_secs_f64(end)));
                        let shorter = (turn == 0 && free && more > 0.0)
                            .then(|| self.ground(state, &asked, &stop, budget.memory))
                            .flatten()
                            .filter(|other| other.steps.len() < plan.steps.len());
                        return Ok(self.priced(state, shorter.unwrap_or(plan)));
                    }
                    End::Exhausted => {
                        return Err(self.no_plan(state, tasks, &search, &inner, &request));
                    }
                    End::Stopped(Limit::Stopped) => {}
                    // More steps or depth are not to be had; the other search has no such limits.
                    End::Stopped(limit) if over => return Err(Error::Stopped { limit }),
                    End::Stopped(_) => {}
                }
                if outside.is_some_and(|s| s()) {
                    break;
                }
                continue;
            }
            let mut pause = Stop::new(&stop, budget.memory / 2);
            let problem = ground.get_or_init(|| {
                until.set(budget.time.mul_f64(GROUNDING));
                build(&self.model, &state.objects, &state.store, &asked, &mut pause).ok()
            });
            until.set(budget.time.mul_f64(*part));
            over = true;
            let Some(problem) = problem else { continue };
            if *engine == Engine::Sat {
                over = false;
                pause = Stop::new(&stop, budget.memory);
                // That it finds nothing is no proof for a partially ordered problem, so it is taken for none.
                if let Progress::Found(path) = consult(problem, &mut pause, budget.memory) {
                    let plan = replay(&self.model, &state.objects, &asked, problem, &path);
                    return Ok(self.priced(state, plan));
                }
                continue;
            }
            let run = progression.get_or_insert_with(|| Progression::new(problem));
            pause = Stop::new(&stop, budget.memory);
            match run.run(&mut pause) {
                Progress::Found(path) => {
                    let plan = replay(&self.model, &state.objects, &asked, problem, &path);
                    return Ok(self.priced(state, plan));
                }
                Progress::Exhausted => {}
                Progress::Stopped => {
                    over = false;
                    full |= pause.is_full();
                }
            }
        }
        Err(Error::Stopped { limit: Limit::Stopped })
    }

    /// A plan of the ground search alone, if it finds one in time.
    fn ground(
        &self,
        state: &State,
        asked: &Asked<'_>,
        stop: &dyn Fn() -> bool,
        memory: usize,
    ) -> Option<Plan> {
        let mut pause = Stop::new(stop, memory / 2);
        let ground = build(&self.model, &state.objects, &state.store, asked, &mut pause).ok()?;
        let mut pause = Stop::new(stop, memory);
        match Progression::new(&ground).run(&mut pause) {
            Progress::Found(path) => {
                Some(replay(&self.model, &state.objects, asked, &ground, &path))
            }
            Progress::Exhausted | Progress::Stopped => None,
        }
    }
}

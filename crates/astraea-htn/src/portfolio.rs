//! Both searches in turn, on one thread, under one budget.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use crate::domain::CompiledDomain;
use crate::error::{Error, Limit};
use crate::ground::{Asked, Progress, Progression, Stop, build, replay};
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
}

impl fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { time, memory, .. } = self;
        f.debug_struct("Budget").field("time", time).field("memory", memory).finish()
    }
}

/// Until which part of the time the lifted search goes first, and the ground search after it.
const LIFTED: f64 = 0.12;
const GROUND: f64 = 0.75;

impl CompiledDomain {
    /// Looks for a plan with the lifted depth-first search and, where that does not come to an end soon, with a heuristic search on the ground
    /// problem: the right choice for hard problems, while [`plan`](Self::plan) is for small ones.
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
        let until = Cell::new(budget.time.mul_f64(LIFTED));
        let outside = options.stop;
        let stop = || outside.is_some_and(|s| s()) || (budget.elapsed)() >= until.get();
        let inner = Options { stop: Some(&stop), ..options.clone() };
        let request = Request::new(&self.model, &state.objects, tasks, &inner)?;
        let mut search =
            Search::new(&self.model, &state.objects, &state.store, &request, &inner, false);
        match search.run() {
            End::Found => return Ok(self.priced(state, search.plan())),
            End::Exhausted => return Err(self.no_plan(state, tasks, &search, &inner, &request)),
            End::Stopped(Limit::Stopped) => {}
            End::Stopped(limit) => return Err(Error::Stopped { limit }),
        }
        let free = request.rules.is_empty()
            && options.accept.is_none()
            && options.max_plan_length.is_none();
        if free {
            until.set(budget.time.mul_f64(GROUND));
            let asked =
                Asked { top: &request.top, goal: request.goal.as_ref(), ordered: request.ordered };
            if let Some(plan) = self.ground(state, &asked, &stop, budget.memory) {
                return Ok(self.priced(state, plan));
            }
        }
        until.set(budget.time);
        match search.run() {
            End::Found => Ok(self.priced(state, search.plan())),
            End::Exhausted => Err(self.no_plan(state, tasks, &search, &inner, &request)),
            End::Stopped(limit) => Err(Error::Stopped { limit }),
        }
    }

    fn ground(
        &self,
        state: &State,
        asked: &Asked<'_>,
        stop: &dyn Fn() -> bool,
        memory: usize,
    ) -> Option<Plan> {
        let mut stop = Stop::new(stop, memory / 2);
        let objects = &state.objects;
        let ground = build(&self.model, objects, &state.store, asked, &mut stop).ok()?;
        stop.memory = memory;
        match Progression::new(&ground).run(&mut stop) {
            Progress::Found(path) => Some(replay(&self.model, objects, asked, &ground, &path)),
            Progress::Exhausted | Progress::Stopped => None,
        }
    }
}

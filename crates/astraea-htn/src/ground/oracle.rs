//! A SAT solver as the oracle: where a model puts tasks that are not refined yet, the tree grows.

use std::cell::Cell;

use batsat::{Callbacks, ClauseKind, Lit, Solver, SolverInterface as _, SolverOpts, lbool};

use super::Stop;
use super::build::Ground;
use super::certain::Certain;
use super::layers::Layers;
use super::progress::Progress;

/// What the solver asks while it works.
struct Watch<'a> {
    stop: &'a dyn Fn() -> bool,
    ticks: Cell<u32>,
    /// Conflicts that it may still run into.
    conflicts: Cell<u64>,
    stopped: Cell<bool>,
}

impl Callbacks for Watch<'_> {
    fn on_new_clause(&mut self, _: &[Lit], kind: ClauseKind) {
        if kind == ClauseKind::Learnt {
            self.conflicts.set(self.conflicts.get().saturating_sub(1));
        }
    }

    fn stop(&self) -> bool {
        let ticks = self.ticks.get().wrapping_add(1);
        self.ticks.set(ticks);
        if ticks.is_multiple_of(1024) && (self.stop)() {
            self.stopped.set(true);
        }
        self.stopped.get() || self.conflicts.get() == 0
    }
}

/// Conflicts that a question for a complete plan may cost, to begin with.
const FIRST_CONFLICTS: u64 = 400;
/// Bytes for a literal of a clause, with its share of what the solver keeps.
const BYTES_LITERAL: usize = 14;

/// Looks for a plan with a SAT solver.
pub(crate) fn consult(ground: &Ground, stop: &mut Stop<'_>, memory: usize) -> Progress {
    let Some(certain) = Certain::new(ground) else { return Progress::Stopped };
    let watch = Watch {
        stop: stop.ask,
        ticks: Cell::new(0),
        conflicts: Cell::new(u64::MAX),
        stopped: Cell::new(false),
    };
    let solver = Solver::new(SolverOpts::default(), watch);
    let mut layers = Layers::new(ground, &certain, solver);
    let mut allowed = FIRST_CONFLICTS;
    let mut todo = vec![0];
    loop {
        let mut next = 0;
        let mut leaves = Vec::with_capacity(layers.leaves.len() * 2);
        for leaf in std::mem::take(&mut layers.leaves) {
            if todo.get(next) != Some(&leaf) {
                leaves.push(leaf);
                continue;
            }
            next += 1;
            layers.refine(leaf);
            let children = &layers.places[leaf as usize].children;
            leaves
                .extend(children.iter().filter(|c| !layers.places[**c as usize].tasks.is_empty()));
            if stop.soon() || layers.size * BYTES_LITERAL + layers.words * 4 > memory {
                return Progress::Stopped;
            }
        }
        layers.leaves = leaves;
        // Anything at all, with tasks that are not refined yet taken as they are.
        let mut answer = layers.ask(&[], u64::MAX);
        if answer == lbool::FALSE {
            return Progress::Exhausted;
        }
        if answer != lbool::TRUE {
            return Progress::Stopped;
        }
        todo = layers.unrefined();
        if todo.is_empty() {
            return Progress::Found(layers.path());
        }
        let closed: Vec<Lit> =
            layers.leaves.iter().filter_map(|l| layers.places[*l as usize].closed).collect();
        answer = layers.ask(&closed, allowed);
        if answer == lbool::TRUE {
            return Progress::Found(layers.path());
        }
        allowed += allowed / 4;
    }
}

impl Layers<'_, Solver<Watch<'_>>> {
    fn ask(&mut self, assume: &[Lit], conflicts: u64) -> lbool {
        self.solver.cb_mut().conflicts.set(conflicts);
        self.solver.solve_limited(assume)
    }

    fn is_true(&self, lit: Lit) -> bool {
        self.solver.value_lit(lit) == lbool::TRUE
    }

    /// The leaves where the model has a compound task.
    fn unrefined(&self) -> Vec<u32> {
        let open = |leaf: &&u32| {
            self.places[**leaf as usize]
                .tasks
                .iter()
                .any(|(t, lit)| !self.ground.tasks[*t as usize].action && self.is_true(*lit))
        };
        self.leaves.iter().filter(open).copied().collect()
    }

    /// The decisions of the model, in the order in which they are taken.
    fn path(&self) -> Vec<Option<u32>> {
        let mut path = Vec::new();
        let mut stack = vec![0u32];
        while let Some(place) = stack.pop() {
            let place = &self.places[place as usize];
            if place.children.is_empty() {
                if place.tasks.iter().any(|(_, lit)| self.is_true(*lit)) {
                    path.push(None);
                }
                continue;
            }
            if let Some((m, _)) = place.methods.iter().find(|(_, lit)| self.is_true(*lit)) {
                path.push(Some(*m));
            }
            stack.extend(place.children.iter().rev());
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::{Asked, build, replay};
    use crate::search::Request;
    use crate::{CompiledDomain, Network, Options, Plan};

    /// Rooms in a row, some locked; a walk is as long as it has to be.
    const WALK: &str = "(define (domain walk) (:types room)
        (:predicates (at ?r - room) (door ?a ?b - room) (shut ?r - room))
        (:task go :parameters (?r - room))
        (:method there :parameters (?r - room) :task (go ?r) :precondition (at ?r) :ordered-subtasks ())
        (:method on :parameters (?r ?a ?b - room) :task (go ?r) :precondition (and (at ?a) (door ?a ?b))
          :ordered-subtasks (and (move ?a ?b) (go ?r)))
        (:action move :parameters (?a ?b - room) :precondition (and (at ?a) (not (shut ?b)))
          :effect (and (not (at ?a)) (at ?b) (shut ?a))))";

    fn ask(doors: &[&str], tasks: &[&str]) -> Result<Plan, Progress> {
        let domain = CompiledDomain::from_hddl(WALK).unwrap();
        let mut state = domain.state();
        for room in ["a", "b", "c", "d", "e"] {
            state.add_object(room, "room").unwrap();
        }
        for fact in ["at a"].iter().chain(doors) {
            state.add(*fact).unwrap();
        }
        let options = Options::default();
        let tasks = Network::ordered(tasks.iter().copied());
        let request = Request::new(&domain.model, &state.objects, &tasks, &options).unwrap();
        let asked = Asked { top: &request.top, goal: None, ordered: request.ordered };
        let never = || false;
        let mut stop = Stop::new(&never, 1 << 26);
        let ground = build(&domain.model, &state.objects, &state.store, &asked, &mut stop).unwrap();
        match consult(&ground, &mut stop, 1 << 26) {
            Progress::Found(path) => {
                let plan = replay(&domain.model, &state.objects, &asked, &ground, &path);
                domain.verify(&state, &tasks, &plan).unwrap();
                Ok(plan)
            }
            other => Err(other),
        }
    }

    #[test]
    fn a_model_is_a_plan() {
        let doors = ["door a b", "door a c", "door c d", "door d e", "door b a"];
        assert_eq!(ask(&doors, &["go e"]).unwrap().steps.len(), 3);
        assert_eq!(ask(&doors, &["go a"]).unwrap().steps.len(), 0);
    }

    #[test]
    fn what_cannot_be_is_refuted_although_the_methods_recur() {
        // Rooms are shut behind the walker; `e` can only be reached from the one where the walk begins.
        let doors = ["door a b", "door b c", "door b a", "door c a", "door a e"];
        assert_eq!(ask(&doors, &["go b", "go e"]).unwrap_err(), Progress::Exhausted);
    }
}

//! A small domain with a choice that has to be taken back, and the vocabulary of the tests.

use astraea_htn::{CompiledDomain, Error, Network, Options, Plan, State};

/// Nine steps, three levels, one wrong turn: the first door is locked behind the room.
pub(crate) const ROUNDS: &str = r"
(define (domain rounds)
  (:requirements :typing :hierarchy :negative-preconditions :equality :method-preconditions)
  (:types room robot)
  (:predicates (at ?r - robot ?p - room) (door ?a ?b - room) (dirty ?p - room) (dead_end ?p - room) (done ?p - room))
  (:task tour :parameters (?r - robot))
  (:task visit :parameters (?r - robot ?p - room))
  (:task clean :parameters (?r - robot ?p - room))
  (:method tour_all :parameters (?r - robot ?a ?b ?c - room)
    :task (tour ?r)
    :precondition (and (dirty ?a) (dirty ?b) (dirty ?c) (not (= ?a ?b)) (not (= ?b ?c)) (not (= ?a ?c)))
    :ordered-subtasks (and (clean ?r ?a) (clean ?r ?b) (clean ?r ?c)))
  (:method clean_room :parameters (?r - robot ?p - room)
    :task (clean ?r ?p)
    :ordered-subtasks (and (visit ?r ?p) (sweep ?r ?p) (report ?r ?p)))
  (:method step :parameters (?r - robot ?from ?to - room)
    :task (visit ?r ?to) :cost 0.2
    :precondition (and (at ?r ?from) (door ?from ?to))
    :ordered-subtasks (and (move ?r ?from ?to)))
  (:action move :parameters (?r - robot ?a ?b - room)
    :precondition (and (at ?r ?a) (door ?a ?b))
    :effect (and (not (at ?r ?a)) (at ?r ?b)))
  (:action sweep :parameters (?r - robot ?p - room)
    :precondition (and (at ?r ?p) (dirty ?p)) :effect (not (dirty ?p)))
  (:action report :parameters (?r - robot ?p - room)
    :precondition (not (dirty ?p)) :effect (done ?p)))
";

pub(crate) fn rounds() -> (CompiledDomain, State, Network) {
    let domain = compile(ROUNDS);
    let mut state = domain.state();
    for (name, ty) in
        [("rob", "robot"), ("hall", "room"), ("a", "room"), ("b", "room"), ("c", "room")]
    {
        state.add_object(name, ty).unwrap();
    }
    // The order a, b, c is impossible: from b there is no way to c.
    for fact in [
        "at rob hall",
        "dirty a",
        "dirty b",
        "dirty c",
        "door hall a",
        "door a b",
        "door a c",
        "door c b",
    ] {
        state.add(fact).unwrap();
    }
    (domain, state, Network::task("tour rob"))
}

pub(crate) fn compile(text: &str) -> CompiledDomain {
    match CompiledDomain::from_hddl(text) {
        Ok(domain) => domain,
        Err(error) => panic!("{error}"),
    }
}

/// The steps of a plan, or what the error says.
pub(crate) fn steps(result: &Result<Plan, Error>) -> String {
    match result {
        Ok(plan) => {
            let steps: Vec<String> = plan.steps.iter().map(|s| s.atom().to_string()).collect();
            steps.join(" ")
        }
        Err(error) => error.to_string(),
    }
}

/// Plans a single task, checks the plan, and gives its steps.
pub(crate) fn check(domain: &CompiledDomain, state: &State, task: &str) -> String {
    let tasks = Network::task(task);
    let result = domain.plan(state, &tasks, &Options::default());
    if let Ok(plan) = &result {
        domain.verify(state, &tasks, plan).unwrap();
    }
    steps(&result)
}

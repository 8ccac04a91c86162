//! A small domain with a choice that has to be taken back, and the vocabulary of the tests.

use astraea_htn::{CompiledDomain, Error, Network, Options, Plan, State};

/// Nine steps, three levels, one wrong turn: from the second room there is no way on.
pub(crate) const ROUNDS: &str = include_str!("../../benches/rounds.hddl");

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

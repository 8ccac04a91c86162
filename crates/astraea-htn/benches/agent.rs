//! A nine-step plan with one wrong turn, in process: `cargo bench -p astraea-htn`.

use astraea_htn::{CompiledDomain, Network, Options};
use criterion::{Criterion, criterion_group, criterion_main};

const DOMAIN: &str = include_str!("rounds.hddl");

fn bench(c: &mut Criterion) {
    let domain = CompiledDomain::from_hddl(DOMAIN).expect("the domain is right");
    let mut state = domain.state();
    let objects = [("rob", "robot"), ("hall", "room"), ("a", "room"), ("b", "room"), ("c", "room")];
    for (name, ty) in objects {
        state.add_object(name, ty).expect("a declared type");
    }
    let facts = ["at rob hall", "dirty a", "dirty b", "dirty c"];
    let doors = ["door hall a", "door a b", "door a c", "door c b"];
    for fact in facts.iter().chain(&doors) {
        state.add(*fact).expect("a declared fact");
    }
    let tasks = Network::task("tour rob");
    let options = Options::default();
    c.bench_function("nine steps, one backtrack", |b| {
        b.iter(|| domain.plan(&state, &tasks, &options).expect("there is a plan"));
    });
    let mut full = state.clone();
    for i in 0..40 {
        let room = format!("r{i}");
        full.add_object(&room, "room").expect("a declared type");
        full.add(format!("dead_end {room}")).expect("a declared fact");
    }
    c.bench_function("the same with 40 more facts", |b| {
        b.iter(|| domain.plan(&full, &tasks, &options).expect("there is a plan"));
    });
    c.bench_function("compile the domain", |b| {
        b.iter(|| CompiledDomain::from_hddl(DOMAIN).expect("the domain is right"));
    });
    let plan = domain.plan(&state, &tasks, &options).expect("there is a plan");
    c.bench_function("verify", |b| b.iter(|| domain.verify(&state, &tasks, &plan)));
}

criterion_group!(benches, bench);
criterion_main!(benches);

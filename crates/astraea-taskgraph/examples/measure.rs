//! Measures a graph of 100 000 tasks: `cargo run --release --example measure`.

use std::time::Instant;

use astraea_taskgraph::{GraphError, GraphOptions, Task, TaskGraph, TaskId};

fn main() -> Result<(), GraphError> {
    const TASKS: usize = 100_000;
    println!("{:<22} {:>10} {:>10} {:>10}", "µs a task", "build", "run", "json");
    measure("wide", (0..TASKS).map(|n| (task(n), vec![])).collect(), 64)?;
    measure("chain", (0..TASKS).map(|n| (task(n), before(n, 1))).collect(), 64)?;
    measure("layered 1000x100", layered(TASKS), 64)?;
    let writes = |n: usize| task(n).with_writes([format!("src/{n}.rs")]);
    measure("wide, a file each", (0..TASKS).map(|n| (writes(n), vec![])).collect(), 64)?;
    let same = |n: usize| task(n).with_writes(["**"]);
    measure("wide, one lock", (0..TASKS).map(|n| (same(n), vec![])).collect(), 64)?;
    Ok(())
}

fn task(n: usize) -> Task {
    Task::new(format!("t{n:06}"), "work")
}

fn before(n: usize, by: usize) -> Vec<TaskId> {
    n.checked_sub(by).map(|m| TaskId::new(format!("t{m:06}"))).into_iter().collect()
}

fn layered(tasks: usize) -> Vec<(Task, Vec<TaskId>)> {
    let id = |n: usize| TaskId::new(format!("t{n:06}"));
    (0..tasks)
        .map(|n| {
            let (layer, at) = (n / 100, n % 100);
            let on = |k: usize| id((layer - 1) * 100 + (at + k) % 100);
            (task(n), if layer == 0 { vec![] } else { (0..3).map(on).collect() })
        })
        .collect()
}

fn measure(name: &str, tasks: Vec<(Task, Vec<TaskId>)>, parallel: usize) -> Result<(), GraphError> {
    let count = tasks.len() as f64;
    let each = |start: Instant| start.elapsed().as_secs_f64() * 1e6 / count;

    let start = Instant::now();
    let mut graph = TaskGraph::new(GraphOptions::default().with_max_parallel(parallel))?;
    graph.extend(tasks)?;
    let build = each(start);

    let start = Instant::now();
    let mut running = std::collections::VecDeque::new();
    loop {
        while let Some(id) = graph.next_startable() {
            graph.start(&id, 0)?;
            running.push_back(id);
        }
        let Some(id) = running.pop_front() else { break };
        graph.succeed(&id, 1)?;
    }
    let run = each(start);
    assert!(graph.is_success());

    let start = Instant::now();
    let json = graph.to_json();
    let json_us = each(start);
    drop(json);
    println!("{name:<22} {build:>10.2} {run:>10.2} {json_us:>10.2}");
    Ok(())
}

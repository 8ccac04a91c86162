//! What the engine adds to a task, beside a bare `JoinSet` with a barrier a level, in one run of one process:
//! `cargo run --release --example overhead [journal.db]`.

use std::{sync::Arc, time::Instant};

use astraea_engine::{
    Engine, EngineOptions, Executor, ExecutorError, Journal, JournalOptions, MemoryJournal,
    NullJournal, Outcome, Output, Registry, RunRequest, RunStatus, SqliteJournal, SystemClock,
    TaskContext,
    taskgraph::{GraphOptions, Task, TaskGraph, TaskId},
};
use tokio::task::JoinSet;

#[derive(Debug)]
struct Nothing;

#[async_trait::async_trait]
impl Executor for Nothing {
    async fn execute(&self, _cx: &TaskContext) -> Result<Outcome, ExecutorError> {
        Ok(Outcome::Succeeded(Output::default()))
    }
}

type Error = Box<dyn std::error::Error>;

/// Levels of tasks, and how many of the level before each depends on.
struct Shape {
    name: &'static str,
    levels: usize,
    width: usize,
    needs: usize,
}

impl Shape {
    fn tasks(&self) -> usize {
        self.levels * self.width
    }

    fn graph(&self) -> Result<TaskGraph, Error> {
        let id = |level: usize, at: usize| format!("t{level:05}-{:06}", at % self.width);
        let mut tasks: Vec<(Task, Vec<TaskId>)> = Vec::with_capacity(self.tasks());
        for level in 0..self.levels {
            for at in 0..self.width {
                let needs = if level == 0 { 0 } else { self.needs };
                let on = (0..needs).map(|k| TaskId::new(id(level - 1, at + k))).collect();
                tasks.push((Task::new(id(level, at), "nothing"), on));
            }
        }
        let mut graph = TaskGraph::new(GraphOptions::default().with_max_parallel(64))?;
        graph.extend(tasks)?;
        Ok(graph)
    }
}

/// Wall and CPU time a task, in µs.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
}

struct Watch {
    wall: Instant,
    cpu: f64,
}

impl Watch {
    fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu_us() }
    }

    fn stop(&self, shape: &Shape) -> Cost {
        let tasks = shape.tasks() as f64;
        let wall = self.wall.elapsed().as_secs_f64() * 1e6 / tasks;
        Cost { wall, cpu: (cpu_us() - self.cpu) / tasks }
    }
}

fn cpu_us() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.tv_sec as f64 * 1e6 + now.tv_nsec as f64 / 1e3
}

async fn bare(shape: &Shape) -> Cost {
    let watch = Watch::start();
    for _ in 0..shape.levels {
        let mut set = JoinSet::new();
        for _ in 0..shape.width {
            set.spawn(async {});
        }
        while set.join_next().await.is_some() {}
    }
    watch.stop(shape)
}

async fn engine(shape: &Shape, journal: Arc<dyn Journal>) -> Result<Cost, Error> {
    let graph = shape.graph()?;
    let registry = Registry::new().with("nothing", Arc::new(Nothing));
    let options = EngineOptions::default().with_max_concurrent(64);
    let engine = Engine::new(options, registry, journal, Arc::new(SystemClock));
    let watch = Watch::start();
    let result = engine.run(RunRequest::new("run", shape.name, graph)).await?;
    let elapsed = watch.stop(shape);
    assert_eq!(result.status, RunStatus::Succeeded);
    Ok(elapsed)
}

fn median(costs: &[Cost]) -> String {
    let middle = |of: fn(&Cost) -> f64| {
        let mut values: Vec<f64> = costs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    format!("{:.2} [{:.2}]", middle(|cost| cost.wall), middle(|cost| cost.cpu))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let path = std::env::args().nth(1);
    println!("µs a task, wall [CPU], median of three; 64 in flight");
    println!("{:<18} {:>16} {:>16} {:>16} {:>16}", "", "JoinSet", "null", "memory", "sqlite");
    for shape in [
        Shape { name: "wide 100k", levels: 1, width: 100_000, needs: 0 },
        Shape { name: "chain 10k", levels: 10_000, width: 1, needs: 1 },
        Shape { name: "layered 1000x100", levels: 1000, width: 100, needs: 3 },
    ] {
        let (mut raw, mut null, mut memory) = (vec![], vec![], vec![]);
        for _ in 0..3 {
            raw.push(bare(&shape).await);
            null.push(engine(&shape, Arc::new(NullJournal::default())).await?);
            memory.push(engine(&shape, Arc::new(MemoryJournal::new())).await?);
        }
        // One sync a commit decides here, so once is enough, and not for the chain of 10 000 syncs.
        let sqlite = match &path {
            Some(path) if shape.width > 1 => {
                let journal = SqliteJournal::open(path, JournalOptions::default(), vec![])?;
                median(&[engine(&shape, Arc::new(journal)).await?])
            }
            _ => "-".to_owned(),
        };
        println!(
            "{:<18} {:>16} {:>16} {:>16} {:>16}",
            shape.name,
            median(&raw),
            median(&null),
            median(&memory),
            sqlite
        );
    }
    Ok(())
}

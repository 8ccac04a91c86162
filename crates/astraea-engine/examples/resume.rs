//! A run that is called off in the middle, and gone on with by another engine on the same journal:
//! `cargo run --example resume -- some.db`.

use std::{sync::Arc, time::Duration};

use astraea_engine::{
    CancellationToken, Engine, EngineOptions, Executor, ExecutorError, JournalOptions, Outcome,
    Output, Registry, ResumeRequest, RunRequest, SqliteJournal, SystemClock, TaskContext,
    taskgraph::{GraphOptions, Task, TaskGraph},
};

#[derive(Debug)]
struct Slow;

#[async_trait::async_trait]
impl Executor for Slow {
    async fn execute(&self, cx: &TaskContext) -> Result<Outcome, ExecutorError> {
        println!("  {} runs, attempt {}", cx.task.id, cx.attempt);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(50)) => {
                Ok(Outcome::Succeeded(Output::default()))
            }
            () = cx.cancel.cancelled() => Err(ExecutorError::transient("told to stop")),
        }
    }
}

fn engine(path: &str) -> Result<Engine, Box<dyn std::error::Error>> {
    let journal = SqliteJournal::open(path, JournalOptions::default(), vec![])?;
    let registry = Registry::new().with("slow", Arc::new(Slow));
    Ok(Engine::new(EngineOptions::default(), registry, Arc::new(journal), Arc::new(SystemClock)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(path) = std::env::args().nth(1) else {
        println!("say where the journal shall be: cargo run --example resume -- some.db");
        return Ok(());
    };
    let mut graph = TaskGraph::new(GraphOptions::default())?;
    let mut last: Vec<String> = Vec::new();
    for n in 1..=5 {
        let id = format!("step {n}");
        graph.add_task(Task::new(id.clone(), "slow"), last)?;
        last = vec![id];
    }
    let run = format!("run of process {}", std::process::id());

    println!("first engine:");
    let cancel = CancellationToken::new();
    let request = RunRequest::new(run.clone(), "main", graph).with_cancel(cancel.clone());
    let first = engine(&path)?;
    let (result, ()) = tokio::join!(first.run(request), async {
        tokio::time::sleep(Duration::from_millis(120)).await;
        cancel.cancel();
    });
    print!("{}", result?.graph.to_ascii());
    drop(first);

    println!("second engine:");
    let result = engine(&path)?.resume(ResumeRequest::new(run, "main")).await?;
    print!("{}", result.graph.to_ascii());
    Ok(())
}

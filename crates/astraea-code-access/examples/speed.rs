//! Times the steps of a goal on a repository: `cargo run --release --example speed -- [FILES]` makes one with so many files.

use std::sync::Arc;
use std::time::Instant;

use astraea_code_access::{Base, Delivery, EditSet, OpenOptions, RepoPath, Repository, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(60), |n| n.parse())?;
    let dir = tempfile::tempdir()?;
    let project = dir.path().join("project");
    let mut files = Vec::new();
    for n in 0..count {
        let path = RepoPath::new(format!("src/d{}/f{n}.py", n / 50))?;
        files.push((path, format!("value = {n}\n").repeat(50).into_bytes()));
    }
    fs::create_repository(&project, &files, "Start")?;
    let mut last = Instant::now();
    let mut lap = |what: &str| {
        println!("{what:28} {:8.2} ms", last.elapsed().as_secs_f64() * 1e3);
        last = Instant::now();
    };
    let options = || OpenOptions::new(dir.path().join("state"));
    drop(Repository::open(&project, options())?);
    lap("open, first time");
    let repo = Arc::new(Repository::open(&project, options())?);
    lap("open");
    repo.snapshot(Base::Worktree)?;
    lap("snapshot, first");
    let snapshot = repo.snapshot(Base::Worktree)?;
    lap("snapshot");
    repo.state().write_atomic("speed", b"x")?;
    lap("a record (two fsync)");
    let none = EditSet::new();
    let mut builder = repo.edit(&snapshot, &none);
    builder.write(&files[0].0, b"value = 1\n")?;
    let edits = builder.finish()?;
    lap("edit of one file, synced");
    let copy = repo.materialise(&snapshot, &edits)?;
    lap("copy, first");
    drop(copy);
    lap("copy, dropped");
    let copy = repo.materialise(&snapshot, &none)?;
    lap("copy, reused");
    copy.collect(repo.policy())?;
    lap("collect");
    let branch = "astra/goal-00000000-000000";
    let delivery = Delivery {
        snapshot: &snapshot,
        edits: &edits,
        branch,
        message: "Change\n",
        author: None,
        time: 1_750_000_000,
    };
    repo.deliver(&delivery)?;
    lap("deliver, synced");
    repo.apply(branch, 1_750_000_000)?;
    lap("apply, synced");
    repo.undo()?;
    lap("undo, synced");
    Ok(())
}

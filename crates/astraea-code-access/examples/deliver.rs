//! Makes a small repository, changes a file, delivers the change as a branch, applies it and takes it back.

use std::sync::Arc;

use astraea_code_access::{Base, Delivery, EditSet, OpenOptions, RepoPath, Repository, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let project = dir.path().join("project");
    let path = RepoPath::new("hello.txt")?;
    fs::create_repository(&project, &[(path.clone(), b"hello\n".to_vec())], "Start")?;

    let repo = Arc::new(Repository::open(&project, OpenOptions::new(dir.path().join("state")))?);
    let snapshot = repo.snapshot(Base::Worktree)?;
    let none = EditSet::new();
    let mut builder = repo.edit(&snapshot, &none);
    builder.write(&path, b"hello, world\n")?;
    let edits = builder.finish()?;
    print!("{}", repo.diff(&snapshot, &edits)?);

    let before = fs::hash_tree(&project)?;
    let delivered = repo.deliver(&Delivery {
        snapshot: &snapshot,
        edits: &edits,
        branch: "astra/goal-00000000-000000",
        message: "Greet everybody\n",
        author: None,
        time: 1_750_000_000,
    })?;
    println!("delivered {} as {}", delivered.commit, delivered.branch);
    println!("checkout untouched: {}", fs::hash_tree(&project)? == before);
    repo.apply(&delivered.branch, 1_750_000_000)?;
    println!("applied");
    repo.undo()?;
    println!("taken back, byte for byte: {}", fs::hash_tree(&project)? == before);
    Ok(())
}

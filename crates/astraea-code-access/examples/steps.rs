//! One step of a delivery a process, for those who want to kill it or let its disk fail: `steps make|edit|deliver|apply|undo|look DIR`.
//!
//! `cargo xtask faults` does both, at every system call.

use std::path::Path;
use std::sync::Arc;

use astraea_code_access::{
    Base, Delivery, EditSet, OpenOptions, RepoPath, Repository, Snapshot, fs,
};

const BRANCH: &str = "astra/goal-00000000-000000";

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let (Some(step), Some(dir)) = (args.next(), args.next()) else {
        return Err("usage: steps make|edit|deliver|apply|undo|look DIR".into());
    };
    let dir = Path::new(&dir);
    let project = dir.join("project");
    if step == "make" {
        let files = (0..8).map(|n| {
            let path = RepoPath::new(format!("d{}/f{n}", n % 3))?;
            Ok((path, format!("before {n}\n").repeat(200).into_bytes()))
        });
        let files = files.collect::<Result<Vec<_>, Failure>>()?;
        fs::create_repository(&project, &files, "Start")?;
        return Ok(());
    }
    let repo = Arc::new(Repository::open(&project, OpenOptions::new(dir.join("state")))?);
    match step.as_str() {
        "edit" => {
            let (snapshot, edits) = edit(&repo)?;
            let copy = repo.materialise(&snapshot, &edits)?;
            let collected = copy.collect(repo.policy())?;
            if !collected.edits.is_empty() {
                return Err("an untouched copy shows edits".into());
            }
        }
        "deliver" => {
            let (snapshot, edits) = edit(&repo)?;
            repo.deliver(&Delivery {
                snapshot: &snapshot,
                edits: &edits,
                branch: BRANCH,
                message: "Change eight files\n",
                author: None,
                time: 1_750_000_000,
            })?;
        }
        "apply" => drop(repo.apply(BRANCH, 1_750_000_100)?),
        "undo" => drop(repo.undo()?),
        "look" => {}
        other => return Err(format!("there is no step `{other}`").into()),
    }
    Ok(())
}

/// Six files changed, one removed, one new in a new directory, one made executable by being written anew.
fn edit(repo: &Repository) -> Result<(Snapshot, EditSet), Failure> {
    let snapshot = repo.snapshot(Base::Worktree)?;
    let none = EditSet::new();
    let mut builder = repo.edit(&snapshot, &none);
    for n in 0..7 {
        let path = RepoPath::new(format!("d{}/f{n}", n % 3))?;
        builder.replace_text(&path, &format!("before {n}\n").repeat(200), "after\n")?;
    }
    builder.delete(&RepoPath::new("d1/f7")?)?;
    builder.write(&RepoPath::new("new/dir/file")?, b"new\n")?;
    let edits = builder.finish()?;
    Ok((snapshot, edits))
}

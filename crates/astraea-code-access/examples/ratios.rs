//! What the door, the copies and the commits cost beside the plain way, as ratios within one run.
//!
//! `cargo xtask bench access` runs it: `ratios [ROUNDS]`.

#![expect(
    clippy::disallowed_methods,
    reason = "measures against the ways that are forbidden elsewhere"
)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use astraea_code_access::{Base, Delivery, Door, EditSet, OpenOptions, RepoPath, Repository, fs};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(5), |n| n.parse())?;
    let dir = tempfile::tempdir()?;
    files(&dir.path().join("files"), rounds)?;
    repository(dir.path(), rounds)
}

/// The middle of some times.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn timed<T>(
    times: &mut Vec<Duration>,
    work: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let began = Instant::now();
    let done = work()?;
    times.push(began.elapsed());
    Ok(done)
}

fn say(what: &str, ours: Duration, theirs: Duration, most: f64) {
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64().max(1e-9);
    let word = if ratio <= most { "held" } else { "MISSED" };
    println!("{what:44} {ours:>10.2?} / {theirs:>10.2?} = {ratio:5.2}  (at most {most}: {word})");
}

/// Ten thousand files of two kilobytes, read and written.
fn files(root: &Path, rounds: usize) -> Result<(), Failure> {
    let names: Vec<String> = (0..10_000).map(|n| format!("d{}/f{n}.txt", n / 100)).collect();
    let paths = names.iter().map(RepoPath::new).collect::<Result<Vec<_>, _>>()?;
    let text = vec![b'x'; 2048];
    for n in 0..100 {
        std::fs::create_dir_all(root.join(format!("d{n}")))?;
    }
    let door = Door::open(root)?;
    let [mut plain_write, mut plain_safe, mut door_write, mut plain_read, mut door_read] =
        [const { Vec::new() }; 5];
    for name in &names {
        std::fs::write(root.join(name), &text)?;
    }
    for _ in 0..rounds {
        timed(&mut plain_write, || {
            for name in &names {
                std::fs::write(root.join(name), &text)?;
            }
            Ok(())
        })?;
        timed(&mut plain_safe, || {
            for name in &names {
                let (file, temp) = (root.join(name), root.join(format!("{name}.new")));
                std::fs::write(&temp, &text)?;
                std::fs::rename(&temp, &file)?;
            }
            Ok(())
        })?;
        timed(&mut door_write, || {
            for path in &paths {
                door.write(path, &text, false)?;
            }
            Ok(())
        })?;
        timed(&mut plain_read, || {
            for name in &names {
                std::hint::black_box(std::fs::read(root.join(name))?);
            }
            Ok(())
        })?;
        timed(&mut door_read, || {
            for path in &paths {
                std::hint::black_box(door.read(path, 1 << 20)?);
            }
            Ok(())
        })?;
    }
    let (safe, door_write) = (median(plain_safe), median(door_write));
    say("read 10 000 files / std::fs::read", median(door_read), median(plain_read), 1.3);
    say("replace 10 000 files / std::fs write, rename", door_write, safe, 1.3);
    say("replace 10 000 files / std::fs::write in place", door_write, median(plain_write), 1.3);
    Ok(())
}

/// Twenty thousand files in a repository: a copy to work in, and a commit.
fn repository(dir: &Path, rounds: usize) -> Result<(), Failure> {
    let project = dir.join("project");
    let mut files = Vec::new();
    for n in 0..20_000 {
        let path = RepoPath::new(format!("src/d{}/f{n}.py", n / 50))?;
        files.push((path, format!("value = {n}\n").repeat(50).into_bytes()));
    }
    fs::create_repository(&project, &files, "Start")?;
    let git = |args: &[&str]| -> Result<(), Failure> {
        let done = Command::new("git").arg("-C").arg(&project).args(args).output()?;
        if done.status.success() { Ok(()) } else { Err(format!("git {args:?} failed").into()) }
    };
    let [mut worktree, mut first, mut again, mut commit, mut sync] = [const { Vec::new() }; 5];
    git(&["repack", "-adq"])?;
    for round in 0..rounds {
        let place = dir.join(format!("worktree{round}"));
        let place = place.to_str().ok_or("a path that is no text")?;
        timed(&mut worktree, || git(&["worktree", "add", "-q", "--detach", place]))?;
        git(&["worktree", "remove", "--force", place])?;
        let options = OpenOptions::new(dir.join(format!("state{round}")));
        let repo = Arc::new(Repository::open(&project, options)?);
        let snapshot = repo.snapshot(Base::Worktree)?;
        let none = EditSet::new();
        let mut builder = repo.edit(&snapshot, &none);
        for (path, _) in files.iter().step_by(2_000) {
            builder.write(path, format!("value = {round}\n").as_bytes())?;
        }
        let edits = builder.finish()?;
        drop(timed(&mut first, || Ok(repo.materialise(&snapshot, &none)?))?);
        drop(timed(&mut again, || Ok(repo.materialise(&snapshot, &edits)?))?);
        timed(&mut sync, || {
            let file = std::fs::File::create(dir.join("synced"))?;
            std::io::Write::write_all(&mut &file, b"x")?;
            Ok(file.sync_all()?)
        })?;
        timed(&mut commit, || {
            Ok(repo.deliver(&Delivery {
                snapshot: &snapshot,
                edits: &edits,
                branch: &format!("astra/goal-00000000-{round:06}"),
                message: "Change\n",
                author: None,
                time: 1_750_000_000,
            })?)
        })?;
    }
    let worktree = median(worktree);
    say("copy of 20 000 files / git worktree add", median(first), worktree, 1.5);
    say("copy taken again / git worktree add", median(again), worktree, 0.1);
    say("commit of 10 files, synced / one fsync", median(commit), median(sync), 3.0);
    Ok(())
}

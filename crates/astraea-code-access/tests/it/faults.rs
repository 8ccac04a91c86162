//! All or nothing: the process killed, or the disk failing, at every step that changes the user's files.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use astraea_code_access::{Base, EditSet, FaultHook, OpenOptions, Repository};

use crate::world::{BRANCH, World, deliver, path};

const FILES: usize = 4;

fn prepared() -> World {
    let names: Vec<String> = (0..FILES).map(|n| format!("d{}/f{n}", n % 2)).collect();
    // Made without the git program: there are many of these.
    let files: Vec<_> = names.iter().map(|name| (path(name), b"before\n".to_vec())).collect();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().join("project");
    astraea_code_access::fs::create_repository(&root, &files, "first").unwrap();
    let world = World { dir, root };
    let repo = world.open();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    let none = EditSet::new();
    let mut builder = repo.edit(&snapshot, &none);
    for name in &names[..FILES - 1] {
        builder.write(&path(name), b"after\n").unwrap();
    }
    builder.delete(&path(&names[FILES - 1])).unwrap();
    builder.write(&path("new/file"), b"new\n").unwrap();
    let edits = builder.finish().unwrap();
    deliver(&repo, &snapshot, &edits);
    world
}

/// Without what a power of recovery may leave different: times inside the index are git's own affair.
fn visible(world: &World) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut all = world.hash();
    all.remove(b".git/index".as_slice());
    all.insert(b"<status>".to_vec(), world.git(&["status", "--porcelain"]).into_bytes());
    all.insert(b"<staged>".to_vec(), world.git(&["ls-files", "-s"]).into_bytes());
    all
}

fn hooked(
    world: &World,
    hook: impl Fn(usize) -> io::Result<()> + Send + Sync + 'static,
) -> OpenOptions {
    let count = AtomicUsize::new(0);
    let mut options = world.options();
    options.fault = Some(FaultHook::new(move |_| hook(count.fetch_add(1, Ordering::SeqCst))));
    options
}

#[derive(Clone, Copy)]
enum Act {
    Apply,
    Undo,
}

fn act(repo: &Repository, what: Act) -> bool {
    match what {
        Act::Apply => repo.apply(BRANCH, 0).is_ok(),
        Act::Undo => repo.undo().is_ok(),
    }
}

fn steps(what: Act) -> usize {
    let world = prepared();
    if matches!(what, Act::Undo) {
        world.open().apply(BRANCH, 0).unwrap();
    }
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let mut options = world.options();
    options.fault = Some(FaultHook::new(move |_| {
        seen.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }));
    assert!(act(&Repository::open(&world.root, options).unwrap(), what));
    count.load(Ordering::SeqCst)
}

fn failing(what: Act) {
    let before_world = prepared();
    if matches!(what, Act::Undo) {
        before_world.open().apply(BRANCH, 0).unwrap();
    }
    let total = steps(what);
    for at in 0..total {
        let world = prepared();
        if matches!(what, Act::Undo) {
            world.open().apply(BRANCH, 0).unwrap();
        }
        let before = visible(&world);
        let errno = if at % 2 == 0 { 28 } else { 5 }; // ENOSPC, EIO
        let options =
            hooked(
                &world,
                move |n| if n >= at { Err(io::Error::from_raw_os_error(errno)) } else { Ok(()) },
            );
        let done = act(&Repository::open(&world.root, options).unwrap(), what);
        if done {
            drop(world.open());
            assert_ne!(visible(&world), before, "step {at}");
        } else {
            assert_eq!(visible(&world), before, "step {at}");
        }
        clean(&world, at);
        let repo = world.open();
        if !done {
            assert!(act(&repo, what), "step {at}: it can be done afterwards");
        }
    }
}

fn clean(world: &World, at: usize) {
    let left: Vec<String> = world
        .hash()
        .keys()
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .filter(|name| name.contains(".astra-") || name.ends_with(".lock"))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "step {at}");
}

#[test]
fn p3_case_31_33_a_failing_disk_at_each_step_of_apply() {
    failing(Act::Apply);
}

#[test]
fn p3_case_33_a_failing_disk_at_each_step_of_undo() {
    failing(Act::Undo);
}

/// Run in a process of its own by the test below; without its environment it does nothing.
#[test]
fn child() {
    let Some(root) = std::env::var_os("ASTRA_FAULT_ROOT") else { return };
    let at: usize = std::env::var("ASTRA_FAULT_AT").unwrap().parse().unwrap();
    let undo = std::env::var_os("ASTRA_FAULT_UNDO").is_some();
    let root = PathBuf::from(root);
    let count = AtomicUsize::new(0);
    let mut options = OpenOptions::new(root.parent().unwrap().join("state"));
    options.fault = Some(FaultHook::new(move |_| {
        if count.fetch_add(1, Ordering::SeqCst) == at {
            rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            )?;
        }
        Ok(())
    }));
    let repo = Repository::open(&root, options).unwrap();
    assert!(act(&repo, if undo { Act::Undo } else { Act::Apply }));
}

fn killed(what: Act) {
    let undo = matches!(what, Act::Undo);
    for at in 0..steps(what) {
        let world = prepared();
        if undo {
            world.open().apply(BRANCH, 0).unwrap();
        }
        let before = visible(&world);
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["faults::child", "--exact", "--quiet"]);
        child.env("ASTRA_FAULT_ROOT", &world.root).env("ASTRA_FAULT_AT", at.to_string());
        if undo {
            child.env("ASTRA_FAULT_UNDO", "1");
        }
        let out = child.output().unwrap();
        assert_eq!(out.status.signal(), Some(9), "{}", String::from_utf8_lossy(&out.stderr));
        let repo = world.open();
        let now = visible(&world);
        clean(&world, at);
        let completed = repo.recovered().is_some_and(|r| r.completed);
        if completed {
            assert_ne!(now, before, "step {at}");
            let status = world.git(&["status", "--porcelain"]);
            assert_eq!(status, "", "step {at}");
            let text = if undo { "before\n" } else { "after\n" };
            for n in 0..FILES - 1 {
                assert_eq!(world.text(&format!("d{}/f{n}", n % 2)), text, "step {at}");
            }
        } else {
            assert_eq!(now, before, "step {at}");
            assert!(act(&repo, what), "step {at}: it can be done afterwards");
        }
        assert!(world.open().recovered().is_none());
    }
}

#[test]
fn p3_case_32_killed_at_each_step_of_apply() {
    killed(Act::Apply);
}

#[test]
fn p3_case_32_killed_at_each_step_of_undo() {
    killed(Act::Undo);
}

#[test]
fn p3_a_failing_disk_or_a_kill_during_delivery_leaves_no_branch() {
    let world = World::with(&[("a", "1\n")]);
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    let before = world.hash();
    for at in 0..3 {
        let options = hooked(&world, move |n| match n == at {
            true => Err(io::Error::from_raw_os_error(28)),
            false => Ok(()),
        });
        let failing = Repository::open(&world.root, options).unwrap();
        assert!(failing.deliver(&crate::world::delivery(&snapshot, &edits)).is_err(), "step {at}");
        assert_eq!(world.hash(), before);
        assert_eq!(world.git(&["branch", "--list", "astra/*"]), "");
        world.git(&["fsck", "--strict"]);
        // What a later attempt finds in place it need not write again.
        std::fs::remove_dir_all(world.root.join(".git/objects/pack")).unwrap();
    }
    deliver(&repo, &snapshot, &edits);
    world.git(&["fsck", "--strict"]);
}

//! Tests of apply and undo write the checkout, all or nothing.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use astraea_code_access::{Base, EditSet, Error};

use crate::world::{BRANCH, World, deliver, delivery, edit, path};

#[test]
fn p2_apply_writes_files_index_and_head_and_undo_puts_every_byte_back() {
    let world =
        World::with(&[("a", "1\n"), ("gone/x", "x\n"), ("keep", "k\n"), ("run.sh", "#!/bin/sh\n")]);
    std::fs::set_permissions(world.root.join("run.sh"), std::fs::Permissions::from_mode(0o755))
        .unwrap();
    world.commit("mode");
    world.write("keep", "uncommitted\n");
    world.write("untracked", "u\n");
    world.git(&["status"]);
    let repo = world.open();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    let none = EditSet::new();
    let mut builder = repo.edit(&snapshot, &none);
    builder.write(&path("a"), b"2\n").unwrap();
    builder.write(&path("new/dir/n"), b"n\n").unwrap();
    builder.write(&path("run.sh"), b"#!/bin/sh\nexit\n").unwrap();
    builder.delete(&path("gone/x")).unwrap();
    let edits = builder.finish().unwrap();
    let done = deliver(&repo, &snapshot, &edits);
    let before = world.hash();
    let applied = repo.apply(BRANCH, 0).unwrap();
    assert!(applied.fast_forward);
    assert_eq!(world.git(&["rev-parse", "main"]), done.commit.to_string());
    assert_eq!(world.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(world.git(&["status", "--porcelain"]), " M keep\n?? untracked");
    assert_eq!(world.text("a"), "2\n");
    assert!(!world.root.join("gone").exists());
    assert_eq!(world.root.join("run.sh").metadata().unwrap().mode() & 0o777, 0o755, "case 36");
    let after = world.hash();
    let undone = repo.undo().unwrap();
    assert!(undone.changed);
    assert_eq!(world.hash(), before);
    assert!(!world.root.join("new").exists());
    assert!(!repo.undo().unwrap().changed, "case 40: twice is once");
    assert_eq!(world.hash(), before);
    // The undo is undone, in a process of its own.
    let repo = world.open();
    assert!(repo.redo().unwrap().changed);
    world.git(&["status"]);
    let mut redone = world.hash();
    let mut after = after;
    // git has refreshed the times in its index.
    redone.remove(b".git/index".as_slice());
    after.remove(b".git/index".as_slice());
    assert_eq!(redone, after);
    assert_eq!(world.git(&["status", "--porcelain"]), " M keep\n?? untracked");
    assert!(repo.undo().unwrap().changed);
    assert_eq!(world.git(&["status", "--porcelain"]), " M keep\n?? untracked");
    assert_eq!(world.text("a"), "1\n");
}

#[test]
fn nothing_to_undo_is_said() {
    let world = World::with(&[("a", "1\n")]);
    assert!(matches!(world.open().undo(), Err(Error::NothingToUndo { what: "undo" })));
    assert!(matches!(world.open().redo(), Err(Error::NothingToUndo { what: "redo" })));
}

#[test]
fn case_34_the_users_change_is_kept_and_reported() {
    let world = World::with(&[("a", "1\n"), ("b", "b\n")]);
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n"), ("b", "c\n"), ("new", "n\n")]);
    deliver(&repo, &snapshot, &edits);
    let refused = |what: &str, paths: &[&str]| {
        let before = world.hash();
        match repo.apply(BRANCH, 0) {
            Err(Error::UserChanged { paths: found }) => {
                assert_eq!(
                    found.iter().map(ToString::to_string).collect::<Vec<_>>(),
                    paths,
                    "{what}"
                );
            }
            other => panic!("{what}: {other:?}"),
        }
        assert_eq!(world.hash(), before, "{what}");
    };
    world.write("a", "mine\n");
    refused("changed", &["a"]);
    world.git(&["add", "a"]);
    refused("staged", &["a"]);
    world.git(&["reset", "-q", "--hard"]);
    world.write("new", "mine\n");
    refused("untracked in the way", &["new"]);
    std::fs::remove_file(world.root.join("new")).unwrap();
    std::fs::remove_file(world.root.join("b")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", world.root.join("b")).unwrap();
    refused("a link in the way", &["b"]);
    std::fs::remove_file(world.root.join("b")).unwrap();
    world.git(&["checkout", "b"]);
    std::fs::set_permissions(world.root.join("a"), std::fs::Permissions::from_mode(0o755)).unwrap();
    refused("mode", &["a"]);
    world.git(&["reset", "-q", "--hard"]);
    world.write("unrelated", "x\n");
    repo.apply(BRANCH, 0).unwrap();
    world.write("a", "mine after\n");
    let before = world.hash();
    assert!(matches!(repo.undo(), Err(Error::UserChanged { .. })));
    assert_eq!(world.hash(), before);
}

#[test]
fn case_52_head_moved_meanwhile() {
    let world = World::with(&[("a", "1\n"), ("b", "b\n")]);
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    let done = deliver(&repo, &snapshot, &edits);
    world.write("b", "c\n");
    let head = world.commit("meanwhile");
    let before = world.hash();
    let applied = repo.apply(BRANCH, 5).unwrap();
    assert!(!applied.fast_forward);
    assert_eq!(world.git(&["rev-parse", "main~1"]), head);
    assert_ne!(applied.to, done.commit);
    assert_eq!(world.git(&["diff", "--name-only", "main~1", "main"]), "a");
    assert_eq!(world.git(&["log", "-1", "--format=%s"]), "Fix it");
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    world.git(&["fsck", "--strict"]);
    repo.undo().unwrap();
    let mut now = world.hash();
    let mut then = before;
    now.remove(b".git/index".as_slice());
    then.remove(b".git/index".as_slice());
    assert_eq!(now, then);
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    repo.redo().unwrap();
    world.write("z", "z\n");
    world.commit("after");
    let before = world.hash();
    assert!(matches!(repo.undo(), Err(Error::RefMoved { .. })), "a later commit stands on it");
    assert_eq!(world.hash(), before);
}

#[test]
fn a_change_of_the_same_file_on_head_is_a_conflict() {
    let world = World::with(&[("a", "1\n")]);
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    deliver(&repo, &snapshot, &edits);
    world.write("a", "3\n");
    world.commit("meanwhile");
    let before = world.hash();
    assert!(matches!(repo.apply(BRANCH, 0), Err(Error::UserChanged { .. })));
    assert_eq!(world.hash(), before);
}

#[test]
fn applied_twice_is_said_and_an_unknown_branch_too() {
    let world = World::with(&[("a", "1\n")]);
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    deliver(&repo, &snapshot, &edits);
    repo.apply(BRANCH, 0).unwrap();
    assert!(matches!(repo.apply(BRANCH, 0), Err(Error::AlreadyApplied { .. })));
    assert!(matches!(repo.apply("nothing", 0), Err(Error::NoSuchRevision { .. })));
}

#[test]
fn detached_head_and_linked_worktree() {
    let world = World::with(&[("a", "1\n")]);
    world.git(&["checkout", "-q", "--detach"]);
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    let done = deliver(&repo, &snapshot, &edits);
    repo.apply(BRANCH, 0).unwrap();
    assert_eq!(world.git(&["rev-parse", "HEAD"]), done.commit.to_string());
    assert_ne!(world.git(&["rev-parse", "main"]), done.commit.to_string());
    repo.undo().unwrap();
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    let linked = world.root.parent().unwrap().join("linked");
    world.git(&["worktree", "add", "-q", "-b", "side", linked.to_str().unwrap(), "main"]);
    let repo = std::sync::Arc::new(
        astraea_code_access::Repository::open(&linked, world.options()).unwrap(),
    );
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    let edits = edit(&repo, &snapshot, &[("a", "9\n")]);
    repo.deliver(&astraea_code_access::Delivery {
        branch: "astra/side",
        ..delivery(&snapshot, &edits)
    })
    .unwrap();
    let before = world.hash();
    repo.apply("astra/side", 0).unwrap();
    assert_eq!(crate::world::git(&linked, &["status", "--porcelain"]), "");
    assert_eq!(std::fs::read_to_string(linked.join("a")).unwrap(), "9\n");
    let mut after = world.hash();
    let mut before = before;
    // The other checkout shares refs and the linked one's own folder, nothing else.
    after.retain(|name, _| !name.starts_with(b".git/worktrees") && !name.starts_with(b".git/refs"));
    before
        .retain(|name, _| !name.starts_with(b".git/worktrees") && !name.starts_with(b".git/refs"));
    assert_eq!(after, before);
}

#[test]
fn case_15_a_hard_link_is_broken_and_the_other_name_unchanged() {
    let world = World::with(&[("a", "1\n")]);
    let outside = world.dir.path().join("outside");
    std::fs::hard_link(world.root.join("a"), &outside).unwrap();
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    deliver(&repo, &snapshot, &edits);
    repo.apply(BRANCH, 0).unwrap();
    assert_eq!(world.text("a"), "2\n");
    assert_eq!(std::fs::read_to_string(outside).unwrap(), "1\n");
}

#[test]
fn case_51_locks_of_others_are_respected() {
    let world = World::with(&[("a", "1\n")]);
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    deliver(&repo, &snapshot, &edits);
    for lock in ["index.lock", "refs/heads/main.lock"] {
        let lock = world.root.join(".git").join(lock);
        std::fs::write(&lock, "").unwrap();
        let before = world.hash();
        assert!(matches!(repo.apply(BRANCH, 0), Err(Error::Busy { .. })), "{lock:?}");
        assert_eq!(world.hash(), before);
        drop(world.open());
        assert!(lock.exists());
        std::fs::remove_file(lock).unwrap();
    }
    repo.apply(BRANCH, 0).unwrap();
}

#[test]
fn two_applies_at_a_time_are_refused() {
    let world = World::with(&[("a", "1\n")]);
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    deliver(&repo, &snapshot, &edits);
    let lock = repo.state().lock("apply").unwrap().unwrap();
    assert!(repo.state().is_locked("apply").unwrap());
    assert!(matches!(repo.apply(BRANCH, 0), Err(Error::Busy { .. })));
    drop(lock);
    repo.apply(BRANCH, 0).unwrap();
}

#[test]
fn case_44_undo_when_a_directory_has_become_a_link() {
    let world = World::with(&[("d/a", "1\n")]);
    let (repo, snapshot, edits) = world.edited(&[("d/a", "2\n")]);
    deliver(&repo, &snapshot, &edits);
    repo.apply(BRANCH, 0).unwrap();
    let outside = world.dir.path().join("out");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("a"), "2\n").unwrap();
    std::fs::remove_dir_all(world.root.join("d")).unwrap();
    std::os::unix::fs::symlink(&outside, world.root.join("d")).unwrap();
    assert!(repo.undo().is_err());
    assert_eq!(std::fs::read_to_string(outside.join("a")).unwrap(), "2\n");
}

/// The user saves a file between our last look and the swap of names.
#[test]
fn case_34_a_change_in_the_middle_of_a_transaction_is_put_back() {
    for (step, text) in
        [("swap", "mine\n"), ("prepared", "2\n"), ("write a new file", "longer than before\n")]
    {
        let world = World::with(&[("a", "1\n"), ("b", "1\n")]);
        let (repo, snapshot, edits) = world.edited(&[("a", "2\n"), ("b", "2\n"), ("new", "n\n")]);
        deliver(&repo, &snapshot, &edits);
        let mut options = world.options();
        let file = world.root.join("b");
        options.fault = Some(astraea_code_access::FaultHook::new(move |at| {
            if at == step {
                std::fs::write(&file, text)?;
            }
            Ok(())
        }));
        let repo = astraea_code_access::Repository::open(&world.root, options).unwrap();
        assert!(
            matches!(repo.apply(BRANCH, 0), Err(Error::UserChanged { paths }) if paths == [path("b")])
        );
        assert_eq!((world.text("a").as_str(), world.text("b").as_str()), ("1\n", text));
        assert_eq!(world.git(&["status", "--porcelain"]), " M b", "{step}");
    }
}

/// The user saves a file, or moves the branch, after the swap and before the end.
#[test]
fn case_52_the_branch_moves_in_the_middle_of_a_transaction() {
    let world = World::with(&[("a", "1\n")]);
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    deliver(&repo, &snapshot, &edits);
    let other = world.git(&["commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "other"]);
    let mut options = world.options();
    let (root, id) = (world.root.clone(), other.clone());
    options.fault = Some(astraea_code_access::FaultHook::new(move |at| {
        if at == "ref" {
            crate::world::git(&root, &["update-ref", "refs/heads/main", &id]);
        }
        Ok(())
    }));
    let repo = astraea_code_access::Repository::open(&world.root, options).unwrap();
    assert!(matches!(repo.apply(BRANCH, 0), Err(Error::RefMoved { .. })));
    assert_eq!(world.git(&["rev-parse", "main"]), other, "nothing is lost");
    assert_eq!(world.text("a"), "1\n");
    assert_eq!(world.git(&["status", "--porcelain"]), "");
}

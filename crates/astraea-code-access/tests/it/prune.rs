//! Tests of what is removed, and of what never is.

use astraea_code_access::{Base, EditSet, Error};

use crate::world::{World, delivery, path};

/// Delivers a change of `file` on a branch.
fn result(world: &World, file: &str, branch: &str) {
    let repo = world.open();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    let none = EditSet::new();
    let mut builder = repo.edit(&snapshot, &none);
    builder.write(&path(file), b"changed\n").unwrap();
    let edits = builder.finish().unwrap();
    let mut delivery = delivery(&snapshot, &edits);
    delivery.branch = branch;
    repo.deliver(&delivery).unwrap();
}

fn told(world: &World) -> Vec<String> {
    let found = world.open().result_branches("astra").unwrap();
    let word = |on: bool, word: &str| if on { format!(" {word}") } else { String::new() };
    found
        .iter()
        .map(|b| {
            b.branch.clone()
                + &word(b.merged, "merged")
                + &word(b.applied, "applied")
                + &word(b.in_use, "in-use")
        })
        .collect()
}

#[test]
fn what_has_become_of_a_result_is_known() {
    let world =
        World::with(&[("a", "1\n"), ("b", "1\n"), ("c", "1\n"), ("d", "1\n"), ("e", "1\n")]);
    for file in ["a", "b", "c", "d", "e"] {
        result(&world, file, &format!("astra/{file}"));
    }
    let repo = world.open();
    repo.apply("astra/a", 1).unwrap();
    repo.apply("astra/b", 2).unwrap();
    // Somebody works on.
    world.git(&["branch", "-f", "astra/c", "main"]);
    world.git(&["worktree", "add", "-q", "../other", "astra/d"]);
    world.git(&["symbolic-ref", "refs/heads/astra/f", "refs/heads/main"]);
    assert_eq!(
        told(&world),
        [
            "astra/a merged applied",
            "astra/b applied",
            "astra/c merged",
            "astra/d in-use",
            "astra/e",
        ]
    );
    repo.undo().unwrap();
    assert_eq!(told(&world)[1], "astra/b in-use", "redo goes back to it");
}

#[test]
fn a_branch_is_removed_only_where_it_was_seen_and_never_below_a_checkout() {
    let world = World::with(&[("a", "1\n")]);
    result(&world, "a", "astra/a");
    result(&world, "a", "astra/b");
    let repo = world.open();
    let found = repo.result_branches("astra").unwrap();
    let (a, b) = (&found[0], &found[1]);
    world.git(&["branch", "-f", "astra/a", "main"]);
    assert!(matches!(repo.remove_branch(&a.branch, a.commit), Err(Error::RefMoved { .. })));
    world.git(&["checkout", "-q", "astra/b"]);
    assert!(matches!(repo.remove_branch(&b.branch, b.commit), Err(Error::Busy { .. })));
    world.git(&["checkout", "-q", "main"]);
    repo.remove_branch(&b.branch, b.commit).unwrap();
    assert_eq!(world.git(&["branch", "--list", "astra/*"]).trim(), "astra/a");
    assert!(matches!(repo.remove_branch(&b.branch, b.commit), Err(Error::RefMoved { .. })));
    world.git(&["branch", "astra/b", &b.commit.to_string()]);
}

#[test]
fn old_records_go_and_young_and_wanted_ones_stay() {
    let world = World::with(&[("a", "1\n")]);
    let repo = world.open();
    for name in ["conversations/c-1.json", "conversations/c-2.json", "conversations/c-3/x"] {
        repo.state().write_atomic(name, b"12345").unwrap();
    }
    let all = |really, before| {
        repo.prune_records("conversations", before, really, &|name| name == "c-2.json").unwrap()
    };
    assert_eq!(all(true, 0).records, 0, "nothing is that old");
    assert_eq!((all(false, i64::MAX).records, all(false, i64::MAX).bytes), (2, 10));
    assert_eq!(all(true, i64::MAX).records, 2);
    assert_eq!(repo.state().list("conversations").unwrap(), ["c-2.json"]);
    assert_eq!(repo.prune_records("nothing", i64::MAX, true, &|_| false).unwrap().records, 0);
}

#[test]
fn a_copy_in_use_stays_and_the_next_one_is_made_anew() {
    let world = World::with(&[("a", "1\n")]);
    let repo = world.open();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    let none = EditSet::new();
    let held = repo.materialise(&snapshot, &none).unwrap();
    drop(repo.materialise(&snapshot, &none).unwrap());
    let freed = repo.prune_caches(true).unwrap();
    assert_eq!(freed.records, 2, "the free copy and its list");
    assert_eq!(std::fs::read(held.path().join("a")).unwrap(), b"1\n");
    let again = repo.materialise(&snapshot, &none).unwrap();
    assert_eq!(std::fs::read(again.path().join("a")).unwrap(), b"1\n");
}

//! Tests of working copies and what is collected from them.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use astraea_code_access::{Base, EditSet};

use crate::world::{World, edit, path};

#[test]
fn a_copy_has_the_files_and_no_git() {
    let world = World::with(&[("a", "a\n"), ("src/b", "b\n"), ("run", "#!/bin/sh\n")]);
    std::fs::set_permissions(world.root.join("run"), std::fs::Permissions::from_mode(0o755))
        .unwrap();
    world.commit("mode");
    let before = world.hash();
    let (repo, snapshot, edits) = world.edited(&[("src/b", "B\n"), ("new/c", "c\n")]);
    let copy = repo.materialise(&snapshot, &edits).unwrap();
    let read = |name: &str| std::fs::read_to_string(copy.path().join(name)).unwrap();
    assert_eq!(
        (read("a"), read("src/b"), read("new/c")),
        ("a\n".into(), "B\n".into(), "c\n".into())
    );
    assert!(!copy.path().join(".git").exists());
    assert!(!copy.path().starts_with(&world.root));
    assert_eq!(copy.path().join("run").metadata().unwrap().mode() & 0o777, 0o755);
    let time = |root: &std::path::Path| {
        let meta = root.join("a").metadata().unwrap();
        (meta.mtime(), meta.mtime_nsec())
    };
    assert_eq!(time(copy.path()), time(&world.root), "so that nothing is built again");
    assert_eq!(world.hash(), before);
}

#[test]
fn a_copy_is_reused_and_whatever_was_done_in_it_undone() {
    let world = World::with(&[("a", "a\n"), ("d/b", "b\n"), ("d/c", "c\n")]);
    let (repo, snapshot, edits) = world.edited(&[("a", "A\n")]);
    let copy = repo.materialise(&snapshot, &edits).unwrap();
    let dir = copy.path().to_owned();
    let kept = dir.join("d/c").metadata().unwrap().ino();
    std::fs::write(dir.join("d/b"), "x\n").unwrap();
    // A forged time does not help: the inode's own time tells.
    let real = world.root.join("d/b").metadata().unwrap().modified().unwrap();
    std::fs::File::options().write(true).open(dir.join("d/b")).unwrap().set_modified(real).unwrap();
    std::fs::create_dir_all(dir.join("junk/deep")).unwrap();
    std::fs::write(dir.join("junk/deep/x"), "x").unwrap();
    std::fs::set_permissions(dir.join("junk/deep"), std::fs::Permissions::from_mode(0o000))
        .unwrap();
    symlink("/etc", dir.join("link")).unwrap();
    let second = repo.materialise(&snapshot, &EditSet::new()).unwrap();
    assert_ne!(second.path(), dir, "the first is in use");
    drop((copy, second));
    let copy = repo.materialise(&snapshot, &EditSet::new()).unwrap();
    assert_eq!(copy.path(), dir);
    assert_eq!(std::fs::read_to_string(dir.join("a")).unwrap(), "a\n");
    assert_eq!(std::fs::read_to_string(dir.join("d/b")).unwrap(), "b\n");
    assert!(!dir.join("junk").exists() && !dir.join("link").exists());
    assert_eq!(dir.join("d/c").metadata().unwrap().ino(), kept, "what is right is left alone");
    assert!(std::path::Path::new("/etc/passwd").exists());
}

#[test]
fn what_a_command_writes_is_collected_against_the_policy() {
    let world = World::with(&[
        ("a", "a\n"),
        ("b", "b\n"),
        ("gone", "g\n"),
        (".gitignore", "target\n*.pyc\n"),
    ]);
    symlink("a", world.root.join("link")).unwrap();
    world.commit("link");
    let (repo, snapshot, edits) = world.edited(&[("b", "B\n")]);
    let copy = repo.materialise(&snapshot, &edits).unwrap();
    let dir = copy.path();
    assert!(copy.collect(repo.policy()).unwrap().edits.is_empty());
    let write = |name: &str, text: &str| {
        let file = dir.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    write("b", "BB\n");
    write("new/c", "c\n");
    write("target/x", "x");
    write("m.pyc", "x");
    write(".env", "SECRET=1");
    write(".github/workflows/x.yml", "x");
    write("sub/.git/hooks/pre-commit", "evil");
    write("node_modules/a/b", "x");
    std::fs::remove_file(dir.join("gone")).unwrap();
    std::fs::remove_file(dir.join("link")).unwrap();
    symlink("/etc/passwd", dir.join("link")).unwrap();
    std::fs::hard_link(dir.join("a"), dir.join("hard")).unwrap();
    std::process::Command::new("mkfifo").arg(dir.join("pipe")).status().unwrap();
    let found = copy.collect(repo.policy()).unwrap();
    let names: Vec<String> = found.edits.paths().map(ToString::to_string).collect();
    assert_eq!(names, ["b", "gone", "new/c"]);
    let mut refused: Vec<String> =
        found.refused.iter().map(|e| format!("{} {}", e.path(), e.code())).collect();
    refused.sort();
    assert_eq!(
        refused,
        [
            ".env access_denied:forbidden_path",
            ".github/workflows access_denied:forbidden_path",
            "hard write_error",
            "link write_error",
            "node_modules access_denied:forbidden_path",
            "pipe write_error",
            "sub/.git access_denied:forbidden_path",
        ]
    );
    let all = edits.then(&found.edits).unwrap();
    assert_eq!(repo.read(&snapshot, &all, &path("b")).unwrap(), b"BB\n");
}

#[test]
fn case_48_changes_in_a_submodule_are_reported_and_never_recorded() {
    let world = World::with(&[("a", "a\n")]);
    let other = World::with(&[("lib.c", "x\n")]);
    let url = other.root.to_str().unwrap();
    world.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url, "sub"]);
    world.commit("sub");
    let (repo, snapshot, none) = world.edited(&[]);
    let copy = repo.materialise(&snapshot, &none).unwrap();
    std::fs::write(copy.path().join("sub/evil.c"), "x").unwrap();
    let found = copy.collect(repo.policy()).unwrap();
    assert!(found.edits.is_empty());
    assert_eq!(found.refused[0].path(), &path("sub"));
}

#[test]
fn case_47_a_tree_with_a_git_directory_in_it_is_not_made() {
    let world = World::with(&[("a", "a\n")]);
    // Built by hand: the git program refuses such a tree.
    let blob = world.git(&["hash-object", "-w", "a"]);
    let tree = |name: &str, kind: &str, mode: &str, id: &str| {
        let line = format!("{mode} {kind} {id}\t{name}\n");
        let mut child = std::process::Command::new("git")
            .args(["mktree"])
            .current_dir(&world.root)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), line.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
    };
    let hooks = tree("pre-commit", "blob", "100755", &blob);
    let top = tree(".GIT", "tree", "040000", &hooks);
    let commit = world.git(&["commit-tree", &top, "-m", "evil"]);
    let repo = world.open();
    let snapshot = repo.snapshot(Base::Commit(&commit)).unwrap();
    let copy = repo.materialise(&snapshot, &EditSet::new()).unwrap();
    assert_eq!(std::fs::read_dir(copy.path()).unwrap().count(), 0);
    assert_eq!(copy.left_out().len(), 1);
}

#[test]
fn reset_moves_a_copy_to_other_edits() {
    let world = World::with(&[("a", "a\n")]);
    let (repo, snapshot, one) = world.edited(&[("a", "1\n")]);
    let two = edit(&repo, &snapshot, &[("a", "2\n"), ("b", "b\n")]);
    let mut copy = repo.materialise(&snapshot, &one).unwrap();
    let read = |copy: &astraea_code_access::WorkingCopy| {
        std::fs::read_to_string(copy.path().join("a")).unwrap()
    };
    assert_eq!(read(&copy), "1\n");
    copy.reset(&two).unwrap();
    assert_eq!(read(&copy), "2\n");
    assert!(copy.collect(repo.policy()).unwrap().edits.is_empty());
    copy.reset(&EditSet::new()).unwrap();
    assert_eq!(read(&copy), "a\n");
    assert!(!copy.path().join("b").exists());
}

#[test]
fn copies_cross_threads() {
    fn sendable<T: Send + Sync + 'static>() {}
    sendable::<astraea_code_access::WorkingCopy>();
    sendable::<astraea_code_access::Repository>();
    let world = World::with(&[("a", "a\n")]);
    let (repo, snapshot, none) = world.edited(&[]);
    let paths: Vec<_> = std::thread::scope(|scope| {
        let work: Vec<_> =
            (0..4).map(|_| scope.spawn(|| repo.materialise(&snapshot, &none).unwrap())).collect();
        work.into_iter().map(|w| w.join().unwrap()).collect()
    });
    let mut names: Vec<_> = paths.iter().map(|copy| copy.path().to_owned()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4);
}

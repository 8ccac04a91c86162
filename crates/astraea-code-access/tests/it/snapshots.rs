//! Tests of what a snapshot captures.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use astraea_code_access::{AccessError, Base, EditSet, Error, FileMode, RepoPath, Repository};

use crate::world::{World, edit, git, path};

fn names(world: &World) -> Vec<String> {
    let repo = world.open();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    repo.list(&snapshot, &EditSet::new()).unwrap().iter().map(|e| e.path.to_string()).collect()
}

#[test]
fn a_clean_checkout_is_the_tree_of_head() {
    let world = World::with(&[("a.txt", "a\n"), ("src/b.txt", "b\n")]);
    let before = world.hash();
    let snapshot = world.open().snapshot(Base::Worktree).unwrap();
    assert_eq!(snapshot.id.to_string(), world.git(&["rev-parse", "HEAD^{tree}"]));
    assert_eq!(snapshot.dirty, []);
    assert_eq!(snapshot.branch.as_deref(), Some("main"));
    assert_eq!(world.hash(), before);
}

#[test]
fn uncommitted_staged_untracked_and_missing_work_is_captured_and_listed() {
    let world = World::with(&[
        ("a", "a\n"),
        ("b", "b\n"),
        ("c", "c\n"),
        ("d/e", "e\n"),
        (".gitignore", "*.log\nout/\n"),
    ]);
    world.write("a", "changed\n");
    world.write("b", "staged\n");
    world.git(&["add", "b"]);
    std::fs::remove_file(world.root.join("c")).unwrap();
    world.write("new/file", "new\n");
    world.write("x.log", "ignored\n");
    world.write("out/y", "ignored\n");
    world.write("deep/.gitignore", "*\n!keep\n!.gitignore\n");
    world.write("deep/keep", "k\n");
    world.write("deep/drop", "d\n");
    let before = world.hash();
    let repo = world.open();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    let dirty: Vec<String> = snapshot.dirty.iter().map(ToString::to_string).collect();
    assert_eq!(dirty, ["a", "b", "c", "deep/.gitignore", "deep/keep", "new/file"]);
    let read = |name: &str| repo.read(&snapshot, &EditSet::new(), &path(name));
    assert_eq!(read("a").unwrap(), b"changed\n");
    assert_eq!(read("new/file").unwrap(), b"new\n");
    assert!(matches!(read("c"), Err(Error::Access(AccessError::FileNotFound { .. }))));
    assert!(matches!(read("x.log"), Err(Error::Access(AccessError::FileNotFound { .. }))));
    assert_eq!(world.hash(), before);
}

#[test]
fn a_change_in_the_instant_of_the_index_is_seen() {
    // Same size, same second: only a hash tells.
    for _ in 0..10 {
        let world = World::with(&[("a", "1\n")]);
        world.write("a", "2\n");
        assert_eq!(world.open().snapshot(Base::Worktree).unwrap().dirty, [path("a")]);
    }
}

#[test]
fn a_commit_can_be_the_base() {
    let world = World::with(&[("a", "1\n")]);
    world.write("a", "2\n");
    let second = world.commit("second");
    world.write("a", "3\n");
    let repo = world.open();
    let snapshot = repo.snapshot(Base::Commit("main~1")).unwrap();
    assert_eq!(repo.read(&snapshot, &EditSet::new(), &path("a")).unwrap(), b"1\n");
    assert_ne!(snapshot.head.unwrap().to_string(), second);
    assert!(matches!(repo.snapshot(Base::Commit("nothing")), Err(Error::NoSuchRevision { .. })));
    assert!(matches!(repo.snapshot(Base::Commit("a\0b")), Err(Error::NoSuchRevision { .. })));
}

#[test]
fn without_commits_there_is_a_typed_state() {
    let world = World::empty();
    world.write("a", "a\n");
    let repo = world.open();
    assert_eq!(repo.head().unwrap().commit, None);
    assert_eq!(repo.head().unwrap().branch.as_deref(), Some("main"));
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    assert_eq!(snapshot.head, None);
    assert_eq!(snapshot.dirty, [path("a")]);
    let edits = edit(&repo, &snapshot, &[("a", "b\n")]);
    let error = repo.deliver(&crate::world::delivery(&snapshot, &edits)).unwrap_err();
    assert!(matches!(error, Error::NoCommits));
}

#[test]
fn secrets_and_dependencies_are_left_out() {
    let world = World::with(&[("a", "a\n")]);
    world.write(".env", "KEY=1\n");
    world.write("node_modules/x/index.js", "x\n");
    world.write("nested/.git/config", "");
    world.write("nested/file", "x");
    assert_eq!(names(&world), ["a"]);
    let repo = world.open();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    let left: Vec<String> = snapshot.left_out.iter().map(|l| l.path.to_string()).collect();
    assert_eq!(left, [".env", "nested", "node_modules"]);
    assert_eq!(repo.dependency_dirs(&snapshot).unwrap(), [path("node_modules")]);
}

#[test]
fn ignored_dependencies_are_found_at_any_depth() {
    let world = World::with(&[
        (".gitignore", "node_modules\n.venv/\ntarget\n.env*\n*.egg-info\n_version.py\n"),
        ("pkg/a/x.js", ""),
    ]);
    for dir in ["node_modules", "pkg/a/node_modules", ".venv", "target", ".env.d", "src.egg-info"] {
        world.write(&format!("{dir}/f"), "");
    }
    world.write("pkg/_version.py", "");
    let repo = world.open();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    let dirs: Vec<String> =
        repo.dependency_dirs(&snapshot).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(dirs, [".venv", "node_modules", "pkg/a/node_modules", "src.egg-info", "target"]);
    assert_eq!(repo.dependency_files(&snapshot).unwrap(), [path("pkg/_version.py")]);
}

#[test]
fn case_21_23_names_with_control_characters_and_bytes_that_are_no_text() {
    let world = World::empty();
    let name = std::ffi::OsStr::from_bytes(b"a\n\x1b[31m\xff.txt");
    std::fs::write(world.root.join(name), "x").unwrap();
    world.commit("first");
    std::fs::write(world.root.join(name), "changed").unwrap();
    let repo = world.open();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    assert_eq!(snapshot.dirty[0].as_bytes(), name.as_bytes());
    assert_eq!(snapshot.dirty[0].to_string(), "a\\n\\u{1b}[31m\\xff.txt");
    let json = serde_json::to_string(&snapshot).unwrap();
    assert_eq!(serde_json::from_str::<astraea_code_access::Snapshot>(&json).unwrap(), snapshot);
    assert_eq!(repo.read(&snapshot, &EditSet::new(), &snapshot.dirty[0]).unwrap(), b"changed");
    let copy = repo.materialise(&snapshot, &EditSet::new()).unwrap();
    assert_eq!(std::fs::read(copy.path().join(name)).unwrap(), b"changed");
    assert!(RepoPath::new(b"a\0b").is_err());
}

#[test]
fn symlinks_and_submodules_are_kept_as_entries() {
    let world = World::with(&[("src/a", "a\n")]);
    symlink("src/a", world.root.join("link")).unwrap();
    symlink("/etc/passwd", world.root.join("outside")).unwrap();
    let other = World::with(&[("lib.c", "x\n")]);
    git(
        &world.root,
        &[
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "--quiet",
            "add",
            other.root.to_str().unwrap(),
            "sub",
        ],
    );
    world.commit("links");
    let repo = world.open();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    assert_eq!(snapshot.id.to_string(), world.git(&["rev-parse", "HEAD^{tree}"]));
    assert_eq!(snapshot.submodules, [path("sub")]);
    assert_eq!(repo.dependency_dirs(&snapshot).unwrap(), [path("sub")]);
    let none = EditSet::new();
    assert_eq!(repo.lookup(&snapshot, &none, &path("link")).unwrap().unwrap().1, FileMode::Symlink);
    assert_eq!(repo.read(&snapshot, &none, &path("link")).unwrap(), b"a\n");
    assert!(repo.read(&snapshot, &none, &path("outside")).is_err());
    let copy = repo.materialise(&snapshot, &none).unwrap();
    assert_eq!(
        std::fs::read_link(copy.path().join("outside")).unwrap().to_str(),
        Some("/etc/passwd")
    );
    assert_eq!(std::fs::read_dir(copy.path().join("sub")).unwrap().count(), 0);
}

#[test]
fn mid_merge_and_mid_rebase_checkouts_can_be_captured() {
    let world = World::with(&[("a", "1\n"), ("b", "b\n")]);
    world.git(&["checkout", "-q", "-b", "other"]);
    world.write("a", "2\n");
    world.commit("two");
    world.git(&["checkout", "-q", "main"]);
    world.write("a", "3\n");
    world.commit("three");
    let (ok, _) = crate::world::try_git(&world.root, &["merge", "other"]);
    assert!(!ok);
    let before = world.hash();
    let repo = world.open();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    assert_eq!(snapshot.dirty, [path("a")]);
    let text = repo.read(&snapshot, &EditSet::new(), &path("a")).unwrap();
    assert!(text.starts_with(b"<<<<<<<"));
    assert_eq!(world.hash(), before);
}

#[test]
fn a_file_that_became_a_directory_and_the_other_way_round() {
    let world = World::with(&[("x", "x\n"), ("d/y", "y\n")]);
    std::fs::remove_file(world.root.join("x")).unwrap();
    std::fs::remove_dir_all(world.root.join("d")).unwrap();
    world.write("x/z", "z\n");
    world.write("d", "now a file\n");
    assert_eq!(names(&world), ["d", "x/z"]);
}

#[test]
fn subdirectory_detached_head_linked_worktree_and_shallow_clone() {
    let world = World::with(&[("src/a", "a\n")]);
    world.git(&["checkout", "-q", "--detach"]);
    let repo = Repository::open(&world.root.join("src"), world.options()).unwrap();
    assert_eq!(repo.root(), world.root);
    assert_eq!(repo.head().unwrap().branch, None);
    let linked = world.root.parent().unwrap().join("linked");
    world.git(&["worktree", "add", "-q", "-b", "side", linked.to_str().unwrap()]);
    let repo = Repository::open(&linked, world.options()).unwrap();
    assert_eq!(repo.head().unwrap().branch.as_deref(), Some("side"));
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    assert_eq!(snapshot.dirty, []);
    world.write("src/a", "b\n");
    world.commit("second");
    let shallow = world.root.parent().unwrap().join("shallow");
    let url = format!("file://{}", world.root.display());
    git(&world.root, &["clone", "-q", "--depth=1", &url, shallow.to_str().unwrap()]);
    let repo = Repository::open(&shallow, world.options()).unwrap();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    let edits = edit(&repo, &snapshot, &[("src/a", "c\n")]);
    let done = crate::world::deliver(&repo, &snapshot, &edits);
    assert_eq!(git(&shallow, &["show", &format!("{}:src/a", done.commit)]), "c");
    git(&shallow, &["fsck", "--strict"]);
}

#[test]
fn files_that_are_too_large_are_named() {
    let world = World::with(&[("a", "a\n")]);
    world.write("big", vec![b'x'; 2000]);
    let options = world.options().with_max_capture_bytes(1000);
    let repo = Repository::open(&world.root, options).unwrap();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    assert_eq!(snapshot.left_out[0].path, path("big"));
    assert!(snapshot.left_out[0].reason.contains("2000 bytes"));
}

#[test]
fn line_endings_reach_the_copy_as_they_lie_on_the_disk() {
    let world = World::empty();
    world.git(&["config", "core.autocrlf", "true"]);
    world.write("a.txt", "one\r\ntwo\r\n");
    world.commit("first");
    assert_eq!(world.git(&["cat-file", "-s", "HEAD:a.txt"]), "8");
    let repo = world.open();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    assert_eq!(snapshot.dirty, []);
    assert_eq!(repo.read(&snapshot, &EditSet::new(), &path("a.txt")).unwrap(), b"one\r\ntwo\r\n");
}

#[test]
fn sparse_checkouts_keep_what_is_not_there() {
    let world = World::with(&[("in/a", "a\n"), ("out/b", "b\n")]);
    world.git(&["sparse-checkout", "set", "--no-cone", "in"]);
    assert!(!world.root.join("out/b").exists());
    let repo = world.open();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    assert_eq!(snapshot.dirty, []);
    assert_eq!(repo.read(&snapshot, &EditSet::new(), &path("out/b")).unwrap(), b"b\n");
}

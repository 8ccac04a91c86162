//! Tests of edit sets, spans, conflicts.

use astraea_code_access::{AccessError, Base, EditSet, Error, FileMode};

use crate::world::{World, edit, path};

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(Error::Access(error)) => error.code(),
        Err(Error::Conflict(_)) => "conflict",
        Err(Error::Binary { .. }) => "binary",
        Err(Error::Ambiguous { .. }) => "ambiguous",
        Err(Error::NoMatch { .. }) => "no match",
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn behaviour_21_allowed_forbidden_unlisted_missing_are_four_answers() {
    let world = World::with(&[("src/a", "a\n"), ("config/x", "x\n"), ("other/y", "y\n")]);
    let policy =
        astraea_code_access::PolicyOptions::default().with_allow(["src"]).with_forbid(["config"]);
    let repo =
        astraea_code_access::Repository::open(&world.root, world.options().with_policy(policy))
            .unwrap();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    let none = EditSet::new();
    let read = |name: &str| code(repo.read(&snapshot, &none, &path(name)));
    assert_eq!(read("src/a"), "ok");
    assert_eq!(read("config/x"), "access_denied:forbidden_path");
    assert_eq!(read("other/y"), "access_denied:not_in_allowed_paths");
    assert_eq!(read("src/missing"), "file_not_found");
    let write = |name: &str| code(repo.edit(&snapshot, &none).write(&path(name), b"x").map(drop));
    assert_eq!(write("src/new"), "ok");
    assert_eq!(write("config/new"), "access_denied:forbidden_path");
    assert_eq!(write("other/new"), "access_denied:not_in_allowed_paths");
}

#[test]
fn case_28_a_forbidden_path_that_does_not_exist_cannot_be_created() {
    let world = World::with(&[("a", "a\n")]);
    let (repo, snapshot, none) = world.edited(&[]);
    for name in [".env", "deep/.ENV.local", "id_rsa", "x/.git/config"] {
        let made = code(repo.edit(&snapshot, &none).write(&path(name), b"x").map(drop));
        assert_eq!(made, "access_denied:forbidden_path");
    }
}

#[test]
fn case_08_a_link_to_the_inside_is_read_if_its_target_may_be_and_never_written() {
    let world = World::with(&[("src/a", "a\n"), ("server.key", "k\n")]);
    for (target, name) in [
        ("src/a", "good"),
        ("server.key", "bad"),
        ("../../etc/passwd", "out"),
        ("c2", "c1"),
        ("c1", "c2"),
        ("src", "dir"),
    ] {
        std::os::unix::fs::symlink(target, world.root.join(name)).unwrap();
    }
    world.commit("links");
    let (repo, snapshot, none) = world.edited(&[]);
    let read = |name: &str| code(repo.read(&snapshot, &none, &path(name)));
    assert_eq!(read("good"), "ok");
    assert_eq!(read("dir/a"), "ok");
    assert_eq!(read("bad"), "access_denied:forbidden_path");
    assert_eq!(read("out"), "read_error");
    assert_eq!(read("c1"), "read_error");
    for name in ["good", "bad2/x", "dir/a"] {
        let written = code(repo.edit(&snapshot, &none).write(&path(name), b"x").map(drop));
        assert_eq!(written, if name == "bad2/x" { "ok" } else { "write_error" }, "{name}");
    }
}

#[test]
fn case_34_a_span_of_contents_that_changed_is_a_conflict() {
    let world = World::with(&[("a", "one two\n")]);
    let (repo, snapshot, none) = world.edited(&[]);
    let (old, _) = repo.lookup(&snapshot, &none, &path("a")).unwrap().unwrap();
    let first = edit(&repo, &snapshot, &[("a", "changed\n")]);
    let span = |edits: &EditSet, range| {
        let mut builder = repo.edit(&snapshot, edits);
        let result = builder.replace_span(&path("a"), range, old, b"2").map(drop);
        code(result)
    };
    assert_eq!(span(&none, 4..7), "ok");
    assert_eq!(span(&first, 4..7), "conflict");
    assert_eq!(span(&none, 4..99), "write_error");
    #[expect(clippy::reversed_empty_ranges, reason = "bad input")]
    let backwards = 7..4;
    assert_eq!(span(&none, backwards), "write_error");
}

#[test]
fn case_37_38_bytes_outside_the_span_are_kept_and_binary_files_refused() {
    let text = "\u{feff}one\r\ntwo\rthree\n\tlast without newline \u{e9}";
    let world = World::with(&[("a", text), ("bin", "x\0y")]);
    let (repo, snapshot, none) = world.edited(&[]);
    let id = |name: &str| repo.lookup(&snapshot, &none, &path(name)).unwrap().unwrap().0;
    let mut builder = repo.edit(&snapshot, &none);
    let at = text.find("two").unwrap();
    builder.replace_span(&path("a"), at..at + 3, id("a"), b"2").unwrap();
    let edits = builder.finish().unwrap();
    assert_eq!(
        repo.read(&snapshot, &edits, &path("a")).unwrap(),
        text.replace("two", "2").as_bytes()
    );
    let mut builder = repo.edit(&snapshot, &none);
    assert_eq!(code(builder.replace_span(&path("bin"), 0..1, id("bin"), b"z").map(drop)), "binary");
    assert_eq!(code(builder.replace_text(&path("bin"), "x", "z").map(drop)), "binary");
}

#[test]
fn a_text_to_replace_must_be_there_once() {
    let world = World::with(&[("a", "x = 1\ny = 1\nx = 1\nz\n"), ("crlf", "a\r\nb\r\nc\r\n")]);
    let (repo, snapshot, none) = world.edited(&[]);
    let mut builder = repo.edit(&snapshot, &none);
    match builder.replace_text(&path("a"), "x = 1", "x = 2") {
        Err(Error::Ambiguous { lines, .. }) => assert_eq!(lines, [1, 3]),
        other => panic!("{other:?}"),
    }
    assert_eq!(code(builder.replace_text(&path("a"), "nowhere", "").map(drop)), "ambiguous");
    assert_eq!(code(builder.replace_text(&path("a"), "", "x").map(drop)), "ambiguous");
    builder.replace_text(&path("a"), "1\nx = 1", "1\nx = 2").unwrap();
    builder.replace_text(&path("crlf"), "b\nc", "B\nC").unwrap();
    let edits = builder.finish().unwrap();
    assert_eq!(repo.read(&snapshot, &edits, &path("a")).unwrap(), b"x = 1\ny = 1\nx = 2\nz\n");
    assert_eq!(repo.read(&snapshot, &edits, &path("crlf")).unwrap(), b"a\r\nB\r\nC\r\n");
}

#[test]
fn case_36_modes_are_kept_and_sizes_limited() {
    let world = World::with(&[("run", "#!/bin/sh\n")]);
    world.git(&["update-index", "--chmod=+x", "run"]);
    world.git(&["commit", "-q", "-m", "mode"]);
    world.git(&["checkout", "-q", "-f", "."]);
    let (repo, snapshot, edits) = world.edited(&[("run", "#!/bin/sh\nexit\n")]);
    assert_eq!(edits.get(&path("run")).unwrap().mode, FileMode::Executable);
    let none = EditSet::new();
    let big = vec![b'x'; (100 << 10) + 1];
    assert_eq!(
        code(repo.edit(&snapshot, &none).write(&path("big"), &big).map(drop)),
        "file_too_large"
    );
}

#[test]
fn files_and_directories_do_not_take_each_others_place() {
    let world = World::with(&[("d/x", "x\n"), ("f", "f\n")]);
    let (repo, snapshot, none) = world.edited(&[]);
    let mut builder = repo.edit(&snapshot, &none);
    assert_eq!(code(builder.write(&path("d"), b"x").map(drop)), "write_error");
    assert_eq!(code(builder.write(&path("f/x"), b"x").map(drop)), "write_error");
    builder.write(&path("new/a"), b"x").unwrap();
    assert_eq!(code(builder.write(&path("new"), b"x").map(drop)), "write_error");
    builder.delete(&path("d/x")).unwrap();
    builder.write(&path("d"), b"now a file").unwrap();
    assert_eq!(code(builder.delete(&path("missing")).map(drop)), "file_not_found");
    let edits = builder.finish().unwrap();
    let names: Vec<String> =
        repo.list(&snapshot, &edits).unwrap().iter().map(|e| e.path.to_string()).collect();
    assert_eq!(names, ["d", "f", "new/a"]);
    let copy = repo.materialise(&snapshot, &edits).unwrap();
    assert!(copy.path().join("d").is_file());
    let done = crate::world::deliver(&repo, &snapshot, &edits);
    assert_eq!(
        world.git(&["ls-tree", "-r", "--name-only", &done.commit.to_string()]),
        "d\nf\nnew/a"
    );
}

#[test]
fn edit_sets_are_plain_data() {
    let world = World::with(&[("a", "1\n")]);
    let (repo, snapshot, one) = world.edited(&[("a", "2\n"), ("b", "b\n")]);
    let json = serde_json::to_string(&one).unwrap();
    assert!(!json.contains("2\\n"), "ids only");
    assert_eq!(serde_json::from_str::<EditSet>(&json).unwrap(), one);
    let mut builder = repo.edit(&snapshot, &one);
    builder.write(&path("a"), b"1\n").unwrap();
    builder.delete(&path("b")).unwrap();
    let back = builder.finish().unwrap();
    let sum = one.then(&back).unwrap();
    assert_eq!(sum.get(&path("b")), None);
    assert_ne!(one.id(), sum.id());
    assert!(matches!(
        repo.deliver(&crate::world::delivery(&snapshot, &sum)),
        Err(Error::NothingToDeliver)
    ));
    let error: Result<EditSet, _> =
        serde_json::from_str(r#"[{"path":"../x","before":null,"after":null,"mode":"regular"}]"#);
    assert!(error.is_err());
    let _ = AccessError::FileNotFound { path: path("a") };
}

#[test]
fn a_proposal_is_placed_only_where_its_place_is_certain_and_allowed() {
    let world =
        World::with(&[("a.py", "x = 1\r\ny = 2\r\nx = 1\r\n"), (".env", "K=1\n"), ("b.bin", "\0")]);
    let (repo, snapshot, none) = world.edited(&[]);
    let propose = |text: &str| {
        let mut builder = repo.edit(&snapshot, &none);
        for one in astraea_code_access::read_proposal(text).unwrap() {
            builder.propose(&path(&one.path), &one.change)?;
        }
        builder.finish()
    };
    let block = |file: &str, old: &str, new: &str| {
        format!("{file}\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n")
    };
    assert_eq!(code(propose(&block("a.py", "x = 1", "x = 3"))), "ambiguous");
    assert_eq!(code(propose(&block("a.py", "x = 1\ny = 3", "x"))), "no match");
    assert_eq!(code(propose(&block(".env", "K=1", "K=2"))), "access_denied:forbidden_path");
    assert_eq!(code(propose(&block("gone.py", "x", "y"))), "file_not_found");
    assert_eq!(code(propose(&block("b.bin", "x", "y"))), "binary");
    assert_eq!(code(propose("a.py\n<<<<<<< SEARCH\n=======\nz\n>>>>>>> REPLACE\n")), "write_error");
    let error = propose(&block("a.py", "x = 1\ny = 3", "x")).unwrap_err().to_string();
    assert!(error.contains("line 1 (there: \"y = 2\")"), "{error}");

    let edits = propose(&block("a.py", "y = 2\nx = 1", "y = 4\nx = 5")).unwrap();
    assert_eq!(
        repo.read(&snapshot, &edits, &path("a.py")).unwrap(),
        b"x = 1\r\ny = 4\r\nx = 5\r\n"
    );
    let edits = propose("a.py\n<<<<<<< WHOLE\nz\n>>>>>>> END\nnew/b.py\n```\nw\n```\n").unwrap();
    assert_eq!(repo.read(&snapshot, &edits, &path("a.py")).unwrap(), b"z\r\n");
    assert_eq!(repo.read(&snapshot, &edits, &path("new/b.py")).unwrap(), b"w\n");
    let edits = propose("--- a/a.py\n+++ b/a.py\n@@ -3 +3 @@\n-x = 1\n+x = 9\n").unwrap();
    assert_eq!(
        repo.read(&snapshot, &edits, &path("a.py")).unwrap(),
        b"x = 1\r\ny = 2\r\nx = 9\r\n"
    );
    assert_eq!(
        code(propose("--- a/.env\n+++ /dev/null\n@@ -1 +0,0 @@\n-K=1\n")),
        "access_denied:forbidden_path"
    );
}

//! Tests of delivery: one commit, one branch, nothing else.

use astraea_code_access::{AccessError, Author, Base, EditSet, Error, Repository};

use crate::world::{BRANCH, World, deliver, delivery, edit, git, path};

#[test]
fn one_commit_on_a_new_branch_and_nothing_else() {
    let world = World::with(&[("src/a.py", "a = 1\n"), ("b", "b\n")]);
    let head = world.git(&["rev-parse", "HEAD"]);
    let before = world.hash();
    let (repo, snapshot, edits) = world.edited(&[("src/a.py", "a = 2\n"), ("new/c.py", "c\n")]);
    let done = deliver(&repo, &snapshot, &edits);
    assert_eq!(world.hash(), before);
    assert_eq!(world.git(&["rev-parse", BRANCH]), done.commit.to_string());
    assert_eq!(world.git(&["rev-parse", &format!("{BRANCH}~1")]), head);
    assert_eq!(world.git(&["diff", "--name-status", "main", BRANCH]), "A\tnew/c.py\nM\tsrc/a.py");
    assert_eq!(world.git(&["log", "-1", "--format=%B", BRANCH]).trim(), "Fix it\n\nGoal: 1a2b3c4d");
    assert_eq!(done.overlaps, []);
    world.git(&["fsck", "--strict"]);
}

#[test]
fn p1_case_41_42_nothing_of_the_users_changes_whatever_the_checkout_is_in() {
    let world = World::with(&[("a", "1\n"), ("b", "b\n"), ("c", "c\n")]);
    world.write("c", "stashed\n");
    world.git(&["stash"]);
    world.git(&["checkout", "-q", "-b", "other"]);
    world.write("a", "2\n");
    world.commit("two");
    world.git(&["checkout", "-q", "main"]);
    world.write("a", "3\n");
    world.commit("three");
    assert!(!crate::world::try_git(&world.root, &["rebase", "other"]).0);
    world.write("untracked", "u\n");
    let before = world.hash();
    let (repo, snapshot, edits) = world.edited(&[("b", "B\n")]);
    let copy = repo.materialise(&snapshot, &edits).unwrap();
    std::fs::write(copy.path().join("b"), "BB\n").unwrap();
    let more = copy.collect(repo.policy()).unwrap().edits;
    let all = edits.then(&more).unwrap();
    let done = deliver(&repo, &snapshot, &all);
    assert_eq!(world.hash(), before);
    assert_eq!(
        world.git(&["diff", "--name-only", &format!("{BRANCH}~1"), &done.commit.to_string()]),
        "b"
    );
    assert!(matches!(repo.apply(BRANCH, 0), Err(Error::InProgress { .. })));
    assert_eq!(world.hash(), before);
}

#[test]
fn defect_05_no_branch_is_made_in_the_checkout_and_head_stays() {
    let world = World::with(&[("a", "1\n")]);
    for n in 0..3 {
        let (repo, snapshot, edits) = world.edited(&[("a", &format!("{n}0\n"))]);
        let branch = format!("astra/goal-1a2b3c4d-00000{n}");
        repo.deliver(&astraea_code_access::Delivery {
            branch: &branch,
            ..delivery(&snapshot, &edits)
        })
        .unwrap();
    }
    assert_eq!(world.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(world.git(&["branch", "--list", "astra/*"]).lines().count(), 3);
    assert_eq!(world.git(&["status", "--porcelain"]), "");
}

#[test]
fn case_53_only_recorded_paths_are_committed_and_uncommitted_work_is_not() {
    let world = World::with(&[("a", "1\n2\n3\n4\n5\n6\n7\n8\n9\n"), ("b", "b\n")]);
    world.write("b", "user's\n");
    world.write("u", "untracked\n");
    world.write("a", "one\n2\n3\n4\n5\n6\n7\n8\n9\n");
    let (repo, snapshot, edits) = world.edited(&[("a", "one\n2\n3\n4\n5\n6\n7\n8\nnine\n")]);
    let done = deliver(&repo, &snapshot, &edits);
    assert_eq!(world.git(&["show", &format!("{BRANCH}:a")]), "1\n2\n3\n4\n5\n6\n7\n8\nnine");
    assert_eq!(done.overlaps, [], "the user's line is far from ours and stays out");
    assert_eq!(done.files, [path("a")]);
}

#[test]
fn overlaps_with_uncommitted_lines_are_reported() {
    let world = World::with(&[("a", "1\n2\n"), ("b", "b\n")]);
    world.write("a", "one\n2\n");
    world.write("u", "untracked\n");
    let (repo, snapshot, edits) =
        world.edited(&[("a", "ONE\n2\n"), ("u", "changed\n"), ("b", "c\n")]);
    let done = deliver(&repo, &snapshot, &edits);
    assert_eq!(done.overlaps, [path("a"), path("u")]);
    assert_eq!(world.git(&["show", &format!("{BRANCH}:a")]), "ONE\n2");
}

#[test]
fn identical_results_and_taken_names_are_refused() {
    let world = World::with(&[("a", "1\n")]);
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    assert!(matches!(
        repo.deliver(&delivery(&snapshot, &EditSet::new())),
        Err(Error::NothingToDeliver)
    ));
    deliver(&repo, &snapshot, &edits);
    let other = edit(&repo, &snapshot, &[("a", "3\n")]);
    let was = world.git(&["rev-parse", BRANCH]);
    assert!(matches!(repo.deliver(&delivery(&snapshot, &other)), Err(Error::BranchExists { .. })));
    for branch in ["", "a..b", "x.lock", "a b", "a\0b", "-x~1"] {
        let made =
            repo.deliver(&astraea_code_access::Delivery { branch, ..delivery(&snapshot, &other) });
        assert!(matches!(made, Err(Error::BranchExists { .. })), "{branch:?} {made:?}");
    }
    let under = format!("{BRANCH}/below");
    let made = repo
        .deliver(&astraea_code_access::Delivery { branch: &under, ..delivery(&snapshot, &other) });
    assert!(matches!(made, Err(Error::BranchExists { .. })), "{made:?}");
    assert_eq!(world.git(&["rev-parse", BRANCH]), was);
}

#[test]
fn a_delivery_that_was_not_heard_of_is_found_again() {
    let world = World::with(&[("a", "1\n")]);
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    let first = deliver(&repo, &snapshot, &edits);
    let later =
        astraea_code_access::Delivery { time: 1_800_000_000, ..delivery(&snapshot, &edits) };
    assert_eq!(repo.deliver(&later).unwrap().commit, first.commit);
}

#[test]
fn without_an_identity_a_fallback_is_written_and_said() {
    let world = World::with(&[("a", "1\n")]);
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    let done = deliver(&repo, &snapshot, &edits);
    if done.fallback_identity {
        assert_eq!(
            world.git(&["log", "-1", "--format=%an <%ae>", BRANCH]),
            "Astra <astra@localhost>"
        );
    }
    let world = World::with(&[("a", "1\n")]);
    world.git(&["config", "user.name", "Ada"]);
    world.git(&["config", "user.email", "ada@example.org"]);
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    assert!(!deliver(&repo, &snapshot, &edits).fallback_identity);
    assert_eq!(world.git(&["log", "-1", "--format=%an <%ae>", BRANCH]), "Ada <ada@example.org>");
    let author = Some(Author { name: "B".into(), email: "b@x".into() });
    let other =
        astraea_code_access::Delivery { branch: "astra/b", author, ..delivery(&snapshot, &edits) };
    repo.deliver(&other).unwrap();
    assert_eq!(world.git(&["log", "-1", "--format=%an", "astra/b"]), "B");
}

#[test]
fn case_35_two_goals_one_file() {
    let world = World::with(&[("a", "1\n")]);
    let (repo, snapshot, one) = world.edited(&[("a", "2\n")]);
    let two = edit(&repo, &snapshot, &[("a", "3\n")]);
    assert!(one.then(&two).is_err());
    deliver(&repo, &snapshot, &one);
    repo.deliver(&astraea_code_access::Delivery {
        branch: "astra/two",
        ..delivery(&snapshot, &two)
    })
    .unwrap();
    repo.apply(BRANCH, 0).unwrap();
    assert!(
        matches!(repo.apply("astra/two", 0), Err(Error::UserChanged { paths }) if paths == [path("a")])
    );
    assert_eq!(world.text("a"), "2\n");
}

#[test]
fn line_endings_are_stored_as_git_stores_them() {
    let world = World::empty();
    world.git(&["config", "core.autocrlf", "true"]);
    world.write("a.txt", "one\r\ntwo\r\n");
    world.commit("first");
    world.git(&["config", "core.autocrlf", "false"]);
    world.write("crlf.txt", "x\r\ny\r\n");
    world.write("lf.txt", "x\ny\n");
    world.commit("second");
    world.git(&["config", "core.autocrlf", "true"]);
    let (repo, snapshot, edits) = world.edited(&[
        ("a.txt", "one\r\n2\r\n"),
        ("crlf.txt", "x\r\n2\r\n"),
        ("lf.txt", "x\n2\n"),
        ("new.txt", "n\r\n"),
    ]);
    let done = deliver(&repo, &snapshot, &edits);
    assert_eq!(done.overlaps, []);
    let stat = world.git(&["diff", "--numstat", "main", BRANCH]);
    assert_eq!(stat, "1\t1\ta.txt\n1\t1\tcrlf.txt\n1\t1\tlf.txt\n1\t0\tnew.txt");
    let before = world.hash();
    repo.apply(BRANCH, 0).unwrap();
    assert_eq!(world.text("a.txt"), "one\r\n2\r\n");
    assert_eq!(world.text("crlf.txt"), "x\r\n2\r\n");
    assert_eq!(world.text("new.txt"), "n\r\n");
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    repo.undo().unwrap();
    assert_eq!(world.hash(), before);
}

#[test]
fn attributes_decide_about_line_endings_and_filters() {
    let world = World::with(&[
        (
            ".gitattributes",
            "*.bat text eol=crlf\n*.bin -text\n*.big filter=lfs diff=lfs merge=lfs -text\n*.enc filter=vault\n",
        ),
        ("a.bat", "one\ntwo\n"),
        ("a.bin", "one\r\n"),
        ("a.big", "version https://git-lfs.github.com/spec/v1\n"),
        ("a.enc", "x\n"),
    ]);
    std::fs::remove_file(world.root.join("a.bat")).unwrap();
    world.git(&["checkout", "a.bat"]);
    assert_eq!(world.text("a.bat"), "one\r\ntwo\r\n");
    let (repo, snapshot, edits) = world.edited(&[("a.bat", "one\r\n2\r\n"), ("a.bin", "two\r\n")]);
    assert_eq!(snapshot.dirty, []);
    deliver(&repo, &snapshot, &edits);
    assert_eq!(world.git(&["cat-file", "-s", &format!("{BRANCH}:a.bat")]), "6");
    assert_eq!(world.git(&["cat-file", "-s", &format!("{BRANCH}:a.bin")]), "5");
    let none = EditSet::new();
    let mut builder = repo.edit(&snapshot, &none);
    assert!(matches!(builder.write(&path("a.big"), b"x"), Err(Error::Filtered { .. })));
    builder.write(&path("a.enc"), b"y").unwrap();
    world.git(&["config", "filter.vault.clean", "touch /tmp/never"]);
    let repo = world.open();
    let mut builder = repo.edit(&snapshot, &none);
    assert!(matches!(builder.write(&path("a.enc"), b"y"), Err(Error::Filtered { .. })));
}

#[test]
fn case_46_nothing_the_repository_configures_is_run() {
    let world = World::with(&[
        ("a", "1\n"),
        (".gitattributes", "*.x filter=evil diff=evil\n"),
        ("b.x", "x\n"),
    ]);
    let flag = world.dir.path().join("ran");
    let evil = world.dir.path().join("evil.sh");
    std::fs::write(&evil, format!("#!/bin/sh\ntouch {}\ncat\n", flag.display())).unwrap();
    use std::os::unix::fs::PermissionsExt;
    let executable = || std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&evil, executable()).unwrap();
    let script = evil.to_str().unwrap();
    for key in [
        "core.fsmonitor",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "diff.evil.textconv",
        "diff.evil.command",
        "diff.external",
        "gpg.program",
        "core.sshCommand",
        "core.pager",
        "credential.helper",
        "core.editor",
        "core.askPass",
        "gpg.ssh.program",
    ] {
        world.git(&["config", key, script]);
    }
    world.git(&["config", "commit.gpgSign", "true"]);
    let hooks = world.root.join(".git/hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    for hook in [
        "pre-commit",
        "prepare-commit-msg",
        "commit-msg",
        "post-commit",
        "post-checkout",
        "reference-transaction",
        "post-index-change",
        "pre-rebase",
        "post-merge",
        "post-rewrite",
    ] {
        std::fs::copy(&evil, hooks.join(hook)).unwrap();
        std::fs::set_permissions(hooks.join(hook), executable()).unwrap();
    }
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    let copy = repo.materialise(&snapshot, &edits).unwrap();
    copy.collect(repo.policy()).unwrap();
    repo.diff(&snapshot, &edits).unwrap();
    deliver(&repo, &snapshot, &edits);
    repo.diff_branch(BRANCH).unwrap();
    repo.apply(BRANCH, 0).unwrap();
    repo.undo().unwrap();
    repo.redo().unwrap();
    assert!(!flag.exists());
}

#[test]
fn symlinks_and_submodules_stay_in_the_delivered_tree() {
    let world = World::with(&[("a", "1\n")]);
    std::os::unix::fs::symlink("a", world.root.join("link")).unwrap();
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
    world.commit("second");
    std::fs::remove_file(world.root.join("link")).unwrap();
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    deliver(&repo, &snapshot, &edits);
    assert_eq!(world.git(&["diff", "--name-only", "main", BRANCH]), "a");
}

#[test]
fn an_edit_that_does_not_fit_the_snapshot_is_a_conflict() {
    let world = World::with(&[("a", "1\n")]);
    let (repo, _, edits) = world.edited(&[("a", "2\n")]);
    world.write("a", "user\n");
    let later = repo.snapshot(Base::Worktree).unwrap();
    assert!(matches!(repo.deliver(&delivery(&later, &edits)), Err(Error::Conflict(_))));
}

#[test]
fn a_goal_delivers_on_the_commit_it_started_from() {
    let world = World::with(&[("a", "1\n"), ("b", "b\n")]);
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    world.write("b", "c\n");
    world.commit("meanwhile");
    let done = deliver(&repo, &snapshot, &edits);
    assert_eq!(world.git(&["rev-parse", "main~1"]), done.parent.to_string());
}

#[test]
fn diffs_read_like_gits() {
    let world = World::with(&[("a", "1\n2\n"), ("b", "b")]);
    let repo = world.open();
    let snapshot = repo.snapshot(Base::Worktree).unwrap();
    let none = EditSet::new();
    let mut builder = repo.edit(&snapshot, &none);
    builder.write(&path("a"), b"1\n3\n").unwrap();
    builder.delete(&path("b")).unwrap();
    builder.write_with_mode(&path("c"), b"x\n", true).unwrap();
    builder.write(&path("d"), b"\0").unwrap();
    let edits = builder.finish().unwrap();
    let text = repo.diff(&snapshot, &edits).unwrap();
    let expected = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n 1\n-2\n+3\n\
        diff --git a/b b/b\ndeleted file mode 100644\n--- a/b\n+++ /dev/null\n@@ -1 +0,0 @@\n-b\n\\ No newline at end of file\n\
        diff --git a/c b/c\nnew file mode 100755\n--- /dev/null\n+++ b/c\n@@ -0,0 +1 @@\n+x\n\
        diff --git a/d b/d\nnew file mode 100644\nBinary files /dev/null and b/d differ\n";
    assert_eq!(text, expected);
    deliver(&repo, &snapshot, &edits);
    assert_eq!(repo.diff_branch(BRANCH).unwrap(), expected);
}

#[test]
fn a_read_only_answer_to_a_locked_branch() {
    let world = World::with(&[("a", "1\n")]);
    let (repo, snapshot, edits) = world.edited(&[("a", "2\n")]);
    let lock = world.root.join(format!(".git/refs/heads/{BRANCH}.lock"));
    std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
    std::fs::write(&lock, "somebody else's").unwrap();
    assert!(matches!(repo.deliver(&delivery(&snapshot, &edits)), Err(Error::Busy { .. })));
    assert!(lock.exists(), "case 51: it is not ours");
    // What a kill of our own leaves: a record of the branch, and a lock with nothing or our commit in it.
    std::fs::write(&lock, "").unwrap();
    repo.state().write_atomic("delivering", format!("refs/heads/{BRANCH}").as_bytes()).unwrap();
    deliver(&repo, &snapshot, &edits);
    assert!(!lock.exists());
}

#[test]
fn case_29_policy_files_are_never_written() {
    let world = World::with(&[("a", "1\n"), ("astra.toml", "x = 1\n")]);
    let (repo, snapshot, _) = world.edited(&[]);
    let none = EditSet::new();
    for name in
        ["astra.toml", ".github/workflows/ci.yml", "methods.hddl", ".gitmodules", ".git/config"]
    {
        let mut builder = repo.edit(&snapshot, &none);
        let error = builder.write(&path(name), b"x").unwrap_err();
        assert!(matches!(error, Error::Access(AccessError::ForbiddenPath { .. })), "{name}");
    }
    assert!(Repository::open(repo.state().path(), world.options()).is_err());
}

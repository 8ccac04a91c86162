//! Files: what is edited, what is refused, what is checked.

use astraea_executors::WorkspaceOptions;
use astraea_executors::testing::TestRepo;
use serde_json::json;

use crate::support::Run;

#[tokio::test(flavor = "multi_thread")]
async fn behaviour_21_allowed_forbidden_and_missing_are_distinct_answers() {
    let mut run = Run::new(&[("a.py", "x = 1\n"), (".env.example", "A=1\n")]);
    run.good("create_file", json!({ "path": "b.py", "content": "y = 2\n" })).await;
    let forbidden = run.bad("create_file", json!({ "path": ".git/config", "content": "x" })).await;
    assert!(forbidden.contains("access_denied:forbidden_path"), "{forbidden}");
    let forbidden = run.bad("modify_code", json!({ "path": ".env", "content": "x" })).await;
    assert!(
        forbidden.starts_with("ModificationError: access_denied:forbidden_path"),
        "{forbidden}"
    );
    let missing = run.bad("modify_code", json!({ "path": "c.py", "content": "x" })).await;
    assert!(missing.contains("file_not_found"), "{missing}");
    let missing = run.bad("delete_file", json!({ "path": "c.py" })).await;
    assert!(missing.contains("file_not_found"), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn behaviour_22_a_forbidden_path_is_refused_and_nothing_is_edited() {
    let mut run = Run::new(&[("a.py", "x = 1\n")]);
    for path in ["../x.py", "/etc/passwd", "a/../../x", ".git/hooks/post-commit", ""] {
        let answer = run.bad("create_file", json!({ "path": path, "content": "x" })).await;
        assert!(answer.starts_with("ModificationError"), "{path}: {answer}");
    }
    assert!(run.bad("commit", json!({})).await.contains("nothing to commit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_breaks_the_syntax_is_not_kept() {
    let mut run = Run::new(&[("a.py", "x = 1\n"), ("b.py", "def (:\n")]);
    let answer = run.bad("modify_code", json!({ "path": "a.py", "content": "def f(:\n" })).await;
    assert!(answer.contains("the edit is not kept"), "{answer}");
    // it was broken before: an edit elsewhere in it is kept
    run.good("modify_code", json!({ "path": "b.py", "content": "# note\ndef (:\n" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn later_tasks_see_the_edits_before_them() {
    let mut run = Run::new(&[("a.py", "x = 1\n"), ("gone.py", "z = 1\n")]);
    run.good("modify_code", json!({ "path": "a.py", "search": "1", "replace": "2" })).await;
    run.good(
        "modify_code",
        json!({ "path": "a.py", "span": { "start": 4, "end": 5, "text": "3" } }),
    )
    .await;
    run.good("delete_file", json!({ "path": "gone.py" })).await;
    run.good("create_file", json!({ "path": "new/b.py", "content": "y = 1\n" })).await;
    run.good("verify_state", json!({
        "files": ["new/b.py"], "absent": ["gone.py"],
        "patterns": [{ "path": "a.py", "pattern": "^x = 3$" }, { "path": "a.py", "pattern": "2", "absent": true }]
    })).await;
    let answer = run
        .bad(
            "verify_state",
            json!({ "files": ["gone.py"], "patterns": [{ "path": "a.py", "pattern": "9" }] }),
        )
        .await;
    assert_eq!(answer, "PostconditionFailed: gone.py is not there; a.py does not match 9");
    // a command sees them too, and not the user's files
    run.good("check_output", json!({ "command": "cat a.py", "expect_stdout": "^x = 3\n$" })).await;
    run.good("check_output", json!({ "command": "ls gone.py", "expect_exit": 2 })).await;
    assert_eq!(run.repo.read("a.py").as_deref(), Some("x = 1\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_writes_is_thrown_away() {
    let mut run = Run::new(&[("a.py", "x = 1\n")]);
    run.good("check_output", json!({ "command": ["sh", "-c", "echo spoiled > a.py && cat a.py"], "expect_stdout": "spoiled" })).await;
    run.good("check_output", json!({ "command": "cat a.py", "expect_stdout": "x = 1" })).await;
    assert_eq!(run.repo.read("a.py").as_deref(), Some("x = 1\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_neither_in_the_copy_nor_at_the_users_path() {
    let repo = TestRepo::new(&[("a.py", "x = 1\n"), (".gitignore", ".env\n")]);
    repo.write(".env", "TOKEN=topsecret\n");
    let mut run = Run::over(repo, WorkspaceOptions::default());
    run.good("check_output", json!({ "command": ["sh", "-c", "cat .env 2>/dev/null; grep -r topsecret . ; true"], "expect_stdout": "^$" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_decoy_git_is_an_empty_repository() {
    let mut run = Run::new(&[("a.py", "x = 1\n")]);
    run.good("check_output", json!({ "command": ["sh", "-c", "test -d .git && cat .git/HEAD && ! git log"], "expect_stdout": "refs/heads/main" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shell_is_off_unless_allowed() {
    let mut run = Run::new(&[("a.py", "x = 1\n")]);
    for action in ["shell_command", "bash"] {
        let answer = run.bad(action, json!({ "command": "true" })).await;
        assert!(answer.starts_with("NeedsApproval: "), "{answer}");
        assert!(answer.ends_with("astra approvals give -- true"), "{answer}");
    }
    let line = json!({ "command": "true; echo 'x'" });
    let answer = run.bad("bash", line).await;
    assert!(answer.ends_with(r"-- sh -c 'true; echo '\''x'\'''"), "{answer}");
    let repo = TestRepo::new(&[("a.py", "x = 1\n")]);
    let mut run = Run::over(repo, WorkspaceOptions::default().with_allow_shell(true));
    let output = run.good("bash", json!({ "command": "cat a.py | tr x y" })).await;
    assert_eq!(output.stdout, "y = 1\n");
    assert!(run.bad("bash", json!({ "command": "exit 3" })).await.starts_with("CommandFailure"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_was_approved_runs_and_its_neighbours_do_not() {
    let approval = astraea_executors::Approval {
        id: "a1".into(),
        argv: ["cat", "*.py"].map(str::to_owned).to_vec(),
        dir: None,
        goal: Some("fix_bug".into()),
        given_ms: 0,
        until_ms: None,
    };
    let repo = TestRepo::new(&[("a.py", "x = 1\n"), ("b", "y\n")]);
    let options = WorkspaceOptions::default().with_approvals(vec![approval.clone()], "fix_bug");
    let mut run = Run::over(repo, options);
    for command in [json!("cat a.py"), json!(["cat", "a.py"])] {
        let output = run.good("shell_command", json!({ "command": command })).await;
        assert_eq!((&*output.stdout, &output.value["approval"]), ("x = 1\n", &json!("a1")));
    }
    for command in [
        json!("cat b"),
        json!("cat a.py; cat b.py"),
        json!("cat a.py b.py"),
        json!(["sh", "-c", "cat a.py"]),
    ] {
        let answer = run.bad("shell_command", json!({ "command": command })).await;
        assert!(answer.starts_with("NeedsApproval: "), "{answer}");
    }
    let repo = TestRepo::new(&[("a.py", "x = 1\n")]);
    let options = WorkspaceOptions::default().with_approvals(vec![approval], "add_tests");
    let answer = Run::over(repo, options).bad("bash", json!({ "command": "cat a.py" })).await;
    assert!(answer.starts_with("NeedsApproval: "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_make_no_sense_are_told() {
    let mut run = Run::new(&[("a.py", "x = 1\n")]);
    for (action, args) in [
        ("create_file", json!({})),
        ("create_file", json!({ "path": 3, "content": "x" })),
        ("create_file", json!(null)),
        ("modify_code", json!({ "path": "a.py" })),
        ("modify_code", json!({ "path": "a.py", "search": "", "replace": "x" })),
        ("modify_code", json!({ "path": "a.py", "span": { "start": -1 } })),
        ("run_tests", json!({ "require": "luck" })),
        ("run_tests", json!({ "tests": 4 })),
        ("run_tests", json!({ "baseline": 4 })),
        ("check_output", json!({})),
        ("check_output", json!({ "command": "a 'b" })),
        ("check_output", json!({ "command": "true", "expect_stdout": "(" })),
        ("apply_rules", json!({})),
        ("scaffold", json!({ "what": "castle" })),
        ("verify_state", json!({ "patterns": "x" })),
    ] {
        let answer = run.bad(action, args.clone()).await;
        assert!(answer.starts_with("ConfigError"), "{action} {args}: {answer}");
    }
    let answer = run
        .bad(
            "modify_code",
            json!({ "path": "a.py", "span": { "start": 5, "end": 500, "text": "" } }),
        )
        .await;
    assert!(answer.contains("write_error"), "{answer}");
    let answer = run.bad("check_output", json!({ "command": "no-such-program-here" })).await;
    assert!(answer.starts_with("Environment"), "{answer}");
}

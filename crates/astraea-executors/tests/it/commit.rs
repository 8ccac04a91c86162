//! commit: one branch, the checkout untouched.

use astraea_executors::testing::everything;
use serde_json::json;

use crate::support::Run;

#[tokio::test(flavor = "multi_thread")]
async fn edits_become_one_commit_on_a_new_branch() {
    let mut run = Run::new(&[("a.py", "x = 1\n")]);
    let before = everything(&run.repo.root());
    run.good("modify_code", json!({ "path": "a.py", "search": "1", "replace": "2" })).await;
    run.good("create_file", json!({ "path": "b.py", "content": "y = 1\n" })).await;
    let args = json!({ "goal_id": "1a2b3c4d5e6f", "goal": "fix_bug", "goal_text": "make x two" });
    let output = run.good("commit", args.clone()).await;
    let branch = output.value["branch"].as_str().unwrap();
    assert!(branch.starts_with("astra/goal-1a2b3c4d-"), "{branch}");
    assert_eq!(output.artifacts, ["a.py", "b.py"]);
    assert_eq!(run.repo.git(&["show", &format!("{branch}:a.py")]), "x = 2\n");
    let message = run.repo.git(&["log", "-1", "--format=%B", branch]);
    assert!(
        message.starts_with("make x two\n\nGoal: 1a2b3c4d5e6f (fix_bug)\nModification: "),
        "{message}"
    );
    assert!(message.contains("\nFiles: a.py, b.py\n"), "{message}");
    assert_eq!(
        run.repo.git(&["rev-parse", &format!("{branch}^")]),
        run.repo.git(&["rev-parse", "HEAD"])
    );
    let unchanged = |(path, _): &&(std::path::PathBuf, Vec<u8>)| {
        let path = path.to_string_lossy();
        !path.contains("/.git/objects/")
            && !path.contains("/.git/refs/heads/astra/")
            && !path.contains("/.git/logs/")
    };
    let after = everything(&run.repo.root());
    assert!(
        before.iter().filter(unchanged).eq(after.iter().filter(unchanged)),
        "the checkout changed"
    );
    // the same task once more, as after a crash: the same branch, not a second one
    let again = run.good("commit", args).await;
    assert_eq!(again.value["branch"], output.value["branch"]);
    assert_eq!(again.value["commit"], output.value["commit"]);
    assert_eq!(run.repo.git(&["branch", "--list", "astra/*"]).lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_commit_is_a_clear_failure() {
    let mut run = Run::new(&[("a.py", "x = 1\n")]);
    assert_eq!(
        run.bad("commit", json!({})).await,
        "ModificationError: nothing to commit: the steps before changed no file"
    );
    run.good("modify_code", json!({ "path": "a.py", "search": "1", "replace": "2" })).await;
    run.good("modify_code", json!({ "path": "a.py", "search": "2", "replace": "1" })).await;
    assert!(run.bad("commit", json!({})).await.contains("nothing to commit"));
}

//! Builds: kept for the untouched snapshot, never taken for another set of edits.

use astraea_executors::testing::has;
use serde_json::json;

use crate::support::{Run, report};

const FILES: [(&str, &str); 3] = [
    (".gitignore", "/target\n"),
    ("Cargo.toml", "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
    (
        "src/lib.rs",
        "pub fn add(a: i32, b: i32) -> i32 { a - b }\n#[test]\nfn sum() { assert_eq!(add(1, 2), 3); }\n#[test]\nfn zero() { assert_eq!(add(0, 0), 0); }\n",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_build_of_one_set_of_edits_is_never_taken_for_anothers() {
    if !has("cargo") {
        return;
    }
    let mut run = Run::new(&FILES);
    let output = run.good("observe", json!({})).await;
    assert_eq!(report(&output).counts.failed, 1);
    let fix = json!({ "path": "src/lib.rs", "search": "a - b", "replace": "a + b" });
    let back = json!({ "path": "src/lib.rs", "search": "a + b", "replace": "a - b" });
    run.good("modify_code", fix.clone()).await;
    let output = run.good("run_tests", json!({ "require": "improve" })).await;
    assert!(report(&output).passed());
    // the first contents again, with their old times: a stale build would pass
    run.good("modify_code", back).await;
    assert!(run.bad("run_tests", json!({ "require": "improve" })).await.contains("still failing"));
    run.good("modify_code", fix).await;
    run.good("run_tests", json!({ "require": "improve" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_crate_is_not_built_twice() {
    if !has("cargo") {
        return;
    }
    let mut run = Run::new(&FILES);
    let first = run.good("observe", json!({})).await;
    assert!(first.stdout.contains("Compiling calc"), "{}", first.stdout);
    let second = run.good("observe", json!({})).await;
    assert!(!second.stdout.contains("Compiling calc"), "{}", second.stdout);
    assert!(run.repo.read("target/CACHEDIR.TAG").is_none(), "the user's checkout was built in");
}

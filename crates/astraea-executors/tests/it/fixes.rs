//! Fixers, formatters, rules, scaffolds.

use astraea_executors::testing::has;
use serde_json::json;

use crate::support::{Run, report};

const MANIFEST: &str = "[package]\nname = \"tidy\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn rustfmt_writes_edits_and_a_second_time_nothing() {
    if !has("rustfmt") {
        return;
    }
    let mut run = Run::new(&[
        ("Cargo.toml", MANIFEST),
        ("Cargo.lock", "version = 3\n\n[[package]]\nname = \"tidy\"\nversion = \"0.1.0\"\n"),
        ("src/lib.rs", "pub fn twice( n:u32 )->u32{ n*2 }\n"),
    ]);
    let output = run.good("format", json!({})).await;
    assert_eq!(output.artifacts, ["src/lib.rs"]);
    assert!(output.value["ran"][0]["tier"].is_string());
    run.good("verify_state", json!({ "patterns": [{ "path": "src/lib.rs", "pattern": "pub fn twice\\(n: u32\\) -> u32 \\{" }] })).await;
    let output = run.good("format", json!({})).await;
    assert_eq!(output.value["changed"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn cargo_fix_writes_edits() {
    if !has("cargo") {
        return;
    }
    let mut run = Run::new(&[
        (".gitignore", "/target\n"),
        ("Cargo.toml", MANIFEST),
        (
            "src/lib.rs",
            "use std::collections::HashMap;\npub fn one() -> u32 { let mut x = 1; x }\n",
        ),
    ]);
    let output = run.good("apply_fixes", json!({})).await;
    assert_eq!(output.artifacts, ["src/lib.rs"]);
    run.good("verify_state", json!({ "patterns": [{ "path": "src/lib.rs", "pattern": "HashMap|let mut", "absent": true }] })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_file_alone_is_no_fix() {
    if !has("cargo") {
        return;
    }
    let lock = "version = 3\n\n[[package]]\nname = \"tidy\"\nversion = \"0.1.0\"\n";
    for files in [
        vec![
            ("Cargo.toml", MANIFEST),
            ("src/lib.rs", "pub fn one() -> u32 {\n    1\n}\n"),
            (".gitignore", "/target\n"),
        ],
        vec![
            ("Cargo.toml", MANIFEST),
            ("src/lib.rs", "pub fn one() -> u32 {\n    1\n}\n"),
            (".gitignore", "/target\n"),
            ("Cargo.lock", lock),
        ],
    ] {
        let mut run = Run::new(&files);
        let answer = run.bad("apply_fixes", json!({})).await;
        assert_eq!(answer, "NoPatch: the fixers found nothing to change");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_tool_it_is_the_environments_fault() {
    let mut run = Run::new(&[("README.md", "x\n")]);
    let answer = run.bad("format", json!({})).await;
    assert!(answer.starts_with("Environment: no formatter was found"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_users_rules_rewrite_text() {
    let mut run = Run::new(&[
        ("rules.toml", "[[rule]]\nfind = \"old_name\"\nreplace = \"new_one\"\nfiles = \"*.py\"\n"),
        ("a.py", "old_name = 1\nprint(old_name)\n"),
        ("b.txt", "old_name\n"),
    ]);
    let output = run.good("apply_rules", json!({ "rules": "rules.toml" })).await;
    assert_eq!(output.artifacts, ["a.py"]);
    assert_eq!(output.value["replaced"], json!({ "rule 1": 2 }));
    assert!(run.bad("apply_rules", json!({ "rules": "rules.toml" })).await.starts_with("NoPatch"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scaffold_fails_its_test_and_breaks_nothing() {
    if !has("python3") {
        return;
    }
    let mut run = Run::new(&[
        ("app.py", "def run():\n    return 0\n"),
        (
            "test_app.py",
            "import unittest\nfrom app import run\nclass R(unittest.TestCase):\n    def test_run(self):\n        self.assertEqual(run(), 0)\n",
        ),
    ]);
    run.good("observe", json!({})).await;
    let output = run.good("scaffold", json!({ "what": "feature", "feature_name": "csv export", "description": "Write rows." })).await;
    assert_eq!(output.value["outcome"], "scaffold");
    assert!(
        output.artifacts[0].starts_with("tests/generated/test_feature_"),
        "{:?}",
        output.artifacts
    );
    let output = run.good("run_tests", json!({ "require": "scaffold" })).await;
    let counts = report(&output).counts;
    assert_eq!((counts.passed, counts.failed), (1, 1));
    assert!(run.bad("run_tests", json!({ "require": "hold" })).await.contains("new tests fail"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rust_scaffold_is_found_by_cargo() {
    if !has("cargo") {
        return;
    }
    let mut run = Run::new(&[
        (".gitignore", "/target\n"),
        ("Cargo.toml", MANIFEST),
        ("src/lib.rs", "pub fn one() -> u32 { 1 }\n#[test]\nfn t() { assert_eq!(one(), 1); }\n"),
    ]);
    run.good("scaffold", json!({ "what": "tests", "feature_name": "one" })).await;
    let output = run.good("run_tests", json!({ "require": "scaffold" })).await;
    let counts = report(&output).counts;
    assert_eq!((counts.passed, counts.failed), (1, 1), "{:#}", output.value);
}

//! Dependencies of the user's checkout: seen, never written, and never a way back to the user's files.

use astraea_executors::WorkspaceOptions;
use astraea_executors::testing::{TestRepo, has};
use serde_json::json;

use crate::support::{Run, lines, report};

#[tokio::test(flavor = "multi_thread")]
async fn an_editable_install_means_the_copy() {
    let repo = TestRepo::new(&[
        ("lib/calc.py", "def add(a, b):\n    return a - b\n"),
        (
            "tests/test_calc.py",
            "from calc import add\n\ndef test_add():\n    assert add(1, 2) == 3\n",
        ),
    ]);
    if !repo.with_venv() {
        return;
    }
    // what `pip install -e` leaves: the user's own path
    let packages = repo.root().join(".venv/lib");
    let python = packages.read_dir().unwrap().next().unwrap().unwrap().file_name();
    let pth = format!(".venv/lib/{}/site-packages/editable.pth", python.to_string_lossy());
    repo.write(&pth, &format!("{}\n", repo.root().join("lib").display()));
    let mut run = Run::over(repo, WorkspaceOptions::default());
    let output = run.good("observe", json!({})).await;
    assert_eq!(lines(&report(&output)), "pytest failed\ntests/test_calc.py::test_add: failed\n");
    run.good(
        "modify_code",
        json!({ "path": "lib/calc.py", "search": "a - b", "replace": "a + b" }),
    )
    .await;
    run.good("run_tests", json!({ "require": "improve" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_modules_are_seen_and_never_written() {
    if !has("node") {
        return;
    }
    let repo = TestRepo::new(&[
        (".gitignore", "node_modules\n"),
        ("package.json", r#"{"scripts":{"test":"node --test"}}"#),
        (
            "a.test.cjs",
            "const test = require('node:test');\nconst fs = require('node:fs');\ntest('reads', () => { if (require('dep') !== 7) throw new Error('no'); fs.writeFileSync('node_modules/dep/index.js', 'spoiled'); });\n",
        ),
    ]);
    repo.write("node_modules/dep/index.js", "module.exports = 7;\n");
    let mut run = Run::over(repo, WorkspaceOptions::default());
    for _ in 0..2 {
        let output = run.good("observe", json!({})).await;
        assert_eq!(lines(&report(&output)), "node passed\na.test.cjs > reads: passed\n");
    }
    let kept = run.repo.read("node_modules/dep/index.js");
    assert_eq!(kept.as_deref(), Some("module.exports = 7;\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_of_node_modules_runs_the_tests() {
    if !has("npm") {
        return;
    }
    let repo = TestRepo::new(&[
        (".gitignore", "node_modules\n"),
        ("package.json", r#"{"scripts":{"test":"jest"}}"#),
        ("a.test.js", ""),
    ]);
    // speaks as jest does
    repo.write_program("node_modules/.bin/jest", "#!/usr/bin/env node\nconsole.log(JSON.stringify({ success: true, testResults: [{ name: process.cwd() + '/a.test.js', status: 'passed', message: '', assertionResults: [{ ancestorTitles: [], title: 'adds', status: 'passed', failureMessages: [] }] }] }));\n");
    let mut run = Run::over(repo, WorkspaceOptions::default());
    let output = run.good("observe", json!({})).await;
    assert_eq!(lines(&report(&output)), "jest passed\na.test.js > adds: passed\n");
}

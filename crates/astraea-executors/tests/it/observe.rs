//! observe: facts for the planner.

use astraea_executors::testing::{TestRepo, has};
use astraea_executors::{Scope, WorkspaceOptions};
use serde_json::json;

use crate::support::{Run, report};

#[tokio::test(flavor = "multi_thread")]
async fn facts_say_language_runner_and_failing_tests() {
    if !has("python3") {
        return;
    }
    let mut run = Run::new(&[
        ("calc.py", "x = 1\n"),
        (
            "test_calc.py",
            "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(1, 2)\n    def test_b(self):\n        pass\n",
        ),
    ]);
    let output = run.good("observe", json!({})).await;
    let facts = &output.value["facts"];
    assert_eq!(facts["language"], json!(["python"]));
    assert_eq!(facts["runner"], json!(["unittest"]));
    for (fact, value) in [
        ("has_codebase", true),
        ("has_test_framework", true),
        ("tests_failing", true),
        ("tests_green", false),
        ("no_tests", false),
        ("tests_blocked", false),
        ("shell_allowed", false),
    ] {
        assert_eq!(facts[fact], value, "{fact}");
    }
    assert_eq!(output.value["failing"], json!(["test_calc.py::T::test_a"]));
    assert!(report(&output).details.values().any(|said| said.contains("AssertionError")));
    // the tests that are asked about may be others
    let output = run.good("observe", json!({ "tests": ["test_b"] })).await;
    assert_eq!(output.value["facts"]["tests_failing"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_narrows_a_monorepo() {
    if !has("python3") {
        return;
    }
    let test = |ok: bool| {
        format!(
            "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertTrue({})\n",
            if ok { "True" } else { "False" }
        )
    };
    let (good, bad) = (test(true), test(false));
    let repo = TestRepo::new(&[
        ("one/setup.cfg", ""),
        ("one/test_one.py", &good),
        ("two/setup.cfg", ""),
        ("two/test_two.py", &bad),
    ]);
    let scope = Scope { dir: Some("one".parse().unwrap()), tests: vec![] };
    let mut run = Run::over(repo, WorkspaceOptions::default().with_scope(scope));
    let output = run.good("observe", json!({})).await;
    let ids: Vec<String> = report(&output).outcomes.keys().map(ToString::to_string).collect();
    assert_eq!(ids, ["one/test_one.py::T::test_a"]);
    assert_eq!(output.value["facts"]["tests_green"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn uncommitted_work_is_what_is_looked_at() {
    if !has("python3") {
        return;
    }
    let repo = TestRepo::new(&[("calc.py", "x = 1\n")]);
    repo.write(
        "test_new.py",
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        pass\n",
    );
    let mut run = Run::over(repo, WorkspaceOptions::default());
    let output = run.good("observe", json!({})).await;
    assert_eq!(report(&output).counts.passed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_files_that_git_ignores_are_there() {
    if !has("python3") {
        return;
    }
    let repo = TestRepo::new(&[
        (".gitignore", "_version.py\n"),
        ("calc/__init__.py", "from ._version import version\n"),
        (
            "test_calc.py",
            "import unittest, calc\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(calc.version, '7')\n",
        ),
    ]);
    repo.write("calc/_version.py", "version = '7'\n");
    let mut run = Run::over(repo, WorkspaceOptions::default());
    let output = run.good("observe", json!({})).await;
    assert!(report(&output).passed(), "{:#}", output.value);
}

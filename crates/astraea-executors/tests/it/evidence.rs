//! run_tests: what the tests after the edits must show.

use astraea_engine::{CancellationToken, ErrorClass, Outcome};
use astraea_executors::testing::has;
use serde_json::json;

use crate::support::{Run, report};

const BUGGY: &str = "def add(a, b):\n    return a - b\n";
const TESTS: &str = "import unittest\nfrom calc import add\n\nclass T(unittest.TestCase):\n    def test_zero(self):\n        self.assertEqual(add(0, 0), 0)\n    def test_sum(self):\n        self.assertEqual(add(1, 2), 3)\n";

fn files() -> [(&'static str, &'static str); 2] {
    [("calc.py", BUGGY), ("test_calc.py", TESTS)]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fix_is_a_win_and_the_checkout_stays() {
    if !has("python3") {
        return;
    }
    let mut run = Run::new(&files());
    run.good("observe", json!({})).await;
    assert!(
        run.bad("run_tests", json!({ "require": "improve" }))
            .await
            .starts_with("TestFailure: still failing")
    );
    run.good("modify_code", json!({ "path": "calc.py", "search": "a - b", "replace": "a + b" }))
        .await;
    let output =
        run.good("run_tests", json!({ "require": "improve", "tests": ["test_sum"] })).await;
    assert_eq!(output.value["comparison"]["fixed"], json!(["test_calc.py::T::test_sum"]));
    assert_eq!(output.value["comparison"]["verdict"], "better");
    assert!(report(&output).passed());
    assert_eq!(run.repo.read("calc.py").as_deref(), Some(BUGGY));
    assert_eq!(run.repo.git(&["status", "--porcelain"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_or_weakened_test_is_never_a_win() {
    if !has("python3") {
        return;
    }
    for (edit, said) in [
        (
            json!({ "path": "test_calc.py", "content": "import unittest\nfrom calc import add\n\nclass T(unittest.TestCase):\n    def test_zero(self):\n        pass\n" }),
            "made vanish",
        ),
        (
            json!({ "path": "test_calc.py", "search": "    def test_sum", "replace": "    @unittest.skip('later')\n    def test_sum" }),
            "silenced",
        ),
        (
            json!({ "path": "test_calc.py", "search": "from calc import add", "replace": "from calc import subtract" }),
            "cannot be loaded",
        ),
    ] {
        let mut run = Run::new(&files());
        run.good("observe", json!({})).await;
        run.good("modify_code", edit).await;
        let answer = run.bad("run_tests", json!({ "require": "hold" })).await;
        assert!(
            answer.starts_with("TestFailure") && answer.contains(said) || answer.contains("vanish"),
            "{answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn zero_tests_are_never_a_pass() {
    if !has("python3") {
        return;
    }
    let mut run = Run::new(&[("calc.py", BUGGY)]);
    let output = run.good("observe", json!({})).await;
    assert_eq!(output.value["facts"]["no_tests"], true);
    assert_eq!(output.value["facts"]["tests_green"], false);
    assert!(run.bad("run_tests", json!({})).await.contains("no evidence"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_that_never_end_are_stopped_and_said_so() {
    if !has("python3") {
        return;
    }
    let mut run = Run::new(&[(
        "test_a.py",
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        while True:\n            pass\n",
    )]);
    let outcome = run.act_within("run_tests", json!({}), 3_000, CancellationToken::new()).await;
    let Outcome::Failed(failure) = outcome else { panic!("it passed") };
    assert_eq!(failure.class, ErrorClass::TimeoutError);
    assert_eq!(failure.output.value["evidence"]["outcomes"]["test_a.py::T::test_a"], "timed_out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_is_cancelled() {
    let mut run = Run::new(&[("check.sh", "sleep 60\n")]);
    let cancel = CancellationToken::new();
    let trigger = cancel.clone();
    tokio::spawn(async move {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        trigger.cancel();
    });
    let outcome = run
        .act_within("check_output", json!({ "command": ["sh", "check.sh"] }), 60_000, cancel)
        .await;
    let Outcome::Failed(failure) = outcome else { panic!("it passed") };
    assert_eq!(failure.class, ErrorClass::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flaky_test_counts_for_neither_side() {
    if !has("python3") {
        return;
    }
    // fails in company, passes alone
    let mut run = Run::new(&[(
        "test_a.py",
        "import unittest\nseen = []\nclass T(unittest.TestCase):\n    def test_a(self):\n        seen.append(1)\n    def test_b(self):\n        self.assertEqual(seen, [])\n",
    )]);
    let output = run.good("observe", json!({})).await;
    assert_eq!(output.value["facts"]["tests_failing"], false);
    assert_eq!(output.value["evidence"]["flaky"], json!(["test_a.py::T::test_b"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_in_the_output_are_masked_and_tails_are_short() {
    let token = ["ghp_", "0123456789abcdefghijklmnopqrstuvwxyz"].concat();
    let script = format!(
        "i=0; while [ $i -lt 2000 ]; do echo line-$i; i=$((i+1)); done; echo {token}; echo {token} >&2\n"
    );
    let mut run = Run::new(&[("check.sh", &script)]);
    let output = run.good("check_output", json!({ "command": "sh check.sh" })).await;
    assert!(output.stdout.len() <= 8 * 1024 && output.stdout.contains("line-1999"));
    assert!(
        !output.stdout.contains(&token) && !output.stderr.contains(&token),
        "{}",
        output.stdout
    );
    assert!(output.value["tier"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_without_the_edits_too_is_not_their_doing() {
    if !has("python3") {
        return;
    }
    let mut run = Run::new(&[
        ("calc.py", "def add(a, b):\n    return a - b\n"),
        (
            "test_calc.py",
            "import unittest\nfrom calc import add\n\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n    def test_moody(self):\n        self.fail()\n",
        ),
    ]);
    let observed = run.good("observe", json!({})).await;
    // as if it had passed when the repository was looked at
    let mut baseline = observed.value["evidence"].clone();
    baseline["outcomes"]["test_calc.py::T::test_moody"] = json!("passed");
    run.good("modify_code", json!({ "path": "calc.py", "search": "a - b", "replace": "a + b" }))
        .await;
    let output = run.good("run_tests", json!({ "require": "improve", "baseline": baseline })).await;
    let report = report(&output);
    let flaky: Vec<&str> = report.flaky.iter().map(|id| id.as_str()).collect();
    assert_eq!(flaky, ["test_calc.py::T::test_moody"]);
}

//! Every runner that is here, on a repository of its own.

use astraea_executors::WorkspaceOptions;
use astraea_executors::testing::{TestRepo, has};
use expect_test::{Expect, expect};
use serde_json::json;

use crate::support::{Run, lines, report};

async fn check(files: &[(&str, &str)], expected: Expect) {
    check_repo(TestRepo::new(files), WorkspaceOptions::default(), expected).await;
}

async fn check_repo(repo: TestRepo, options: WorkspaceOptions, expected: Expect) {
    let mut run = Run::over(repo, options);
    let output = run.good("observe", json!({})).await;
    let report = report(&output);
    assert!(!report.tier.is_empty() || report.runner.is_empty(), "every command states its tier");
    expected.assert_eq(&lines(&report));
}

const UNITTEST: &str = "import unittest\nfrom calc import add\n\nclass T(unittest.TestCase):\n    def test_good(self):\n        self.assertEqual(add(1, 1), 2)\n    def test_bad(self):\n        self.assertEqual(add(1, 2), 4)\n    @unittest.skip('no')\n    def test_skipped(self):\n        pass\n    @unittest.expectedFailure\n    def test_known(self):\n        self.fail()\n    def test_parts(self):\n        for n in (1, 2):\n            with self.subTest(n=n):\n                self.assertEqual(n, 1)\n    def test_raises(self):\n        raise KeyError('x')\n";
const CALC: &str = "def add(a, b):\n    return a + b\n";

#[tokio::test(flavor = "multi_thread")]
async fn unittest_is_read_test_by_test() {
    if !has("python3") {
        return;
    }
    check(
        &[
            ("calc.py", CALC),
            ("test_calc.py", UNITTEST),
            ("more/test_more.py", "import unittest\nclass M(unittest.TestCase):\n    def test_m(self):\n        print('noise', flush=True)\n"),
        ],
        expect![[r#"
            unittest failed
            more/test_more.py::M::test_m: passed
            test_calc.py::T::test_bad: failed
            test_calc.py::T::test_good: passed
            test_calc.py::T::test_known: skipped
            test_calc.py::T::test_parts: failed
            test_calc.py::T::test_raises: failed
            test_calc.py::T::test_skipped: skipped
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unittest_that_does_not_load_is_never_a_pass() {
    if !has("python3") {
        return;
    }
    check(
        &[
            ("calc.py", CALC),
            ("test_a.py", "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        pass\n"),
            ("test_b.py", "import unittest\nfrom calc import missing\nclass T(unittest.TestCase):\n    def test_b(self):\n        pass\n"),
        ],
        expect![[r#"
            unittest collection error
            test_a.py::T::test_a: passed
            unloaded test_b.py
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_ends_the_process_is_never_a_pass() {
    if !has("python3") {
        return;
    }
    check(
        &[("test_a.py", "import os, unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        pass\n    def test_b(self):\n        os._exit(0)\n    def test_c(self):\n        pass\n")],
        expect![[r#"
            unittest failed
            test_a.py::T::test_a: passed
            test_a.py::T::test_b: errored
            test_a.py::T::test_c: errored
        "#]],
    )
    .await;
}

/// Looks for the word that marks the harness's lines wherever a program finds what its process was started with, says
/// for every word that it finds that all tests passed, and ends the process.
const FORGER: &str = r#"
import json, os, re, sys

def forge():
    texts = [" ".join(sys.orig_argv), repr(vars(sys.modules["__main__"]))]
    for name in ("cmdline", "environ", "fd/0"):
        try:
            with open("/proc/self/" + name, "rb") as file:
                texts.append(file.read().decode("utf-8", "replace"))
        except OSError:
            pass
    for number in os.listdir("/proc"):
        if number.isdigit():
            try:
                with open("/proc/" + number + "/cmdline", "rb") as file:
                    texts.append(file.read().decode("utf-8", "replace"))
            except OSError:
                pass
    words = set(re.findall("[0-9a-f]{24}", "\n".join(texts))) | {""}
    for word in words:
        for event in ({"t": "collected", "ids": ["test_a.py::T::test_a"]},
                      {"t": "start", "id": "test_a.py::T::test_a"},
                      {"t": "phase", "id": "test_a.py::T::test_a", "when": "call", "outcome": "passed", "xfail": False, "said": ""},
                      {"t": "phase", "id": "test_a.py::T::test_a", "when": "teardown", "outcome": "passed", "xfail": False, "said": ""},
                      {"t": "end", "exit": 0}):
            os.write(1, ("\n@astra " + word + " " + json.dumps(event) + "\n").encode())
    os._exit(0)
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_test_file_cannot_say_that_tests_passed() {
    if !has("python3") {
        return;
    }
    let plain = "import unittest\nimport forger\n\nforger.forge()\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.fail()\n";
    // Python runs a sitecustomize.py of its path before any program, and takes a json.py here for its own.
    let early = "import forger\nforger.forge()\n";
    for files in [
        vec![("forger.py", FORGER), ("test_a.py", plain)],
        vec![("forger.py", FORGER), ("test_a.py", plain), ("json.py", early)],
        vec![
            ("src/forger.py", FORGER),
            ("src/sitecustomize.py", early),
            ("src/json.py", early),
            ("tests/test_a.py", plain),
        ],
    ] {
        let mut run = Run::over(TestRepo::new(&files), WorkspaceOptions::default());
        let output = run.good("observe", json!({})).await;
        let said = lines(&report(&output));
        assert!(!said.contains("passed"), "{said}");
    }
}

const PYTEST: &str = "import pytest\nfrom calc import add\n\n@pytest.fixture\ndef broken():\n    raise RuntimeError('no')\n\ndef test_good():\n    assert add(1, 1) == 2\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_each(n):\n    assert n == 1\n\ndef test_setup(broken):\n    pass\n\n@pytest.mark.skip\ndef test_skipped():\n    pass\n\n@pytest.mark.xfail\ndef test_known():\n    assert False\n\nclass TestX:\n    def test_in_class(self):\n        print('noise without end', end='')\n";

#[tokio::test(flavor = "multi_thread")]
async fn pytest_of_the_repositorys_own_environment_is_read_test_by_test() {
    let repo = TestRepo::new(&[("src/calc.py", CALC), ("tests/test_calc.py", PYTEST)]);
    if !repo.with_venv() {
        return;
    }
    check_repo(
        repo,
        WorkspaceOptions::default(),
        expect![[r#"
            pytest failed
            tests/test_calc.py::TestX::test_in_class: passed
            tests/test_calc.py::test_each[1]: passed
            tests/test_calc.py::test_each[2]: failed
            tests/test_calc.py::test_good: passed
            tests/test_calc.py::test_known: skipped
            tests/test_calc.py::test_setup: errored
            tests/test_calc.py::test_skipped: skipped
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pytest_in_a_subdirectory_names_tests_from_the_root() {
    let repo = TestRepo::new(&[
        ("py/pyproject.toml", "[tool.pytest.ini_options]\naddopts = \"-x\"\n"),
        ("py/test_a.py", "def test_a():\n    assert False\n\ndef test_b():\n    pass\n"),
        ("py/test_b.py", "import no_such_module\n"),
    ]);
    if !repo.with_venv() {
        return;
    }
    check_repo(
        repo,
        WorkspaceOptions::default(),
        expect![[r#"
            pytest collection error
            py/test_a.py::test_a: failed
            py/test_a.py::test_b: passed
            unloaded py/test_b.py
            missing module no_such_module
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn options_of_a_plugin_that_is_not_here_are_left_out() {
    let repo = TestRepo::new(&[
        (
            "pyproject.toml",
            "[tool.pytest.ini_options]\naddopts = \"--cov=calc --cov-report=xml\"\n",
        ),
        ("test_a.py", "def test_a():\n    pass\n"),
    ]);
    if !repo.with_venv() {
        return;
    }
    check_repo(
        repo,
        WorkspaceOptions::default(),
        expect![[r#"
            pytest passed
            test_a.py::test_a: passed
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_pytest_is_the_environments_fault() {
    if !has("python3") {
        return;
    }
    let repo = TestRepo::new(&[("test_a.py", "def test_a():\n    pass\n")]);
    // an interpreter that has certainly no pytest
    let options = WorkspaceOptions::default().with_python("/usr/bin/python3");
    if !std::path::Path::new("/usr/bin/python3").exists() {
        return;
    }
    check_repo(
        repo,
        options,
        expect![[r#"
            pytest environment
            missing module pytest
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_there_is_the_environments_fault() {
    if !has("python3") {
        return;
    }
    check(
        &[("test_a.py", "import socket, unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        socket.create_connection(('127.0.0.1', 5432), timeout=2)\n")],
        expect![[r#"
            unittest environment
            test_a.py::T::test_a: failed
            missing service a server that refuses connections
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_is_read_test_by_test() {
    if !has("node") {
        return;
    }
    check(
        &[
            ("package.json", r#"{"type":"module","scripts":{"test":"node --test"}}"#),
            ("a.test.js", "import test, { describe, it } from 'node:test';\nimport assert from 'node:assert';\ntest('adds', () => assert.equal(1 + 1, 2));\ndescribe('suite', () => {\n  it('fails', () => assert.equal(1, 2));\n  it.skip('skipped', () => {});\n  it('todo', { todo: true }, () => { throw new Error('x'); });\n});\n"),
            ("b.test.js", "import './nowhere.js';\n"),
            ("empty.test.js", "export const nothing = 1;\n"),
        ],
        expect![[r#"
            node collection error
            a.test.js > adds: passed
            a.test.js > suite > fails: failed
            a.test.js > suite > skipped: skipped
            a.test.js > suite > todo: skipped
            unloaded b.test.js
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_npm_script_has_its_exit_for_an_outcome() {
    if !has("npm") {
        return;
    }
    check(
        &[
            ("package.json", r#"{"scripts":{"test":"node check.js && echo done"}}"#),
            ("check.js", "process.exit(3)\n"),
        ],
        expect![[r#"
            npm failed
            npm test: failed
        "#]],
    )
    .await;
}

const MANIFEST: &str = "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn cargo_is_read_binary_by_binary_with_doctests() {
    if !has("cargo") {
        return;
    }
    check(
        &[
            ("Cargo.toml", MANIFEST),
            ("src/lib.rs", concat!("/// ```\n/// assert_eq!(calc::add(1, 1), 2);\n/// ```\npub fn add(a: i32, b: i32) -> i32 { a + b }\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn good() { assert_eq!(super::add(1, 1), 2); }\n    #[test]\n    fn bad() { assert_eq!(super::add(1, 2), 4); }\n    #[test]\n    #[", "ignore]\n    fn slow() {}\n    #[test]\n    #[should_panic]\n    fn panics() { panic!(); }\n}\n")),
            ("tests/it.rs", "#[test]\nfn outside() { assert_eq!(calc::add(2, 2), 4); }\n"),
        ],
        expect![[r#"
            cargo failed
            calc doc src/lib.rs - add: passed
            calc::tests::bad: failed
            calc::tests::good: passed
            calc::tests::panics: passed
            calc::tests::slow: skipped
            it::outside: passed
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crate_that_does_not_compile_is_never_a_pass() {
    if !has("cargo") {
        return;
    }
    check(
        &[
            ("Cargo.toml", MANIFEST),
            ("src/lib.rs", "pub fn add() -> i32 { \"x\" }\n#[test]\nfn t() {}\n"),
        ],
        expect![[r#"
            cargo collection error
            unloaded calc (lib test)
            unloaded calc (lib)
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dependency_that_was_never_fetched_is_the_environments_fault() {
    if !has("cargo") {
        return;
    }
    check(
        &[
            ("Cargo.toml", "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nno-such-crate-of-anybody = \"1\"\n"),
            ("src/lib.rs", "#[test]\nfn t() {}\n"),
        ],
        expect![[r#"
            cargo environment
            unloaded cargo
            missing module no-such-crate-of-anybody
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_users_own_command_is_run_and_judged_by_its_exit() {
    let repo = TestRepo::new(&[("check.sh", "echo fine\n")]);
    let words = ["sh", "check.sh"].map(str::to_owned).to_vec();
    let options = WorkspaceOptions::default().with_test_command(Some(words));
    check_repo(
        repo,
        options,
        expect![[r#"
            command passed
            sh check.sh: passed
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_run_is_no_evidence() {
    let mut run = Run::new(&[("README.md", "hello\n")]);
    let output = run.good("observe", json!({})).await;
    assert_eq!(lines(&report(&output)), " no tests\n");
    assert_eq!(output.value["facts"]["no_tests"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn nextest_names_its_tests_as_cargo_does_and_leaves_no_doctest_out() {
    if !has("cargo") {
        return;
    }
    let files = [
        ("Cargo.toml", "[package]\nname = \"my-calc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        (".config/nextest.toml", "[profile.default]\n"),
        (
            "src/lib.rs",
            "/// ```\n/// assert_eq!(my_calc::two(), 2);\n/// ```\npub fn two() -> i32 { 2 }\n#[test]\nfn bad() { assert_eq!(two(), 3); }\n",
        ),
        ("src/bin/tool.rs", "fn main() {}\n#[test]\nfn inside() {}\n"),
        ("tests/it.rs", "#[test]\nfn outside() { assert_eq!(my_calc::two(), 2); }\n"),
    ];
    // where nextest is not installed cargo runs them: the names are the same
    check(
        &files,
        expect![[r#"
            cargo failed
            it::outside: passed
            my_calc doc src/lib.rs - two: passed
            my_calc::bad: failed
            tool[bin]::inside: passed
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_says_which_lines_the_tests_reach() {
    if !has("node") {
        return;
    }
    let mut run = Run::new(&[
        (
            "sum.js",
            "exports.add = (a, b) => a + b;\nexports.sub = (a, b) => {\n  return b - a;\n};\n",
        ),
        (
            "sum.test.js",
            "const test = require('node:test');\nconst assert = require('node:assert');\nconst { add } = require('./sum.js');\ntest('adds', () => assert.equal(add(1, 2), 3));\n",
        ),
    ]);
    run.good("observe", json!({})).await;
    run.good("modify_code", json!({ "path": "sum.js", "search": "b - a", "replace": "a - b" }))
        .await;
    let output = run.good("run_tests", json!({ "require": "hold" })).await;
    let coverage = report(&output).coverage.unwrap();
    let table = output.value["table"].as_str().unwrap();
    assert_eq!(coverage.tool, "node");
    let reach = coverage.files["sum.js"];
    assert!(
        coverage.files.len() == 1 && reach.covered > 0 && reach.covered < reach.of,
        "{coverage:?}"
    );
    assert!(table.contains("\ncoverage: ") && table.contains("of what changed: sum.js"), "{table}");
}

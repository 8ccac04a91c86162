//! characterise: tests that come of calling the code.

use astraea_executors::WorkspaceOptions;
use astraea_executors::testing::{TestRepo, has};
use serde_json::{Value, json};

use crate::support::{Run, report};

const CODE: &str = "\
import random
import datetime


def grade(points, most=100):
    if points < 0 or points > most:
        raise ValueError('out of range')
    return 'A' if points / most >= 0.9 else 'B'


def merge(a: list[int], b: list[int]) -> list[int]:
    out, i, j = [], 0, 0
    while i < len(a) and j < len(b):
        if a[i] <= b[j]:
            out.append(a[i])
            i += 1
        else:
            out.append(b[j])
            j += 1
    return out + a[i:] + b[j:]


class Stack:
    def __init__(self):
        self._items = []

    def push(self, item):
        self._items.append(item)

    def pop(self):
        if not self._items:
            raise IndexError('empty')
        return self._items.pop()


def dice():
    return random.randint(1, 6)


def today():
    return str(datetime.date.today())
";

fn figures(value: &Value) -> (u64, u64, u64, u64) {
    let count = |name: &str| value["characterisation"][name].as_u64().unwrap();
    (count("tests"), count("mutants"), count("noticed_before"), count("noticed"))
}

async fn text(run: &mut Run, path: &str) -> String {
    let delivered = run.good("commit", json!({})).await;
    let branch = delivered.value["branch"].as_str().unwrap().to_owned();
    run.repo.git(&["show", &format!("{branch}:{path}")])
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_pass_notice_changes_and_leave_out_what_is_never_the_same() {
    if !has("python3") {
        return;
    }
    let mut run = Run::new(&[("calc.py", CODE)]);
    run.good("observe", json!({})).await;
    let out = run.good("characterise", json!({ "mutants": 80 })).await;
    let (tests, mutants, before, noticed) = figures(&out.value);
    assert!(tests >= 5 && before == 0, "{}", out.value);
    assert!(noticed * 10 >= mutants * 7 && noticed <= mutants, "{noticed} of {mutants}");
    assert!(out.value["table"].as_str().unwrap().contains("lines run"), "{}", out.value["table"]);
    let after = run.good("run_tests", json!({ "require": "hold" })).await;
    assert_eq!(report(&after).counts.passed as u64, tests);
    let text = text(&mut run, "test_calc_characterised.py").await;
    assert!(text.contains("mistakes included") && text.contains("import unittest"), "{text}");
    assert!(text.contains("assertRaises(ValueError)") && text.contains("stack.pop()"), "{text}");
    assert!(!text.contains("dice") && !text.contains("today"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_tests_that_are_there_notice_needs_no_new_test() {
    let repo = TestRepo::new(&[
        ("calc.py", "def double(n):\n    return 2 * n\n\n\ndef half(n):\n    return n / 2\n"),
        (
            "tests/test_calc.py",
            "from calc import double\n\n\ndef test_double():\n    assert double(3) == 6\n    assert double(-1) == -2\n",
        ),
    ]);
    if !repo.with_venv() {
        return;
    }
    let mut run = Run::over(repo, WorkspaceOptions::default());
    run.good("observe", json!({})).await;
    let out = run.good("characterise", json!({ "paths": ["calc.py"], "mutants": 16 })).await;
    let (_, _, before, noticed) = figures(&out.value);
    assert!(before > 0 && noticed > before, "{}", out.value);
    run.good("run_tests", json!({ "require": "hold" })).await;
    let text = text(&mut run, "tests/test_calc_characterised.py").await;
    assert!(text.contains("half(") && !text.contains("double(["), "{text}");
    assert!(!text.contains("unittest"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_called_is_said() {
    if !has("python3") {
        return;
    }
    let mut run =
        Run::new(&[("calc.py", "import nowhere_to_be_found\n\n\ndef f():\n    return 1\n")]);
    let answer = run.bad("characterise", json!({})).await;
    assert!(answer.starts_with("NoPatch") && answer.contains("nowhere_to_be_found"), "{answer}");
    let mut run = Run::new(&[("data.py", "X = 1\n")]);
    let answer = run.bad("characterise", json!({})).await;
    assert!(answer.contains("there is no function of Python"), "{answer}");
    let answer = run.bad("characterise", json!({ "paths": 5 })).await;
    assert!(answer.contains("must be a list of paths"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_ends_the_process_or_hangs_is_survived() {
    if !has("python3") {
        return;
    }
    let code = "import os\n\n\ndef stop(n: int):\n    os._exit(0)\n\n\ndef spin(n: int):\n    while True:\n        n += 1\n\n\ndef add(a: int, b: int):\n    return a + b\n";
    let mut run = Run::new(&[("calc.py", code)]);
    let out = run.good("characterise", json!({ "mutants": 80 })).await;
    let left: Vec<&str> = out.value["characterisation"]["files"][0]["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|left| left["name"].as_str())
        .collect();
    assert_eq!(left, ["stop", "spin"], "{}", out.value);
    let text = text(&mut run, "test_calc_characterised.py").await;
    assert!(text.contains("add(") && !text.contains("stop("), "{text}");
}

const SHOP: &str = "\
\"use strict\";
/** @param {string} text */
function slug(text) {
  return text.trim().toLowerCase().replace(/[^a-z0-9]+/g, '-');
}
function clamp(x, low, high) {
  if (x < low) return low;
  return x > high ? high : x;
}
class Cart {
  constructor() {
    this.items = [];
  }
  add(name, price, count = 1) {
    if (price < 0) throw new RangeError('negative');
    this.items.push({ name, price, count });
    return this.items.length;
  }
  total() {
    return this.items.reduce((sum, item) => sum + item.price * item.count, 0);
  }
}
const roll = () => Math.random();
module.exports = { slug, clamp, Cart, roll };
";

#[tokio::test(flavor = "multi_thread")]
async fn javascript_is_held_to_what_it_does() {
    if !has("node") {
        return;
    }
    let mut run = Run::new(&[
        ("package.json", "{\"scripts\":{\"test\":\"node --test\"}}\n"),
        ("shop.js", SHOP),
        (
            "test/shop.test.js",
            "const test = require('node:test');\nconst assert = require('node:assert');\nconst { clamp } = require('../shop.js');\ntest('clamps', () => assert.equal(clamp(5, 1, 3), 3));\n",
        ),
    ]);
    let observed = run.good("observe", json!({})).await;
    assert_eq!(observed.value["facts"]["characteriser_available"], true);
    let done = run.good("characterise", json!({ "mutants": 60 })).await;
    assert_eq!(done.artifacts, ["test/shop.characterised.test.js"]);
    let (tests, mutants, before, now) = figures(&done.value);
    assert!(tests > 3 && mutants > 20 && before > 0 && now > before, "{}", done.value["table"]);
    assert!(now * 100 >= mutants * 70, "{}", done.value["table"]);
    let left: Vec<&Value> = done.value["characterisation"]["files"][0]["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|left| &left["name"])
        .collect();
    assert_eq!(left, ["roll"]);
    run.good("run_tests", json!({ "require": "grow" })).await;
    let text = text(&mut run, "test/shop.characterised.test.js").await;
    assert!(
        text.contains("mistakes included") && text.contains("require(\"../shop.js\")"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_of_javascript_is_imported() {
    if !has("node") {
        return;
    }
    let mut run = Run::new(&[
        ("package.json", "{\"type\":\"module\",\"scripts\":{\"test\":\"node --test\"}}\n"),
        (
            "src/sum.js",
            "import { base } from './base.js';\nexport const sum = async (list) => list.reduce((a, b) => a + b, base);\nexport default function twice(n) {\n  return n * 2 + 1;\n}\n",
        ),
        ("src/base.js", "export const base = 10;\n"),
    ]);
    run.good("observe", json!({})).await;
    let done = run.good("characterise", json!({ "paths": ["src/sum.js"], "mutants": 30 })).await;
    let (tests, mutants, _, now) = figures(&done.value);
    assert!(tests > 1 && now * 100 >= mutants * 70, "{}", done.value["table"]);
    run.good("run_tests", json!({ "require": "grow" })).await;
}

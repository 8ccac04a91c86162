//! repair of JavaScript: screened in threads, confirmed by node's own runner.

use astraea_engine::{Outcome, Output};
use astraea_executors::testing::has;
use serde_json::json;

use crate::support::Run;

const SCRIPTS: &str =
    r#"{ "name": "a", "version": "1.0.0", "scripts": { "test": "node --test" } }"#;
const MODULES: &str = r#"{ "name": "a", "version": "1.0.0", "type": "module", "scripts": { "test": "node --test" } }"#;

async fn tried(files: &[(&str, &str)]) -> (Run, Outcome) {
    let mut run = Run::new(files);
    run.good("observe", json!({})).await;
    let outcome = run.act("repair", json!({ "tests": [], "cpu_ms": 20_000 })).await;
    (run, outcome)
}

/// Repairs, lets node's own runner confirm, and gives the output with the lines before and after.
async fn mended(files: &[(&str, &str)]) -> (Output, String) {
    let (mut run, outcome) = tried(files).await;
    let output = match outcome {
        Outcome::Succeeded(output) => output,
        Outcome::Failed(failure) => panic!("{}: {:#}", failure.message, failure.output.value),
    };
    run.good("run_tests", json!({ "require": "improve" })).await;
    let after = output.value["report"]["patches"][0]["after"].as_str().unwrap().trim().to_owned();
    assert!(output.value["cpu_ms"].as_u64().unwrap() > 0);
    assert!(output.value["first_patch_cpu_ms"].as_u64() <= output.value["cpu_ms"].as_u64());
    (output, after)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_bound_in_a_script_beside_an_endless_rival() {
    if !has("node") {
        return;
    }
    let (_, after) = mended(&[
        ("package.json", SCRIPTS),
        ("lib/sum.js", "function upTo(n) {\n  let sum = 0;\n  let i = 0;\n  while (i < n) {\n    sum += i;\n    i += 1;\n  }\n  return sum;\n}\nmodule.exports = { upTo };\n"),
        ("lib/index.js", "module.exports = { ...require('./sum.js') };\n"),
        ("test/sum.test.js", "const test = require('node:test');\nconst assert = require('node:assert');\nconst { upTo } = require('../lib/index.js');\ntest('with its end', () => { assert.strictEqual(upTo(4), 10); assert.strictEqual(upTo(1), 1); });\ntest('nothing', () => assert.strictEqual(upTo(0), 0));\n"),
    ])
    .await;
    assert!(after.contains("i <= n") || after.contains("n + 1"), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_with_state_of_its_own_is_fresh_for_each_candidate() {
    if !has("node") {
        return;
    }
    let (_, after) = mended(&[
        ("package.json", MODULES),
        ("ids.js", "let last = 0;\n\nexport function next() {\n  last -= 1;\n  return last;\n}\n"),
        ("ids.test.js", "import { describe, it, beforeEach } from 'node:test';\nimport assert from 'node:assert';\nimport { next } from './ids.js';\ndescribe('ids', () => {\n  let seen;\n  beforeEach(() => { seen = []; });\n  it('begin with one', async () => { seen.push(next()); await null; assert.deepStrictEqual(seen, [1]); });\n  it('go up', () => assert.equal(next(), 2));\n});\n"),
    ])
    .await;
    assert!(after.contains("last += 1"), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_single_edit_mends_is_no_patch() {
    if !has("node") {
        return;
    }
    let (_, outcome) = tried(&[
        ("package.json", MODULES),
        ("word.js", "export function word(n) {\n  return String(n);\n}\n"),
        ("word.test.js", "import test from 'node:test';\nimport assert from 'node:assert';\nimport { word } from './word.js';\ntest('in words', () => { assert.equal(word(21), 'twenty-one'); assert.equal(word(13), 'thirteen'); });\n"),
    ])
    .await;
    let Outcome::Failed(failure) = outcome else { panic!("a patch for what was never written") };
    assert_eq!(failure.class.to_string(), "NoPatch");
    assert_eq!(failure.output.value["suspicious"][0]["file"], "word.js");
}

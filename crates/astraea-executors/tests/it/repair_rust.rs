//! repair of Rust: one edit, found behind a switch, confirmed by the tests in a fresh copy.

use astraea_engine::Output;
use astraea_executors::testing::has;
use serde_json::json;

use crate::support::Run;

const MANIFEST: &str = "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

/// Observes, repairs, runs the tests; gives the repair's output and what the patched line became.
async fn mended(files: &[(&str, &str)]) -> (Output, String) {
    let mut run = Run::new(files);
    let started = std::time::Instant::now();
    run.good("observe", json!({})).await;
    let observed = started.elapsed();
    let output = run.good("repair", json!({ "tests": [] })).await;
    let report = &output.value["report"];
    eprintln!(
        "tried {} broken {} timed out {} patches {} observe {:?} all {:?}",
        report["tried"], report["broken"], report["timed_out"],
        report["patches"].as_array().unwrap().len(), observed, started.elapsed()
    );
    run.good("run_tests", json!({ "require": "improve" })).await;
    let after = report["patches"][0]["after"].as_str().unwrap().trim().to_owned();
    (output, after)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_comparison_in_a_module() {
    if !has("cargo") {
        return;
    }
    let (output, after) = mended(&[
        ("Cargo.toml", MANIFEST),
        ("src/lib.rs", "pub mod price;\npub mod stock;\n"),
        ("src/stock.rs", "/// Items left.\npub fn left(all: &[u32], sold: u32) -> u32 {\n    let sum: u32 = all.iter().sum();\n    sum - sold\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn some_left() {\n        assert_eq!(left(&[1, 2], 1), 2);\n    }\n}\n"),
        ("src/price.rs", "/// The price with the discount for many.\npub fn total(count: u32, each: u32) -> u32 {\n    let full = count * each;\n    if count > 10 {\n        return full - full / 10;\n    }\n    full\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn few() {\n        assert_eq!(total(2, 10), 20);\n        assert_eq!(total(9, 10), 90);\n    }\n\n    #[test]\n    fn ten_is_many() {\n        assert_eq!(total(10, 10), 90);\n    }\n\n    #[test]\n    fn many() {\n        assert_eq!(total(20, 10), 180);\n    }\n}\n"),
    ])
    .await;
    assert!(["verified", "plausible"].contains(&output.value["outcome"].as_str().unwrap()));
    assert!(after.contains(">= 10") || after.contains("> 9"), "{after}");
}

//! repair of Rust: one edit, found behind a switch, confirmed by the tests in a fresh copy.

use std::sync::Arc;

use astraea_engine::{CancellationToken, Outcome, Output};
use astraea_executors::WorkspaceOptions;
use astraea_executors::testing::{TestRepo, has};
use astraea_sandbox::{Sandbox, SandboxOptions, Tier};
use serde_json::json;

use crate::support::Run;

const MANIFEST: &str = "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

/// Observes, repairs, runs the tests; gives the repair's output and what the patched line became.
async fn mended(files: &[(&str, &str)]) -> (Output, String) {
    let mut run = Run::new(files);
    let started = std::time::Instant::now();
    run.good("observe", json!({})).await;
    let observed = started.elapsed();
    let cancel = CancellationToken::new();
    let output = match run.act_within("repair", json!({ "tests": [] }), 90_000, cancel).await {
        Outcome::Succeeded(output) => output,
        Outcome::Failed(failure) => panic!("{}: {:#}", failure.message, failure.output.value),
    };
    let report = &output.value["report"];
    eprintln!(
        "tried {} broken {} timed out {} patches {} observe {:?} all {:?}",
        report["tried"],
        report["broken"],
        report["timed_out"],
        report["patches"].as_array().unwrap().len(),
        observed,
        started.elapsed()
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

#[tokio::test(flavor = "multi_thread")]
async fn off_by_one_in_a_method_of_a_workspace_member() {
    if !has("cargo") {
        return;
    }
    let (_, after) = mended(&[
        (
            "Cargo.toml",
            r#"[workspace]
members = ["core", "app"]
resolver = "2"
"#,
        ),
        (
            "core/Cargo.toml",
            r#"[package]
name = "ring-core"
version = "0.1.0"
edition = "2021"
"#,
        ),
        (
            "app/Cargo.toml",
            r#"[package]
name = "app"
version = "0.1.0"
edition = "2021"
[dependencies]
ring-core = { path = "../core" }
"#,
        ),
        (
            "app/src/main.rs",
            r#"use ring_core::Ring;

fn main() {
    let mut ring = Ring::new(3);
    ring.push(1);
    println!("{}", ring.len());
}
"#,
        ),
        (
            "core/src/lib.rs",
            r#"#![deny(warnings)]
//! A ring.

/// Keeps the last few numbers.
pub struct Ring {
    items: Vec<i64>,
    most: usize,
}

impl Ring {
    /// An empty one.
    pub fn new(most: usize) -> Self {
        Ring { items: Vec::new(), most }
    }

    /// Adds a number, forgetting the oldest if full.
    pub fn push(&mut self, item: i64) {
        if self.items.len() == self.most {
            self.items.remove(0);
        }
        self.items.push(item);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// The one that came last.
    pub fn last(&self) -> Option<i64> {
        if self.items.is_empty() {
            return None;
        }
        Some(self.items[self.items.len() - 2])
    }
}
"#,
        ),
        (
            "core/tests/ring.rs",
            r#"use ring_core::Ring;

fn filled(count: i64) -> Ring {
    let mut ring = Ring::new(3);
    for item in 0..count {
        ring.push(item);
    }
    ring
}

#[test]
fn the_last_is_the_newest() {
    assert_eq!(filled(5).last(), Some(4));
    assert_eq!(filled(2).last(), Some(1));
}

#[test]
fn nothing_is_in_an_empty_one() {
    assert_eq!(filled(0).last(), None);
}

#[test]
fn no_more_than_the_most() {
    assert_eq!(filled(9).len(), 3);
}
"#,
        ),
    ])
    .await;
    assert!(after.contains("len() - 1"), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_negation_and_a_hang_beside_it() {
    if !has("cargo") {
        return;
    }
    let (_, after) = mended(&[
        ("Cargo.toml", MANIFEST),
        (
            "src/lib.rs",
            r#"use std::collections::HashMap;

/// Words and how often they are there.
pub fn count(text: &str) -> HashMap<String, usize> {
    let mut found = HashMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(' ').unwrap_or(rest.len());
        let word = &rest[..end];
        if word.is_empty() {
            *found.entry(word.to_string()).or_insert(0) += 1;
        }
        rest = if end < rest.len() { &rest[end + 1..] } else { "" };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted() {
        let found = count("a b  a");
        assert_eq!(found.get("a"), Some(&2));
        assert_eq!(found.get("b"), Some(&1));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn nothing_in_nothing() {
        assert!(count("").is_empty());
    }
}
"#,
        ),
    ])
    .await;
    assert!(after.contains("!word.is_empty()"), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_variable_in_the_binary() {
    if !has("cargo") {
        return;
    }
    let (_, after) = mended(&[
        ("Cargo.toml", MANIFEST),
        (
            "src/main.rs",
            r#"mod shape;

fn main() {
    println!("{}", shape::area(3, 4));
}
"#,
        ),
        (
            "src/shape.rs",
            r#"/// The area of a rectangle.
pub fn area(width: u32, height: u32) -> u32 {
    let area = width * width;
    area
}

/// Its border.
pub fn border(width: u32, height: u32) -> u32 {
    2 * (width + height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas() {
        assert_eq!(area(3, 4), 12);
        assert_eq!(area(5, 1), 5);
    }

    #[test]
    fn borders() {
        assert_eq!(border(3, 4), 14);
    }
}
"#,
        ),
    ])
    .await;
    assert!(after.contains("width * height") || after.contains("height * width"), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_constant_needs_a_build_of_its_own() {
    if !has("cargo") {
        return;
    }
    let (_, after) = mended(&[
        ("Cargo.toml", MANIFEST),
        (
            "src/lib.rs",
            r#"/// Minutes of a day.
pub const DAY: u32 = 24 * 59;

/// Whole days.
pub const fn days(minutes: u32) -> u32 {
    minutes / DAY
}

#[test]
fn a_day_is_a_day() {
    assert_eq!(DAY, 1440);
}

#[test]
fn none() {
    assert_eq!(days(5), 0);
}
"#,
        ),
    ])
    .await;
    assert!(after.contains("24 * 60"), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_mount_namespaces_it_works_in_private_copies() {
    let sandbox = Sandbox::probe(SandboxOptions::default().with_max_tier(Tier::B));
    if sandbox.tier() != Tier::B || !has("cargo") {
        return;
    }
    let repo = TestRepo::new(&[
        ("Cargo.toml", MANIFEST),
        (
            "src/lib.rs",
            "pub fn add(a: i32, b: i32) -> i32 {\n    a - b\n}\n\n#[test]\nfn sum() {\n    assert_eq!(add(1, 2), 3);\n    assert_eq!(add(5, 0), 5);\n    assert_eq!(add(2, 2), 4);\n}\n",
        ),
    ]);
    let ws = repo.workspace_in(Arc::new(sandbox), WorkspaceOptions::default());
    let mut run = Run::on(repo, ws);
    run.good("observe", json!({})).await;
    let output = run.good("repair", json!({})).await;
    assert_eq!(output.value["report"]["patches"][0]["after"], "    a + b");
    run.good("run_tests", json!({ "require": "improve" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_single_edit_mends_is_said_with_the_suspicious_lines() {
    if !has("cargo") {
        return;
    }
    let mut run = Run::new(&[
        ("Cargo.toml", MANIFEST),
        (
            "src/lib.rs",
            "pub fn word(n: u8) -> &'static str {\n    \"zero\"\n}\n\n#[test]\nfn words() {\n    assert_eq!(word(1).len() + word(7).len() * word(9).len() + 1000, n());\n}\n\n#[cfg(test)]\nfn n() -> usize {\n    9999\n}\n",
        ),
    ]);
    run.good("observe", json!({})).await;
    let before = run.repo.read("src/lib.rs");
    let Outcome::Failed(failure) = run.act("repair", json!({})).await else {
        panic!("it cannot be mended")
    };
    assert_eq!(failure.class.to_string(), "NoPatch", "{}", failure.message);
    assert_eq!(failure.output.value["suspicious"][0]["file"], "src/lib.rs");
    assert_eq!(run.repo.read("src/lib.rs"), before);
    assert!(run.repo.read("target/CACHEDIR.TAG").is_none(), "the user's checkout was built in");
}

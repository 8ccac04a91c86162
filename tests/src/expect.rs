//! What must be true after a step.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::{
    scenario::Step,
    world::{Finished, World, shell},
};

/// Checks every expectation of a step.
///
/// # Errors
/// The first that does not hold.
pub(crate) fn step(world: &World, step: &Step, finished: &Finished) -> anyhow::Result<()> {
    ensure!(!finished.stderr.contains("panicked at"), "a panic");
    if let Some(exit) = step.exit {
        ensure!(finished.exit == exit, "exit code {}, expected {exit}", finished.exit);
    }
    for text in &step.stdout {
        ensure!(finished.stdout.contains(text), "stdout lacks `{text}`");
    }
    for text in &step.not_stdout {
        ensure!(!finished.stdout.contains(text), "stdout has `{text}`");
    }
    for text in &step.stderr {
        ensure!(finished.stderr.contains(text), "stderr lacks `{text}`");
    }
    let lines: Vec<Value> =
        finished.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let types: Vec<_> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
    in_order("event", &step.events, &types)?;
    let last = lines.last().cloned().unwrap_or_default();
    for (pointer, expected) in &step.json {
        let found = last.pointer(pointer).cloned().unwrap_or_default();
        let expected = serde_json::to_value(expected)?;
        ensure!(found == expected, "{pointer} is {found}, expected {expected}");
    }
    if !step.ledger.is_empty() {
        let entries = ledger(world)?;
        let events: Vec<_> = entries.iter().filter_map(|entry| entry["event"].as_str()).collect();
        in_order("ledger event", &step.ledger, &events)?;
        let verified = world.run(&["ledger", "verify"])?;
        ensure!(verified.exit == 0, "astra ledger verify: {}{}", verified.stdout, verified.stderr);
    }
    for (path, text) in &step.checkout {
        let found = std::fs::read_to_string(world.repo().join(path)).unwrap_or_default();
        holds(path, &found, text, None)?;
    }
    branch(world, step)
}

fn branch(world: &World, step: &Step) -> anyhow::Result<()> {
    if !world.repo().join(".git").exists() {
        return Ok(());
    }
    let list = world.shell(
        "git for-each-ref --sort=-committerdate --format='%(refname:short)' refs/heads/astra",
    )?;
    let branches: Vec<_> = list.lines().collect();
    if let Some(expected) = step.branches {
        ensure!(
            branches.len() == expected,
            "{} branches below astra/, expected {expected}: {branches:?}",
            branches.len()
        );
    }
    if step.branch.is_empty() && step.changed.is_none() && step.check.is_empty() {
        return Ok(());
    }
    let newest = branches.first().context("there is no branch below astra/")?;
    for (path, text) in &step.branch {
        let show = |revision: &str| world.shell(&format!("git show '{revision}:{path}'")).ok();
        let found = show(newest).unwrap_or_default();
        holds(path, &found, text, show(&format!("{newest}~1")).as_deref())?;
    }
    if let Some(changed) = &step.changed {
        let names = world.shell(&format!("git diff --name-only {newest}~1 {newest}"))?;
        let names: BTreeSet<_> = names.lines().collect();
        let expected: BTreeSet<_> = changed.iter().map(String::as_str).collect();
        ensure!(names == expected, "the branch changes {names:?}, expected {expected:?}");
    }
    if !step.check.is_empty() {
        let fresh = tempfile::tempdir()?;
        shell(fresh.path(), &format!("git clone -q -b {newest} '{}' .", world.repo().display()))?;
        for line in &step.check {
            shell(fresh.path(), line).context("in a fresh clone of the branch")?;
        }
    }
    Ok(())
}

/// `text` occurs; `!text`: does not occur; `=base`: equals `base`.
fn holds(path: &str, found: &str, text: &str, base: Option<&str>) -> anyhow::Result<()> {
    match text.strip_prefix('!') {
        Some(text) => ensure!(!found.contains(text), "{path} has `{text}`:\n{found}"),
        None if text == "=base" => ensure!(base == Some(found), "{path} changed:\n{found}"),
        None => ensure!(found.contains(text), "{path} lacks `{text}`:\n{found}"),
    }
    Ok(())
}

fn in_order(what: &str, expected: &[String], found: &[&str]) -> anyhow::Result<()> {
    let mut rest = found.iter();
    for event in expected {
        ensure!(
            rest.any(|found| found == event),
            "{what} `{event}` is missing, or out of order, in {found:?}"
        );
    }
    Ok(())
}

/// Every entry of the ledger.
pub(crate) fn ledger(world: &World) -> anyhow::Result<Vec<Value>> {
    let log = world.run(&["ledger", "log", "--json"])?;
    Ok(log.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// A law of every scenario: a task that succeeded is not started again, whatever was killed in between.
pub(crate) fn nothing_finished_ran_again(world: &World) -> anyhow::Result<()> {
    let mut finished: BTreeMap<String, u64> = BTreeMap::new();
    for entry in ledger(world)? {
        let data = &entry["data"];
        let task = format!("{}/{}/{}", entry["run"], data["graph"], data["task"]);
        match entry["event"].as_str() {
            Some("task_succeeded") => {
                finished.insert(task, entry["seq"].as_u64().unwrap_or_default());
            }
            Some("task_started") => {
                ensure!(!finished.contains_key(&task), "{task} had succeeded and was started again")
            }
            _ => {}
        }
    }
    Ok(())
}

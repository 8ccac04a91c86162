//! What must be true after a step.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::{
    scenario::Step,
    world::{Finished, MODEL_KEY, World, shell},
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
    if let Some(status) = step.status {
        ensure!(finished.status == Some(status), "status {:?}, expected {status}", finished.status);
    }
    for text in &step.stdout {
        let text = &world.filled(text);
        ensure!(finished.stdout.contains(text), "stdout lacks `{text}`");
    }
    for text in &step.not_stdout {
        ensure!(!finished.stdout.contains(text), "stdout has `{text}`");
    }
    for text in &step.stderr {
        ensure!(finished.stderr.contains(text), "stderr lacks `{text}`");
    }
    // A stream of events has `data: ` before each.
    let lines: Vec<Value> = finished
        .stdout
        .lines()
        .map(|line| line.strip_prefix("data: ").unwrap_or(line))
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let types: Vec<_> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
    in_order("event", &step.events, &types)?;
    let last = lines.last().cloned().unwrap_or_default();
    for (pointer, expected) in &step.json {
        let found = last.pointer(pointer).cloned().unwrap_or_default();
        let mut expected = serde_json::to_value(expected)?;
        if let Value::String(text) = &mut expected {
            *text = world.filled(text);
        }
        ensure!(found == expected, "{pointer} is {found}, expected {expected}");
    }
    answer_agrees(world, &last)?;
    told(world, step)?;
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

/// A law of every answer of a conversation: what it says of a run is what the ledger and git say.
fn answer_agrees(world: &World, answer: &Value) -> anyhow::Result<()> {
    let (Some(text), Some(runs)) = (answer["response"].as_str(), answer["runs"].as_array()) else {
        return Ok(());
    };
    if runs.is_empty() {
        return Ok(());
    }
    let entries = ledger(world)?;
    for run in runs {
        let name = run["run"].as_str().unwrap_or_default();
        ensure!(text.contains(name), "the words do not name the run {name}: {text}");
        let executed = entries
            .iter()
            .rfind(|entry| entry["event"] == "goal_executed" && entry["run"] == name)
            .with_context(|| format!("the ledger has no goal_executed of {name}"))?;
        for field in ["success", "outcome", "branch", "files", "goal_id"] {
            let (said, is) = (&run[field], &executed["data"][field]);
            ensure!(said == is, "the answer's {field} of {name} is {said}, the ledger's {is}");
        }
        let Some(branch) = run["branch"].as_str() else { continue };
        ensure!(text.contains(branch), "the words do not name the branch {branch}: {text}");
        let names = world.shell(&format!("git diff --name-only {branch}~1 {branch}"))?;
        let files: Vec<_> = names.lines().collect();
        ensure!(run["files"] == serde_json::json!(files), "{branch} changes {files:?}: {run}");
        for file in files {
            ensure!(text.contains(file), "the words do not name the file {file}: {text}");
        }
    }
    Ok(())
}

/// What the model has been told.
fn told(world: &World, step: &Step) -> anyhow::Result<()> {
    if step.told.is_empty() && step.not_told.is_empty() && step.asked.is_none() {
        return Ok(());
    }
    let asked = world.model.as_ref().context("there is no model")?.asked();
    let all = asked.iter().flatten().map(String::as_str).collect::<Vec<_>>().join("\n---\n");
    for text in step.told.iter().map(|text| world.filled(text)) {
        ensure!(all.contains(&text), "the model was not told `{text}`, but:\n{all}");
    }
    for text in step.not_told.iter().map(|text| world.filled(text)) {
        ensure!(!all.contains(&text), "the model was told `{text}`");
    }
    if let Some(times) = step.asked {
        ensure!(asked.len() == times, "the model was asked {} times, not {times}", asked.len());
    }
    Ok(())
}

/// A law of every report that a model sees: no success over a failed task, or without a test that ran.
pub(crate) fn reports(world: &World) -> anyhow::Result<()> {
    let asked = world.model.as_ref().map(crate::model::Model::asked).unwrap_or_default();
    for text in asked.iter().flatten().filter(|text| text.starts_with("🎯 Goal Execution Complete"))
    {
        let number = |name: &str| -> anyhow::Result<u64> {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
            line.and_then(|line| line.trim().parse().ok())
                .with_context(|| format!("a report without `{name}`:\n{text}"))
        };
        let (total, completed, failed) =
            (number("Total:")?, number("Completed:")?, number("Failed:")?);
        ensure!(completed + failed <= total, "more tasks ended than there are:\n{text}");
        for line in ["GOAL: ", "STATUS: ", "EXECUTION TIME: "] {
            ensure!(text.lines().any(|l| l.starts_with(line)), "no `{line}` in\n{text}");
        }
        if text.contains("STATUS: ✓ SUCCESS") {
            ensure!(failed == 0 && completed > 0, "a success over a failed task:\n{text}");
            let tests = text.lines().find_map(|line| line.strip_prefix("🧪 EVIDENCE: "));
            let passed = tests.and_then(|line| line.split(' ').next()?.parse::<u64>().ok());
            ensure!(passed.is_some_and(|n| n > 0), "a success without a test that ran:\n{text}");
        }
    }
    Ok(())
}

/// A law of every scenario with a model: its key is nowhere in the state directory, and in no message.
pub(crate) fn no_secret(world: &World) -> anyhow::Result<()> {
    let Some(model) = &world.model else { return Ok(()) };
    ensure!(
        !model.asked().iter().flatten().any(|text| text.contains(MODEL_KEY)),
        "a message to the model holds the model's key"
    );
    let found = shell(&world.path("state"), &format!("grep -rl -- {MODEL_KEY} . || true"))?;
    ensure!(found.is_empty(), "the state directory holds the model's key: {found}");
    Ok(())
}

fn branch(world: &World, step: &Step) -> anyhow::Result<()> {
    if !world.repo().join(".git").exists() {
        return Ok(());
    }
    let list = world.shell("git for-each-ref --format='%(refname:short)' refs/heads/astra")?;
    let mut branches: Vec<_> = list.lines().collect();
    // By the file of the ref: commits of one second are of one age.
    let made = |name: &&str| {
        let file = world.repo().join(".git/refs/heads").join(name);
        file.metadata().and_then(|file| file.modified()).ok()
    };
    branches.sort_by_cached_key(|name| std::cmp::Reverse(made(name)));
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

//! `cargo xtask faults`: every step that changes something, killed and failing at system calls all over it.
//!
//! A step is carried out once to count its calls on files; then again and again from the same state, each time with one
//! fault: SIGKILL before a call, a device that fails at a call (EIO), a disk that is full from a call on (ENOSPC). After
//! each the next command is given, as a user would, and the checkout must be wholly as before or wholly as after, git must
//! find every object, nothing may lie about, and the step must be possible again.

mod tracer;
mod world;

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use xshell::{Shell, cmd};

use crate::{flags, root};
use tracer::Fault;
use world::{Programs, Seen, World};

/// A step, and what must have been done before it.
struct Act {
    name: &'static str,
    before: &'static [&'static [&'static str]],
    step: &'static [&'static str],
    /// What opens the repository next, and so mends it.
    next: &'static [&'static str],
}

const MAKE: &[&str] = &["make"];
const LOOK: &[&str] = &["look"];
const SCHEDULE: &[&str] = &[
    "astra",
    "tool",
    "schedule_code_modification",
    r#"{"file_path": "d0/f0", "new_content": "after\n", "reason": "a fault"}"#,
];
/// The word stands for the id of the change that waits, or for the branch that was made of it.
const CHANGE: &str = "CHANGE";
const APPROVE: &[&str] = &["astra", "changes", "approve", CHANGE];
const ASTRA_APPLY: &[&str] = &["astra", "apply", "BRANCH"];
const ASTRA_UNDO: &[&str] = &["astra", "undo"];
const VERIFY: &[&str] = &["astra", "ledger", "verify"];

const ACTS: &[Act] = &[
    Act { name: "edit", before: &[MAKE], step: &["edit"], next: LOOK },
    Act { name: "deliver", before: &[MAKE], step: &["deliver"], next: LOOK },
    Act { name: "apply", before: &[MAKE, &["deliver"]], step: &["apply"], next: LOOK },
    Act { name: "undo", before: &[MAKE, &["deliver"], &["apply"]], step: &["undo"], next: LOOK },
    Act { name: "astra changes approve", before: &[MAKE, SCHEDULE], step: APPROVE, next: VERIFY },
    Act {
        name: "astra apply",
        before: &[MAKE, SCHEDULE, APPROVE],
        step: ASTRA_APPLY,
        next: VERIFY,
    },
    Act {
        name: "astra undo",
        before: &[MAKE, SCHEDULE, APPROVE, ASTRA_APPLY],
        step: ASTRA_UNDO,
        next: VERIFY,
    },
];

/// What happened with one kind of fault.
#[derive(Debug, Default)]
struct Tally {
    points: u32,
    as_before: u32,
    as_after: u32,
}

/// Runs the campaign.
///
/// # Errors
/// At the first state that is neither as before nor as after, and the like.
pub(crate) fn run(sh: &Shell, flags: &flags::Faults) -> anyhow::Result<()> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!("faults are injected by ptrace, which is written for Linux on x86-64 only");
    }
    cmd!(sh, "cargo build --quiet --package astraea-code-access --example steps").run()?;
    cmd!(sh, "cargo build --quiet --package astraea-cli").run()?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let debug = target.join("debug");
    let base = sh.create_temp_dir()?;
    // Copies: somebody may build meanwhile.
    let programs = Programs { steps: base.path().join("steps"), astra: base.path().join("astra") };
    sh.copy_file(debug.join("examples/steps"), &programs.steps)?;
    sh.copy_file(debug.join("astra"), &programs.astra)?;
    let points = flags.points.unwrap_or(160);
    let mut sums: BTreeMap<&str, u32> = BTreeMap::new();
    println!("{:22} {:6} {:>7} {:>9} {:>9}", "step", "fault", "points", "as before", "as after");
    for act in ACTS.iter().filter(|act| flags.only.as_ref().is_none_or(|only| act.name == only)) {
        let world = World::new(base.path(), &programs)?;
        for (kind, tally) in
            campaign(&world, act, points).with_context(|| format!("the step `{}`", act.name))?
        {
            let Tally { points, as_before, as_after } = tally;
            println!("{:22} {kind:6} {points:>7} {as_before:>9} {as_after:>9}", act.name);
            *sums.entry(kind).or_default() += points;
        }
    }
    let kills = sums.get("kill").copied().unwrap_or(0);
    let faults: u32 = sums.iter().filter(|(kind, _)| **kind != "kill").map(|(_, n)| n).sum();
    println!("{kills} kill points, {faults} injected faults: 0 torn edit sets");
    if let Some(seconds) = flags.race {
        let _seconds = sh.push_env("ASTRAEA_TEST_RACE_SECONDS", seconds.to_string());
        let race = ["flip_race", "--nocapture", "--test-threads=1"];
        cmd!(sh, "cargo test --quiet --package astraea-code-access --test it -- {race...}")
            .run()?;
    }
    Ok(())
}

fn campaign(world: &World, act: &Act, points: u64) -> anyhow::Result<Vec<(&'static str, Tally)>> {
    let mut names = Names::default();
    for words in act.before {
        let words = names.fill(words);
        // A change that waits for a person is exit code 4.
        let code = world.code(&words)?;
        ensure!(matches!(code, Some(0 | 4)), "{words:?} did not work");
        if words.contains(&"schedule_code_modification") {
            names.learn(world)?;
        }
    }
    let step = names.fill(act.step);
    let next = names.fill(act.next);
    // What the first open of a state makes is not part of the step.
    ensure!(world.code(&next)? == Some(0), "{next:?} did not work");
    let before = world.look()?;
    world.keep()?;
    let whole = tracer::run(&mut world.command(&step), &world.dir, Fault::None)?;
    ensure!(whole.code == Some(0), "the step does not work without a fault: {:?}", whole.code);
    let after = world.look()?;
    let mut tallies = Vec::new();
    for (kind, calls, fault) in [
        ("kill", whole.changing, Fault::Kill as fn(u64) -> Fault),
        ("EIO", whole.all, Fault::Broken),
        ("ENOSPC", whole.growing, Fault::Full),
    ] {
        let mut tally = Tally::default();
        let wanted = calls.min(points);
        for n in 0..wanted {
            let at = n * calls / wanted;
            world.restore()?;
            let trial = Trial { world, before: &before, after: &after, step: &step, next: &next };
            let done = trial.run(fault(at)).with_context(|| format!("{kind} at call {at}"))?;
            tally.points += u32::from(done.is_some());
            tally.as_before += u32::from(done == Some(false));
            tally.as_after += u32::from(done == Some(true));
        }
        tallies.push((kind, tally));
    }
    Ok(tallies)
}

/// One fault in one step.
struct Trial<'a> {
    world: &'a World,
    before: &'a Seen,
    after: &'a Seen,
    step: &'a [&'a str],
    next: &'a [&'a str],
}

impl Trial<'_> {
    /// Whether the step was carried out; `None` when the fault did not come to pass.
    fn run(&self, fault: Fault) -> anyhow::Result<Option<bool>> {
        let world = self.world;
        let traced = tracer::run(&mut world.command(self.step), &world.dir, fault)?;
        let said_done = traced.code == Some(0);
        let code = world.code(self.next)?;
        ensure!(code == Some(0), "the next command fails with {code:?}");
        let found = world.look()?;
        let done = found == *self.after && (said_done || found != *self.before);
        ensure!(done || found == *self.before, "torn: {}", difference(&found, self.before));
        ensure!(!said_done || found == *self.after, "it said that it was done and is not");
        world.fsck()?;
        if !done || self.before == self.after {
            let code = world.code(self.step)?;
            ensure!(code == Some(0), "the step cannot be done afterwards: {code:?}");
            let found = world.look()?;
            ensure!(found == *self.after, "afterwards: {}", difference(&found, self.after));
            ensure!(world.code(self.next)? == Some(0), "the command after the step fails");
        }
        let litter = world.litter()?;
        ensure!(litter.is_empty(), "left over: {litter:?}");
        Ok(traced.hit.then_some(done))
    }
}

/// What differs, by name.
fn difference(found: &Seen, expected: &Seen) -> String {
    let names = found.files.keys().chain(expected.files.keys());
    let differ: std::collections::BTreeSet<_> = names
        .filter(|name| found.files.get(*name) != expected.files.get(*name))
        .map(|name| String::from_utf8_lossy(name))
        .collect();
    format!("files {differ:?}, refs {:?}, git status {:?}", found.refs, found.status)
}

/// Names that are known only when a step was carried out.
#[derive(Debug, Default)]
struct Names {
    change: String,
    branch: String,
}

impl Names {
    fn learn(&mut self, world: &World) -> anyhow::Result<()> {
        let text = world.say(&["astra", "--json", "changes"])?;
        let changes: serde_json::Value = serde_json::from_str(&text)?;
        let id = changes.pointer("/0/id").and_then(serde_json::Value::as_str);
        self.change = id.context("no change waits")?.to_owned();
        let short: String =
            self.change.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        self.branch = format!("astra/change-{short}");
        Ok(())
    }

    fn fill<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        words
            .iter()
            .map(|word| match *word {
                CHANGE => self.change.as_str(),
                "BRANCH" => self.branch.as_str(),
                word => word,
            })
            .collect()
    }
}

//! Kills a run at random moments and resumes it: nothing finished runs again, nothing half done is seen.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::{
    expect,
    fingerprint::Fingerprint,
    scenario::Scenario,
    world::{World, run_command},
};

/// `cargo xtask e2e --kills N`.
pub(crate) fn run(kills: u32) -> anyhow::Result<ExitCode> {
    check(kills)?;
    println!("kills: {kills} runs killed and resumed\nscenarios: 1 passed, 0 failed, 0 skipped");
    Ok(ExitCode::SUCCESS)
}

/// Kills `kills` runs, each at another moment of its life.
///
/// # Errors
/// When a run does not resume, repeats finished work, or leaves something half done.
pub(crate) fn check(kills: u32) -> anyhow::Result<()> {
    let scenario = Scenario::load_all("kill-and-resume")?
        .into_iter()
        .next()
        .context("the scenario of the kills")?;
    // How long an undisturbed run takes, so that the moments cover it.
    let world = World::make(&scenario, false)?;
    let started = std::time::Instant::now();
    let args = scenario.step[0].astra.clone();
    let whole = run_command(world.astra(&args), Vec::new())?;
    ensure!(whole.exit == 0, "the undisturbed run fails: {}{}", whole.stdout, whole.stderr);
    let length = started.elapsed();
    let mut random = Random(0x5eed);
    for kill in 0..kills {
        let moment = length.mul_f64(random.unit() * 1.05);
        one(&scenario, &args, moment)
            .with_context(|| format!("kill {kill} at {moment:?} of {length:?}"))?;
    }
    Ok(())
}

fn one(scenario: &Scenario, args: &[String], moment: Duration) -> anyhow::Result<()> {
    let world = World::make(scenario, false)?;
    let before = Fingerprint::take(&world.repo())?;
    let mut child = world
        .astra(args)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()?;
    std::thread::park_timeout(moment);
    child.kill()?;
    child.wait()?;
    let between = Fingerprint::take(&world.repo())?;
    ensure!(before == between, "the kill left something behind:\n{}", before.difference(&between));
    let fsck = world.shell("git fsck --strict 2>&1 || true")?;
    ensure!(!fsck.contains("error"), "git fsck: {fsck}");
    let branches = |world: &World| world.shell("git for-each-ref refs/heads/astra");
    let delivered = !branches(&world)?.is_empty();
    let resumed = world.run(&["resume", "--json"])?;
    let last: Value = resumed
        .stdout
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok())
        .unwrap_or_default();
    // Killed before anything was journaled, there is nothing to resume; killed after the end, nothing is left to do.
    if resumed.exit != 0 || last["success"] != true {
        let nothing = resumed.stderr.contains("nothing to resume");
        ensure!(nothing, "resume: exit {}\n{}{}", resumed.exit, resumed.stdout, resumed.stderr);
        let again = run_command(world.astra(args), Vec::new())?;
        ensure!(
            delivered || again.exit == 0,
            "after a kill at the very start: {}{}",
            again.stdout,
            again.stderr
        );
    }
    ensure!(branches(&world)?.lines().count() >= 1, "no branch was delivered");
    expect::nothing_finished_ran_again(&world)?;
    let after = Fingerprint::take(&world.repo())?;
    ensure!(
        before == after,
        "the resumed run changed the checkout:\n{}",
        before.difference(&after)
    );
    let verified = world.run(&["ledger", "verify"])?;
    ensure!(verified.exit == 0, "ledger: {}{}", verified.stdout, verified.stderr);
    Ok(())
}

/// A small generator, seeded so that a failure can be repeated (xorshift64*, Vigna 2016).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}

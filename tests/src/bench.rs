//! `cargo xtask bench goal`: where the time of a goal goes.

use std::process::ExitCode;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::{scenario::Scenario, world::World};

const PARTS: [&str; 8] =
    ["observe", "plan", "graph", "journal", "copy", "subprocess", "deliver", "total"];

/// Carries out one small goal `rounds` times and prints the median of each part.
///
/// # Errors
/// When a round fails, or a program does not say its times.
pub(crate) fn goal(rounds: usize) -> anyhow::Result<ExitCode> {
    ensure!(rounds > 0, "at least one round");
    let scenario = Scenario::load_all("fix-bug-python-unittest")?
        .into_iter()
        .next()
        .context("the scenario")?;
    let args: Vec<_> = scenario.step[0].astra.iter().map(String::as_str).collect();
    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); PARTS.len()];
    let mut commits = Vec::new();
    for _ in 0..rounds {
        let world = World::make(&scenario, false)?;
        let finished = world.run(&args)?;
        let last = finished.stdout.lines().last().unwrap_or_default();
        let result: Value = serde_json::from_str(last)
            .with_context(|| format!("not a result: {last}{}", finished.stderr))?;
        let timings = &result["timings"];
        for (part, samples) in PARTS.iter().zip(&mut samples) {
            samples.push(
                timings[part]
                    .as_f64()
                    .with_context(|| format!("no timing of {part} in {timings}"))?
                    / 1000.0,
            );
        }
        commits.push(timings["journal_commits"].as_f64().context("journal_commits")?);
    }
    println!("one fix_bug goal on a small Python repository, median of {rounds}");
    println!("| part | ms |\n|---|---|");
    let mut medians = Vec::new();
    for (part, samples) in PARTS.iter().zip(&mut samples) {
        let median = median(samples);
        medians.push(median);
        println!("| {part} | {median:.2} |");
    }
    let (subprocess, total) = (medians[5], medians[7]);
    println!("| everything but subprocesses | {:.2} |", total - subprocess);
    println!("| journal commits | {} |", median(&mut commits));
    Ok(ExitCode::SUCCESS)
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

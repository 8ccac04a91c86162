//! Runs the scenarios: `cargo xtask e2e [FILTER]`. The format of a scenario is in this package's README.
#![expect(
    clippy::disallowed_methods,
    reason = "a test makes repositories and starts programs as a user would"
)]

mod bench;
mod bench_chat;
mod expect;
mod fingerprint;
mod http;
mod kills;
mod model;
mod play;
mod real_model;
mod report;
mod scenario;
mod serve;
mod world;

use std::process::ExitCode;

use crate::{report::Tally, scenario::Scenario, world::World};

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("e2e: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Vec<String>) -> anyhow::Result<ExitCode> {
    let mut filter = String::new();
    let (mut list, mut keep, mut kills) = (false, false, None);
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--list" => list = true,
            "--keep" => keep = true,
            "--kills" => kills = Some(args.next().unwrap_or_default().parse()?),
            "--bench-chat" => {
                return bench_chat::run(args.next().unwrap_or_default().parse()?, 512);
            }
            "--real-model" => {
                let url = args.next().unwrap_or_default();
                return real_model::run(&url, args.next().unwrap_or_default().parse()?);
            }
            "--bench-goal" => return bench::goal(args.next().unwrap_or_default().parse()?),
            other => filter = other.to_owned(),
        }
    }
    let scenarios = Scenario::load_all(&filter)?;
    if list {
        for scenario in &scenarios {
            println!("{:<34} {}", scenario.name, scenario.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(kills) = kills {
        return kills::run(kills);
    }
    let mut tally = Tally::default();
    for scenario in &scenarios {
        if let Some(missing) = scenario.missing() {
            tally.skipped(&scenario.name, &missing);
            continue;
        }
        let started = std::time::Instant::now();
        let outcome = World::make(scenario, keep).and_then(|mut world| world.play(scenario));
        tally.ended(&scenario.name, started.elapsed(), outcome);
    }
    if filter.is_empty() {
        let started = std::time::Instant::now();
        let outcome = kills::check(50);
        tally.ended("fifty-kills", started.elapsed(), outcome);
    }
    Ok(tally.close())
}

//! `cargo xtask bench NAME`: measurements, as ratios within one run.

mod add_tests;
mod plan;
mod repair;

use xshell::{Shell, cmd};

use crate::{environment::Environment, flags};

/// Runs one benchmark by name.
///
/// # Errors
/// When the name is unknown or the benchmark fails.
pub(crate) fn run(sh: &Shell, flags: &flags::Bench) -> anyhow::Result<()> {
    let rounds = flags.rounds.unwrap_or(5).to_string();
    match flags.name.as_str() {
        "goal" => harness(sh, "--bench-goal", &rounds),
        "chat" => harness(sh, "--bench-chat", &flags.conversations.unwrap_or(100).to_string()),
        "add-tests" => add_tests::run(sh, flags),
        "access" => access(sh, &rounds),
        "plan" => plan::run(sh, flags),
        "repair" => repair::run(sh, flags),
        other => {
            anyhow::bail!(
                "there is no benchmark `{other}`; known: access, goal, chat, plan, add-tests, repair"
            )
        }
    }
}

/// Builds the program for speed and lets the end-to-end harness measure it.
fn harness(sh: &Shell, what: &str, number: &str) -> anyhow::Result<()> {
    let environment = Environment::prepare(sh)?;
    let _vars: Vec<_> =
        environment.vars.iter().map(|(key, value)| sh.push_env(key, value)).collect();
    cmd!(sh, "cargo build --release --package astraea-cli").run()?;
    cmd!(sh, "cargo run --quiet --release --package astraea-e2e -- {what} {number}").run()?;
    Ok(())
}

/// What the doors to files and processes cost beside the plain way.
fn access(sh: &Shell, rounds: &str) -> anyhow::Result<()> {
    Environment::prepare(sh)?;
    cmd!(
        sh,
        "cargo run --quiet --release --package astraea-code-access --example ratios -- {rounds}"
    )
    .run()?;
    let commands = (rounds.parse::<u32>()? * 40).to_string();
    cmd!(
        sh,
        "cargo run --quiet --release --package astraea-sandbox --example overhead -- {commands}"
    )
    .run()?;
    Ok(())
}

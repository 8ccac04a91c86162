//! `cargo xtask test` and `cargo xtask e2e`.

use anyhow::Context;
use xshell::{Shell, cmd};

use crate::{environment::Environment, flags};

/// Runs every test there is.
///
/// # Errors
/// When a test fails, or when something needed is missing and `CI` is set.
pub(crate) fn run(sh: &Shell, flags: &flags::Test) -> anyhow::Result<()> {
    let environment = Environment::prepare(sh)?;
    let _vars: Vec<_> =
        environment.vars.iter().map(|(key, value)| sh.push_env(key, value)).collect();
    // The binary comes first: tests of upper crates start it.
    cmd!(sh, "cargo build --workspace --all-features --bins").run()?;
    cmd!(sh, "cargo test --workspace --all-features --no-fail-fast")
        .run()
        .context("unit, integration or doc tests failed")?;
    if !flags.no_e2e {
        scenarios(sh, &[])?;
    }
    match environment.missing.as_slice() {
        [] => eprintln!("xtask: everything ran"),
        missing => {
            eprintln!("xtask: passed, but not everything could run here: {}", missing.join("; "))
        }
    }
    Ok(())
}

/// Runs the scenarios.
///
/// # Errors
/// When one fails.
pub(crate) fn e2e(sh: &Shell, flags: &flags::E2e) -> anyhow::Result<()> {
    let environment = Environment::prepare(sh)?;
    let _vars: Vec<_> =
        environment.vars.iter().map(|(key, value)| sh.push_env(key, value)).collect();
    cmd!(sh, "cargo build --package astraea-cli --all-features").run()?;
    let mut args = Vec::new();
    if flags.list {
        args.push("--list".to_owned());
    }
    if flags.keep {
        args.push("--keep".to_owned());
    }
    if let Some(n) = flags.kills {
        args.extend(["--kills".to_owned(), n.to_string()]);
    }
    args.extend(flags.filter.clone());
    scenarios(sh, &args)
}

fn scenarios(sh: &Shell, args: &[String]) -> anyhow::Result<()> {
    cmd!(sh, "cargo run --quiet --package astraea-e2e -- {args...}")
        .run()
        .context("a scenario failed")
}

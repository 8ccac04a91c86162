//! One module a command, or a family of them.

mod approvals;
mod changes;
mod chat;
mod demo;
mod doctor;
mod goals;
mod htn;
mod ledger;
mod plan;
mod push;
mod result;
mod run;
mod runs;
mod serve;
mod token;
mod tool;

use astraea_goals::{Astra, AstraOptions, PruneOptions};
use clap::CommandFactory;

use crate::{
    args::{Args, Command, Global, Spending},
    failure::Failure,
    output,
};

/// Carries out the command and returns the exit code.
///
/// # Errors
/// What ends the program with a message: see [`Failure`].
pub(crate) async fn run(args: Args) -> Result<u8, Failure> {
    let Args { global, command } = args;
    match command {
        Command::Run { goal, publish } => run::run(&global, &goal, &publish).await,
        Command::Resume { run, spending } => run::resume(&global, run.as_deref(), &spending).await,
        Command::Plan { goal, explain, dot, mermaid } => {
            let form = plan::Form::choose(global.json, explain, dot, mermaid);
            plan::run(&global, &goal, form).await
        }
        Command::Apply { branch } => result::apply(&global, branch.as_deref()).await,
        Command::Undo => result::undo(&global).await,
        Command::Redo => result::redo(&global).await,
        Command::Prune { older_than, caches, dry_run } => {
            let options = PruneOptions::default()
                .with_older_than_days(older_than)
                .with_caches(caches)
                .with_dry_run(dry_run);
            result::prune(&global, &options).await
        }
        Command::Diff { result } => result::diff(&global, result.as_deref()),
        Command::Push(push) => push::run(&global, &push).await,
        Command::Goals { command } => goals::run(&global, command).await,
        Command::Runs => runs::run(&global),
        Command::Changes { command } => changes::run(&global, command).await,
        Command::Approvals { command } => approvals::run(&global, command).await,
        Command::Ledger { command } => ledger::run(&global, &command),
        Command::Htn { command } => htn::run(&global, &command),
        Command::Tool { name: Some(name), arguments, .. } => {
            tool::run(&global, &name, &arguments).await
        }
        Command::Tool { .. } => tool::list(&global),
        Command::Serve { host, port } => serve::run(&global, host, port).await,
        Command::Chat { message } => chat::run(&global, message).await,
        Command::Token => token::run(&global),
        Command::Trust { revoke } => {
            let astra = open(&global, false)?;
            astra.trust(!revoke).await?;
            let word = if revoke { "no longer trusted" } else { "trusted" };
            output::text(&format!("{} is {word}", astra.root().display()))?;
            Ok(0)
        }
        Command::Doctor => doctor::run(&global),
        Command::Demo { dir } => demo::run(&global, dir).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "astra", &mut script);
            output::text(&String::from_utf8_lossy(&script))?;
            Ok(0)
        }
    }
}

/// Opens the repository that the options name.
///
/// # Errors
/// When it cannot be used.
fn open(global: &Global, allow_shell: bool) -> Result<Astra, Failure> {
    open_with(global, &Allowed { shell: allow_shell, hosts: &[] }, &Spending::default())
}

/// What a command line lets commands do.
struct Allowed<'a> {
    shell: bool,
    hosts: &'a [String],
}

/// The same, with limits of what the model may spend.
///
/// # Errors
/// As [`open`].
fn open_with(
    global: &Global,
    allowed: &Allowed<'_>,
    spending: &Spending,
) -> Result<Astra, Failure> {
    let path = std::path::absolute(&global.repo)?;
    let mut options = AstraOptions::new(path);
    for file in &global.methods {
        options = options.with_methods(file);
    }
    let mut flags = astraea_goals::config::ConfigLayer::default();
    if allowed.shell {
        flags.commands.shell = Some(true);
    }
    if !allowed.hosts.is_empty() {
        flags.commands.hosts = Some(allowed.hosts.to_vec());
    }
    if global.dangerously_no_sandbox {
        flags.commands.no_sandbox = Some(true);
    }
    flags.model.max_calls = spending.max_calls;
    flags.model.max_tokens = spending.max_tokens;
    flags.model.max_cost = spending.max_cost;
    Ok(Astra::open(options.with_flags(flags))?)
}

/// Prints a value: as JSON where that was asked for, else as the text.
///
/// # Errors
/// When stdout cannot be written.
fn print_as(
    global: &Global,
    value: &impl serde::Serialize,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    if global.json {
        output::json(
            &serde_json::to_value(value).map_err(|error| Failure::new(1, error.to_string()))?,
        )
    } else {
        output::text(&text())
    }
}

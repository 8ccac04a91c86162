//! The commands of a contributor. [`flags`] is the whole command line; each command is one module.
#![expect(
    clippy::disallowed_methods,
    reason = "a developer's tool reads the workspace and starts cargo"
)]

mod bench;
mod ci;
mod environment;
mod faults;
mod flags;
mod llama;
mod test;
mod tidy;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let flags = flags::Xtask::from_env_or_exit();
    let sh = xshell::Shell::new()?;
    sh.change_dir(root());
    match flags.subcommand {
        flags::XtaskCmd::Test(cmd) => test::run(&sh, &cmd),
        flags::XtaskCmd::E2e(cmd) => test::e2e(&sh, &cmd),
        flags::XtaskCmd::Tidy(_) => tidy::run(&root()),
        flags::XtaskCmd::Ci(_) => ci::run(&sh),
        flags::XtaskCmd::Faults(cmd) => faults::run(&sh, &cmd),
        flags::XtaskCmd::Bench(cmd) => bench::run(&sh, &cmd),
        flags::XtaskCmd::Llama(cmd) => llama::run(&sh, &cmd),
    }
}

/// The root of the workspace: the parent of this package.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

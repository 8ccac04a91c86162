//! The binary `astra`: the only place where everything is wired. It parses, calls `astraea-goals`, and prints.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod failure;
mod output;
mod progress;

use std::process::ExitCode;

use clap::Parser;

use crate::{args::Args, failure::Failure};

fn main() -> ExitCode {
    // The sandbox re-executes this program as its helper; then this call does not return.
    astraea_sandbox::init();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            // Help and version are answers; anything else is bad usage.
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    log(args.global.verbose);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(commands::run(args));
            // A blocking thread that waits for a process must not keep the answer back.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(Failure::new(1, format!("cannot start the runtime: {error}"))),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("astra: {failure}");
            ExitCode::from(failure.code)
        }
    }
}

/// Logs go to stderr: warnings, or what `-v` and `ASTRA_LOG` ask for.
fn log(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("ASTRA_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}

//! What a person reads while the scenarios run, and the closing line that tools read.

use std::{process::ExitCode, time::Duration};

/// Counts of what happened.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    passed: usize,
    failed: Vec<String>,
    skipped: usize,
}

impl Tally {
    /// A scenario ended.
    pub(crate) fn ended(&mut self, name: &str, took: Duration, outcome: anyhow::Result<()>) {
        match outcome {
            Ok(()) => {
                self.passed += 1;
                println!("scenario {name} ... ok ({:.1} s)", took.as_secs_f64());
            }
            Err(error) => {
                println!("scenario {name} ... FAILED ({:.1} s)\n{error:#}\n", took.as_secs_f64());
                self.failed.push(name.to_owned());
            }
        }
    }

    /// A scenario could not run here. With `CI` set that is a failure.
    pub(crate) fn skipped(&mut self, name: &str, missing: &str) {
        if std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false") {
            println!("scenario {name} ... FAILED: {missing} is missing, and CI is set");
            self.failed.push(name.to_owned());
        } else {
            println!("scenario {name} ... skipped: {missing} is missing");
            self.skipped += 1;
        }
    }

    /// Prints the closing lines.
    pub(crate) fn close(self) -> ExitCode {
        println!();
        for name in &self.failed {
            println!("failed: {name}");
        }
        println!(
            "scenarios: {} passed, {} failed, {} skipped",
            self.passed,
            self.failed.len(),
            self.skipped
        );
        if self.failed.is_empty() && self.passed > 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

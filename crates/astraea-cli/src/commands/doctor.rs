//! `astra doctor`: what works here, and which one command makes it better.

use crate::{
    args::Global,
    commands::{open, print_as},
    failure::Failure,
    output::shown,
};

/// Prints each check; the exit code is 0 when everything that goals need is there.
///
/// # Errors
/// When the repository cannot be opened.
pub(crate) fn run(global: &Global) -> Result<u8, Failure> {
    let checks = open(global, false)?.doctor();
    print_as(global, &checks, || {
        let mut text = String::new();
        for check in &checks {
            let mark = if check.ok { "✓" } else { "✗" };
            text.push_str(&format!("{mark} {}: {}\n", check.name, shown(&check.detail)));
            if let Some(advice) = &check.advice {
                text.push_str(&format!("    {}\n", shown(advice)));
            }
        }
        text
    })?;
    Ok(u8::from(checks.iter().any(|check| check.required && !check.ok)))
}

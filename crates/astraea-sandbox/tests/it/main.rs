//! The sandbox as a user of the crate sees it, on the machine where the tests run: as the user who
//! runs them, and once more as an ordinary user when that is root.

#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_methods,
    reason = "the tests make files and look at processes outside the sandbox"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its case has failed")]

mod actor;
mod basics;
mod files;
mod kills;
mod limits;
mod network;
mod refusals;
mod sessions;
mod support;
mod toolchains;
mod unprivileged;

//! Real repositories, made by the `git` program in temporary directories.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the tests play the user and the attacker, who go through no door; a helper that fails is a test that fails"
)]

mod apply;
mod copies;
mod deliver;
mod door;
mod edits;
mod faults;
mod laws;
mod open;
mod policy;
mod prune;
mod snapshots;
mod unprivileged;
mod world;

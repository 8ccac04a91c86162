//! Real repositories, made by the `git` program in temporary directories.
#![expect(
    clippy::disallowed_methods,
    reason = "the tests play the user and the attacker, who go through no door"
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
mod snapshots;
mod world;

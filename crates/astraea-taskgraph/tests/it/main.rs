//! Integration tests of the task graph.
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod build;
mod globs;
mod inspect;
mod machine;
mod model;
mod order;

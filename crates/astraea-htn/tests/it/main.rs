//! Tests of the crate from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod behaviours;
mod chapter;
mod explain;
mod external;
mod laws;
mod numbers;
mod parse;
mod plan;
mod replan;
mod solve;
mod support;
mod text;
mod verify;
mod watch;

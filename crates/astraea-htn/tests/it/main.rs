//! Tests of the crate from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod behaviours;
mod explain;
mod laws;
mod parse;
mod plan;
mod support;
mod text;
mod verify;

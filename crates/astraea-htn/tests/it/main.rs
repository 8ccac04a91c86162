//! Tests of the crate from outside.

mod behaviours;
mod explain;
mod laws;
mod parse;
mod plan;
mod support;
mod verify;

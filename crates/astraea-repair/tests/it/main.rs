//! The search over small programs with bugs, and the laws of edits and instrumented texts.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bugs;
mod laws;
mod schemata;
mod support;
mod words;

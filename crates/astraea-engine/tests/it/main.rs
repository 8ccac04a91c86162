//! Integration tests of the engine.
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod breakers;
mod journal;
mod kill;
mod limits;
mod model;
mod outcomes;
mod resume;
mod retries;
mod support;
mod times;

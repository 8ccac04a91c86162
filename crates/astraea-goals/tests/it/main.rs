//! Goals from outside: the domain, the settings, whole runs on real repositories.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod domain;
mod laws;
mod lifecycle;
mod model;
mod opening;
mod prune;
mod runs;
mod support;

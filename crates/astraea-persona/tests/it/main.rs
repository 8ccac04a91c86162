//! The persona from outside: scripted models, the rules, and real goals on a small repository.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;
mod talk;
mod tools;

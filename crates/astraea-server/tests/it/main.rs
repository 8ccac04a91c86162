//! The server from outside, over real connections.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod chat;
mod guard;
mod rest;
mod support;

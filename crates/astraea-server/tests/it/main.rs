//! The server from outside, over real connections.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod chat;
mod guard;
mod limits;
mod rest;
mod streams;
mod support;

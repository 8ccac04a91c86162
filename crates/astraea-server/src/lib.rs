#![doc = include_str!("../README.md")]
//!
//! # Where this crate sits
//! Layer 6: it translates HTTP into calls of `astraea-persona` and `astraea-goals`, and decides nothing about a goal.
//!
//! # Map
//! - [`Server`] is the whole API: bind, run.
//! - [`openapi()`] is the interface as a document.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod changes;
mod chat;
mod completions;
mod conversations;
mod error;
mod events;
mod goals;
mod graphs;
mod guard;
mod health;
mod openapi;
mod page;
mod peer;
mod problem;
mod replay;
mod runs;
mod server;
mod token;

pub use error::ServerError;
pub use openapi::openapi;
pub use server::{Server, ServerOptions};
pub use token::Token;

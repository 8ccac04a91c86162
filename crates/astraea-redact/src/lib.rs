#![doc = include_str!("../README.md")]
//!
//! # Where this crate sits
//! Layer 0: no IO, no environment, no clock. Whatever the project writes down (ledger, logs,
//! prompts, error messages) passes a [`Redactor`] first.
//!
//! # Map
//! - [`Redactor`] is the whole API; read it first.
//! - [`is_key_like`] says which variable names are taken to hold secrets.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod options;
mod redactor;

pub use options::{RedactOptions, is_key_like};
pub use redactor::{Finding, Kind, Redactor};

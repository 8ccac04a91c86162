#![doc = include_str!("../README.md")]
//!
//! # Where this crate sits
//! Layer 0: no IO, no environment, no clock. Whatever the project writes down (ledger, logs,
//! prompts, error messages) passes a [`Redactor`] first.
//!
//! # Map
//! - [`Redactor`] is the whole API; read it first.
//! - [`PATTERNS`] lists every token it knows by its shape, with a name.
//! - [`is_key_like`] says which variable names are taken to hold secrets.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod assignment;
mod json;
mod literal;
mod options;
mod pattern;
mod pii;
mod redactor;
mod structured;
mod table;
mod text;

pub use options::{RedactOptions, is_key_like};
pub use pattern::{Chars, Pattern};
pub use redactor::{Finding, Kind, Redactor};
pub use table::PATTERNS;

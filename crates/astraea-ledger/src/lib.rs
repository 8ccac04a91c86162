#![doc = include_str!("../README.md")]
//!
//! # Where this crate sits
//! Layer 1: it writes rows into a SQLite connection that somebody else owns, and does no other IO.
//! The signing key and the signed head are texts; callers keep them outside the database.
//!
//! # Map
//! - [`Ledger`] has the operations: migrate, append, verify, read, export.
//! - [`Event`], [`Entry`], [`Stored`] and [`Link`] are what is recorded.
//! - [`SigningKey`], [`VerifyingKey`] and [`SignedHead`] make a cut-off tail visible.
//! - [`Tampering`] names what can have been done to a ledger.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod chain;
mod entry;
mod error;
mod event;
mod export;
mod head;
mod table;
mod verify;

pub use entry::{Entry, GENESIS, Link, Stored};
pub use error::{LedgerError, Tampering};
pub use event::Event;
pub use export::verify_export;
pub use head::{Head, SignedHead, SigningKey, VerifyingKey};
pub use table::{Ledger, Query};
pub use verify::Verified;

#![doc = include_str!("../README.md")]
//!
//! # Where this crate sits
//! Layer 1: it knows no goals and no tools of ours. Every prompt passes `astraea-redact`.
//!
//! # Map
//! - [`Client`] is what most callers use; read it first.
//! - [`Provider`] is the trait that a protocol implements; [`OpenAi`](openai::OpenAi) is one, [`Scripted`] another.
//! - [`Message`], [`ToolCall`], [`ChatRequest`], [`Reply`] are the neutral vocabulary.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod client;
mod error;
mod message;
mod meter;
#[cfg(feature = "openai")]
pub mod openai;
mod provider;
mod retry;
mod scripted;
#[cfg(feature = "testing")]
pub mod testing;
mod tolerant;
mod tools;

pub use client::{Client, ClientOptions};
pub use error::LlmError;
pub use message::{ChatRequest, Finish, Message, Reply, Tool, ToolCall, Usage};
pub use meter::{Budget, Meter, Price, Spent};
pub use provider::{Delta, Provider, Sink};
pub use retry::RetryOptions;
pub use scripted::Scripted;
pub use tolerant::{parse_arguments, tool_calls_in_text};
pub use tools::Toolbox;

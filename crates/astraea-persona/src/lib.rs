#![doc = include_str!("../README.md")]
//!
//! # Where this crate sits
//! Layer 5: it talks, and acts only through tools. The model can do only what a tool allows.
//!
//! # Map
//! - [`Persona`] is the whole API; read it first.
//! - [`ToolHandler`] is what a tool is; [`Toolset`] those on offer. [`goal_tools`] and [`code_tools`] are ours.
//! - [`rules`] is the persona without a model.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod conversation;
mod error;
mod notebook;
mod persona;
mod prompt;
pub mod rules;
mod runs;
mod tools;

pub use conversation::{Conversation, ConversationStore, FileStore, MemoryStore, Turn, TurnState};
pub use error::PersonaError;
pub use persona::{Answer, Persona, PersonaOptions, Question};
pub use runs::{Place, RunInfo, Runs};
pub use tools::{
    CallContext, ToolAnswer, ToolHandler, Toolset, change_tool, code_tools, goal_tools,
};

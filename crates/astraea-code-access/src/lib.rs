#![doc = include_str!("../README.md")]
//!
//! # Where this crate sits
//! Layer 1. Everything above it reads and writes the user's files through it, and nothing else does.
//!
//! # Map
//! - [`Repository`] is the whole API: open, snapshot, edit, materialise, deliver, apply, undo.
//! - [`Door`] is the system-call layer: every path is resolved by the kernel beneath one directory.
//! - [`Policy`] says which paths may be read and written; [`RepoPath`] is what it speaks about.
//! - [`read_proposal`] reads edits that somebody wrote down as text; [`EditBuilder::propose`] places them.
//! - [`EditSet`] is what tasks hand to each other: ids of blobs, never contents.
//! - [`StateDir`] is where everything of ours lives, apart from the user's checkout.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod apply;
mod copy;
mod deliver;
mod diff;
mod dir;
mod door;
mod edits;
mod eol;
mod error;
mod ids;
mod ignores;
mod index;
mod locate;
mod pack;
mod path;
mod policy;
mod proposal;
mod prune;
mod recovery;
mod remote;
mod repository;
mod scan;
mod sides;
mod snapshot;
mod state;
mod store;
mod transaction;
mod trees;

pub mod fs;

pub use apply::{Applied, Recovered, Undone};
pub use copy::{Collected, WorkingCopy};
pub use deliver::{Author, Delivered, Delivery};
pub use door::{Door, FileKind, Stat};
pub use edits::{Conflict, Edit, EditBuilder, EditSet};
pub use error::{AccessError, Error};
pub use ids::{BlobId, CommitId, FileMode, TreeId};
pub use path::{PathError, RepoPath};
pub use policy::{Access, Policy, PolicyError, PolicyOptions};
pub use proposal::{Near, ProposedChange, ProposedEdit, Unreadable, read_proposal};
pub use prune::{Freed, ResultBranch};
pub use remote::ObjectStore;
pub use repository::{FaultHook, Head, OpenOptions, Repository};
pub use snapshot::{Base, Entry, LeftOut, Snapshot};
pub use state::{Lock, StateDir};

#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod capture;
mod cgroup;
mod descriptors;
mod drive;
mod environment;
mod error;
mod helper;
mod host;
mod launch;
mod litter;
mod outcome;
mod plan;
mod sandbox;
mod session;
mod spec;
mod tier;
mod toolchains;
mod view;
mod weak;

pub use error::SandboxError;
pub use outcome::{Captured, Exit, Finished};
pub use sandbox::{Sandbox, SandboxOptions};
pub use session::{Session, SessionStdin, SessionStdout};
pub use spec::{CommandSpec, Limits, Mount, Stdin, Upper};
pub use tier::{Capability, Tier};
pub use toolchains::Toolchains;

/// Becomes the helper when this program was started as one; otherwise returns at once.
///
/// The first line of `main` in every program that uses a [`Sandbox`] without giving another
/// helper. As the helper it never returns.
pub fn init() {
    helper::init();
}

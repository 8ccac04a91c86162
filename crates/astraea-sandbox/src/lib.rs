#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(target_os = "linux")]
mod capture;
#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(target_os = "linux")]
mod descriptors;
#[cfg(target_os = "linux")]
mod discover;
#[cfg(target_os = "linux")]
mod drive;
#[cfg(target_os = "linux")]
mod environment;
mod error;
#[cfg(target_os = "linux")]
mod helper;
#[cfg(target_os = "linux")]
mod host;
mod hosts;
#[cfg(target_os = "linux")]
mod launch;
#[cfg(target_os = "linux")]
mod litter;
mod options;
mod outcome;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod proxy;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(target_os = "linux")]
mod session;
mod spec;
mod tier;
mod toolchains;
#[cfg(not(target_os = "linux"))]
mod unsupported;
#[cfg(target_os = "linux")]
mod view;
#[cfg(target_os = "linux")]
mod weak;

pub use error::SandboxError;
pub use hosts::Hosts;
pub use options::SandboxOptions;
pub use outcome::{Captured, Exit, Finished, HostUse};
#[cfg(target_os = "linux")]
pub use sandbox::Sandbox;
#[cfg(target_os = "linux")]
pub use session::{Session, SessionStdin, SessionStdout};
pub use spec::{CommandSpec, Limits, Mount, Stdin, Upper};
pub use tier::{Capability, Tier};
pub use toolchains::Toolchains;
#[cfg(not(target_os = "linux"))]
pub use unsupported::{Sandbox, Session, SessionStdin, SessionStdout};

/// Becomes the helper when this program was started as one; otherwise returns at once.
///
/// The first line of `main` in every program that uses a [`Sandbox`] without giving another
/// helper. As the helper it never returns.
pub fn init() {
    #[cfg(target_os = "linux")]
    helper::init();
}

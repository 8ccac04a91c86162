//! The executors over real repositories, real runners, a real sandbox.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod builds;
mod characterise;
mod commit;
mod dependencies;
mod edits;
mod evidence;
mod fixes;
#[cfg(feature = "model")]
mod model;
mod observe;
mod publish;
mod rename;
mod repair_node;
mod repair_rust;
mod runners;
mod support;
mod tiers;

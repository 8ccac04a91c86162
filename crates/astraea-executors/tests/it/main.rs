//! The executors over real repositories, real runners, a real sandbox.

mod builds;
mod commit;
mod edits;
mod evidence;
mod fixes;
mod observe;
mod runners;
mod support;

//! The chain, what shows when it is touched, and what does not count as touching.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod append;
mod case_72;
mod export;
mod head;
mod support;
mod torn;

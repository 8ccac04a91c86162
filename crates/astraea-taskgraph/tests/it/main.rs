//! Integration tests of the task graph.

mod build;
mod globs;
mod inspect;
mod machine;
mod model;
mod order;

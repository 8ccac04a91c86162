//! Integration tests of the engine.

mod breakers;
mod journal;
mod kill;
mod limits;
mod model;
mod outcomes;
mod resume;
mod retries;
mod support;
mod times;

//! Goals from outside: the domain, the settings, whole runs on real repositories.

mod domain;
mod opening;
mod runs;
mod support;

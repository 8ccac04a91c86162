//! From text to syntax tree and back.

mod formula;
mod method;
mod number;
mod parse;
mod print;
mod sexp;

pub use parse::{parse_domain, parse_problem};

pub(crate) use parse::{did_you_mean, read_domain};

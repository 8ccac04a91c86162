//! What redaction must find, what it must leave alone, and the laws it obeys.

mod case_71;
mod code;
mod json;
mod laws;
mod pii;
mod secrets;

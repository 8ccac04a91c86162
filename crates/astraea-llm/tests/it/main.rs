//! Over a real connection on the loopback interface, and in virtual time where time matters.

mod client;
mod wire;

//! The sandbox as a user of the crate sees it, on the machine the tests run on.
mod basics;

//! The Rust oracle.

use super::{Found, Job, Refused};

/// Searches for a Rust repair.
pub(super) async fn search(job: &Job) -> Result<Found, Refused> {
    Err(Refused::NoPatch(format!("repair of Rust is not built in ({})", job.baseline.runner)))
}

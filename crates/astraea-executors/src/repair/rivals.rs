//! Two changes that make the same tests pass: whether they do the same on inputs that no test has.

use std::sync::Arc;
use std::time::{Duration, Instant};

use astraea_code_access::EditSet;
use astraea_engine::TaskContext;
use astraea_repair::Comparison;

use super::{Job, Refused, python};
use crate::evidence::{TestId, TestReport};
use crate::{Error, Workspace};

/// Whether rivals for this file can be compared at all.
pub(crate) fn can_compare(file: &str) -> bool {
    file.ends_with(".py")
}

/// Runs the texts on inputs like those that the failing tests gave, each in a process of its own.
///
/// # Errors
/// When a copy cannot be made or the sandbox refuses; that no comparison is possible is an answer.
pub(crate) async fn compare(
    ws: &Arc<Workspace>,
    cx: &TaskContext,
    (edits, baseline): (&EditSet, &TestReport),
    (file, texts): (&str, &[String]),
    within: Duration,
) -> Result<Comparison, Error> {
    let failing: Vec<TestId> = baseline.failing().cloned().collect();
    let job = Job {
        ws: ws.clone(),
        cx: cx.clone(),
        edits: edits.clone(),
        baseline: baseline.clone(),
        failing,
        deadline: Instant::now() + within,
        meter: Arc::default(),
    };
    match python::compare(&job, file, texts).await {
        Ok(comparison) => Ok(comparison),
        Err(Refused::NoPatch(reason) | Refused::Environment(reason)) => {
            Ok(Comparison::Unsupported { reason })
        }
        Err(Refused::Error(error)) => Err(error),
    }
}

//! Answers that were paid for: kept in the state directory until the run has ended for good.
//!
//! A record holds ids and counts; the texts, masked, are blobs of our own object store.

use astraea_code_access::{BlobId, Repository};
use astraea_engine::TaskContext;
use astraea_llm::{Finish, Usage};
use serde::{Deserialize, Serialize};

use crate::{Error, Workspace};

/// One question and its answer, as they are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The blob of what was asked, masked.
    pub(super) asked: BlobId,
    /// The blob of the answer.
    pub(super) answered: BlobId,
    /// The model, as the provider names it.
    pub(super) model: String,
    pub(super) usage: Usage,
    pub(super) finish: Finish,
}

/// Where the answers of a run lie in the state directory.
fn folder(run: &str) -> String {
    format!("answers/{}", folder_name(run))
}

/// The name of the folder of a run.
pub(super) fn folder_name(run: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    run.chars().map(plain).collect()
}

/// The name of a question: the same task asks the same in the same round, also after a crash.
fn name(cx: &TaskContext, round: u32) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let task: String = cx.task.id.as_str().chars().map(plain).collect();
    let graph: String = cx.graph.as_str().chars().map(plain).collect();
    format!("{}/{graph}.{task}.{round}", folder(cx.run.as_str()))
}

/// The answer that is there already, with its text.
pub(super) fn find(
    ws: &Workspace,
    cx: &TaskContext,
    round: u32,
) -> Result<Option<(Record, String)>, Error> {
    let Some(bytes) = ws.repo().state().read(&name(cx, round))? else { return Ok(None) };
    // A record that cannot be read is no answer: it is asked again.
    let Ok(record) = serde_json::from_slice::<Record>(&bytes) else { return Ok(None) };
    let Ok(text) = ws.repo().blob(record.answered) else { return Ok(None) };
    Ok(Some((record, String::from_utf8_lossy(&text).into_owned())))
}

/// Keeps an answer.
pub(super) fn keep(
    ws: &Workspace,
    cx: &TaskContext,
    round: u32,
    record: &Record,
) -> Result<(), Error> {
    let bytes = serde_json::to_vec(record)
        .map_err(|error| Error::Internal(format!("an answer as JSON: {error}")))?;
    Ok(ws.repo().state().write_atomic(&name(cx, round), &bytes)?)
}

/// Throws the records of a run away.
pub(super) fn forget(repo: &Repository, run: &str) -> Result<(), Error> {
    let folder = folder(run);
    for name in repo.state().list(&folder)? {
        repo.state().remove(&format!("{folder}/{name}"))?;
    }
    Ok(())
}

//! Copies: materialised once for each set of edits, kept while somebody may need them again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use astraea_code_access::{Access, Collected, EditSet, WorkingCopy};

use super::Workspace;
use crate::Error;

/// A directory with the files that some edits leave, and what a command must not see of it.
///
/// Where the sandbox has mount namespaces it is shared and only read: commands get it as the lower
/// layer of a throw-away one. Elsewhere it belongs to whoever asked for it.
#[derive(Debug)]
pub struct TaskCopy {
    working: WorkingCopy,
    edits: EditSet,
    seen_at: PathBuf,
    masks: Vec<PathBuf>,
}

impl TaskCopy {
    /// The edits it was made from.
    pub fn edits(&self) -> &EditSet {
        &self.edits
    }

    /// Whether it holds the snapshot as it is.
    pub fn is_untouched(&self) -> bool {
        self.edits.is_empty()
    }

    /// The absolute path under which a command sees it: the user's own, where there are mounts.
    pub fn seen_at(&self) -> &Path {
        &self.seen_at
    }

    /// Where it lies on the host, absolute.
    pub fn path(&self) -> &Path {
        self.working.path()
    }

    /// What was changed in it since it was made, checked against the policy.
    ///
    /// Blocks while the directory is walked.
    ///
    /// # Errors
    /// [`Error::Access`] when it cannot be read.
    pub fn collect(&self, policy: &astraea_code_access::Policy) -> Result<Collected, Error> {
        Ok(self.working.collect(policy)?)
    }

    /// What a command must not see.
    pub(crate) fn masks(&self) -> &[PathBuf] {
        &self.masks
    }
}

/// The copies that are kept, the one used last at the end.
#[derive(Debug, Default)]
pub(super) struct Copies {
    kept: Vec<(String, Arc<TaskCopy>)>,
}

impl Copies {
    fn take(&mut self, id: &str) -> Option<Arc<TaskCopy>> {
        let at = self.kept.iter().position(|(kept, _)| kept == id)?;
        let entry = self.kept.remove(at);
        let copy = entry.1.clone();
        self.kept.push(entry);
        Some(copy)
    }

    fn put(&mut self, id: String, copy: Arc<TaskCopy>, most: usize) -> Vec<Arc<TaskCopy>> {
        self.kept.push((id, copy));
        let over = self.kept.len().saturating_sub(most.max(1));
        self.kept.drain(..over).map(|(_, copy)| copy).collect()
    }
}

impl Workspace {
    /// The copy for these edits. Shared with other tasks where there are mounts, else the caller's own.
    ///
    /// # Errors
    /// [`Error::Access`] when it cannot be made (a full disk, a damaged object store).
    ///
    /// # Cancel safety
    /// Cancel safe: a copy that was being made is finished and freed.
    pub async fn copy(self: &Arc<Self>, edits: &EditSet) -> Result<Arc<TaskCopy>, Error> {
        let shared = self.has_mounts();
        let id = edits.id();
        if shared
            && let Ok(mut copies) = self.copies.lock()
            && let Some(copy) = copies.take(&id)
        {
            return Ok(copy);
        }
        let (ws, edits) = (self.clone(), edits.clone());
        let made = blocking(move || ws.materialise(edits)).await?;
        let made = Arc::new(made);
        if shared {
            let dropped = match self.copies.lock() {
                Ok(mut copies) => match copies.take(&id) {
                    // two tasks made it at the same time: one of them is enough
                    Some(copy) => return Ok(copy),
                    None => copies.put(id, made.clone(), self.options.copies_kept),
                },
                Err(_) => Vec::new(),
            };
            if !dropped.is_empty() {
                tokio::task::spawn_blocking(move || drop(dropped));
            }
        }
        Ok(made)
    }

    /// A copy that nobody else sees, for commands whose writes are to be collected.
    ///
    /// # Errors
    /// As [`copy`](Self::copy).
    pub async fn private_copy(self: &Arc<Self>, edits: &EditSet) -> Result<Arc<TaskCopy>, Error> {
        let (ws, edits) = (self.clone(), edits.clone());
        Ok(Arc::new(blocking(move || ws.materialise(edits)).await?))
    }

    fn materialise(&self, edits: EditSet) -> Result<TaskCopy, Error> {
        let working = self.repo.materialise(&self.snapshot, &edits)?;
        let seen_at =
            if self.has_mounts() { self.repo.root().to_owned() } else { working.path().to_owned() };
        let masks = self
            .repo
            .list(&self.snapshot, &edits)?
            .into_iter()
            .filter(|entry| self.policy().check(&entry.path, Access::Read).is_err())
            .map(|entry| seen_at.join(entry.path.as_path()))
            .collect();
        Ok(TaskCopy { working, edits, seen_at, masks })
    }
}

/// Runs blocking work off the runtime's threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_cancelled() => Err(Error::Cancelled),
        Err(error) => Err(Error::Internal(error.to_string())),
    }
}

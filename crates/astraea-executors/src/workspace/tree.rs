//! A snapshot with edits as names and texts.

use std::sync::Arc;

use astraea_code_access::{EditSet, Entry, RepoPath, Repository, Snapshot};

use crate::Error;
use crate::runners::Tree;

/// The files that a snapshot and edits leave. Names that are not UTF-8 are left out.
#[derive(Debug)]
pub struct RepoTree {
    repo: Arc<Repository>,
    snapshot: Arc<Snapshot>,
    edits: EditSet,
    entries: Vec<Entry>,
    paths: Vec<String>,
}

impl RepoTree {
    pub(super) fn new(
        repo: Arc<Repository>,
        snapshot: Arc<Snapshot>,
        edits: EditSet,
    ) -> Result<Self, Error> {
        let entries = repo.list(&snapshot, &edits)?;
        let paths = entries
            .iter()
            .filter(|e| e.mode.is_file())
            .filter_map(|e| e.path.as_str().map(str::to_owned))
            .collect();
        Ok(Self { repo, snapshot, edits, entries, paths })
    }

    /// Every entry, symlinks and submodules included.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

impl Tree for RepoTree {
    fn paths(&self) -> &[String] {
        &self.paths
    }

    fn read(&self, path: &str) -> Option<String> {
        let path = RepoPath::new(path).ok()?;
        let bytes = self.repo.read(&self.snapshot, &self.edits, &path).ok()?;
        String::from_utf8(bytes).ok()
    }
}

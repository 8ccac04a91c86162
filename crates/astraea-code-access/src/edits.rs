//! What tasks hand to each other: which file changes from which blob to which.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{AccessError, Error};
use crate::ids::{BlobId, FileMode};
use crate::path::RepoPath;
use crate::policy::{Access, Policy};
use crate::repository::Repository;
use crate::snapshot::Snapshot;

/// Two changes of one file do not follow from each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error(
    "conflict: {path} was changed since it was read (expected {}, found {}); read it again",
    show(expected),
    show(found)
)]
pub struct Conflict {
    /// The file.
    pub path: RepoPath,
    /// The contents the later change was made from; `None`: no file.
    pub expected: Option<BlobId>,
    /// The contents that are there; `None`: no file.
    pub found: Option<BlobId>,
}

fn show(id: &Option<BlobId>) -> String {
    id.map_or_else(|| "no file".to_owned(), |id| id.to_string()[..8].to_owned())
}

/// The change of one file. It keeps ids; the contents lie in the object store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Edit {
    /// The file.
    pub path: RepoPath,
    /// Its contents before; `None` when it did not exist.
    pub before: Option<BlobId>,
    /// Its contents after; `None` when it is deleted.
    pub after: Option<BlobId>,
    /// Its mode after (before, for a deletion).
    pub mode: FileMode,
}

/// A set of changes to a snapshot, at most one for each file, in the order of their paths.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EditSet {
    edits: Vec<Edit>,
}

impl EditSet {
    /// No change at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn from_map(map: BTreeMap<RepoPath, Edit>) -> Self {
        Self { edits: map.into_values().collect() }
    }

    /// The changes, ordered by path.
    #[must_use]
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// The changed paths.
    pub fn paths(&self) -> impl Iterator<Item = &RepoPath> {
        self.edits.iter().map(|edit| &edit.path)
    }

    /// The change of one path.
    #[must_use]
    pub fn get(&self, path: &RepoPath) -> Option<&Edit> {
        self.edits.binary_search_by(|edit| edit.path.cmp(path)).ok().map(|at| &self.edits[at])
    }

    /// The changes of the paths for which `first` holds, and the others.
    #[must_use]
    pub fn partition(self, mut first: impl FnMut(&RepoPath) -> bool) -> (Self, Self) {
        let (yes, no) = self.edits.into_iter().partition(|edit| first(&edit.path));
        (Self { edits: yes }, Self { edits: no })
    }

    /// True when nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// The number of files that change.
    #[must_use]
    pub fn len(&self) -> usize {
        self.edits.len()
    }

    /// A name for exactly this set: sha-256 over its paths, ids and modes, in hex.
    #[must_use]
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        for edit in &self.edits {
            hash.update((edit.path.as_bytes().len() as u64).to_be_bytes());
            hash.update(edit.path.as_bytes());
            for id in [edit.before, edit.after] {
                hash.update(id.map_or_else(String::new, |id| id.to_string()));
                hash.update([0]);
            }
            hash.update(edit.mode.bits().to_be_bytes());
        }
        hex::encode(hash.finalize())
    }

    /// This set followed by `later`, which was made either on top of this set or beside it on other files.
    ///
    /// # Errors
    /// [`Conflict`] when `later` changes a file from contents other than those this set leaves, or puts a file where
    /// this set has a directory (or the other way round).
    pub fn then(&self, later: &Self) -> Result<Self, Conflict> {
        let mut map: BTreeMap<_, _> =
            self.edits.iter().map(|edit| (edit.path.clone(), edit.clone())).collect();
        for edit in &later.edits {
            let before = match map.get(&edit.path) {
                None => edit.before,
                Some(earlier) if earlier.after == edit.before => earlier.before,
                Some(earlier) => {
                    return Err(Conflict {
                        path: edit.path.clone(),
                        expected: edit.before,
                        found: earlier.after,
                    });
                }
            };
            if before.is_none() && edit.after.is_none() {
                map.remove(&edit.path);
            } else {
                map.insert(edit.path.clone(), Edit { before, ..edit.clone() });
            }
        }
        nesting(&map)?;
        Ok(Self::from_map(map))
    }
}

/// Refuses a set that has both a file `a` and a file `a/b`.
fn nesting(map: &BTreeMap<RepoPath, Edit>) -> Result<(), Conflict> {
    for edit in map.values().filter(|edit| edit.after.is_some()) {
        let mut dir = edit.path.parent();
        while let Some(parent) = dir {
            if let Some(other) = map.get(&parent)
                && other.after.is_some()
            {
                return Err(Conflict {
                    path: edit.path.clone(),
                    expected: None,
                    found: other.after,
                });
            }
            dir = parent.parent();
        }
    }
    Ok(())
}

impl<'a> IntoIterator for &'a EditSet {
    type Item = &'a Edit;
    type IntoIter = std::slice::Iter<'a, Edit>;
    fn into_iter(self) -> Self::IntoIter {
        self.edits.iter()
    }
}

/// Collects changes on top of a snapshot and earlier edits. Made by [`Repository::edit`].
///
/// Every path is checked against the policy, every file against its size, and text edits against the contents they
/// were made from. Nothing counts until [`finish`](Self::finish).
#[derive(Debug)]
pub struct EditBuilder<'a> {
    repo: &'a Repository,
    snapshot: &'a Snapshot,
    base: &'a EditSet,
    policy: Policy,
    edits: BTreeMap<RepoPath, Edit>,
}

impl<'a> EditBuilder<'a> {
    pub(crate) fn new(repo: &'a Repository, snapshot: &'a Snapshot, base: &'a EditSet) -> Self {
        Self { repo, snapshot, base, policy: repo.policy().clone(), edits: BTreeMap::new() }
    }

    /// Uses this policy instead of the repository's.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// What is at `path` now: in this builder, the earlier edits, or the snapshot.
    fn current(&self, path: &RepoPath) -> Result<Option<(BlobId, FileMode)>, Error> {
        if let Some(edit) = self.edits.get(path) {
            return Ok(edit.after.map(|id| (id, edit.mode)));
        }
        self.repo.lookup(self.snapshot, self.base, path)
    }

    fn record(
        &mut self,
        path: &RepoPath,
        after: Option<BlobId>,
        mode: FileMode,
    ) -> Result<(), Error> {
        let base = self.repo.lookup(self.snapshot, self.base, path)?;
        let before = base.map(|(id, _)| id);
        if before == after && base.is_none_or(|(_, old)| old == mode) {
            self.edits.remove(path);
        } else {
            let edit = Edit { path: path.clone(), before, after, mode };
            self.edits.insert(path.clone(), edit);
        }
        Ok(())
    }

    /// Refuses what may not be written, and what is not a plain file; returns what is there.
    pub(crate) fn admit(&self, path: &RepoPath) -> Result<Option<(BlobId, FileMode)>, Error> {
        self.policy.check(path, Access::Write)?;
        let refuse = |reason: String| Err(AccessError::Write { path: path.clone(), reason }.into());
        let mut dir = path.parent();
        while let Some(parent) = dir {
            if let Some((_, mode)) = self.current(&parent)? {
                return refuse(format!("{parent} is a {}, not a directory", kind(mode)));
            }
            dir = parent.parent();
        }
        let now = |path: &RepoPath| {
            let edit = self.edits.get(path).or_else(|| self.base.get(path));
            edit.map(|edit| edit.after.is_some())
        };
        let mut edited = self.edits.keys().chain(self.base.paths());
        if edited.any(|p| p != path && p.is_within(path) && now(p) == Some(true))
            || self.repo.is_tree(self.snapshot, path, now)?
        {
            return refuse("it is a directory".into());
        }
        match self.current(path)? {
            Some((_, mode)) if !mode.is_file() => {
                refuse(format!("it is a {}; writing through one is refused", kind(mode)))
            }
            found => {
                if let Some(filter) = self.repo.filter_of(path)? {
                    return Err(Error::Filtered { path: path.clone(), filter });
                }
                Ok(found)
            }
        }
    }

    pub(crate) fn blob(&self, id: BlobId) -> Result<Vec<u8>, Error> {
        self.repo.blob(id)
    }

    /// Creates or replaces a file with these bytes. The mode of an existing file is kept.
    ///
    /// # Errors
    /// [`AccessError`] from the policy and the size limit, or for a symlink, submodule or directory in the way;
    /// [`Error::Filtered`] for a file behind Git LFS or another filter.
    pub fn write(&mut self, path: &RepoPath, bytes: &[u8]) -> Result<&mut Self, Error> {
        self.put(path, bytes, None)
    }

    /// Like [`write`](Self::write), and sets whether the file is executable.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_with_mode(
        &mut self,
        path: &RepoPath,
        bytes: &[u8],
        executable: bool,
    ) -> Result<&mut Self, Error> {
        let mode = if executable { FileMode::Executable } else { FileMode::Regular };
        self.put(path, bytes, Some(mode))
    }

    fn put(
        &mut self,
        path: &RepoPath,
        bytes: &[u8],
        mode: Option<FileMode>,
    ) -> Result<&mut Self, Error> {
        let found = self.admit(path)?;
        self.policy.check_size(path, bytes.len() as u64)?;
        let mode = mode.or(found.map(|(_, mode)| mode)).unwrap_or(FileMode::Regular);
        let id = self.repo.put_blob(bytes)?;
        self.record(path, Some(id), mode)?;
        Ok(self)
    }

    /// Replaces the bytes at `range` of a text file that still has the contents `expected`; every other byte stays.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the file has other contents, [`Error::Binary`] when it is not text,
    /// [`AccessError::Write`] when the range lies outside, and those of [`write`](Self::write).
    pub fn replace_span(
        &mut self,
        path: &RepoPath,
        range: Range<usize>,
        expected: BlobId,
        bytes: &[u8],
    ) -> Result<&mut Self, Error> {
        let found = self.admit(path)?.map(|(id, _)| id);
        if found != Some(expected) {
            return Err(Conflict { path: path.clone(), expected: Some(expected), found }.into());
        }
        let old = self.repo.blob(expected)?;
        if is_binary(&old) || is_binary(bytes) {
            return Err(Error::Binary { path: path.clone() });
        }
        if range.start > range.end || range.end > old.len() {
            let reason =
                format!("bytes {}..{} lie outside its {}", range.start, range.end, old.len());
            return Err(AccessError::Write { path: path.clone(), reason }.into());
        }
        let mut new = Vec::with_capacity(old.len() - range.len() + bytes.len());
        new.extend_from_slice(&old[..range.start]);
        new.extend_from_slice(bytes);
        new.extend_from_slice(&old[range.end..]);
        self.put(path, &new, None)
    }

    /// Replaces the one occurrence of `old` in a text file.
    ///
    /// Where the file has CRLF line endings and `old` has not, both texts are read with CRLF.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] when `old` occurs more than once (or never), with the lines; those of
    /// [`replace_span`](Self::replace_span).
    pub fn replace_text(
        &mut self,
        path: &RepoPath,
        old: &str,
        new: &str,
    ) -> Result<&mut Self, Error> {
        let Some((id, _)) = self.admit(path)? else {
            return Err(AccessError::FileNotFound { path: path.clone() }.into());
        };
        let text = self.repo.blob(id)?;
        if is_binary(&text) {
            return Err(Error::Binary { path: path.clone() });
        }
        let crlf = |s: &str| s.replace("\r\n", "\n").replace('\n', "\r\n");
        let mut pair = (old.to_owned(), new.to_owned());
        let mut found = occurrences(&text, pair.0.as_bytes());
        if found.is_empty() && old.contains('\n') {
            pair = (crlf(old), crlf(new));
            found = occurrences(&text, pair.0.as_bytes());
        }
        match found[..] {
            [start] => self.replace_span(path, start..start + pair.0.len(), id, pair.1.as_bytes()),
            _ => {
                let line = |at: &usize| 1 + text[..*at].iter().filter(|b| **b == b'\n').count();
                Err(Error::Ambiguous {
                    path: path.clone(),
                    lines: found.iter().map(line).collect(),
                })
            }
        }
    }

    /// Deletes a file.
    ///
    /// # Errors
    /// [`AccessError::FileNotFound`] when there is none, and those of [`write`](Self::write).
    pub fn delete(&mut self, path: &RepoPath) -> Result<&mut Self, Error> {
        let Some((_, mode)) = self.admit(path)? else {
            return Err(AccessError::FileNotFound { path: path.clone() }.into());
        };
        self.record(path, None, mode)?;
        Ok(self)
    }

    /// The finished set, relative to the snapshot and the earlier edits. Its blobs are on the disk when this returns.
    ///
    /// # Errors
    /// [`Error::Io`] when they could not be written through.
    pub fn finish(self) -> Result<EditSet, Error> {
        let new: Vec<BlobId> = self.edits.values().filter_map(|edit| edit.after).collect();
        self.repo.sync_blobs(&new)?;
        Ok(EditSet::from_map(self.edits))
    }
}

fn kind(mode: FileMode) -> &'static str {
    match mode {
        FileMode::Symlink => "symbolic link",
        FileMode::Submodule => "submodule",
        FileMode::Regular | FileMode::Executable => "file",
    }
}

/// As git decides it: a NUL among the first 8000 bytes.
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(8000)].contains(&0)
}

fn occurrences(text: &[u8], needle: &[u8]) -> Vec<usize> {
    if needle.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].windows(needle.len()).position(|w| w == needle) {
        found.push(at + next);
        at += next + 1;
        if found.len() > 100 {
            break;
        }
    }
    found
}

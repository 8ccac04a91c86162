//! What a push needs to know: where a remote lies, and which commits it does not have. Nothing here talks to it.

use std::path::PathBuf;

use git2::ErrorCode;

use crate::error::Error;
use crate::ids::CommitId;
use crate::repository::Repository;

/// The most commits that are counted as missing at a remote.
const MOST: usize = 1000;

/// Where git's objects lie, for a process that is to read them and nothing else of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectStore {
    /// The directory of objects.
    pub objects: PathBuf,
    /// The file that says where the history of a shallow clone is cut off; it is there only in such a clone.
    pub shallow: PathBuf,
}

impl Repository {
    /// The URL that pushes to this remote go to, by the repository's configuration; it may hold a password.
    ///
    /// # Errors
    /// [`Error::NoSuchRemote`], with those that there are; [`Error::Git`].
    pub fn push_url(&self, remote: &str) -> Result<String, Error> {
        let user = self.user();
        let fail = |e: git2::Error| Error::git("read the remotes", &e);
        let found = match user.0.find_remote(remote) {
            Ok(found) => found,
            Err(e) if matches!(e.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => {
                let names = user.0.remotes().map_err(fail)?;
                let known = names.iter().flatten().flatten().map(str::to_owned).collect();
                return Err(Error::NoSuchRemote { name: remote.to_owned(), known });
            }
            Err(e) => return Err(fail(e)),
        };
        let url = found.pushurl_bytes().unwrap_or_else(|| found.url_bytes());
        Ok(String::from_utf8_lossy(url).into_owned())
    }

    /// The commit that a local branch is at.
    ///
    /// # Errors
    /// [`Error::NoSuchRevision`], [`Error::Git`].
    pub fn branch_tip(&self, branch: &str) -> Result<CommitId, Error> {
        self.commit_of(&format!("refs/heads/{branch}"))
    }

    /// How many commits are reachable from `tip` and from none of `known`, which are ids of objects that a remote has:
    /// what a push takes along. Counting ends at a thousand; ids that are not here are passed over.
    ///
    /// # Errors
    /// [`Error::Git`].
    pub fn commits_beyond(&self, tip: CommitId, known: &[String]) -> Result<usize, Error> {
        let user = self.user();
        let fail = |e: git2::Error| Error::git("walk the history", &e);
        let mut walk = user.0.revwalk().map_err(fail)?;
        walk.push(tip.oid()).map_err(fail)?;
        for id in known.iter().filter_map(|id| git2::Oid::from_str(id).ok()) {
            if let Ok(object) = user.0.find_object(id, None)
                && let Ok(commit) = object.peel_to_commit()
            {
                walk.hide(commit.id()).map_err(fail)?;
            }
        }
        let mut count = 0;
        for id in walk.take(MOST) {
            id.map_err(fail)?;
            count += 1;
        }
        Ok(count)
    }

    /// Where git's objects lie.
    #[must_use]
    pub fn object_store(&self) -> ObjectStore {
        let common = self.common_dir();
        ObjectStore { objects: common.join("objects"), shallow: common.join("shallow") }
    }
}

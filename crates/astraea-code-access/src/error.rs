//! What can go wrong, one variant for each decision a caller can make.

use std::io;
use std::path::PathBuf;

use crate::edits::Conflict;
use crate::path::{PathError, RepoPath};
use crate::policy::PolicyError;
use crate::proposal::Near;

/// A file was not read or written, and why. The text begins with a stable code, see [`AccessError::code`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The path is on the forbidden list; forbidden beats allowed.
    #[error(
        "access_denied:forbidden_path: {path} matches the forbidden rule {rule}; choose another file or ask the owner of the policy"
    )]
    ForbiddenPath {
        /// The path asked for.
        path: RepoPath,
        /// The rule that forbids it.
        rule: String,
    },
    /// The policy lists allowed paths and this is none of them.
    #[error(
        "access_denied:not_in_allowed_paths: {path} is outside the allowed paths; widen `allow` in the configuration to permit it"
    )]
    NotInAllowedPaths {
        /// The path asked for.
        path: RepoPath,
    },
    /// Nothing is there.
    #[error("file_not_found: {path} does not exist; check the spelling")]
    FileNotFound {
        /// The path asked for.
        path: RepoPath,
    },
    /// More bytes than the limit; nothing was read or written.
    #[error(
        "file_too_large: {path} has {size} bytes and the limit is {limit}; edit it by hand or raise the limit"
    )]
    FileTooLarge {
        /// The path asked for.
        path: RepoPath,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file is there and could not be read.
    #[error("read_error: {path} cannot be read: {reason}")]
    Read {
        /// The path asked for.
        path: RepoPath,
        /// What the system or our rules said.
        reason: String,
    },
    /// The file could not be written.
    #[error("write_error: {path} cannot be written: {reason}")]
    Write {
        /// The path asked for.
        path: RepoPath,
        /// What the system or our rules said.
        reason: String,
    },
    /// The git objects could not be read or written.
    #[error("git_error: {path}: {reason}")]
    Git {
        /// The path asked for.
        path: RepoPath,
        /// What git said.
        reason: String,
    },
}

impl AccessError {
    /// The stable code of this error, such as `access_denied:forbidden_path`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ForbiddenPath { .. } => "access_denied:forbidden_path",
            Self::NotInAllowedPaths { .. } => "access_denied:not_in_allowed_paths",
            Self::FileNotFound { .. } => "file_not_found",
            Self::FileTooLarge { .. } => "file_too_large",
            Self::Read { .. } => "read_error",
            Self::Write { .. } => "write_error",
            Self::Git { .. } => "git_error",
        }
    }

    /// The path the error is about.
    #[must_use]
    pub fn path(&self) -> &RepoPath {
        match self {
            Self::ForbiddenPath { path, .. }
            | Self::NotInAllowedPaths { path }
            | Self::FileNotFound { path }
            | Self::FileTooLarge { path, .. }
            | Self::Read { path, .. }
            | Self::Write { path, .. }
            | Self::Git { path, .. } => path,
        }
    }
}

/// Everything this crate can fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file was refused or not found.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Not a path inside a repository.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The policy itself is wrong.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Somebody changed the same file; their bytes are kept.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The user's files differ from what the change expects; nothing was touched.
    #[error("conflict: {} changed meanwhile and {} kept as {}; commit or set these changes aside and try again", list(paths), if paths.len() == 1 { "is" } else { "are" }, if paths.len() == 1 { "it is" } else { "they are" })]
    UserChanged {
        /// The paths that differ.
        paths: Vec<RepoPath>,
    },
    /// The path given is not a directory, or does not exist.
    #[error("{} is not a directory; give the path of a directory inside a git repository", path.display())]
    NotADirectory {
        /// The path given.
        path: PathBuf,
    },
    /// No repository at or above the path.
    #[error(
        "no git repository at or above {}; run `git init` and make a first commit, or go to a repository",
        path.display()
    )]
    NoGit {
        /// The path given.
        path: PathBuf,
    },
    /// A bare repository has no files to work on.
    #[error("{} is a bare repository; clone it and work in the clone", path.display())]
    Bare {
        /// The repository.
        path: PathBuf,
    },
    /// The repository names its objects by sha-256.
    #[error(
        "{} uses the sha256 object format, which is not supported; use a sha1 clone of it",
        path.display()
    )]
    Sha256 {
        /// The repository.
        path: PathBuf,
    },
    /// The repository keeps its refs as reftable.
    #[error(
        "{} uses the reftable ref format, which is not supported; convert it with `git refs migrate --ref-format=files`",
        path.display()
    )]
    Reftable {
        /// The repository.
        path: PathBuf,
    },
    /// The repository belongs to another user.
    #[error(
        "{} belongs to another user; if you trust it, run `git config --global --add safe.directory {}`",
        path.display(), path.display()
    )]
    ForeignOwned {
        /// The repository.
        path: PathBuf,
    },
    /// A `.git` file points to a git directory that belongs to another checkout.
    #[error(
        "{} points to {}, which belongs to another checkout; repair it with `git worktree repair` or clone again",
        path.display(), target.display()
    )]
    Redirected {
        /// The `.git` file.
        path: PathBuf,
        /// Where it points.
        target: PathBuf,
    },
    /// The repository uses something we do not handle.
    #[error("{} cannot be used: {reason}", path.display())]
    Unsupported {
        /// The repository.
        path: PathBuf,
        /// What it uses and what to do.
        reason: String,
    },
    /// There is no commit to build on.
    #[error("the repository has no commits yet; make a first commit (`git commit`) and try again")]
    NoCommits,
    /// A merge, rebase or the like is under way in the user's checkout.
    #[error("a {what} is in progress in the checkout; finish or abort it and try again")]
    InProgress {
        /// What is under way.
        what: String,
    },
    /// The revision does not name a commit.
    #[error("{rev} does not name a commit in this repository; see `git log`")]
    NoSuchRevision {
        /// The revision given.
        rev: String,
    },
    /// The repository has no remote of this name.
    #[error(
        "there is no remote `{name}` here ({}); name another, or add it with `git remote add`",
        if known.is_empty() { "there is none at all".to_owned() } else { format!("there is {}", known.join(", ")) }
    )]
    NoSuchRemote {
        /// The remote asked for.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The edit set leaves the tree as it is.
    #[error("nothing to deliver: the result is identical to the commit it started from")]
    NothingToDeliver,
    /// The branch to create exists, or something stands in its way.
    #[error("the branch {branch} cannot be created: {reason}; choose another name")]
    BranchExists {
        /// The branch.
        branch: String,
        /// What is in the way.
        reason: String,
    },
    /// A ref does not stand where it stood; nothing was changed.
    #[error(
        "{name} moved meanwhile (expected {expected}, found {found}); nothing was changed, look at it and try again"
    )]
    RefMoved {
        /// The ref.
        name: String,
        /// Where it should stand.
        expected: String,
        /// Where it stands.
        found: String,
    },
    /// The result is already part of the user's branch.
    #[error("{branch} is already part of the current branch; there is nothing to apply")]
    AlreadyApplied {
        /// The branch.
        branch: String,
    },
    /// There is no applied change to take back (or to put back again).
    #[error("there is no applied change to {what}")]
    NothingToUndo {
        /// `undo` or `redo`.
        what: &'static str,
    },
    /// A filter (Git LFS, an encoding) stands between the file and its blob.
    #[error("{path} is stored through {filter}, which is never run here; edit it by hand")]
    Filtered {
        /// The file.
        path: RepoPath,
        /// The filter.
        filter: String,
    },
    /// A text edit of a file that is not text.
    #[error("{path} is binary; a text edit of it is refused, write it whole or edit it by hand")]
    Binary {
        /// The file.
        path: RepoPath,
    },
    /// A text to replace occurs more than once, or not at all.
    #[error("{path}: the text to replace occurs {} times (lines {}); give more of its surroundings", lines.len(), numbers(lines))]
    Ambiguous {
        /// The file.
        path: RepoPath,
        /// The lines where it begins, counted from 1; empty when it does not occur.
        lines: Vec<usize>,
    },
    /// A text to replace is not there.
    #[error(
        "{path}: the text to replace does not occur{}; copy the lines exactly as they are",
        near(candidates)
    )]
    NoMatch {
        /// The file.
        path: RepoPath,
        /// The places that are most like it.
        candidates: Vec<Near>,
    },
    /// The state directory was written by a newer version.
    #[error(
        "the state directory {} has version {found} and this program knows up to {supported}; update astra, or move the directory away",
        path.display()
    )]
    StateVersion {
        /// The state directory.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The newest version known here.
        supported: u32,
    },
    /// Another process holds what is needed.
    #[error("{what} is in use by another process; wait for it to end and try again")]
    Busy {
        /// What is held.
        what: String,
    },
    /// A place in the configuration cannot work.
    #[error("configuration: {reason}")]
    Config {
        /// What is wrong and what to do.
        reason: String,
    },
    /// Something we wrote ourselves cannot be read back.
    #[error("{what} is damaged: {reason}")]
    Corrupt {
        /// Which record.
        what: String,
        /// In what way.
        reason: String,
    },
    /// A git operation failed.
    #[error("git_error: cannot {doing}: {reason}")]
    Git {
        /// What was being done.
        doing: String,
        /// What libgit2 said.
        reason: String,
    },
    /// A system call failed.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}

fn list(paths: &[RepoPath]) -> String {
    let mut text = paths.iter().take(5).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if paths.len() > 5 {
        text.push_str(&format!(" and {} more", paths.len() - 5));
    }
    text
}

fn numbers(lines: &[usize]) -> String {
    if lines.is_empty() {
        return "none".into();
    }
    lines.iter().take(10).map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn near(candidates: &[Near]) -> String {
    if candidates.is_empty() {
        return String::new();
    }
    let list: Vec<String> = candidates.iter().map(ToString::to_string).collect();
    format!("; most like it: {}", list.join(", "))
}

impl Error {
    pub(crate) fn git(doing: impl Into<String>, error: &git2::Error) -> Self {
        Self::Git { doing: doing.into(), reason: error.message().to_owned() }
    }

    pub(crate) fn io(doing: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Io { doing: doing.into(), source: source.into() }
    }
}

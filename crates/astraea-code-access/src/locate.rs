//! Finds the repository above a path, and refuses what cannot be used.

use std::path::{Path, PathBuf};

use git2::{ErrorCode, RepositoryOpenFlags};

use crate::dir::{Dir, FileKind, path_of, real_path};
use crate::error::Error;

/// Where a checkout and its git directory are, all absolute and without links.
#[derive(Debug)]
pub(crate) struct Located {
    pub(crate) root: PathBuf,
    pub(crate) gitdir: PathBuf,
    pub(crate) commondir: PathBuf,
}

/// Walks up from `path` to the first directory with a `.git`.
pub(crate) fn locate(path: &Path) -> Result<Located, Error> {
    let not_dir = || Error::NotADirectory { path: path.to_owned() };
    let start = real_path(path).map_err(|_| not_dir())?;
    Dir::open_path(&start).map_err(|_| not_dir())?;
    for dir in start.ancestors() {
        let Ok(handle) = Dir::open_path(dir) else { continue };
        let dot_git = dir.join(".git");
        let link = match handle.look(b".git").ok().flatten().map(|stat| stat.kind) {
            Some(FileKind::Dir) => dot_git,
            Some(FileKind::Symlink) => dot_git,
            Some(FileKind::File) => return linked(dir, &handle),
            _ if is_git_dir(&handle) => {
                if dir.file_name().is_some_and(|name| name == ".git") {
                    return Err(Error::Unsupported {
                        path: start,
                        reason: "it lies inside a git directory; go to the checkout".into(),
                    });
                }
                return Err(Error::Bare { path: dir.to_owned() });
            }
            _ => continue,
        };
        let Ok(gitdir) = real_path(&link) else { continue };
        // An empty `.git` directory is no repository; git looks further up, and so do we.
        if !Dir::open_path(&gitdir).is_ok_and(|handle| is_git_dir(&handle)) {
            continue;
        }
        let located = Located { root: dir.to_owned(), commondir: common(&gitdir)?, gitdir };
        examine(&located, false)?;
        return Ok(located);
    }
    Err(Error::NoGit { path: start })
}

fn is_git_dir(dir: &Dir) -> bool {
    let is =
        |name: &[u8], kind| dir.look(name).ok().flatten().is_some_and(|stat| stat.kind == kind);
    let head = dir.look(b"HEAD").ok().flatten().is_some();
    head && (is(b"commondir", FileKind::File)
        || (is(b"objects", FileKind::Dir) && is(b"refs", FileKind::Dir)))
}

/// Reads a one-line file such as `commondir`.
fn line(dir: &Path, name: &str) -> Option<PathBuf> {
    let (bytes, _) = Dir::open_path(dir).ok()?.read(name.as_bytes(), 8192).ok()?;
    let end = bytes.iter().rposition(|b| !matches!(b, b'\n' | b'\r')).map_or(0, |at| at + 1);
    (end > 0).then(|| path_of(&bytes[..end]).to_owned())
}

/// The git directory that `.git`, a file, names: a linked worktree, a submodule, or a git directory kept apart.
fn linked(root: &Path, handle: &Dir) -> Result<Located, Error> {
    let file = root.join(".git");
    let bad = |reason: &str| Error::Unsupported { path: file.clone(), reason: reason.to_owned() };
    let (bytes, _) = handle.read(b".git", 8192).map_err(|_| bad("it cannot be read"))?;
    let target = bytes
        .strip_prefix(b"gitdir: ")
        .map(|rest| rest.trim_ascii_end())
        .filter(|rest| !rest.is_empty() && !rest.contains(&0))
        .ok_or_else(|| {
            bad("it is not a line `gitdir: PATH`; repair it with `git worktree repair`")
        })?;
    let gitdir = real_path(&root.join(path_of(target))).map_err(|_| {
        bad("the git directory it names does not exist; repair it with `git worktree repair`")
    })?;
    if !Dir::open_path(&gitdir).is_ok_and(|handle| is_git_dir(&handle)) {
        return Err(bad("it does not name a git directory; repair it with `git worktree repair`"));
    }
    if let Some(back) = line(&gitdir, "gitdir") {
        let back = real_path(&gitdir.join(back)).ok();
        if back.as_deref() != Some(&*file) {
            return Err(Error::Redirected { path: file, target: gitdir });
        }
    }
    let located = Located { root: root.to_owned(), commondir: common(&gitdir)?, gitdir };
    examine(&located, true)?;
    Ok(located)
}

fn common(gitdir: &Path) -> Result<PathBuf, Error> {
    match line(gitdir, "commondir") {
        None => Ok(gitdir.to_owned()),
        Some(path) => real_path(&gitdir.join(path)).map_err(|e| {
            Error::io(format!("find the common git directory of {}", gitdir.display()), e)
        }),
    }
}

/// Looks at the repository's own configuration before libgit2 opens anything.
fn examine(found: &Located, linked: bool) -> Result<(), Error> {
    let path = found.root.clone();
    let file = found.commondir.join("config");
    let Ok(config) = git2::Config::open(&file) else {
        return Err(Error::Unsupported {
            path,
            reason: format!(
                "its configuration {} cannot be read; repair it with `git config --edit`",
                file.display()
            ),
        });
    };
    let is = |key: &str, value: &str| {
        config.get_string(key).is_ok_and(|found| found.eq_ignore_ascii_case(value))
    };
    if is("extensions.objectformat", "sha256") {
        return Err(Error::Sha256 { path });
    }
    if config.get_string("extensions.refstorage").is_ok_and(|v| !v.eq_ignore_ascii_case("files")) {
        return Err(Error::Reftable { path });
    }
    let is_worktree = found.gitdir != found.commondir;
    if !is_worktree && config.get_bool("core.bare").unwrap_or(false) {
        return Err(Error::Bare { path });
    }
    if !is_worktree && let Ok(tree) = config.get_string("core.worktree") {
        let tree = real_path(&found.gitdir.join(&tree)).ok();
        if tree.as_deref() != Some(&*path) {
            if linked {
                return Err(Error::Redirected {
                    path: path.join(".git"),
                    target: found.gitdir.clone(),
                });
            }
            return Err(Error::Unsupported {
                path,
                reason: "core.worktree in its configuration names another directory; unset it or work there"
                    .into(),
            });
        }
    }
    Ok(())
}

/// Opens the git directory and nothing else, and checks that this is what was opened.
pub(crate) fn open_git(gitdir: &Path, root: &Path) -> Result<git2::Repository, Error> {
    let flags = RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::NO_DOTGIT;
    let none: [&std::ffi::OsStr; 0] = [];
    let repo = git2::Repository::open_ext(gitdir, flags, none).map_err(|e| match e.code() {
        ErrorCode::Owner => Error::ForeignOwned { path: root.to_owned() },
        _ => Error::Unsupported {
            path: root.to_owned(),
            reason: format!("{}; use a clone without it", e.message()),
        },
    })?;
    let same = repo.path().components().eq(gitdir.components());
    if !same {
        return Err(Error::Redirected { path: gitdir.to_owned(), target: repo.path().to_owned() });
    }
    Ok(repo)
}

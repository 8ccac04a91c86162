//! Files and directories that the user names apart from a repository: configuration, methods, a demonstration.

use std::path::{Path, PathBuf};

use git2::{Index, RepositoryInitOptions, Signature};
use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha256};

use crate::dir::{FileKind, ReadError, make_dirs, read_open};
use crate::door::Door;
use crate::error::Error;
use crate::ids::FileMode;
use crate::index::entry;
use crate::path::RepoPath;
use crate::policy::enters_git;
use crate::sides::Side;

/// Reads a regular file the user named (`astra.toml`, an `.hddl` file), at most `max` bytes. Links are followed: the name is
/// the user's own word. Pipes and devices are refused without waiting for them.
///
/// # Errors
/// [`Error::Io`] when it is missing, not a regular file, larger than `max`, or not readable.
pub fn read_user_file(path: &Path, max: u64) -> Result<Vec<u8>, Error> {
    let doing = || format!("read {}", path.display());
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| Error::io(doing(), e))?;
    read_open(&file, max).map(|(bytes, _)| bytes).map_err(|e| match e {
        ReadError::TooLarge(size) => Error::io(
            doing(),
            std::io::Error::other(format!("it has {size} bytes and the limit is {max}")),
        ),
        ReadError::Io(e) => Error::io(doing(), e),
    })
}

/// Where state is kept by default: `$XDG_STATE_HOME`, else `$HOME/.local/state`.
///
/// # Errors
/// [`Error::Config`] when neither is set to an absolute path.
pub fn default_state_home() -> Result<PathBuf, Error> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .ok_or_else(|| Error::Config {
            reason: "neither XDG_STATE_HOME nor HOME is an absolute path; set one".into(),
        })
}

/// Makes `dir` (new, or empty) a git repository with one commit of these files on the branch `main`, the index in step.
/// Neither the git program nor a hook or template is used; the author is Astra.
///
/// # Errors
/// [`Error::Config`] when the directory is not empty or a path enters `.git`, [`Error::Io`], [`Error::Git`].
pub fn create_repository(
    dir: &Path,
    files: &[(RepoPath, Vec<u8>)],
    message: &str,
) -> Result<(), Error> {
    let io = |e: std::io::Error| Error::io(format!("create the repository {}", dir.display()), e);
    let git = |e: git2::Error| Error::git(format!("create the repository {}", dir.display()), &e);
    make_dirs(dir).map_err(io)?;
    let door = Door::open(dir).map_err(io)?;
    if !door.entries(None).map_err(io)?.is_empty() {
        return Err(Error::Config {
            reason: format!("{} is not empty; choose a new directory", dir.display()),
        });
    }
    if let Some((path, _)) = files.iter().find(|(path, _)| enters_git(path)) {
        return Err(Error::Config { reason: format!("{path} lies in a git directory") });
    }
    let mut options = RepositoryInitOptions::new();
    options.external_template(false).initial_head("main").no_reinit(true);
    let repo = git2::Repository::init_opts(dir, &options).map_err(git)?;
    let mut index = Index::open(&repo.path().join("index")).map_err(git)?;
    for (path, bytes) in files {
        door.write(path, bytes, false)?;
        let id = repo.blob(bytes).map_err(git)?.into();
        let side = Side { raw: id, stored: id, mode: FileMode::Regular };
        index.add(&entry(path, side, Some(&door.stat(path)?))).map_err(git)?;
    }
    let tree = index.write_tree_to(&repo).and_then(|id| repo.find_tree(id)).map_err(git)?;
    index.write().map_err(git)?;
    let author = Signature::now("Astra", "astra@localhost").map_err(git)?;
    repo.commit(Some("HEAD"), &author, &author, message, &tree, &[]).map_err(git)?;
    Ok(())
}

/// A digest over a checkout: names, kinds, permissions, contents and link targets of its files, and of git's index, HEAD, refs
/// (the stash among them) and unfinished operations. Objects, logs and our own branches (`refs/heads/astra/`) are not part of it.
///
/// # Errors
/// [`Error::Io`] when something cannot be read.
pub fn hash_tree(dir: &Path) -> Result<String, Error> {
    let io = |e: std::io::Error| Error::io(format!("read {}", dir.display()), e);
    let door = Door::open(dir).map_err(io)?;
    let mut hash = Sha256::new();
    let mut todo = vec![None::<RepoPath>];
    while let Some(path) = todo.pop() {
        for (name, kind) in door.entries(path.as_ref()).map_err(io)? {
            let child = match &path {
                None => RepoPath::new(&name)?,
                Some(path) => path.join(&name)?,
            };
            let skipped: &[&[u8]] =
                &[b".git/objects", b".git/logs", b".git/hooks", b".git/refs/heads/astra"];
            if skipped.contains(&child.as_bytes()) {
                continue;
            }
            let mode = door.stat(&child)?.mode;
            hash.update([kind as u8]);
            hash.update((child.as_bytes().len() as u64).to_be_bytes());
            hash.update(child.as_bytes());
            let contents = match kind {
                FileKind::Dir => {
                    todo.push(Some(child));
                    continue;
                }
                FileKind::File => door.read(&child, u64::MAX >> 1)?,
                FileKind::Symlink => door.read_link(&child)?,
                FileKind::Special => Vec::new(),
            };
            hash.update(mode.to_be_bytes());
            hash.update((contents.len() as u64).to_be_bytes());
            hash.update(&contents);
        }
    }
    Ok(hex::encode(hash.finalize()))
}

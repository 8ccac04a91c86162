//! A user's repository and what the tests ask of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use astraea_code_access::{
    Base, Delivered, Delivery, EditSet, OpenOptions, RepoPath, Repository, Snapshot,
};
use tempfile::TempDir;

/// A repository of the user, with a place for state beside it.
pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) root: PathBuf,
}

pub(crate) fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

/// Runs git with an identity and no configuration of the machine.
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let (ok, text) = try_git(dir, args);
    assert!(ok, "git {args:?}: {text}");
    text
}

pub(crate) fn try_git(dir: &Path, args: &[&str]) -> (bool, String) {
    let out = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "U")
        .env("GIT_AUTHOR_EMAIL", "u@example.org")
        .env("GIT_COMMITTER_NAME", "U")
        .env("GIT_COMMITTER_EMAIL", "u@example.org")
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    (out.status.success(), text.trim_end().to_owned())
}

impl World {
    /// A repository without commits.
    pub(crate) fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("project");
        fs::create_dir(&root).unwrap();
        git(&root, &["init", "-q", "-b", "main"]);
        Self { dir, root }
    }

    /// A repository with one commit of these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let world = Self::empty();
        for (name, text) in files {
            world.write(name, text);
        }
        world.commit("first");
        world
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let file = self.root.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(fs::read(self.root.join(name)).unwrap()).unwrap()
    }

    pub(crate) fn commit(&self, message: &str) -> String {
        git(&self.root, &["add", "-A"]);
        git(&self.root, &["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(&self.root, args)
    }

    pub(crate) fn state_home(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(crate) fn options(&self) -> OpenOptions {
        OpenOptions::new(self.state_home())
    }

    pub(crate) fn open(&self) -> Arc<Repository> {
        Arc::new(Repository::open(&self.root, self.options()).unwrap())
    }

    /// Opens, takes a snapshot, and writes these files.
    pub(crate) fn edited(&self, files: &[(&str, &str)]) -> (Arc<Repository>, Snapshot, EditSet) {
        let repo = self.open();
        let snapshot = repo.snapshot(Base::Worktree).unwrap();
        let edits = edit(&repo, &snapshot, files);
        (repo, snapshot, edits)
    }

    /// Everything of the user's that must not change: files, links, modes, index, HEAD, refs (stash included).
    pub(crate) fn hash(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut todo = vec![self.root.clone()];
        while let Some(dir) = todo.pop() {
            for entry in fs::read_dir(&dir).unwrap() {
                let entry = entry.unwrap();
                let name =
                    entry.path().strip_prefix(&self.root).unwrap().as_os_str().as_bytes().to_vec();
                let skip: [&[u8]; 3] = [b".git/objects", b".git/logs", b".git/refs/heads/astra"];
                if skip.contains(&&*name) {
                    continue;
                }
                let meta = fs::symlink_metadata(entry.path()).unwrap();
                let mut value = format!("{:o} ", meta.permissions().mode()).into_bytes();
                if meta.is_symlink() {
                    value.extend(fs::read_link(entry.path()).unwrap().as_os_str().as_bytes());
                } else if meta.is_file() {
                    value.extend(fs::read(entry.path()).unwrap());
                } else if meta.is_dir() {
                    todo.push(entry.path());
                    continue; // Directories are not git's, and empty ones not ours to keep.
                }
                found.insert(name, value);
            }
        }
        found
    }
}

pub(crate) fn edit(repo: &Repository, snapshot: &Snapshot, files: &[(&str, &str)]) -> EditSet {
    let none = EditSet::new();
    let mut builder = repo.edit(snapshot, &none);
    for (name, text) in files {
        builder.write(&path(name), text.as_bytes()).unwrap();
    }
    builder.finish().unwrap()
}

pub(crate) const BRANCH: &str = "astra/goal-1a2b3c4d-0f0f0f";

pub(crate) fn delivery<'a>(snapshot: &'a Snapshot, edits: &'a EditSet) -> Delivery<'a> {
    Delivery {
        snapshot,
        edits,
        branch: BRANCH,
        message: "Fix it\n\nGoal: 1a2b3c4d\n",
        author: None,
        time: 1_700_000_000,
    }
}

pub(crate) fn deliver(repo: &Repository, snapshot: &Snapshot, edits: &EditSet) -> Delivered {
    repo.deliver(&delivery(snapshot, edits)).unwrap()
}

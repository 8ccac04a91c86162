//! A repository with its state in one directory that can be put back as it was, and what is seen of it from outside.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// The directory, and the programs that work in it.
#[derive(Debug)]
pub(crate) struct World {
    /// Where the work goes on; always the same place, for the state is found by it.
    pub(crate) dir: PathBuf,
    kept: PathBuf,
    programs: Programs,
}

/// What is killed.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    /// The example `steps` of astraea-code-access.
    pub(crate) steps: PathBuf,
    /// The binary `astra`.
    pub(crate) astra: PathBuf,
}

/// What a user would see: every file of the checkout, where HEAD and the branches are, what git says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) files: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) refs: String,
    pub(crate) status: String,
}

impl World {
    /// An empty one below `base`.
    pub(crate) fn new(base: &Path, programs: &Programs) -> anyhow::Result<Self> {
        let world =
            Self { dir: base.join("world"), kept: base.join("kept"), programs: programs.clone() };
        for dir in [&world.dir, &world.kept] {
            if dir.exists() {
                fs::remove_dir_all(dir)?;
            }
        }
        fs::create_dir_all(world.dir.join("home"))?;
        Ok(world)
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.dir.join("project")
    }

    /// The program for these words: the first chooses it.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = match words {
            ["astra", rest @ ..] => {
                let mut command = Command::new(&self.programs.astra);
                command.args(rest);
                command
            }
            words => {
                let mut command = Command::new(&self.programs.steps);
                command.args(words).arg(&self.dir);
                command
            }
        };
        let project = self.project();
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.dir.join("home"))
            .env("XDG_STATE_HOME", self.dir.join("state"))
            .env("XDG_CONFIG_HOME", self.dir.join("config"))
            .current_dir(if project.is_dir() { &project } else { &self.dir });
        command
    }

    /// Runs it; its exit code.
    pub(crate) fn code(&self, words: &[&str]) -> anyhow::Result<Option<i32>> {
        let output = self.command(words).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            eprintln!("xtask: {words:?}: {}: {}", output.status, said.trim());
        }
        Ok(output.status.code())
    }

    /// Runs it to a clean end; what it printed.
    pub(crate) fn say(&self, words: &[&str]) -> anyhow::Result<String> {
        let output = self.command(words).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{words:?}: {}: {said}", output.status);
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn git(&self, args: &[&str]) -> anyhow::Result<String> {
        let output = Command::new("git")
            .args(args)
            .current_dir(self.project())
            .env("HOME", self.dir.join("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .output()
            .context("git is needed to look at repositories")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "git {args:?}: {said}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Remembers this state.
    pub(crate) fn keep(&self) -> anyhow::Result<()> {
        copy(&self.dir, &self.kept)
    }

    /// Goes back to the state that was kept.
    pub(crate) fn restore(&self) -> anyhow::Result<()> {
        copy(&self.kept, &self.dir)
    }

    /// What a user sees now.
    pub(crate) fn look(&self) -> anyhow::Result<Seen> {
        let mut files = BTreeMap::new();
        let root = self.project();
        let mut todo = vec![root.clone()];
        while let Some(dir) = todo.pop() {
            for entry in fs::read_dir(&dir)? {
                let path = entry?.path();
                let name = path.strip_prefix(&root)?.as_os_str().as_bytes().to_vec();
                let meta = fs::symlink_metadata(&path)?;
                if name == b".git" {
                    continue;
                }
                if meta.is_dir() {
                    todo.push(path);
                    continue;
                }
                let mut value = format!("{:o} ", meta.permissions().mode()).into_bytes();
                value.extend(fs::read(&path)?);
                files.insert(name, value);
            }
        }
        // By tree: the time in a commit is the time it was made at.
        let refs = self.git(&["for-each-ref", "--format=%(refname) %(tree)"])?
            + &self.git(&["rev-parse", "HEAD^{tree}"])?;
        Ok(Seen { files, refs, status: self.git(&["status", "--porcelain"])? })
    }

    /// Whether git finds all objects whole.
    pub(crate) fn fsck(&self) -> anyhow::Result<()> {
        self.git(&["fsck", "--no-dangling", "--strict"]).map(drop)
    }

    /// Files that nobody should find in the repository afterwards.
    pub(crate) fn litter(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        let mut todo = vec![self.project()];
        while let Some(dir) = todo.pop() {
            for entry in fs::read_dir(&dir)? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if entry.file_type()?.is_dir() {
                    todo.push(entry.path());
                } else if name.contains(".astra-")
                    || name.starts_with("tmp_")
                    || name.ends_with(".lock")
                {
                    found.push(entry.path());
                }
            }
        }
        Ok(found)
    }
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    let done = Command::new("cp").arg("-a").args([from, to]).status()?;
    ensure!(done.success(), "cp {} {}", from.display(), to.display());
    Ok(())
}

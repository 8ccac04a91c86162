//! Programs that are measured.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// A program that has ended.
pub(super) struct Ended {
    pub(super) success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// CPU seconds of it and of all it waited for.
    pub(super) cpu_s: f64,
}

/// Runs a program; `timeout` ends what goes on for longer.
pub(super) fn run(
    program: &Path,
    argv: &[String],
    scratch: &Path,
    wall_s: u64,
) -> anyhow::Result<Ended> {
    run_in(program, argv, None, scratch, wall_s)
}

/// The same in a directory.
pub(super) fn run_in(
    program: &Path,
    argv: &[String],
    dir: Option<&Path>,
    scratch: &Path,
    wall_s: u64,
) -> anyhow::Result<Ended> {
    fs::create_dir_all(scratch)?;
    let (out, err) = (scratch.join("stdout"), scratch.join("stderr"));
    let mut command = Command::new("timeout");
    command.args(["-k", "5", &wall_s.to_string()]).arg(program).args(argv);
    if let Some(dir) = dir {
        command.current_dir(dir);
    }
    let child = command
        .stdin(Stdio::null())
        .stdout(fs::File::create(&out)?)
        .stderr(fs::File::create(&err)?)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let (code, cpu_s, _) = super::super::plan::wait(child.id())?;
    let read = |path: &Path| -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned())
    };
    Ok(Ended { success: code == Some(0), stdout: read(&out)?, stderr: read(&err)?, cpu_s })
}

/// What git prints.
pub(super) fn git(repository: &Path, args: &[&str]) -> anyhow::Result<String> {
    let out =
        Command::new("git").args(args).current_dir(repository).output().context("git is needed")?;
    if !out.status.success() {
        bail!("git {args:?}: {}", String::from_utf8_lossy(&out.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Makes a directory a repository with all its files in one commit.
pub(super) fn commit_all(repository: &Path) -> anyhow::Result<()> {
    git(repository, &["init", "-q", "-b", "main"])?;
    git(repository, &["config", "user.name", "Bench"])?;
    git(repository, &["config", "user.email", "bench@localhost"])?;
    git(repository, &["add", "-A"])?;
    git(repository, &["commit", "-q", "-m", "with a bug"])?;
    Ok(())
}

//! What the tests of several crates share: repositories on disk, a workspace over them, a Python
//! environment with pytest.
//!
//! Only for tests: this module runs `git`, `python3` and `pip` outside any sandbox, and panics when it cannot.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "test set-up happens outside the doors that the tests are about"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use astraea_code_access::{Base, OpenOptions, Repository};
use astraea_redact::Redactor;
use astraea_sandbox::{Sandbox, SandboxOptions};

use crate::{Workspace, WorkspaceOptions};

/// A repository in a temporary directory, with one commit; its state lies beside it.
#[derive(Debug)]
pub struct TestRepo {
    dir: tempfile::TempDir,
}

impl TestRepo {
    /// A repository with these files, committed on `main`.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let repo = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(repo.root()).unwrap();
        for (path, text) in files {
            repo.write(path, text);
        }
        repo.git(&["init", "-q", "-b", "main"]);
        repo.git(&["config", "user.name", "Tester"]);
        repo.git(&["config", "user.email", "tester@localhost"]);
        repo.git(&["add", "-A"]);
        repo.git(&["commit", "-q", "--allow-empty", "-m", "first"]);
        repo
    }

    /// The top level of the checkout.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    /// Writes a file into the checkout, as a user would.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes an executable file into the checkout.
    pub fn write_program(&self, path: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        self.write(path, text);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(self.root().join(path), mode).unwrap();
    }

    /// A file of the checkout; `None` if it is not there.
    pub fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.root().join(path)).ok()
    }

    /// Runs git in the checkout and gives what it printed.
    pub fn git(&self, args: &[&str]) -> String {
        let out = Command::new("git").args(args).current_dir(self.root()).output().unwrap();
        assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// Gives the checkout a `.venv` (ignored by git) that has pytest. False if there is no Python here.
    pub fn with_venv(&self) -> bool {
        let Some(shared) = pytest_env() else { return false };
        self.git(&["config", "core.excludesFile", "/dev/null"]);
        std::fs::write(self.root().join(".git/info/exclude"), ".venv\n").unwrap();
        let to = self.root().join(".venv");
        let made = Command::new("cp").arg("-a").arg(shared).arg(&to).status().unwrap();
        assert!(made.success());
        true
    }

    /// The repository, opened with its state beside it.
    pub fn open(&self) -> Arc<Repository> {
        let state = self.dir.path().join("state");
        Arc::new(Repository::open(&self.root(), OpenOptions::new(state)).unwrap())
    }

    /// A workspace over the checkout as it is.
    pub fn workspace(&self, options: WorkspaceOptions) -> Arc<Workspace> {
        self.workspace_in(sandbox(), options)
    }

    /// The same in a sandbox of the caller's.
    pub fn workspace_in(&self, sandbox: Arc<Sandbox>, options: WorkspaceOptions) -> Arc<Workspace> {
        let repo = self.open();
        let snapshot = repo.snapshot(Base::Worktree).unwrap();
        let redactor = Redactor::default();
        Arc::new(Workspace::new(repo, snapshot, sandbox, redactor, options))
    }
}

/// The sandbox of this test program, probed once. The program must be able to play the helper
/// (`early-init` of `astraea-sandbox`).
pub fn sandbox() -> Arc<Sandbox> {
    static SANDBOX: OnceLock<Arc<Sandbox>> = OnceLock::new();
    SANDBOX.get_or_init(|| Arc::new(Sandbox::probe(SandboxOptions::default()))).clone()
}

/// A virtual environment with pytest, rope and coverage below cargo's target directory, made the first time.
///
/// `None` if Python or the package cannot be had here; with `CI` set that is a failure.
pub fn pytest_env() -> Option<PathBuf> {
    static ENV: OnceLock<Option<PathBuf>> = OnceLock::new();
    ENV.get_or_init(|| {
        let made = make_env();
        assert!(
            made.is_ok() || std::env::var_os("CI").is_none(),
            "no Python environment with pytest: {made:?}"
        );
        made.inspect_err(|why| eprintln!("left out: {why}")).ok()
    })
    .clone()
}

fn make_env() -> Result<PathBuf, String> {
    let exe = std::env::current_exe().map_err(|e| e.to_string())?;
    // target/debug/deps/name-hash
    let target = exe.ancestors().nth(3).ok_or("the test program has no target directory")?;
    let env = target.join("test-python");
    if env.join("made").is_file() {
        return Ok(env);
    }
    // made beside and renamed, so that two test programs do not see half of one
    let half = target.join(format!("test-python-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&half);
    let python = std::env::var("ASTRA_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    run(Command::new(python).args(["-m", "venv"]).arg(&half))?;
    let install = ["-m", "pip", "install", "--quiet", "pytest", "rope", "coverage"];
    run(Command::new(half.join("bin/python")).args(install))?;
    // nobody installs anything in a copy of it
    let _ = run(Command::new(half.join("bin/python")).args([
        "-m",
        "pip",
        "uninstall",
        "-y",
        "-q",
        "pip",
    ]));
    std::fs::write(half.join("made"), "").map_err(|e| e.to_string())?;
    if std::fs::rename(&half, &env).is_err() {
        let _ = std::fs::remove_dir_all(&half);
    }
    if env.join("made").is_file() {
        Ok(env)
    } else {
        Err("it could not be put in place".to_owned())
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let out = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if out.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&out.stderr)))
}

/// A `node_modules` with TypeScript below cargo's target directory, made the first time.
///
/// `None` if it cannot be had here; with `CI` set that is a failure.
pub fn typescript() -> Option<PathBuf> {
    let make = || {
        let exe = std::env::current_exe().map_err(|e| e.to_string())?;
        let target = exe.ancestors().nth(3).ok_or("the test program has no target directory")?;
        let dir = target.join("test-typescript");
        let modules = dir.join("node_modules");
        if !modules.join("typescript/package.json").is_file() {
            std::fs::create_dir_all(&dir).map_err(|e| e.to_string())?;
            let npm =
                ["install", "--silent", "--no-audit", "--no-fund", "--no-save", "typescript@5"];
            run(Command::new("npm").args(npm).arg("--prefix").arg(&dir).current_dir(&dir))?;
        }
        Ok::<_, String>(modules)
    };
    let made = make();
    assert!(made.is_ok() || std::env::var_os("CI").is_none(), "no TypeScript: {made:?}");
    made.inspect_err(|why| eprintln!("left out: {why}")).ok()
}

/// Whether a program answers `--version` here; with `CI` set everything but go must.
pub fn has(program: &str) -> bool {
    let there = Command::new(program)
        .arg(if program == "go" { "version" } else { "--version" })
        .output()
        .is_ok_and(|out| out.status.success());
    assert!(
        there || program == "go" || std::env::var_os("CI").is_none(),
        "{program} is needed for this test"
    );
    there
}

/// Every file below a directory with its bytes, for "nothing changed".
pub fn everything(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            let kind = std::fs::symlink_metadata(&path).unwrap();
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() {
                let bytes = std::fs::read(&path).unwrap();
                all.push((path, bytes));
            }
        }
    }
    all.sort();
    all
}

//! The place where a scenario happens: a repository, a state directory, and the program.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::JoinHandle,
};

use anyhow::{Context, ensure};

use crate::{
    fingerprint::Fingerprint,
    model::Model,
    scenario::{Git, Scenario, python},
    serve::Serving,
};

/// The key that the program is given for its model; it must never be seen anywhere.
pub(crate) const MODEL_KEY: &str = "sk-e2e-0123456789abcdefghijklmnop";

/// A directory with `repo`, `state`, `config`; gone when dropped.
#[derive(Debug)]
pub(crate) struct World {
    dir: tempfile::TempDir,
    /// The model that the program talks to.
    pub(crate) model: Option<Model>,
    /// `astra serve`, while it runs.
    pub(crate) serving: Option<Serving>,
    /// What goes on beside the steps, the oldest first.
    pub(crate) background: VecDeque<Job>,
    /// The checkout before the first step.
    pub(crate) before: Option<Fingerprint>,
    /// Values that steps have saved.
    pub(crate) saved: BTreeMap<String, String>,
}

/// What a program, or a server, left behind.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    /// The exit code; a signal is 128 + its number.
    pub(crate) exit: i32,
    /// The status of an answer; none from a program, or where no answer came.
    pub(crate) status: Option<u16>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Something that goes on.
#[derive(Debug)]
pub(crate) enum Job {
    /// A program.
    Program(Running),
    /// A request that waits for its answer.
    Request(JoinHandle<anyhow::Result<Finished>>),
}

impl Job {
    /// Waits for its end.
    pub(crate) fn join(self) -> anyhow::Result<Finished> {
        match self {
            Self::Program(running) => running.join(),
            Self::Request(thread) => {
                thread.join().map_err(|_| anyhow::anyhow!("the client panicked"))?
            }
        }
    }
}

/// A program that runs.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdout: JoinHandle<std::io::Result<String>>,
    stderr: JoinHandle<std::io::Result<String>>,
}

impl World {
    /// Makes the repository of a scenario.
    ///
    /// # Errors
    /// When a file cannot be written or a setup line fails.
    pub(crate) fn make(scenario: &Scenario, keep: bool) -> anyhow::Result<Self> {
        let mut dir = tempfile::Builder::new().prefix("astra-e2e-").tempdir()?;
        dir.disable_cleanup(keep);
        let model =
            if scenario.model.is_empty() { None } else { Some(Model::start(&scenario.model)?) };
        let world = Self {
            dir,
            model,
            serving: None,
            background: VecDeque::new(),
            before: None,
            saved: BTreeMap::new(),
        };
        for name in ["repo", "state", "config"] {
            fs::create_dir(world.path(name))?;
        }
        for (path, text) in &scenario.files {
            let path = world.repo().join(path);
            fs::create_dir_all(path.parent().context("a file has a parent")?)?;
            fs::write(path, text)?;
        }
        if scenario.repo.git != Git::None {
            world.shell("git init -q -b main && git config user.name Tester && git config user.email tester@example.com")?;
        }
        if scenario.repo.git == Git::Commit {
            world.shell("git add -A && git commit -q -m 'first'")?;
        }
        for line in &scenario.repo.setup {
            world.shell(line)?;
        }
        if keep {
            println!("kept: {}", world.dir.path().display());
        }
        Ok(world)
    }

    /// `astra ARGS` in the repository, with state and configuration of its own.
    pub(crate) fn astra(&self, args: &[String]) -> Command {
        let mut command = Command::new(program());
        command
            .args(args)
            .current_dir(self.repo())
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("ASTRA_MODEL")
            .env_remove("ASTRA_MODEL_URL")
            .env_remove("ASTRA_MODEL_KEY")
            .env("NO_COLOR", "1")
            .env("PATH", search_path())
            .stdin(Stdio::null());
        if let Some(model) = &self.model {
            command
                .env("ASTRA_MODEL_URL", model.url())
                .env("ASTRA_MODEL", "scripted")
                .env("ASTRA_MODEL_KEY", MODEL_KEY);
        }
        command
    }

    /// Runs `astra` to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn run(&self, args: &[&str]) -> anyhow::Result<Finished> {
        let args: Vec<_> = args.iter().map(|&arg| arg.to_owned()).collect();
        Running::start(self.astra(&args), Vec::new())?.join()
    }

    /// Runs a shell line in the repository and returns its output.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn shell(&self, line: &str) -> anyhow::Result<String> {
        shell(&self.repo(), line)
    }

    /// The repository.
    pub(crate) fn repo(&self) -> PathBuf {
        self.path("repo")
    }

    /// A name in the directory of this world.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Running {
    pub(crate) fn start(command: Command, kill_on: Vec<String>) -> anyhow::Result<Self> {
        Self::fed(command, kill_on, None)
    }

    /// Starts a program and writes `stdin` to it.
    pub(crate) fn fed(
        mut command: Command,
        kill_on: Vec<String>,
        stdin: Option<&str>,
    ) -> anyhow::Result<Self> {
        if stdin.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().with_context(|| {
                format!("starting {}; build it: cargo build -p astraea-cli", program().display())
            })?;
        if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
            pipe.write_all(text.as_bytes())?;
        }
        let (stdout, mut stderr) =
            (child.stdout.take().context("piped")?, child.stderr.take().context("piped")?);
        let pid = rustix::process::Pid::from_child(&child);
        let stdout = std::thread::spawn(move || {
            let mut text = String::new();
            let mut reader = BufReader::new(stdout);
            let mut line = String::new();
            while reader.read_line(&mut line)? > 0 {
                if !kill_on.is_empty() && kill_on.iter().all(|word| line.contains(word)) {
                    rustix::process::kill_process(pid, rustix::process::Signal::KILL)?;
                }
                text.push_str(&line);
                line.clear();
            }
            Ok(text)
        });
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).map(|_| text)
        });
        Ok(Self { child, stdout, stderr })
    }

    /// Returns when the program has been alive for a moment or has ended.
    pub(crate) fn wait_for_output(&mut self) -> anyhow::Result<()> {
        // The lock of a run is taken within milliseconds; a hundred polls are a bound, not a measure.
        for _ in 0..100 {
            if self.child.try_wait()?.is_some() {
                break;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        }
        Ok(())
    }

    pub(crate) fn join(mut self) -> anyhow::Result<Finished> {
        use std::os::unix::process::ExitStatusExt;
        let status = self.child.wait()?;
        let exit = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        let text = |handle: JoinHandle<std::io::Result<String>>| {
            handle.join().ok().and_then(Result::ok).unwrap_or_default()
        };
        Ok(Finished { exit, status: None, stdout: text(self.stdout), stderr: text(self.stderr) })
    }
}

/// Starts a command whose whole run is wanted, killed when a line of its output holds all `kill_on`.
pub(crate) fn run_command(command: Command, kill_on: Vec<String>) -> anyhow::Result<Finished> {
    Running::start(command, kill_on)?.join()
}

/// The program under test: `ASTRA`, else the one beside this harness.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("ASTRA").map_or_else(
        || std::env::current_exe().unwrap_or_default().with_file_name("astra"),
        PathBuf::from,
    )
}

/// Runs a shell line in `dir` and returns its stdout.
pub(crate) fn shell(dir: &Path, line: &str) -> anyhow::Result<String> {
    let output = Command::new("sh")
        .args(["-ec", line])
        .current_dir(dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
        .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")
        .env("PATH", search_path())
        .stdin(Stdio::null())
        .output()?;
    ensure!(
        output.status.success(),
        "`{line}` failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `PATH`, with the tests' own Python in front.
pub(crate) fn search_path() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    match Path::new(&python()).parent() {
        Some(bin) if !bin.as_os_str().is_empty() => format!("{}:{path}", bin.display()),
        _ => path,
    }
}

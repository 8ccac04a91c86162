//! Commands: prepared against a copy, run in the sandbox, their end in words.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use astraea_code_access::Lock;
use astraea_engine::{CancellationToken, TaskContext};
use astraea_sandbox::{CommandSpec, Exit, Finished, Sandbox, SandboxError};

use super::copy::blocking;
use super::{TaskCopy, Workspace};
use crate::Error;
use crate::runners::Ended;

/// A command that shows a copy and is ready to run. It holds the copy and its lock.
#[derive(Debug)]
pub struct Prepared {
    /// What the sandbox is asked for. Environment, limits and standard input may be changed before it runs.
    pub spec: CommandSpec,
    copy: Arc<TaskCopy>,
    sandbox: Arc<Sandbox>,
    lock: Option<Lock>,
}

/// A command that has ended.
#[derive(Clone, Debug)]
pub struct Ran {
    /// How it ended.
    pub ended: Ended,
    /// Standard output, lossily decoded, not redacted.
    pub stdout: String,
    /// Standard error, lossily decoded, not redacted.
    pub stderr: String,
    /// Whether a part of either is gone.
    pub truncated: bool,
    /// The tier it ran in.
    pub tier: String,
    /// Wall time.
    pub wall: Duration,
}

impl Workspace {
    /// A command over a copy, in a directory of it (from the root, empty for the root).
    ///
    /// Toolchains are mounted, the user's ignored dependency directories lie below a throw-away layer, a
    /// decoy `.git` stands where the real one is, forbidden files are masked; limits and network are the options'.
    ///
    /// # Errors
    /// [`Error::NotSeparate`] where the tier cannot show the copy instead of the user's files;
    /// [`Error::Access`] when the checkout cannot be read.
    pub async fn command<I, S>(
        self: &Arc<Self>,
        copy: &Arc<TaskCopy>,
        argv: I,
        dir: &str,
    ) -> Result<Prepared, Error>
    where
        I: IntoIterator<Item = S>,
        S: Into<std::ffi::OsString>,
    {
        self.prepare(copy, CommandSpec::new(argv), dir, false).await
    }

    /// The same, and what it writes into the copy stays there, to be [collected](TaskCopy::collect).
    ///
    /// The copy must be a [private](Self::private_copy) one.
    ///
    /// # Errors
    /// As [`command`](Self::command).
    pub async fn writing_command<I, S>(
        self: &Arc<Self>,
        copy: &Arc<TaskCopy>,
        argv: I,
        dir: &str,
    ) -> Result<Prepared, Error>
    where
        I: IntoIterator<Item = S>,
        S: Into<std::ffi::OsString>,
    {
        self.prepare(copy, CommandSpec::new(argv), dir, true).await
    }

    async fn prepare(
        self: &Arc<Self>,
        copy: &Arc<TaskCopy>,
        spec: CommandSpec,
        dir: &str,
        writable: bool,
    ) -> Result<Prepared, Error> {
        let seen: &Path = copy.seen_at();
        let cwd: PathBuf = if dir.is_empty() { seen.to_owned() } else { seen.join(dir) };
        let spec = spec
            .with_cwd(cwd)
            .with_limits(self.options.limits.clone())
            .with_network(self.options.network)
            .with_hosts(self.options.hosts.clone());
        let (ws, shared) = (self.clone(), copy.clone());
        let (spec, lock) = blocking(move || ws.lay_out(&shared, spec, writable)).await?;
        Ok(Prepared { spec, copy: copy.clone(), sandbox: self.sandbox.clone(), lock })
    }
}

impl Prepared {
    /// Adds a variable.
    #[must_use]
    pub fn with_env(mut self, key: &str, value: &str) -> Self {
        self.spec.env.insert(key.into(), value.into());
        self
    }

    /// Bounds the wall time by what is left of the task's.
    #[must_use]
    pub fn within(mut self, cx: &TaskContext) -> Self {
        // a little less than the budget, so that the command's own end is seen and told
        let budget = cx.budget.mul_f64(0.95).max(Duration::from_millis(1));
        let wall = self.spec.limits.wall.map_or(budget, |wall| wall.min(budget));
        self.spec.limits.wall = Some(wall);
        self
    }

    /// The copy it shows.
    pub fn copy(&self) -> &Arc<TaskCopy> {
        &self.copy
    }

    /// The argument vector as text.
    pub fn argv(&self) -> Vec<String> {
        self.spec.argv.iter().map(|a| a.to_string_lossy().into_owned()).collect()
    }

    /// Runs it to its end. A program that is not there is a [`Ran`] that was not started.
    ///
    /// # Errors
    /// [`Error::Sandbox`] when the sandbox refuses or fails, [`Error::Cancelled`].
    ///
    /// # Cancel safety
    /// Dropping the future kills the whole tree.
    pub async fn run(self, cancel: &CancellationToken) -> Result<Ran, Error> {
        let finished = match self.sandbox.run(&self.spec, cancel).await {
            Ok(finished) => finished,
            Err(error @ SandboxError::CommandNotFound { .. }) => {
                return Ok(Ran {
                    ended: Ended::NotStarted(error.to_string()),
                    stdout: String::new(),
                    stderr: String::new(),
                    truncated: false,
                    tier: self.sandbox.tier().to_string(),
                    wall: Duration::ZERO,
                });
            }
            Err(error) => return Err(error.into()),
        };
        drop(self.lock);
        Ran::new(&finished)
    }

    /// Starts it with pipes to talk to. The copy must outlive the session; keep it.
    ///
    /// # Errors
    /// [`Error::Sandbox`] when it cannot be started.
    pub async fn spawn(&self) -> Result<astraea_sandbox::Session, Error> {
        Ok(self.sandbox.spawn(&self.spec).await?)
    }
}

impl Ran {
    fn new(finished: &Finished) -> Result<Self, Error> {
        let ended = match finished.exit {
            Exit::Code(code) => Ended::Code(code),
            Exit::Signal(signal) => Ended::Signal(signal),
            Exit::TimedOut | Exit::IdleTimedOut | Exit::CpuExceeded => Ended::TimedOut,
            Exit::Cancelled => return Err(Error::Cancelled),
            other => Ended::Limited(other.to_string()),
        };
        Ok(Self {
            ended,
            stdout: finished.stdout.text().into_owned(),
            stderr: finished.stderr.text().into_owned(),
            truncated: finished.stdout.truncated || finished.stderr.truncated,
            tier: finished.tier.to_string(),
            wall: finished.wall,
        })
    }

    /// Whether it ended by itself with status 0.
    pub fn success(&self) -> bool {
        self.ended == Ended::Code(0)
    }
}

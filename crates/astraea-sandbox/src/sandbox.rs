//! The door itself: what is possible here, and running commands through it.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::drive::{Activity, Running, started};
use crate::host::Host;
use crate::launch::launch;
use crate::{
    Capability, Captured, CommandSpec, Exit, Finished, SandboxError, SandboxOptions, Session,
    Stdin, Tier, Toolchains,
};

mod probe;

/// The only door to processes. Cheap to clone; make one a program.
#[derive(Debug, Clone)]
pub struct Sandbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tier: Tier,
    host: Option<Host>,
    options: SandboxOptions,
    /// Why each stronger tier is not in force, strongest first.
    reasons: Vec<(Tier, String)>,
    toolchains: OnceLock<Toolchains>,
}

impl Sandbox {
    /// Finds the strongest tier that works here, by running `/bin/true` in it.
    ///
    /// The result is remembered for the life of the program. Never fails: where nothing works the
    /// tier is [`Tier::D`] and every [`run`](Self::run) is refused with the reason. Blocks the
    /// calling thread for some tens of milliseconds the first time.
    pub fn probe(options: SandboxOptions) -> Self {
        static KNOWN: Mutex<Vec<Sandbox>> = Mutex::new(Vec::new());
        let known = || KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(sandbox) = known().iter().find(|sandbox| sandbox.0.options == options) {
            return sandbox.clone();
        }
        let sandbox = probe::probe(options);
        // What a missing `init` caused can be mended while the program runs.
        if sandbox.tier() != Tier::D {
            known().push(sandbox.clone());
        }
        sandbox
    }

    /// The tier in which commands run.
    pub fn tier(&self) -> Tier {
        self.0.tier
    }

    /// What is there and what is missing on this machine, with the one command that helps.
    pub fn report(&self) -> Vec<Capability> {
        probe::report(self)
    }

    /// The toolchains and caches of this machine, as mounts and variables that suit the tier in
    /// force. Looked up once and remembered.
    pub fn toolchains(&self) -> &Toolchains {
        self.0.toolchains.get_or_init(|| match &self.0.host {
            Some(host) => Toolchains::look(&host.homes, self.tier() == Tier::A && host.overlay),
            None => Toolchains::default(),
        })
    }

    /// Runs a command to its end.
    ///
    /// A command that fails, is killed at a limit or by the token is a [`Finished`], not an error.
    /// Works on both runtimes of tokio; they need their IO and time drivers.
    ///
    /// # Errors
    /// When the command could not be started as asked; nothing is running then.
    ///
    /// # Cancel safety
    /// Dropping the future kills the whole tree. To see how it ended, cancel the token.
    pub async fn run(
        &self,
        spec: &CommandSpec,
        cancel: &CancellationToken,
    ) -> Result<Finished, SandboxError> {
        self.run_in(self.tier(), spec, cancel).await
    }

    /// Runs a command on the host itself, with limits and a clean environment but no isolation,
    /// and records it as [`Tier::Host`].
    ///
    /// For what cannot be shut in and was approved apart (a push, a container); never for code of
    /// the repository.
    ///
    /// # Errors
    /// As [`run`](Self::run); mounts are refused.
    ///
    /// # Cancel safety
    /// As [`run`](Self::run).
    pub async fn run_on_host(
        &self,
        spec: &CommandSpec,
        cancel: &CancellationToken,
    ) -> Result<Finished, SandboxError> {
        self.run_in(Tier::Host, spec, cancel).await
    }

    async fn run_in(
        &self,
        tier: Tier,
        spec: &CommandSpec,
        cancel: &CancellationToken,
    ) -> Result<Finished, SandboxError> {
        let began = tokio::time::Instant::now();
        let Some(running) = self.start(tier, spec, cancel).await? else {
            return Ok(Finished {
                exit: Exit::Cancelled,
                stdout: Captured::default(),
                stderr: Captured::default(),
                tier,
                wall: began.elapsed(),
                cpu: Duration::ZERO,
                peak_memory_bytes: 0,
                hosts: Vec::new(),
            });
        };
        let activity = Activity::new(began);
        running.finish(&spec.limits, input(spec), &activity, cancel).await
    }

    /// Starts a command with pipes to talk to it.
    ///
    /// Limits hold as in [`run`](Self::run), enforced whether or not the session is polled; the
    /// idle limit counts what the caller has read.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing running.
    pub async fn spawn(&self, spec: &CommandSpec) -> Result<Session, SandboxError> {
        let never = CancellationToken::new();
        match self.start(self.tier(), spec, &never).await? {
            Some(running) => Ok(Session::new(
                running,
                self.tier(),
                &spec.limits,
                input(spec).to_vec(),
                spec.stdin == Stdin::Pipe,
            )),
            None => Err(SandboxError::Setup("it was cancelled".to_owned())),
        }
    }

    async fn start(
        &self,
        tier: Tier,
        spec: &CommandSpec,
        cancel: &CancellationToken,
    ) -> Result<Option<Running>, SandboxError> {
        let Some(host) = &self.0.host else { return Err(self.refusal()) };
        if tier == Tier::D && !self.0.options.allow_none {
            return Err(self.refusal());
        }
        if cancel.is_cancelled() {
            return Ok(None);
        }
        let launched = launch(host, tier, spec).map_err(|error| self.explain(error))?;
        let running = started(launched, cancel).await.map_err(|error| named(error, spec))?;
        tracing::debug!(%tier, program = ?spec.argv.first(), "command started");
        Ok(running)
    }

    /// Why nothing runs here.
    fn refusal(&self) -> SandboxError {
        let reasons: Vec<_> =
            self.0.reasons.iter().map(|(tier, why)| format!("tier {tier}: {why}")).collect();
        let raise = probe::raise(self);
        SandboxError::Unavailable { reason: reasons.join("; "), raise }
    }

    /// Says what would raise the tier where that is the remedy.
    fn explain(&self, error: SandboxError) -> SandboxError {
        match error {
            SandboxError::CannotSeparate { dst, tier, reason } => SandboxError::CannotSeparate {
                dst,
                tier,
                reason: format!("{reason}; {}", probe::raise(self)),
            },
            error => error,
        }
    }
}

fn input(spec: &CommandSpec) -> &[u8] {
    match &spec.stdin {
        Stdin::Bytes(bytes) => bytes,
        _ => &[],
    }
}

/// Puts the program's name into an error about it.
fn named(error: SandboxError, spec: &CommandSpec) -> SandboxError {
    let name = || spec.argv.first().map(|name| name.to_string_lossy().into_owned());
    match error {
        SandboxError::CommandNotFound { .. } => {
            SandboxError::CommandNotFound { program: name().unwrap_or_default() }
        }
        SandboxError::CommandNotStarted { source, .. } => {
            SandboxError::CommandNotStarted { program: name().unwrap_or_default(), source }
        }
        error => error,
    }
}

//! Systems for which no tier is built: the same interface, and a refusal.

use std::convert::Infallible;

use tokio_util::sync::CancellationToken;

use crate::{Capability, CommandSpec, Finished, SandboxError, SandboxOptions, Tier, Toolchains};

const REASON: &str = "no tier is built for this system yet";

fn refusal() -> SandboxError {
    SandboxError::Unavailable { reason: REASON.to_owned(), raise: "run on Linux".to_owned() }
}

/// The only door to processes. On this system it stays shut.
#[derive(Debug, Clone)]
pub struct Sandbox(Toolchains);

impl Sandbox {
    /// Nothing works here: the tier is [`Tier::D`].
    pub fn probe(_options: SandboxOptions) -> Self {
        Self(Toolchains::default())
    }

    /// The tier: [`Tier::D`].
    pub fn tier(&self) -> Tier {
        Tier::D
    }

    /// What is missing.
    pub fn report(&self) -> Vec<Capability> {
        vec![Capability {
            name: "tier".to_owned(),
            available: false,
            detail: REASON.to_owned(),
            raise: None,
        }]
    }

    /// None are looked for.
    pub fn toolchains(&self) -> &Toolchains {
        &self.0
    }

    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub async fn run(
        &self,
        _spec: &CommandSpec,
        _cancel: &CancellationToken,
    ) -> Result<Finished, SandboxError> {
        Err(refusal())
    }

    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub async fn run_on_host(
        &self,
        _spec: &CommandSpec,
        _cancel: &CancellationToken,
    ) -> Result<Finished, SandboxError> {
        Err(refusal())
    }

    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub async fn spawn(&self, _spec: &CommandSpec) -> Result<Session, SandboxError> {
        Err(refusal())
    }
}

/// A running process with pipes; there are none on this system.
#[derive(Debug)]
pub struct Session(Infallible);

/// The writing half of a [`Session`].
#[derive(Debug)]
pub struct SessionStdin(Infallible);

/// The reading half of a [`Session`].
#[derive(Debug)]
pub struct SessionStdout(Infallible);

impl Session {
    /// The tier in which it runs.
    pub fn tier(&self) -> Tier {
        match self.0 {}
    }

    /// Writes to standard input.
    ///
    /// # Errors
    /// Never called.
    pub async fn write(&mut self, _bytes: &[u8]) -> Result<(), SandboxError> {
        match self.0 {}
    }

    /// Writes a line.
    ///
    /// # Errors
    /// Never called.
    pub async fn write_line(&mut self, _line: &str) -> Result<(), SandboxError> {
        match self.0 {}
    }

    /// Closes standard input.
    pub fn close_stdin(&mut self) {
        match self.0 {}
    }

    /// Reads a line.
    ///
    /// # Errors
    /// Never called.
    pub async fn read_line(&mut self) -> Result<Option<Vec<u8>>, SandboxError> {
        match self.0 {}
    }

    /// Reads so many bytes.
    ///
    /// # Errors
    /// Never called.
    pub async fn read_exact(&mut self, _count: usize) -> Result<Vec<u8>, SandboxError> {
        match self.0 {}
    }

    /// Standard input.
    pub fn take_stdin(&mut self) -> Option<SessionStdin> {
        match self.0 {}
    }

    /// Standard output.
    pub fn take_stdout(&mut self) -> Option<SessionStdout> {
        match self.0 {}
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        match self.0 {}
    }

    /// Kills the tree.
    pub fn kill_tree(&mut self) {
        match self.0 {}
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// Never called.
    pub async fn wait(self) -> Result<Finished, SandboxError> {
        match self.0 {}
    }
}

impl SessionStdin {
    /// Writes to standard input.
    ///
    /// # Errors
    /// Never called.
    pub async fn write(&mut self, _bytes: &[u8]) -> Result<(), SandboxError> {
        match self.0 {}
    }

    /// Writes a line.
    ///
    /// # Errors
    /// Never called.
    pub async fn write_line(&mut self, _line: &str) -> Result<(), SandboxError> {
        match self.0 {}
    }
}

impl SessionStdout {
    /// Reads a line.
    ///
    /// # Errors
    /// Never called.
    pub async fn read_line(&mut self) -> Result<Option<Vec<u8>>, SandboxError> {
        match self.0 {}
    }

    /// Reads so many bytes.
    ///
    /// # Errors
    /// Never called.
    pub async fn read_exact(&mut self, _count: usize) -> Result<Vec<u8>, SandboxError> {
        match self.0 {}
    }
}

//! Talks to a worker inside the sandbox: JSON lines over the pipes of a session.

use std::time::{Duration, Instant};

use astraea_engine::CancellationToken;
use astraea_sandbox::Session;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Prepared};

/// The program that runs inside for Python.
pub(super) const PYTHON: &str = include_str!("python.py");
/// The same for JavaScript.
pub(super) const NODE: &str = include_str!("node.js");

/// Time beyond the deadline that an answer may take: what is asked is bounded by its own limits.
const GRACE: Duration = Duration::from_secs(20);

/// A worker that answers.
#[derive(Debug)]
pub(super) struct Worker {
    session: Session,
    cancel: CancellationToken,
    deadline: Instant,
    /// Holds the copy while the worker lives.
    _prepared: Prepared,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Silence {
    /// Called off, or out of time.
    Stopped,
    /// The worker is gone, or refuses, or says something else.
    Broken(String),
}

impl Silence {
    pub(super) fn into_error(self, cancelled: bool) -> Error {
        match self {
            Self::Stopped if cancelled => Error::Cancelled,
            Self::Stopped => Error::Internal("the worker did not answer in time".to_owned()),
            Self::Broken(why) => Error::Internal(format!("the worker: {why}")),
        }
    }

    pub(super) fn words(&self) -> String {
        match self {
            Self::Stopped => "the time was up".to_owned(),
            Self::Broken(why) => why.clone(),
        }
    }
}

impl Worker {
    /// Starts it and waits until it says that it is there.
    ///
    /// # Errors
    /// [`Silence::Broken`] where its interpreter does not run here.
    pub(super) async fn start(
        mut prepared: Prepared,
        cancel: CancellationToken,
        deadline: Instant,
    ) -> Result<Self, Silence> {
        prepared.spec.limits.line_bytes = 64 << 20;
        prepared.spec.limits.idle = None;
        // it lives as long as the task, whose own limit ends both
        prepared.spec.limits.wall = None;
        prepared.spec.stdin = astraea_sandbox::Stdin::Pipe;
        let session = prepared.spawn().await.map_err(|e| Silence::Broken(e.to_string()))?;
        let mut worker = Self { session, cancel, deadline, _prepared: prepared };
        worker.read().await?;
        Ok(worker)
    }

    /// One request, one answer.
    ///
    /// # Errors
    /// [`Silence`]; a refusal of the worker is [`Silence::Broken`].
    pub(super) async fn ask<T: DeserializeOwned>(&mut self, request: &Value) -> Result<T, Silence> {
        self.send(request).await?;
        let answer = self.read().await?;
        if let Some(error) = answer["error"].as_str() {
            return Err(Silence::Broken(error.to_owned()));
        }
        serde_json::from_value(answer).map_err(|e| Silence::Broken(format!("its answer: {e}")))
    }

    /// One request, answers until it says that it is done.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub(super) async fn ask_many(&mut self, request: &Value) -> Result<Vec<Value>, Silence> {
        self.send(request).await?;
        let mut answers = Vec::new();
        loop {
            let answer = self.read().await?;
            if let Some(error) = answer["error"].as_str() {
                return Err(Silence::Broken(error.to_owned()));
            }
            if answer["done"] == true {
                return Ok(answers);
            }
            answers.push(answer);
        }
    }

    async fn send(&mut self, request: &Value) -> Result<(), Silence> {
        let sent = self.session.write_line(&request.to_string()).await;
        sent.map_err(|e| Silence::Broken(e.to_string()))
    }

    async fn read(&mut self) -> Result<Value, Silence> {
        let until = tokio::time::Instant::from_std(self.deadline + GRACE);
        let line = tokio::select! {
            () = self.cancel.cancelled() => return Err(Silence::Stopped),
            line = tokio::time::timeout_at(until, self.session.read_line()) => line,
        };
        match line {
            Err(_) => Err(Silence::Stopped),
            Ok(Err(error)) => Err(Silence::Broken(error.to_string())),
            Ok(Ok(None)) => Err(Silence::Broken("it ended".to_owned())),
            Ok(Ok(Some(line))) => {
                serde_json::from_slice(&line).map_err(|e| Silence::Broken(format!("not JSON: {e}")))
            }
        }
    }
}

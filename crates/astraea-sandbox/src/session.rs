//! A process that one talks to.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::drive::{Activity, Running, drain};
use crate::{Finished, Limits, SandboxError, Tier};

/// A running process with pipes. Dropping it kills the whole tree.
#[derive(Debug)]
pub struct Session {
    tier: Tier,
    limits: Limits,
    stdin: Option<SessionStdin>,
    stdout: Option<SessionStdout>,
    kill: DropGuard,
    end: JoinHandle<Result<Finished, SandboxError>>,
}

impl Session {
    pub(crate) fn new(
        mut running: Running,
        tier: Tier,
        limits: &Limits,
        input: Vec<u8>,
        is_pipe: bool,
    ) -> Self {
        let kill = CancellationToken::new();
        let activity = Arc::new(Activity::new(tokio::time::Instant::now()));
        let stdin = running.stdin.take_if(|_| is_pipe).map(|pipe| SessionStdin { pipe });
        let stdout = running.stdout.take().map(|pipe| SessionStdout {
            pipe,
            buffer: Vec::new(),
            searched: 0,
            at_end: false,
            limit: limits.line_bytes,
            activity: Arc::clone(&activity),
        });
        let end = tokio::spawn({
            let (kill, limits) = (kill.clone(), limits.clone());
            async move { running.finish(&limits, &input, &activity, &kill).await }
        });
        Self { tier, limits: limits.clone(), stdin, stdout, kill: kill.drop_guard(), end }
    }

    /// The tier in which it runs.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// Writes all bytes to standard input.
    ///
    /// # Errors
    /// When standard input is not a pipe, was closed or taken, or the process is gone.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), SandboxError> {
        self.stdin.as_mut().ok_or(SandboxError::NotOpen("standard input"))?.write(bytes).await
    }

    /// Writes a line and its newline.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_line(&mut self, line: &str) -> Result<(), SandboxError> {
        self.stdin.as_mut().ok_or(SandboxError::NotOpen("standard input"))?.write_line(line).await
    }

    /// Closes standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Reads one line of standard output without its newline; `None` at the end.
    ///
    /// # Errors
    /// [`SandboxError::LineTooLong`] beyond [`Limits::line_bytes`].
    ///
    /// # Cancel safety
    /// Cancel safe: what was read of a line is kept for the next call.
    pub async fn read_line(&mut self) -> Result<Option<Vec<u8>>, SandboxError> {
        self.stdout.as_mut().ok_or(SandboxError::NotOpen("standard output"))?.read_line().await
    }

    /// Reads exactly `count` bytes of standard output.
    ///
    /// # Errors
    /// When the output ends before, or `count` is beyond [`Limits::line_bytes`].
    ///
    /// # Cancel safety
    /// Cancel safe, as [`read_line`](Self::read_line).
    pub async fn read_exact(&mut self, count: usize) -> Result<Vec<u8>, SandboxError> {
        self.stdout
            .as_mut()
            .ok_or(SandboxError::NotOpen("standard output"))?
            .read_exact(count)
            .await
    }

    /// Standard input as a value of its own, so that one task writes while another reads.
    pub fn take_stdin(&mut self) -> Option<SessionStdin> {
        self.stdin.take()
    }

    /// Standard output as a value of its own.
    pub fn take_stdout(&mut self) -> Option<SessionStdout> {
        self.stdout.take()
    }

    /// Whether the process and its tree are gone.
    pub fn has_ended(&self) -> bool {
        self.end.is_finished()
    }

    /// Kills the process and everything it started. Returns at once; [`wait`](Self::wait) sees the
    /// end, less than a second later.
    pub fn kill_tree(&mut self) {
        let spare = CancellationToken::new().drop_guard();
        std::mem::replace(&mut self.kill, spare).disarm().cancel();
    }

    /// Closes standard input and waits for the end of the process.
    ///
    /// # Errors
    /// When the system cannot say how it ended.
    ///
    /// # Cancel safety
    /// Dropping the future kills the tree.
    pub async fn wait(mut self) -> Result<Finished, SandboxError> {
        self.stdin = None;
        let (pipe, rest) = match self.stdout.take() {
            Some(stdout) => (Some(stdout.pipe), stdout.buffer),
            None => (None, Vec::new()),
        };
        let end = &mut self.end;
        let (stdout, end) = tokio::join!(drain(pipe, self.limits.output_bytes, &rest), end);
        let mut finished = end.map_err(|error| SandboxError::Setup(error.to_string()))??;
        finished.stdout = stdout;
        Ok(finished)
    }
}

/// The writing half of a [`Session`]. Dropping it closes the process's standard input.
#[derive(Debug)]
pub struct SessionStdin {
    pipe: pipe::Sender,
}

impl SessionStdin {
    /// Writes all bytes.
    ///
    /// # Errors
    /// When the process is gone or has closed its end.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), SandboxError> {
        self.pipe.write_all(bytes).await.map_err(SandboxError::io("wrote to a session"))
    }

    /// Writes a line and its newline.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_line(&mut self, line: &str) -> Result<(), SandboxError> {
        let mut bytes = Vec::with_capacity(line.len() + 1);
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        self.write(&bytes).await
    }
}

/// The reading half of a [`Session`].
#[derive(Debug)]
pub struct SessionStdout {
    pipe: pipe::Receiver,
    buffer: Vec<u8>,
    /// How much of the buffer holds no newline.
    searched: usize,
    at_end: bool,
    limit: usize,
    activity: Arc<Activity>,
}

impl SessionStdout {
    /// Reads one line without its newline; `None` at the end.
    ///
    /// # Errors
    /// [`SandboxError::LineTooLong`] beyond [`Limits::line_bytes`]; the line stays unread.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn read_line(&mut self) -> Result<Option<Vec<u8>>, SandboxError> {
        loop {
            let fresh = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(at) = fresh.iter().position(|byte| *byte == b'\n') {
                let at = self.searched + at;
                let mut line: Vec<u8> = self.buffer.drain(..=at).collect();
                line.pop();
                self.searched = 0;
                return Ok(Some(line));
            }
            self.searched = self.buffer.len();
            if self.buffer.len() > self.limit {
                return Err(SandboxError::LineTooLong { limit: self.limit });
            }
            if self.at_end {
                self.searched = 0;
                let rest = std::mem::take(&mut self.buffer);
                return Ok((!rest.is_empty()).then_some(rest));
            }
            self.fill().await?;
        }
    }

    /// Reads exactly `count` bytes.
    ///
    /// # Errors
    /// When the output ends before, or `count` is beyond [`Limits::line_bytes`].
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn read_exact(&mut self, count: usize) -> Result<Vec<u8>, SandboxError> {
        if count > self.limit {
            return Err(SandboxError::LineTooLong { limit: self.limit });
        }
        while self.buffer.len() < count {
            if self.at_end {
                return Err(SandboxError::Io {
                    doing: "read from a session",
                    source: io::ErrorKind::UnexpectedEof.into(),
                });
            }
            self.fill().await?;
        }
        self.searched = 0;
        Ok(self.buffer.drain(..count).collect())
    }

    async fn fill(&mut self) -> Result<(), SandboxError> {
        let mut piece = [0; 1 << 13];
        let count =
            self.pipe.read(&mut piece).await.map_err(SandboxError::io("read from a session"))?;
        self.at_end = count == 0;
        if count > 0 {
            self.activity.note();
            self.buffer.extend_from_slice(&piece[..count]);
        }
        Ok(())
    }
}

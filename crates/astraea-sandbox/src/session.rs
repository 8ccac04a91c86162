//! A process that one talks to.

use crate::{Finished, SandboxError, Tier};

/// A running process with pipes. Dropping it kills the whole tree.
#[derive(Debug)]
pub struct Session {}

impl Session {
    /// The tier in which it runs.
    pub fn tier(&self) -> Tier {
        todo!()
    }

    /// Writes all bytes to standard input.
    ///
    /// # Errors
    /// When standard input is not a pipe, was closed, or the process is gone.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), SandboxError> {
        let _ = bytes;
        todo!()
    }

    /// Writes a line and its newline.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_line(&mut self, line: &str) -> Result<(), SandboxError> {
        let _ = line;
        todo!()
    }

    /// Closes standard input.
    pub fn close_stdin(&mut self) {
        todo!()
    }

    /// Reads one line of standard output without its newline; `None` at the end.
    ///
    /// # Errors
    /// [`SandboxError::LineTooLong`] beyond [`Limits::line_bytes`](crate::Limits::line_bytes).
    ///
    /// # Cancel safety
    /// Cancel safe: what was read of a line is kept for the next call.
    pub async fn read_line(&mut self) -> Result<Option<Vec<u8>>, SandboxError> {
        todo!()
    }

    /// Reads exactly `count` bytes of standard output.
    ///
    /// # Errors
    /// When the output ends before, or `count` is beyond
    /// [`Limits::line_bytes`](crate::Limits::line_bytes).
    ///
    /// # Cancel safety
    /// Cancel safe, as [`read_line`](Self::read_line).
    pub async fn read_exact(&mut self, count: usize) -> Result<Vec<u8>, SandboxError> {
        let _ = count;
        todo!()
    }

    /// Standard input as a value of its own, so that one task writes while another reads.
    pub fn take_stdin(&mut self) -> Option<SessionStdin> {
        todo!()
    }

    /// Standard output as a value of its own.
    pub fn take_stdout(&mut self) -> Option<SessionStdout> {
        todo!()
    }

    /// Kills the process and everything it started. Returns at once; [`wait`](Self::wait) sees the end.
    pub fn kill_tree(&mut self) {
        todo!()
    }

    /// Waits for the end of the process. Standard input is closed first.
    ///
    /// # Errors
    /// When the system cannot say how it ended.
    pub async fn wait(self) -> Result<Finished, SandboxError> {
        todo!()
    }
}

/// The writing half of a [`Session`].
#[derive(Debug)]
pub struct SessionStdin {}

/// The reading half of a [`Session`].
#[derive(Debug)]
pub struct SessionStdout {}

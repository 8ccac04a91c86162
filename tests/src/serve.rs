//! `astra serve` under test: started, asked, killed, stopped.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Serving {
    child: Child,
    stderr: JoinHandle<String>,
    /// Where.
    pub(crate) address: SocketAddr,
}

impl Serving {
    /// Starts it and waits until it says where it listens.
    ///
    /// # Errors
    /// When it ends instead.
    pub(crate) fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().context("piped")?;
        let (say, said) = mpsc::channel();
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = say.send(line.clone());
                text.push_str(&line);
                text.push('\n');
            }
            text
        });
        let mut before = String::new();
        loop {
            let Ok(line) = said.recv_timeout(Duration::from_secs(60)) else {
                let _ = child.kill();
                anyhow::bail!("astra serve does not listen: {before}");
            };
            let address = line
                .split_once("http://")
                .and_then(|(_, rest)| rest.split([' ', '/']).next()?.parse().ok());
            if let Some(address) = address {
                return Ok(Self { child, stderr, address });
            }
            before.push_str(&line);
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Ends it by a signal and returns what it wrote to stderr; one that was asked to stop exits with 0.
    ///
    /// # Errors
    /// When it panicked, or does not stop in order.
    pub(crate) fn stop(mut self, signal: Signal) -> anyhow::Result<String> {
        let _ = kill_process(self.pid(), signal);
        let status = self.child.wait()?;
        let stderr = self.stderr.join().unwrap_or_default();
        ensure!(!stderr.contains("panicked at"), "the server panicked:\n{stderr}");
        if signal == Signal::KILL {
            ensure!(status.signal() == Some(9), "the server had ended before it was killed");
        } else {
            ensure!(status.code() == Some(0), "the server stopped with {status}:\n{stderr}");
        }
        Ok(stderr)
    }
}

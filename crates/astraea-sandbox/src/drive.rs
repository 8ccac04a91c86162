//! Following a launched command to its end: output, limits of time, and the verdict.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::capture::Capture;
use crate::cgroup::Cgroup;
use crate::launch::{Launched, Tree};
use crate::plan::{End, Failure, Report};
use crate::proxy::Proxy;
use crate::{Captured, Exit, Finished, Limits, SandboxError};

/// How long building the sandbox may take.
const SETUP: Duration = Duration::from_secs(30);
/// How long the helper has to take the tree down before it is killed itself.
const GRACE: Duration = Duration::from_millis(800);
/// How long output may still come when every process is gone.
const DRAIN: Duration = Duration::from_millis(500);
/// Stands for "never".
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// When somebody last heard from the command; shared with a session's reader.
#[derive(Debug)]
pub(crate) struct Activity {
    began: Instant,
    millis: AtomicU64,
}

impl Activity {
    pub(crate) fn new(began: Instant) -> Self {
        Self { began, millis: AtomicU64::new(0) }
    }

    pub(crate) fn note(&self) {
        let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.millis.fetch_max(millis, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.began + Duration::from_millis(self.millis.load(Ordering::Relaxed))
    }
}

/// A command whose start was seen.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) stdin: Option<pipe::Sender>,
    pub(crate) stdout: Option<pipe::Receiver>,
    stderr: Option<pipe::Receiver>,
    status: Status,
    tree: Tree,
    began: Instant,
}

/// Waits until the command itself runs.
///
/// `None`: the token was cancelled first; nothing is left then.
pub(crate) async fn started(
    launched: Launched,
    cancel: &CancellationToken,
) -> Result<Option<Running>, SandboxError> {
    let began = Instant::from_std(launched.began);
    let mut running = Running {
        stdin: launched.stdin.map(pipe::Sender::from_owned_fd).transpose().map_err(pipes())?,
        stdout: Some(receiver(launched.stdout)?),
        stderr: Some(receiver(launched.stderr)?),
        status: Status::new(receiver(launched.status)?),
        tree: launched.tree,
        began,
    };
    let limit = tokio::time::sleep(SETUP);
    tokio::pin!(limit);
    loop {
        let report = tokio::select! {
            () = cancel.cancelled() => return Ok(None),
            () = &mut limit => {
                return Err(SandboxError::Setup("it took longer than 30 s".to_owned()));
            }
            report = running.status.next() => report.map_err(SandboxError::io("read its status"))?,
        };
        match report {
            Some(Report::Ready) => {}
            Some(Report::Started) => return Ok(Some(running)),
            Some(Report::Failed(failure)) => return Err(refusal(failure)),
            // The command can end before we have looked once.
            Some(report @ Report::Ended { .. }) => {
                running.status.last = Some(report);
                return Ok(Some(running));
            }
            None => return Err(running.complaint().await),
        }
    }
}

fn pipes() -> impl FnOnce(io::Error) -> SandboxError {
    SandboxError::io("opened the pipes of a command")
}

fn receiver(fd: OwnedFd) -> Result<pipe::Receiver, SandboxError> {
    pipe::Receiver::from_owned_fd(fd).map_err(pipes())
}

/// The program's name is filled in by whoever knows it.
fn refusal(failure: Failure) -> SandboxError {
    match failure {
        Failure::Setup { message } => SandboxError::Setup(message),
        Failure::Exec { errno } if errno == libc::ENOENT => {
            SandboxError::CommandNotFound { program: String::new() }
        }
        Failure::Exec { errno } => SandboxError::CommandNotStarted {
            program: String::new(),
            source: io::Error::from_raw_os_error(errno),
        },
    }
}

impl Running {
    /// The helper ended without a word: what bubblewrap said is the reason.
    async fn complaint(&mut self) -> SandboxError {
        let mut said = Vec::new();
        if let Some(stderr) = self.stderr.take() {
            let read = stderr.take(4096).read_to_end(&mut said).await;
            if read.is_err() {
                said.clear();
            }
        }
        let said = String::from_utf8_lossy(&said);
        let said = match said.trim() {
            "" => "the helper ended without a word",
            said => said,
        };
        SandboxError::Setup(said.to_owned())
    }

    /// Follows the command to its end. `input` is written to its standard input, which is then
    /// closed, unless somebody has taken it.
    pub(crate) async fn finish(
        mut self,
        limits: &Limits,
        input: &[u8],
        activity: &Activity,
        cancel: &CancellationToken,
    ) -> Result<Finished, SandboxError> {
        let mut stdout = Capture::new(limits.output_bytes);
        let mut stderr = Capture::new(limits.output_bytes);
        let (mut out_buffer, mut err_buffer) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        let mut input = input;
        let mut verdict: Option<Exit> = None;
        let mut ended = self.status.last.take();
        let mut status_open = true;
        let wall = tokio::time::sleep_until(later(self.began, limits.wall));
        let idle = tokio::time::sleep_until(later(self.began, limits.idle));
        let force = tokio::time::sleep_until(later(self.began, None));
        tokio::pin!(wall, idle, force);
        if input.is_empty() {
            self.stdin = None;
        }
        while status_open || self.stdout.is_some() || self.stderr.is_some() {
            let stopping = verdict.is_some();
            let mut stop = None;
            tokio::select! {
                biased;
                () = cancel.cancelled(), if !stopping => stop = Some(Exit::Cancelled),
                () = &mut wall, if !stopping => stop = Some(Exit::TimedOut),
                () = &mut idle, if !stopping && limits.idle.is_some() => {
                    let until = later(activity.last(), limits.idle);
                    if until <= Instant::now() {
                        stop = Some(Exit::IdleTimedOut);
                    } else {
                        idle.as_mut().reset(until);
                    }
                }
                () = &mut force => {
                    if !status_open {
                        break;
                    }
                    self.tree.kill_helper();
                    force.as_mut().reset(Instant::now() + GRACE);
                }
                report = self.status.next(), if status_open => match report {
                    Ok(Some(report @ Report::Ended { .. })) => ended = Some(report),
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => {
                        status_open = false;
                        // Nobody is left who could take it.
                        self.stdin = None;
                        verdict.get_or_insert(Exit::Signal(libc::SIGKILL));
                        force.as_mut().reset(Instant::now() + DRAIN);
                    }
                },
                read = read(&mut self.stdout, &mut out_buffer), if self.stdout.is_some() => {
                    take(&mut self.stdout, read, &out_buffer, &mut stdout, activity);
                }
                read = read(&mut self.stderr, &mut err_buffer), if self.stderr.is_some() => {
                    take(&mut self.stderr, read, &err_buffer, &mut stderr, activity);
                }
                wrote = write(&mut self.stdin, input), if self.stdin.is_some() => match wrote {
                    Ok(count) if count < input.len() => input = &input[count..],
                    // Done, or the command does not want more.
                    _ => self.stdin = None,
                },
            }
            if let Some(stop) = stop {
                verdict = Some(stop);
                self.tree.let_go();
                force.as_mut().reset(Instant::now() + GRACE);
            }
        }
        self.collect().await?;
        let group = self.tree.cgroup.as_ref();
        let lacked_memory = group.is_some_and(Cgroup::ran_out_of_memory);
        let lacked_processes = group.is_some_and(Cgroup::ran_out_of_processes);
        let (end, cpu, peak_memory_bytes) = match ended {
            Some(Report::Ended { end, cpu, peak_memory_bytes }) => (end, cpu, peak_memory_bytes),
            _ => (End::Asked, Duration::ZERO, 0),
        };
        let asked = verdict.unwrap_or(Exit::Signal(libc::SIGKILL));
        let exit = match exit(end, limits).unwrap_or(asked) {
            Exit::Code(0) => Exit::Code(0),
            Exit::Code(_) | Exit::Signal(_) if lacked_memory => Exit::MemoryExceeded,
            Exit::Code(_) | Exit::Signal(_) if lacked_processes => Exit::ProcessesExceeded,
            exit => exit,
        };
        Ok(Finished {
            exit,
            stdout: stdout.finish(),
            stderr: stderr.finish(),
            tier: self.tree.tier,
            wall: self.began.elapsed(),
            cpu,
            peak_memory_bytes,
            hosts: self.tree.proxy.as_ref().map(Proxy::uses).unwrap_or_default(),
        })
    }

    /// Collects the helper, which has closed its status pipe and so is about to end.
    async fn collect(&mut self) -> Result<(), SandboxError> {
        self.tree.let_go();
        let began = Instant::now();
        while !self.tree.try_reap().map_err(SandboxError::io("waited for the helper"))? {
            if began.elapsed() > GRACE {
                self.tree.kill_helper();
            }
            // It is a matter of microseconds; the timer of the runtime counts milliseconds.
            if began.elapsed() < Duration::from_millis(1) {
                std::thread::yield_now();
            } else {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        Ok(())
    }
}

fn later(from: Instant, after: Option<Duration>) -> Instant {
    from.checked_add(after.unwrap_or(FOREVER).min(FOREVER)).unwrap_or(from)
}

/// How it ended by itself; `None` when we asked.
fn exit(end: End, limits: &Limits) -> Option<Exit> {
    match end {
        End::Code(code) => Some(Exit::Code(code)),
        End::Signal(libc::SIGXCPU) if limits.cpu.is_some() => Some(Exit::CpuExceeded),
        End::Signal(signal) => Some(Exit::Signal(signal)),
        End::Memory => Some(Exit::MemoryExceeded),
        End::Processes => Some(Exit::ProcessesExceeded),
        End::Cpu => Some(Exit::CpuExceeded),
        End::Disk => Some(Exit::DiskExceeded),
        End::Asked => None,
    }
}

async fn read(pipe: &mut Option<pipe::Receiver>, buffer: &mut [u8]) -> io::Result<usize> {
    match pipe {
        Some(pipe) => pipe.read(buffer).await,
        None => Ok(0),
    }
}

async fn write(pipe: &mut Option<pipe::Sender>, bytes: &[u8]) -> io::Result<usize> {
    match pipe {
        Some(pipe) => pipe.write(bytes).await,
        None => Ok(0),
    }
}

fn take(
    pipe: &mut Option<pipe::Receiver>,
    read: io::Result<usize>,
    buffer: &[u8],
    capture: &mut Capture,
    activity: &Activity,
) {
    match read {
        Ok(0) | Err(_) => *pipe = None,
        Ok(count) => {
            activity.note();
            capture.push(buffer.get(..count).unwrap_or_default());
        }
    }
}

/// The helper's reports, one a line.
#[derive(Debug)]
struct Status {
    pipe: pipe::Receiver,
    buffer: Vec<u8>,
    last: Option<Report>,
}

impl Status {
    fn new(pipe: pipe::Receiver) -> Self {
        Self { pipe, buffer: Vec::new(), last: None }
    }

    /// The next report; `None` at the end. Cancel safe.
    async fn next(&mut self) -> io::Result<Option<Report>> {
        loop {
            if let Some(at) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=at).collect();
                return serde_json::from_slice(&line).map(Some).map_err(io::Error::other);
            }
            let mut piece = [0; 1024];
            match self.pipe.read(&mut piece).await? {
                0 => return Ok(None),
                count => self.buffer.extend_from_slice(&piece[..count]),
            }
        }
    }
}

/// What is left of a session's output.
pub(crate) async fn drain(pipe: Option<pipe::Receiver>, limit: usize, rest: &[u8]) -> Captured {
    let mut capture = Capture::new(limit);
    capture.push(rest);
    if let Some(mut pipe) = pipe {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
            capture.push(buffer.get(..count).unwrap_or_default());
        }
    }
    capture.finish()
}

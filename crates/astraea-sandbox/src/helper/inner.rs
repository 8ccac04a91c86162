//! Inside: the process that starts the command, watches it, and ends with it.
//!
//! In tier A it is process 1 of the namespace: when it exits, the kernel kills everything else in
//! there. In the other tiers it is the subreaper: whatever the command detaches comes back to it
//! as a child, and is swept away at the end. It lives as long as the parent holds the other end of
//! the control pipe, so the parent's death, however it comes, ends the tree.

#![expect(
    clippy::disallowed_methods,
    reason = "starts the command: this crate is the door to processes"
)]

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal, WaitOptions};

use super::seccomp::Sockets;
use super::watch::{self, Watcher};
use super::{adopt, landlock, report, seccomp, setup_failed};
use crate::Tier;
use crate::plan::{End, Failure, InnerPlan, Report, Watch};

/// How often the tree is looked at; the first looks come sooner.
const TICK: Duration = Duration::from_millis(20);
const FIRST_TICK: Duration = Duration::from_millis(4);
/// How long a sweep may take before we give up on a process that does not die.
const SWEEP: Duration = Duration::from_millis(900);

pub(super) fn run(plan: &InnerPlan) -> i32 {
    let (Ok(status), Ok(control)) = (adopt(plan.status_fd), adopt(plan.control_fd)) else {
        return 2;
    };
    let Ok(to_program) = plan.proxy_fd.map(adopt).transpose() else { return 2 };
    close_strays();
    report(status.as_fd(), &Report::Ready);
    if let Err(error) = super::masks::hide(&plan.masks) {
        return setup_failed(status.as_fd(), format!("could not hide a path: {error}"));
    }
    if let Err(error) = settle(plan.tier) {
        return setup_failed(status.as_fd(), format!("the helper could not settle: {error}"));
    }
    if let Err(error) = std::env::set_current_dir(&plan.cwd) {
        let cwd = plan.cwd.display();
        let message = format!("the working directory {cwd} is not there: {error}");
        return setup_failed(status.as_fd(), message);
    }
    let more = match to_program.map(|program| super::proxy::open(&program)).transpose() {
        Ok(more) => more.unwrap_or_default(),
        Err(error) => {
            return setup_failed(status.as_fd(), format!("could not offer the proxy: {error}"));
        }
    };
    let mut watcher = Watcher::new(plan);
    let child = match start(plan, more) {
        Ok(child) => child,
        Err(error) => {
            let errno = error.raw_os_error();
            let failure = match errno {
                Some(errno) => Failure::Exec { errno },
                None => Failure::Setup { message: error.to_string() },
            };
            report(status.as_fd(), &Report::Failed(failure));
            return 1;
        }
    };
    report(status.as_fd(), &Report::Started);
    let end = follow(child, &control, &mut watcher);
    sweep(plan.tier);
    let (cpu, peak) = children_usage();
    report(
        status.as_fd(),
        &Report::Ended {
            end,
            cpu: cpu.max(watcher.cpu),
            peak_memory_bytes: peak.max(watcher.peak_memory),
        },
    );
    0
}

/// Descriptors that came along by accident end with the exec of the command.
fn close_strays() {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: only sets a flag on descriptors; the numbers need not be open.
    let _ = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3 as libc::c_uint,
            libc::c_uint::MAX,
            CLOSE_RANGE_CLOEXEC,
        )
    };
}

fn settle(tier: Tier) -> io::Result<()> {
    use rustix::process::DumpableBehavior;
    // The command runs as the same user: without this it could reach into our memory and pipes.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    if tier == Tier::A {
        drop_capabilities()?;
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    } else {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    }
    Ok(())
}

fn start(plan: &InnerPlan, more: Vec<(OsString, OsString)>) -> io::Result<Pid> {
    let Some((program, rest)) = plan.argv.split_first() else {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    };
    let mut command = Command::new(program);
    command
        .args(rest)
        .env_clear()
        .envs(more)
        .envs(plan.env.iter().map(|(key, value)| (key, value)))
        .stdin(Stdio::inherit())
        .stdout(Stdio::inherit())
        .stderr(Stdio::inherit());
    let fence = Fence::of(plan);
    // SAFETY: this process has one thread, so the child of the fork may allocate and call anything.
    unsafe {
        command.pre_exec(move || fence.close());
    }
    let child = command.spawn()?;
    // Our standard streams would keep the command's pipes open when it closes them.
    release_streams();
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))
}

fn release_streams() {
    use rustix::fs::{Mode, OFlags};
    if let Ok(null) = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
}

/// What is applied between the fork and the exec of the command.
struct Fence {
    own_session: bool,
    watch: Watch,
    readable: Vec<OsString>,
    writable: Vec<OsString>,
    sockets: Option<Sockets>,
}

impl Fence {
    fn of(plan: &InnerPlan) -> Self {
        Self {
            own_session: plan.tier != Tier::A,
            watch: plan.watch.clone(),
            readable: plan.readable.clone(),
            writable: plan.writable.clone(),
            sockets: match plan.tier {
                Tier::A => Some(Sockets::Contained),
                Tier::B if plan.network => Some(Sockets::Contained),
                Tier::B => Some(Sockets::None),
                _ => None,
            },
        }
    }

    fn close(&self) -> io::Result<()> {
        if self.own_session {
            rustix::process::setsid()?;
        }
        self.limit()?;
        rustix::thread::set_no_new_privs(true)?;
        if self.sockets.is_some() {
            drop_capabilities()?;
        }
        if !self.readable.is_empty() {
            landlock::restrict(&self.readable, &self.writable).map_err(io::Error::other)?;
        }
        if let Some(sockets) = self.sockets {
            seccomp::apply(sockets)?;
        }
        Ok(())
    }

    fn limit(&self) -> io::Result<()> {
        limit(Resource::Core, Some(0))?;
        limit(Resource::Fsize, self.watch.file_bytes)?;
        // A second more than the tree's limit: the watcher speaks first and says why.
        limit(Resource::Cpu, self.watch.cpu.map(|cpu| cpu.as_secs() + 2))?;
        if self.watch.nproc_counts {
            // A backstop between two looks of the watcher, which is the one that says why.
            let processes = self.watch.processes.map(crate::plan::backstop);
            limit(Resource::Nproc, processes)?;
        }
        Ok(())
    }
}

/// Root without its powers is an ordinary user who owns root's files.
fn drop_capabilities() -> io::Result<()> {
    use rustix::thread::{CapabilitySet, CapabilitySets};
    let held = rustix::thread::capabilities(None)?;
    if held.permitted.is_empty() && held.inheritable.is_empty() {
        return Ok(());
    }
    for capability in CapabilitySet::all().iter() {
        // Those that this kernel does not know are not there to be dropped.
        let _ = rustix::thread::remove_capability_from_bounding_set(capability);
    }
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, none).map_err(Into::into)
}

/// Lowers a limit; never above what is already in force.
fn limit(resource: Resource, value: Option<u64>) -> io::Result<()> {
    let Some(value) = value else { return Ok(()) };
    let hard = rustix::process::getrlimit(resource).maximum;
    let value = hard.map_or(value, |hard| value.min(hard));
    let limit = Rlimit { current: Some(value), maximum: Some(value) };
    rustix::process::setrlimit(resource, limit).map_err(Into::into)
}

/// Waits for the command to end, a limit to break, or the parent to let go.
fn follow(child: Pid, control: &OwnedFd, watcher: &mut Watcher) -> End {
    let handle = rustix::process::pidfd_open(child, PidfdFlags::empty()).ok();
    let mut tick = FIRST_TICK;
    loop {
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(tick.subsec_nanos()) };
        let mut fds = vec![PollFd::new(control, PollFlags::IN)];
        fds.extend(handle.as_ref().map(|handle| PollFd::new(handle, PollFlags::IN)));
        let ready = rustix::event::poll(&mut fds, Some(&timeout)).unwrap_or(0);
        let let_go = !fds[0].revents().is_empty();
        if let Some(end) = reap(Some(child)) {
            // A shell that could not fork any more may be gone before the next look; what it leaves tells.
            return if !matches!(end, End::Code(0)) && watcher.too_many() {
                End::Processes
            } else {
                end
            };
        }
        if let_go {
            return End::Asked;
        }
        if ready == 0 {
            if let Some(end) = watcher.look(children_usage().0) {
                return end;
            }
            tick = (tick * 2).min(TICK);
        }
    }
}

/// Collects everything that has ended; how the command ended, if it is among them.
fn reap(command: Option<Pid>) -> Option<End> {
    let mut end = None;
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        if Some(pid) == command {
            end = match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => Some(End::Code(code)),
                (_, Some(signal)) => Some(End::Signal(signal)),
                _ => None,
            };
        }
    }
    end
}

/// Kills and collects the rest of the tree. A process that forks while it is being killed leaves a
/// child that is ours as well, so this goes on until nobody is left.
fn sweep(tier: Tier) {
    let until = Instant::now() + SWEEP;
    loop {
        reap(None);
        // No child at all means no descendant: orphans are given to us.
        if let Err(rustix::io::Errno::CHILD) = rustix::process::wait(WaitOptions::NOHANG) {
            return;
        }
        let members = watch::members(tier);
        // Stop first, so that nobody forks away while the others are killed.
        for signal in [Signal::STOP, Signal::KILL] {
            for pid in members.iter().filter_map(|pid| Pid::from_raw(*pid)) {
                let _ = rustix::process::kill_process(pid, signal);
            }
        }
        if Instant::now() > until {
            return;
        }
        let nap = Timespec { tv_sec: 0, tv_nsec: 500_000 };
        let _ = rustix::event::poll(&mut [], Some(&nap));
    }
}

/// Processor time and largest resident set of the children that were collected.
fn children_usage() -> (Duration, u64) {
    // SAFETY: the structure is plain numbers, for which zeros are valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is a valid place to write to for the whole call.
    let done = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    if done != 0 {
        return (Duration::ZERO, 0);
    }
    let time = |time: libc::timeval| {
        Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0))
            + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
    };
    let peak = u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024;
    (time(usage.ru_utime) + time(usage.ru_stime), peak)
}

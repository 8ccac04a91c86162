//! The program's other life: what it does when it was started as the helper.
//!
//! `outer` builds overlays and becomes bubblewrap. `inner` runs inside, applies what must be
//! applied inside, starts the command, watches it, and takes the whole tree down with it.

mod inner;
mod landlock;
mod masks;
mod outer;
mod proxy;
mod seccomp;
mod watch;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::plan::{Failure, MARK, Report};

/// Whether [`init`] was called, so that the running program can be its own helper.
static INITIALISED: AtomicBool = AtomicBool::new(false);

/// Whether this program can be re-executed as the helper.
pub(crate) fn is_ready() -> bool {
    INITIALISED.load(Ordering::Relaxed)
}

/// Becomes the helper if the arguments say so.
pub(crate) fn init() {
    INITIALISED.store(true, Ordering::Relaxed);
    let mut args = std::env::args_os().skip(1);
    if args.next().as_deref() != Some(std::ffi::OsStr::new(MARK)) {
        return;
    }
    let stage = args.next().unwrap_or_default();
    let fd = args.next().and_then(|fd| fd.to_str()?.parse::<RawFd>().ok());
    std::process::exit(run(&stage, fd));
}

/// The loader calls this before `main`.
#[cfg(all(feature = "early-init", target_os = "linux"))]
mod early {
    extern "C" fn before_main() {
        super::init();
    }

    #[used]
    // SAFETY: `.init_array` holds pointers to functions of this type, which the loader calls once,
    // after the standard library's own entry has stored the arguments; `init` needs nothing else.
    #[unsafe(link_section = ".init_array")]
    static BEFORE_MAIN: extern "C" fn() = before_main;

    /// Keeps the static in the program: whoever probes refers to it.
    pub(crate) fn keep() {
        std::hint::black_box(&BEFORE_MAIN);
    }
}

/// Makes sure that the early hook is linked in.
pub(crate) fn keep() {
    #[cfg(all(feature = "early-init", target_os = "linux"))]
    early::keep();
}

fn run(stage: &OsString, fd: Option<RawFd>) -> i32 {
    let Some(fd) = fd.filter(|fd| *fd > 2) else { return 2 };
    let Ok(plan) = read_plan(fd) else { return 2 };
    match stage.to_str() {
        Some("outer") => serde_json::from_slice(&plan).map_or(2, |plan| outer::run(&plan)),
        Some("inner") => serde_json::from_slice(&plan).map_or(2, |plan| inner::run(&plan)),
        _ => 2,
    }
}

fn read_plan(fd: RawFd) -> io::Result<Vec<u8>> {
    let mut file = File::from(adopt(fd)?);
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Takes over a descriptor that the parent left open for us.
fn adopt(fd: RawFd) -> io::Result<OwnedFd> {
    if fd <= 2 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: the number comes from our own parent, which opened it for us alone; nothing else in
    // this process knows it. A wrong number shows as EBADF on first use.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
    Ok(fd)
}

/// Sends one report; a parent that is gone is not our problem.
fn report(fd: BorrowedFd<'_>, report: &Report) {
    if let Ok(mut line) = serde_json::to_vec(report) {
        line.push(b'\n');
        if let Ok(fd) = fd.try_clone_to_owned() {
            let _ = File::from(fd).write_all(&line);
        }
    }
}

fn setup_failed(fd: BorrowedFd<'_>, message: String) -> i32 {
    report(fd, &Report::Failed(Failure::Setup { message }));
    1
}

/// The version of Landlock in this kernel; zero when there is none.
pub(crate) fn landlock_version() -> u32 {
    landlock::version()
}

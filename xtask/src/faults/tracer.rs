//! Follows a program from system call to system call, and ends it, or lets a call fail, at a chosen one.
//!
//! By ptrace(2), so every library is reached: libgit2 and SQLite as well as our own calls. Only calls on files below one
//! directory count: the repository and the state of a test.

#![expect(unsafe_code, reason = "ptrace, waitpid and kill have no safe form")]

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is done to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing; calls are counted.
    None,
    /// SIGKILL before the call of this number that changes something.
    Kill(u64),
    /// The call of this number, of all, says that the device failed (EIO).
    Broken(u64),
    /// From the call of this number on, of those that need space, each says that there is none (ENOSPC).
    Full(u64),
}

/// What became of it.
#[derive(Debug, Default)]
pub(crate) struct Traced {
    /// Calls that change files.
    pub(crate) changing: u64,
    /// All calls on files.
    pub(crate) all: u64,
    /// Calls that need space on the disk.
    pub(crate) growing: u64,
    /// Whether the fault came to pass.
    pub(crate) hit: bool,
    /// The exit code, when it ended by itself.
    pub(crate) code: Option<i32>,
}

/// What a call does to files.
#[derive(Debug, Clone, Copy)]
struct Call {
    /// Where its arguments name a file.
    names: Names,
    changes: bool,
    grows: bool,
}

/// Which arguments name the file.
#[derive(Debug, Clone, Copy)]
enum Names {
    /// The first is an open file.
    Fd,
    /// The first is a path.
    Path,
    /// The first is a directory, the second a path in it.
    At,
    /// As `At`; the third (or the structure it points to) are the flags of an open.
    Open,
}

fn call(number: i64, args: &[u64; 6], mem: &File) -> Option<Call> {
    use Names::{At, Fd, Open, Path};
    let is = |names, changes, grows| Some(Call { names, changes, grows });
    match number {
        libc::SYS_read | libc::SYS_pread64 | libc::SYS_readv | libc::SYS_preadv => {
            is(Fd, false, false)
        }
        libc::SYS_getdents64 | libc::SYS_fstat => is(Fd, false, false),
        libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_writev | libc::SYS_pwritev => {
            is(Fd, true, true)
        }
        libc::SYS_fallocate => is(Fd, true, true),
        libc::SYS_ftruncate | libc::SYS_fchmod => is(Fd, true, false),
        // On file systems that allocate late this is where a full disk shows.
        libc::SYS_fsync | libc::SYS_fdatasync => is(Fd, true, true),
        libc::SYS_newfstatat | libc::SYS_readlinkat | libc::SYS_statx | libc::SYS_faccessat => {
            is(At, false, false)
        }
        libc::SYS_unlinkat
        | libc::SYS_fchmodat
        | libc::SYS_utimensat
        | libc::SYS_renameat
        | libc::SYS_renameat2 => is(At, true, false),
        libc::SYS_mkdirat | libc::SYS_linkat => is(At, true, true),
        libc::SYS_openat => {
            let makes = args[2] & libc::O_CREAT as u64 != 0;
            is(Open, makes, makes)
        }
        libc::SYS_openat2 => {
            let makes = word(mem, args[2]) & libc::O_CREAT as u64 != 0;
            is(Open, makes, makes)
        }
        _ => legacy(number, args).map(|(changes, grows)| Call { names: Path, changes, grows }),
    }
}

/// Calls with a bare path, which newer architectures do not have.
#[cfg(target_arch = "x86_64")]
fn legacy(number: i64, args: &[u64; 6]) -> Option<(bool, bool)> {
    match number {
        libc::SYS_open => {
            let makes = args[1] & libc::O_CREAT as u64 != 0;
            Some((makes, makes))
        }
        libc::SYS_creat | libc::SYS_mkdir | libc::SYS_link => Some((true, true)),
        libc::SYS_rename
        | libc::SYS_unlink
        | libc::SYS_rmdir
        | libc::SYS_chmod
        | libc::SYS_truncate => Some((true, false)),
        libc::SYS_stat | libc::SYS_lstat | libc::SYS_access | libc::SYS_readlink => {
            Some((false, false))
        }
        _ => None,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn legacy(_: i64, _: &[u64; 6]) -> Option<(bool, bool)> {
    None
}

fn word(mem: &File, at: u64) -> u64 {
    let mut bytes = [0; 8];
    match mem.read_exact_at(&mut bytes, at) {
        Ok(()) => u64::from_ne_bytes(bytes),
        Err(_) => 0,
    }
}

/// The text at an address of the program, up to its NUL.
fn text(mem: &File, at: u64) -> Vec<u8> {
    let mut found = Vec::new();
    let mut piece = [0; 256];
    while let Ok(count @ 1..) = mem.read_at(&mut piece, at + found.len() as u64) {
        match piece[..count].iter().position(|byte| *byte == 0) {
            Some(end) => {
                found.extend_from_slice(&piece[..end]);
                break;
            }
            None if found.len() > 8192 => break,
            None => found.extend_from_slice(&piece[..count]),
        }
    }
    found
}

/// One program being followed.
struct Tracer<'a> {
    below: &'a Path,
    fault: Fault,
    seen: Traced,
    /// The memory of each process; threads share that of theirs.
    memory: HashMap<i32, File>,
    /// Calls that were taken away, with the error they are to have.
    failing: HashMap<i32, i32>,
}

/// Runs the command to its end, or to the fault's.
///
/// # Errors
/// When it cannot be started or followed.
pub(crate) fn run(command: &mut Command, below: &Path, fault: Fault) -> io::Result<Traced> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: between fork and exec the closure makes one system call that touches no memory.
    unsafe {
        command.pre_exec(|| match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
    let child = command.spawn()?;
    let root = i32::try_from(child.id()).map_err(io::Error::other)?;
    let mut tracer = Tracer {
        below,
        fault,
        seen: Traced::default(),
        memory: HashMap::new(),
        failing: HashMap::new(),
    };
    tracer.follow(root)?;
    Ok(tracer.seen)
}

impl Tracer<'_> {
    fn follow(&mut self, root: i32) -> io::Result<()> {
        let mut started = false;
        let mut alive = 1_usize;
        while alive > 0 {
            let mut status = 0;
            // SAFETY: `status` is a valid place; nothing else of this program has children now.
            let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL) };
            if pid < 0 {
                let error = io::Error::last_os_error();
                match error.raw_os_error() {
                    Some(libc::EINTR) => continue,
                    Some(libc::ECHILD) => return Ok(()),
                    _ => return Err(error),
                }
            }
            if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
                if pid == root {
                    self.seen.code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
                    alive = 0;
                }
                continue;
            }
            let mut deliver = 0;
            if !started {
                started = true;
                let options = libc::PTRACE_O_TRACESYSGOOD
                    | libc::PTRACE_O_TRACECLONE
                    | libc::PTRACE_O_TRACEFORK
                    | libc::PTRACE_O_TRACEVFORK
                    | libc::PTRACE_O_EXITKILL;
                // SAFETY: the program is stopped; the argument is a number.
                unsafe { libc::ptrace(libc::PTRACE_SETOPTIONS, pid, 0, options) };
            } else {
                match libc::WSTOPSIG(status) {
                    signal if signal == libc::SIGTRAP | 0x80 => {
                        if self.stopped(pid) {
                            // SAFETY: sends a signal; the rest is collected by the loop.
                            unsafe { libc::kill(root, libc::SIGKILL) };
                            continue;
                        }
                    }
                    libc::SIGTRAP | libc::SIGSTOP => {}
                    signal => deliver = signal,
                }
            }
            // SAFETY: the arguments are numbers; a program that is gone is an error that needs no answer.
            unsafe { libc::ptrace(libc::PTRACE_SYSCALL, pid, 0, deliver) };
        }
        Ok(())
    }

    /// At the entry or the exit of a call; true when the program is to be killed here.
    fn stopped(&mut self, pid: i32) -> bool {
        // SAFETY: plain numbers, for which zeros are valid.
        let mut info: libc::ptrace_syscall_info = unsafe { std::mem::zeroed() };
        let size = size_of::<libc::ptrace_syscall_info>();
        // SAFETY: the kernel writes at most `size` bytes there.
        let got = unsafe { libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, pid, size, &raw mut info) };
        if got <= 0 {
            return false;
        }
        match info.op {
            libc::PTRACE_SYSCALL_INFO_ENTRY => {
                // SAFETY: `op` says which member is meant.
                let entry = unsafe { info.u.entry };
                self.entering(pid, entry.nr as i64, &entry.args)
            }
            libc::PTRACE_SYSCALL_INFO_EXIT => {
                if let Some(errno) = self.failing.remove(&pid) {
                    set_result(pid, -i64::from(errno));
                }
                false
            }
            _ => false,
        }
    }

    fn entering(&mut self, pid: i32, number: i64, args: &[u64; 6]) -> bool {
        let Some(call) = self.counted(pid, number, args) else { return false };
        let (changing, all, growing) = (self.seen.changing, self.seen.all, self.seen.growing);
        self.seen.all += 1;
        self.seen.changing += u64::from(call.changes);
        self.seen.growing += u64::from(call.grows);
        let errno = match self.fault {
            Fault::Kill(at) if call.changes && changing == at => {
                self.seen.hit = true;
                return true;
            }
            Fault::Broken(at) if all == at => libc::EIO,
            Fault::Full(at) if call.grows && growing >= at => libc::ENOSPC,
            _ => return false,
        };
        self.seen.hit = true;
        self.failing.insert(pid, errno);
        take_away(pid);
        false
    }

    /// The call, if it is one on a file that counts.
    fn counted(&mut self, pid: i32, number: i64, args: &[u64; 6]) -> Option<Call> {
        let mem = match self.memory.entry(pid) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(File::open(format!("/proc/{pid}/mem")).ok()?),
        };
        let call = call(number, args, mem)?;
        let open = |fd: u64| std::fs::read_link(format!("/proc/{pid}/fd/{}", fd as i32)).ok();
        let named = |at: u64| PathBuf::from(std::ffi::OsStr::from_bytes(&text(mem, at)));
        let place = match call.names {
            Names::Fd => open(args[0])?,
            Names::Path => named(args[0]),
            Names::At | Names::Open => {
                let name = named(args[1]);
                match name.is_absolute() || args[0] as i32 == libc::AT_FDCWD {
                    true => name,
                    false => open(args[0])?.join(name),
                }
            }
        };
        place.starts_with(self.below).then_some(call)
    }
}

/// Makes the call that a program is about to make one that does not exist.
#[cfg(target_arch = "x86_64")]
fn take_away(pid: i32) {
    let at = std::mem::offset_of!(libc::user_regs_struct, orig_rax);
    // SAFETY: writes one register of a stopped program.
    unsafe { libc::ptrace(libc::PTRACE_POKEUSER, pid, at, -1_i64) };
}

#[cfg(target_arch = "x86_64")]
fn set_result(pid: i32, value: i64) {
    let at = std::mem::offset_of!(libc::user_regs_struct, rax);
    // SAFETY: as above.
    unsafe { libc::ptrace(libc::PTRACE_POKEUSER, pid, at, value) };
}

#[cfg(not(target_arch = "x86_64"))]
fn take_away(_: i32) {}

#[cfg(not(target_arch = "x86_64"))]
fn set_result(_: i32, _: i64) {}

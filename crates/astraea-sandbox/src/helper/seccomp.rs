//! The system call filter: what no build and no test needs, and what would lead out.
//!
//! A deny-list, because the commands are foreign programs; written as a plain BPF program, because
//! three different answers are needed (refuse, "no such call", kill) and a filter of the usual
//! builders has one.

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter,
};

use std::io;

/// Offsets into `struct seccomp_data`.
const NR: u32 = 0;
const ARCH: u32 = 4;
const ARGS: u32 = 16;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;

#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xc000_00b7;
#[cfg(target_arch = "riscv64")]
const NATIVE: u32 = 0xc000_00f3;

const fn errno(errno: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | errno as u32
}

/// New namespaces are made through these flags of `clone`.
const NAMESPACES: u32 = (libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP) as u32;

/// Which sockets can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sockets {
    /// Those that a network namespace contains: internet, unix, netlink. Not vsock, which reaches
    /// the host from any network namespace.
    Contained,
    /// None but pairs: there is no namespace to contain them.
    None,
}

/// Calls that are refused with "operation not permitted".
const REFUSED: &[libc::c_long] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_fanotify_init,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// Calls that are answered as by a kernel that does not have them, so that programs use the older
/// ones: the flags of `clone3` lie in memory where a filter cannot look.
const ABSENT: &[libc::c_long] = &[
    libc::SYS_clone3,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// Applies the filter to the calling thread and its descendants.
///
/// # Errors
/// When the kernel refuses it.
pub(crate) fn apply(sockets: Sockets) -> io::Result<()> {
    rustix::thread::set_no_new_privs(true)?;
    let mut program = program(sockets);
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).unwrap_or(0),
        filter: program.as_mut_ptr(),
    };
    // SAFETY: `filter` points at `len` instructions that live until the call returns; the kernel
    // copies and checks them.
    let done = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0_u32, &raw const filter)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn program(sockets: Sockets) -> Vec<sock_filter> {
    let mut code = Code::default();
    code.load(ARCH);
    code.unless_equal(NATIVE, KILL);
    code.load(NR);
    if cfg!(target_arch = "x86_64") {
        // The x32 numbers would slip past every comparison below.
        code.if_at_least(0x4000_0000, errno(libc::ENOSYS));
    }
    for call in ABSENT {
        code.if_equal(*call as u32, errno(libc::ENOSYS));
    }
    for call in REFUSED {
        code.if_equal(*call as u32, errno(libc::EPERM));
    }
    code.when(libc::SYS_clone as u32, |code| {
        code.load(ARGS);
        code.if_any_bit(NAMESPACES, errno(libc::EPERM));
        code.ret(ALLOW);
    });
    code.when(libc::SYS_ioctl as u32, |code| {
        // Typing into the caller's terminal.
        code.load(ARGS + 8);
        code.if_equal(libc::TIOCSTI as u32, errno(libc::EPERM));
        code.if_equal(libc::TIOCLINUX as u32, errno(libc::EPERM));
        code.ret(ALLOW);
    });
    code.when(libc::SYS_socket as u32, |code| match sockets {
        Sockets::Contained => {
            code.load(ARGS);
            for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK] {
                code.if_equal(family as u32, ALLOW);
            }
            code.ret(errno(libc::EAFNOSUPPORT));
        }
        Sockets::None => code.ret(errno(libc::EACCES)),
    });
    code.ret(ALLOW);
    code.0
}

/// A BPF program being written.
#[derive(Default)]
struct Code(Vec<sock_filter>);

impl Code {
    fn push(&mut self, code: u32, jt: u8, jf: u8, k: u32) {
        self.0.push(sock_filter { code: code as u16, jt, jf, k });
    }

    fn load(&mut self, offset: u32) {
        self.push(BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
    }

    fn ret(&mut self, action: u32) {
        self.push(BPF_RET | BPF_K, 0, 0, action);
    }

    fn if_equal(&mut self, value: u32, action: u32) {
        self.push(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
        self.ret(action);
    }

    fn unless_equal(&mut self, value: u32, action: u32) {
        self.push(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, value);
        self.ret(action);
    }

    fn if_at_least(&mut self, value: u32, action: u32) {
        self.push(BPF_JMP | BPF_JGE | BPF_K, 0, 1, value);
        self.ret(action);
    }

    fn if_any_bit(&mut self, bits: u32, action: u32) {
        self.push(BPF_JMP | BPF_JSET | BPF_K, 0, 1, bits);
        self.ret(action);
    }

    /// A block for one call; it must return on every path.
    fn when(&mut self, call: u32, block: impl FnOnce(&mut Self)) {
        let at = self.0.len();
        self.push(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, call);
        block(self);
        let length = self.0.len() - at - 1;
        self.0[at].jf = u8::try_from(length).unwrap_or(u8::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_ends_within_the_program() {
        for sockets in [Sockets::Contained, Sockets::None] {
            let program = program(sockets);
            for (at, step) in program.iter().enumerate() {
                assert!(at + 1 + usize::from(step.jt.max(step.jf)) < program.len() + 1);
            }
            assert_eq!(u32::from(program[program.len() - 1].code), BPF_RET | BPF_K);
        }
    }

    #[test]
    fn blocks_are_short_enough_for_a_jump() {
        assert!(program(Sockets::Contained).len() < 255);
    }
}

//! What runs inside: this test program again, told by a variable what to try. It prints one line
//! an attempt, `name: ok` or `name: <error>`.

use std::ffi::CString;
use std::io;
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;
use std::time::{Duration, SystemTime};

use astraea_sandbox::{CommandSpec, Mount, Tier};

use crate::support::{read_only, say};

const ACT: &str = "ASTRAEA_TEST_ACT";

/// Plays the act inside; the lines it printed, sorted as printed.
pub(crate) fn act(tier: Tier, act: &str, args: &[&str], mounts: Vec<Mount>) -> Vec<String> {
    act_with(tier, act, args, mounts, |spec| spec)
}

pub(crate) fn act_with(
    tier: Tier,
    act: &str,
    args: &[&str],
    mounts: Vec<Mount>,
    change: impl FnOnce(CommandSpec) -> CommandSpec,
) -> Vec<String> {
    let exe = std::env::current_exe().unwrap();
    let text = [&[act], args].concat().join("\n");
    let mut spec = CommandSpec::new([exe.as_os_str(), "actor::play".as_ref()])
        .with_env(ACT, text)
        .with_mount(read_only(&exe, &exe));
    spec.argv.extend(["--exact", "--nocapture", "--test-threads=1"].map(Into::into));
    spec.mounts.extend(mounts);
    let said = say(tier, &change(spec));
    said.lines().filter_map(|line| Some(line[line.find("try ")? + 4..].to_owned())).collect()
}

fn tried<T>(name: &str, result: io::Result<T>) {
    match result {
        Ok(_) => println!("try {name}: ok"),
        Err(error) => {
            let number = error.raw_os_error().unwrap_or(-1);
            println!("\ntry {name}: {}", errno(number));
        }
    }
}

fn errno(number: i32) -> String {
    match number {
        libc::EPERM => "EPERM".into(),
        libc::EACCES => "EACCES".into(),
        libc::EROFS => "EROFS".into(),
        libc::ENOSYS => "ENOSYS".into(),
        libc::ENOENT => "ENOENT".into(),
        libc::ECONNREFUSED => "ECONNREFUSED".into(),
        libc::ENETUNREACH => "ENETUNREACH".into(),
        libc::EAFNOSUPPORT => "EAFNOSUPPORT".into(),
        -1 => "failed".into(),
        number => number.to_string(),
    }
}

/// Not a test by itself: outside the sandbox it does nothing.
#[test]
fn play() {
    let Ok(text) = std::env::var(ACT) else { return };
    let words: Vec<&str> = text.lines().collect();
    println!();
    match words.as_slice() {
        ["sockets", tcp, udp, path, name] => sockets(tcp, udp, path, name),
        ["loopback"] => {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            tried("own loopback", TcpStream::connect(listener.local_addr().unwrap()));
        }
        ["outside", dir] => outside(Path::new(dir)),
        ["calls"] => calls(),
        other => panic!("unknown act {other:?}"),
    }
}

fn sockets(tcp: &str, udp: &str, path: &str, name: &str) {
    let second = Duration::from_secs(1);
    let address = tcp.parse().unwrap();
    tried("tcp", TcpStream::connect_timeout(&address, second));
    let sent = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"out", udp));
    tried("udp", sent);
    tried("dns", ("example.com", 80).to_socket_addrs());
    tried("unix", UnixStream::connect(path));
    let address = SocketAddr::from_abstract_name(name).unwrap();
    tried("abstract", UnixStream::connect_addr(&address));
    // SAFETY: makes a descriptor; the process ends soon.
    let vsock = unsafe { libc::socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0) };
    tried("vsock", check(vsock.into()));
}

fn outside(dir: &Path) {
    let file = dir.join("file");
    let c = CString::new(file.as_os_str().as_encoded_bytes()).unwrap();
    tried("write", std::fs::write(&file, "changed"));
    tried("append", std::fs::OpenOptions::new().append(true).open(&file));
    tried("create", std::fs::write(dir.join("new"), "x"));
    tried("mkdir", std::fs::create_dir(dir.join("newdir")));
    tried("remove", std::fs::remove_file(&file));
    tried("rename", std::fs::rename(&file, dir.join("moved")));
    tried("link", std::fs::hard_link(&file, dir.join("linked")));
    tried("symlink", std::os::unix::fs::symlink("x", dir.join("sym")));
    // SAFETY: the path is a valid string for the whole call.
    tried("truncate", check(unsafe { libc::truncate(c.as_ptr(), 0) }.into()));
    tried("chmod", std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o777)));
    let times = [libc::timespec { tv_sec: 1, tv_nsec: 0 }; 2];
    // SAFETY: path and times are valid for the whole call.
    let utime = unsafe { libc::utimensat(libc::AT_FDCWD, c.as_ptr(), times.as_ptr(), 0) };
    tried("utime", check(utime.into()));
    // SAFETY: name and value are valid for the whole call.
    let xattr =
        unsafe { libc::setxattr(c.as_ptr(), c"user.x".as_ptr(), c"1".as_ptr().cast(), 1, 0) };
    tried("xattr", check(xattr.into()));
    // SAFETY: the path is a valid string for the whole call.
    let owner = unsafe { libc::chown(c.as_ptr(), libc::getuid(), libc::getgid()) };
    tried("chown", check(owner.into()));
    let _ = SystemTime::now();
}

fn check(value: i64) -> io::Result<()> {
    if value < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn calls() {
    let call = |name: &str, number: libc::c_long, a: usize, b: usize| {
        // SAFETY: with these arguments each of the calls either is refused or changes nothing that
        // outlives this process: null pointers, flags and numbers only.
        tried(name, check(unsafe { libc::syscall(number, a, b, 0_usize, 0_usize, 0_usize) }));
    };
    call("io_uring_setup", libc::SYS_io_uring_setup, 1, 0);
    call("ptrace", libc::SYS_ptrace, 0, 0);
    call("keyctl", libc::SYS_keyctl, 0, 0);
    call("bpf", libc::SYS_bpf, 0, 0);
    call("userfaultfd", libc::SYS_userfaultfd, 0, 0);
    call("mount", libc::SYS_mount, 0, 0);
    call("open_tree", libc::SYS_open_tree, 0, 0);
    call("fsopen", libc::SYS_fsopen, 0, 0);
    call("setns", libc::SYS_setns, 0, 0);
    call("unshare", libc::SYS_unshare, libc::CLONE_NEWUSER as usize, 0);
    call("clone3", libc::SYS_clone3, 0, 0);
    call("perf_event_open", libc::SYS_perf_event_open, 0, 0);
    call("clone newuser", libc::SYS_clone, libc::CLONE_NEWUSER as usize | 17, 0);
    call("tiocsti", libc::SYS_ioctl, 0, libc::TIOCSTI as usize);
    #[cfg(target_arch = "x86_64")]
    call("x32 getpid", 0x4000_0000 + libc::SYS_getpid, 0, 0);
}

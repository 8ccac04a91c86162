//! Starting the helper around a command, and holding on to it until the tree is gone.

#![expect(
    clippy::disallowed_methods,
    reason = "starts the helper: this crate is the door to processes"
)]

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::pipe::PipeFlags;
use tempfile::TempDir;

use crate::cgroup::Cgroup;
use crate::descriptors::Inherited;
use crate::host::Host;
use crate::litter::Litter;
use crate::plan::{InnerPlan, MARK, OuterPlan, Watch};
use crate::proxy::Proxy;
use crate::weak::Made;
use crate::{CommandSpec, SandboxError, Stdin, Tier, environment, view, weak};

/// A helper that runs, with our ends of its pipes.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) stdin: Option<OwnedFd>,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
    pub(crate) status: OwnedFd,
    pub(crate) tree: Tree,
    pub(crate) began: Instant,
}

/// The tree below the helper. Dropping it takes the tree down.
#[derive(Debug)]
pub(crate) struct Tree {
    /// While this is open the helper lets the command live.
    control: Option<OwnedFd>,
    child: Option<Child>,
    pub(crate) tier: Tier,
    pub(crate) cgroup: Option<Cgroup>,
    pub(crate) proxy: Option<Proxy>,
    _private: TempDir,
    _made: Made,
    litter: Vec<Litter>,
}

/// How long the helper has to take the tree down before it is killed itself.
const GRACE: Duration = Duration::from_millis(950);

impl Tree {
    /// Tells the helper to kill everything. Returns at once.
    pub(crate) fn let_go(&mut self) {
        self.control = None;
    }

    /// Whether the helper itself has ended and was collected.
    pub(crate) fn try_reap(&mut self) -> io::Result<bool> {
        let Some(child) = &mut self.child else { return Ok(true) };
        if child.try_wait()?.is_none() {
            return Ok(false);
        }
        self.child = None;
        for litter in self.litter.drain(..) {
            litter.remove();
        }
        Ok(true)
    }

    /// Kills the helper. Its namespace, if it has one, goes with it.
    pub(crate) fn kill_helper(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
        }
    }

    fn finish(mut self) {
        self.control = None;
        let began = Instant::now();
        while let Ok(false) = self.try_reap() {
            if began.elapsed() > GRACE {
                self.kill_helper();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Stands in for a tree that has been moved out.
    fn take(&mut self) -> Option<Self> {
        let child = self.child.take()?;
        Some(Self {
            control: None,
            child: Some(child),
            tier: self.tier,
            cgroup: self.cgroup.take(),
            proxy: self.proxy.take(),
            _private: std::mem::replace(&mut self._private, TempDir::new().ok()?),
            _made: std::mem::take(&mut self._made),
            litter: std::mem::take(&mut self.litter),
        })
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.control = None;
        if let Some(rest) = self.take() {
            let _ = std::thread::Builder::new().name("astraea-reap".into()).spawn(|| rest.finish());
        }
    }
}

/// Starts a command in this tier. Blocks for as long as a fork takes.
pub(crate) fn launch(
    host: &Host,
    tier: Tier,
    spec: &CommandSpec,
) -> Result<Launched, SandboxError> {
    check(spec)?;
    let proxied = !spec.network && !spec.hosts.is_empty();
    if proxied && tier != Tier::A {
        return Err(SandboxError::InvalidSpec(format!(
            "it may reach {} only, which tier {tier} cannot hold it to: there it has no network of its own",
            spec.hosts
        )));
    }
    let began = Instant::now();
    let private = tempfile::Builder::new()
        .prefix(&format!("{PRIVATE}{}-", std::process::id()))
        .tempdir()
        .map_err(SandboxError::io("made a private folder"))?;
    let pipe = || rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from);
    let mut fds = Inherited::default();
    let pipe_failed = SandboxError::io;
    let (status, status_fd) = pipe().map_err(pipe_failed("made a pipe"))?;
    let (control_fd, control) = pipe().map_err(pipe_failed("made a pipe"))?;
    let (mut proxy, mut proxy_fd) = (None, None);
    if proxied {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)
                .map_err(|error| pipe_failed("made a socket")(error.into()))?;
        proxy_fd = Some(fds.add(theirs));
        proxy =
            Some(Proxy::start(ours, spec.hosts.clone()).map_err(pipe_failed("started the proxy"))?);
    }
    let mut inner = InnerPlan {
        tier,
        argv: spec.argv.clone(),
        env: Vec::new(),
        cwd: spec.cwd.clone().map_or_else(|| "/".into(), Into::into),
        network: spec.network,
        status_fd: fds.add(status_fd),
        control_fd: fds.add(control_fd),
        proxy_fd,
        readable: Vec::new(),
        writable: Vec::new(),
        masks: Vec::new(),
        in_memory: Vec::new(),
        on_disk: Vec::new(),
        watch: Watch::new(&spec.limits, host.nproc_counts && tier == Tier::A),
    };
    let mut made = Made::default();
    let mut litter = Vec::new();
    let command = if tier == Tier::A {
        let view = view::view(host, spec, private.path(), &mut fds)?;
        inner.env =
            environment::environment(std::env::vars_os(), spec, &view.home, OsStr::new("/tmp"));
        if host.landlock > 0 {
            inner.readable = vec!["/".into()];
            inner.writable = view.writable;
        }
        inner.masks = view.masks;
        inner.in_memory = view.in_memory;
        inner.on_disk = view.on_disk;
        litter = view.litter;
        namespaced(host, spec, &inner, view.args, view.overlays, &private, &mut fds)?
    } else {
        let fenced = weak::fence(tier, host, spec, &private)?;
        let home = match tier {
            Tier::Host => std::env::var_os("HOME").unwrap_or_else(|| fenced.home.clone()),
            _ => fenced.home.clone(),
        };
        inner.env = environment::environment(std::env::vars_os(), spec, &home, &fenced.tmp);
        if tier == Tier::B {
            inner.readable = fenced.readable;
            inner.writable = fenced.writable;
        }
        inner.on_disk = fenced.on_disk;
        made = fenced.made;
        let plan = encode(&inner)?;
        let plan = fds.add_file(&plan).map_err(SandboxError::io("wrote the plan"))?;
        helper(&host.helper, "inner", plan)
    };
    let cgroup = if host.cgroups { Cgroup::make(&spec.limits) } else { None };
    let order = Order {
        command,
        fds,
        pipe_stdin: spec.stdin != Stdin::Closed,
        die_with_us: tier == Tier::A,
        cgroup: cgroup.as_ref().map(Cgroup::doors).unwrap_or_default(),
    };
    let mut child = start(order).map_err(SandboxError::io("started the helper"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let stdin = child.stdin.take().map(OwnedFd::from);
    let tree = Tree {
        control: Some(control),
        child: Some(child),
        tier,
        cgroup,
        proxy,
        _private: private,
        _made: made,
        litter,
    };
    let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
        return Err(SandboxError::Setup("the helper has no pipes".to_owned()));
    };
    Ok(Launched { stdin, stdout: stdout.into(), stderr: stderr.into(), status, tree, began })
}

/// How the names of private folders begin; the program's process id follows.
const PRIVATE: &str = "astraea-";

/// Removes the private folders of programs that were killed more than a day ago.
pub(crate) fn remove_stale() {
    use std::os::unix::fs::MetadataExt;
    let uid = rustix::process::geteuid().as_raw();
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(PRIVATE)) else {
            continue;
        };
        let Some(Ok(pid)) = rest.split_once('-').map(|(pid, _)| pid.parse::<i32>()) else {
            continue;
        };
        // The age covers programs in other process namespaces that share the folder.
        let Ok(metadata) = entry.metadata() else { continue };
        let old = metadata.modified().ok().and_then(|time| time.elapsed().ok());
        let old = old.is_some_and(|age| age > Duration::from_secs(24 * 3600));
        if old && metadata.is_dir() && metadata.uid() == uid && is_gone(pid) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether no process has this number.
pub(crate) fn is_gone(pid: i32) -> bool {
    rustix::process::Pid::from_raw(pid)
        .is_none_or(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

fn check(spec: &CommandSpec) -> Result<(), SandboxError> {
    use std::os::unix::ffi::OsStrExt;
    let bad = |text: &OsStr| text.as_bytes().contains(&0);
    if spec.argv.first().is_none_or(|program| program.is_empty()) {
        return Err(SandboxError::InvalidSpec("there is no program to run".to_owned()));
    }
    if spec.argv.iter().any(|arg| bad(arg)) || spec.env.values().any(|value| bad(value)) {
        return Err(SandboxError::InvalidSpec(
            "an argument or variable holds a NUL byte, which no program can be given".to_owned(),
        ));
    }
    if spec.env.keys().any(|key| key.is_empty() || bad(key) || key.as_bytes().contains(&b'=')) {
        return Err(SandboxError::InvalidSpec(
            "the name of a variable is empty or holds `=` or a NUL byte".to_owned(),
        ));
    }
    if spec.cwd.as_ref().is_some_and(|cwd| !cwd.is_absolute() || bad(cwd.as_os_str())) {
        return Err(SandboxError::InvalidSpec(
            "the working directory must be an absolute path as the command sees it".to_owned(),
        ));
    }
    Ok(())
}

fn encode<T: serde::Serialize>(plan: &T) -> Result<Vec<u8>, SandboxError> {
    serde_json::to_vec(plan).map_err(|error| SandboxError::Setup(error.to_string()))
}

fn helper(program: &std::path::Path, stage: &str, plan: RawFd) -> Command {
    let mut command = Command::new(program);
    command.args([MARK, stage]).arg(plan.to_string());
    command
}

/// bubblewrap around the inner helper, and the outer helper around both when there are overlays.
fn namespaced(
    host: &Host,
    spec: &CommandSpec,
    inner: &InnerPlan,
    args: Vec<OsString>,
    overlays: Vec<crate::plan::OverlayPlan>,
    private: &TempDir,
    fds: &mut Inherited,
) -> Result<Command, SandboxError> {
    let Some(bwrap) = &host.bwrap else {
        return Err(SandboxError::Setup("bubblewrap is not installed".to_owned()));
    };
    let wrote = SandboxError::io;
    // The helper is executed through a descriptor: its path may be hidden inside.
    let program = File::open(&host.helper).map_err(wrote("opened the helper"))?;
    let program = fds.add(program.into());
    let plan = encode(inner)?;
    let plan = fds.add_file(&plan).map_err(wrote("wrote the plan"))?;
    let mut packed = Vec::new();
    for arg in args {
        packed.extend_from_slice(arg.as_encoded_bytes());
        packed.push(0);
    }
    let packed = fds.add_file(&packed).map_err(wrote("wrote the plan"))?;
    let bwrap_args: Vec<OsString> = vec![
        "--args".into(),
        packed.to_string().into(),
        "--".into(),
        format!("/proc/self/fd/{program}").into(),
        MARK.into(),
        "inner".into(),
        plan.to_string().into(),
    ];
    if overlays.is_empty() {
        let mut command = Command::new(bwrap);
        command.args(bwrap_args);
        return Ok(command);
    }
    let outer = OuterPlan {
        scratch: private.path().into(),
        tmp_bytes: spec.limits.tmp_bytes,
        overlays,
        bwrap: bwrap.into(),
        bwrap_args,
        status_fd: inner.status_fd,
    };
    let outer = encode(&outer)?;
    let outer = fds.add_file(&outer).map_err(wrote("wrote the plan"))?;
    Ok(helper(&host.helper, "outer", outer))
}

/// What the thread that forks needs.
struct Order {
    command: Command,
    fds: Inherited,
    pipe_stdin: bool,
    die_with_us: bool,
    cgroup: Vec<OwnedFd>,
}

type Reply = mpsc::SyncSender<io::Result<Child>>;

/// Forks on a thread that lives as long as the program: the kernel ties "die with the parent" to
/// the thread that forked, and threads of a runtime come and go.
fn start(order: Order) -> io::Result<Child> {
    static FORKER: OnceLock<mpsc::Sender<(Order, Reply)>> = OnceLock::new();
    let forker = FORKER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<(Order, Reply)>();
        let _ = std::thread::Builder::new().name("astraea-fork".into()).spawn(move || {
            for (order, reply) in orders {
                let _ = reply.send(fork(order));
            }
        });
        sender
    });
    let (reply, answer) = mpsc::sync_channel(1);
    let gone = |_| io::Error::other("the thread that starts processes is gone");
    forker.send((order, reply)).map_err(|_| io::Error::other("the forking thread is gone"))?;
    answer.recv().map_err(gone)?
}

fn fork(order: Order) -> io::Result<Child> {
    let Order { mut command, fds, pipe_stdin, die_with_us, cgroup } = order;
    let numbers = fds.numbers();
    let doors: Vec<RawFd> = cgroup.iter().map(AsRawFd::as_raw_fd).collect();
    let us = rustix::process::getpid();
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/")
        .stdin(if pipe_stdin { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // SAFETY: between fork and exec the closure only makes system calls on plain numbers; it does
    // not allocate, lock, or touch anything that another thread may hold.
    unsafe {
        command.pre_exec(move || {
            if die_with_us {
                rustix::process::set_parent_process_death_signal(Some(
                    rustix::process::Signal::KILL,
                ))?;
                if rustix::process::getppid() != Some(us) {
                    return Err(io::Error::from_raw_os_error(libc::ESRCH));
                }
            }
            for door in &doors {
                // Not joining loses a backstop, no isolation: the watcher stays.
                // SAFETY: the parent holds the descriptor open until the fork has returned.
                let door = BorrowedFd::borrow_raw(*door);
                let _ = rustix::io::write(door, b"0");
            }
            for number in &numbers {
                // SAFETY: as above.
                let fd = BorrowedFd::borrow_raw(*number);
                rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::empty())?;
            }
            Ok(())
        });
    }
    command.spawn()
}

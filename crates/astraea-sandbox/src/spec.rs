//! What a caller asks for: the command, its mounts, its limits.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::Hosts;

/// One command and everything it may see and use.
///
/// The environment starts from a fixed allow-list (`PATH`, `LANG`, `LC_*`, `TERM`, `TZ`, and
/// `HOME` and `TMPDIR` pointing at private directories); [`env`](Self::env) is added to it.
/// Nothing else of the caller's environment gets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSpec {
    /// The argument vector. The first is the program: a path, or a name looked up in the
    /// command's own `PATH`. No shell is involved.
    pub argv: Vec<OsString>,
    /// The working directory as the command sees it. `None` is `/`.
    pub cwd: Option<PathBuf>,
    /// Variables added to the allow-list; they win over it.
    pub env: BTreeMap<OsString, OsString>,
    /// What is mounted where, in order: a later mount may lie inside an earlier one.
    pub mounts: Vec<Mount>,
    /// Absolute paths, as the command would see them, that are replaced by an empty read-only
    /// file or directory after all mounts are made. Paths that do not exist are ignored.
    pub masks: Vec<PathBuf>,
    /// Whether the command shares the host's network. Off by default.
    pub network: bool,
    /// Hosts that it may reach through a proxy while the network is off, which the variables `HTTP_PROXY` and the like tell
    /// it of. None by default. Needs tier A, where a command has a network of its own; elsewhere it is refused.
    pub hosts: Hosts,
    /// The limits; see [`Limits`].
    pub limits: Limits,
    /// What standard input is.
    pub stdin: Stdin,
}

impl CommandSpec {
    /// A command with default limits, no mounts, no network and a closed standard input.
    pub fn new<I, S>(argv: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<OsString>,
    {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            cwd: None,
            env: BTreeMap::new(),
            mounts: Vec::new(),
            masks: Vec::new(),
            network: false,
            hosts: Hosts::default(),
            limits: Limits::default(),
            stdin: Stdin::Closed,
        }
    }

    /// Sets the working directory, as the command sees it.
    #[must_use]
    pub fn with_cwd(mut self, cwd: impl Into<PathBuf>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// Adds one environment variable.
    #[must_use]
    pub fn with_env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.insert(key.into(), value.into());
        self
    }

    /// Adds one mount after those already there.
    #[must_use]
    pub fn with_mount(mut self, mount: Mount) -> Self {
        self.mounts.push(mount);
        self
    }

    /// Adds one masked path.
    #[must_use]
    pub fn with_mask(mut self, path: impl Into<PathBuf>) -> Self {
        self.masks.push(path.into());
        self
    }

    /// Shares the host's network with the command, or not.
    #[must_use]
    pub fn with_network(mut self, network: bool) -> Self {
        self.network = network;
        self
    }

    /// Lets the command reach these hosts, and no others, through a proxy.
    #[must_use]
    pub fn with_hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Replaces the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets standard input.
    #[must_use]
    pub fn with_stdin(mut self, stdin: Stdin) -> Self {
        self.stdin = stdin;
        self
    }
}

/// What the command's standard input is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Stdin {
    /// Nothing: the first read sees the end. Prompts cannot wait.
    #[default]
    Closed,
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// A pipe that the [`Session`](crate::Session) writes to. With
    /// [`Sandbox::run`](crate::Sandbox::run) it is the same as `Closed`.
    Pipe,
}

/// Something that appears in the command's view of the file system.
///
/// All paths are absolute. `dst` may be a path that exists on the host (the user's own
/// repository, say): the mount then hides what is there, for this command only.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mount {
    /// A directory or file of the host that the command can only read.
    ReadOnly {
        /// Where it lies on the host.
        src: PathBuf,
        /// Where the command sees it.
        dst: PathBuf,
    },
    /// A directory or file of the host that the command may change.
    ReadWrite {
        /// Where it lies on the host.
        src: PathBuf,
        /// Where the command sees it.
        dst: PathBuf,
    },
    /// A directory of the host that the command may seem to change: the writes go to `upper`.
    Overlay {
        /// The directory whose contents show through, never written.
        lower: PathBuf,
        /// Where writes go.
        upper: Upper,
        /// Where the command sees the result.
        dst: PathBuf,
    },
    /// An empty writable directory in memory that vanishes with the command.
    Tmpfs {
        /// Where the command sees it.
        dst: PathBuf,
        /// How much it can hold, in bytes.
        size: u64,
    },
    /// A read-only file with these contents that exists nowhere on the host.
    File {
        /// Where the command sees it.
        dst: PathBuf,
        /// The contents.
        contents: Vec<u8>,
        /// Whether it can be executed.
        executable: bool,
    },
}

impl Mount {
    /// Where the command sees the mount.
    pub fn dst(&self) -> &std::path::Path {
        match self {
            Self::ReadOnly { dst, .. }
            | Self::ReadWrite { dst, .. }
            | Self::Overlay { dst, .. }
            | Self::Tmpfs { dst, .. }
            | Self::File { dst, .. } => dst,
        }
    }
}

/// Where writes to a [`Mount::Overlay`] go.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Upper {
    /// Into memory, bounded by [`Limits::tmp_bytes`] for all such layers of a command together;
    /// gone when the command ends.
    Throwaway,
    /// As `Throwaway`, but what an earlier [`Dir`](Self::Dir) kept in this same directory shows
    /// through, between the lower directory and the new writes. It is not changed.
    ThrowawayOver(PathBuf),
    /// Into this directory of the host, which is made when missing and must be on a real file
    /// system; it is kept. It holds two folders, `upper` (what was written) and `work`.
    Dir(PathBuf),
}

/// What a command may use. `None` means no limit of that kind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Wall-clock time from start to end. Default 300 s.
    pub wall: Option<Duration>,
    /// The longest time without a byte on standard output or error. Default none.
    pub idle: Option<Duration>,
    /// Processor time of the whole tree. Default none.
    pub cpu: Option<Duration>,
    /// Resident memory of the whole tree, in bytes. Default 8 GiB.
    pub memory_bytes: Option<u64>,
    /// Processes and threads of the tree that live at the same time. Default 1024.
    pub processes: Option<u32>,
    /// The largest file that may be written, in bytes. Default 4 GiB.
    pub file_bytes: Option<u64>,
    /// What may be written to writable mounts on the host's disks, in bytes. Default 16 GiB.
    pub disk_bytes: Option<u64>,
    /// How many bytes of standard output are kept, and how many of standard error; the head and
    /// the tail are kept, the middle is dropped. Default 1 MiB.
    pub output_bytes: usize,
    /// The size of each private directory in memory (`/tmp`, the home, all throw-away layers
    /// together), in bytes. Default 2 GiB.
    pub tmp_bytes: u64,
    /// The longest line a [`Session`](crate::Session) reads, in bytes. Default 16 MiB.
    pub line_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Some(Duration::from_secs(300)),
            idle: None,
            cpu: None,
            memory_bytes: Some(8 << 30),
            processes: Some(1024),
            file_bytes: Some(4 << 30),
            disk_bytes: Some(16 << 30),
            output_bytes: 1 << 20,
            tmp_bytes: 2 << 30,
            line_bytes: 16 << 20,
        }
    }
}

macro_rules! with_limit {
    ($($(#[$doc:meta])* $name:ident: $field:ident: $ty:ty;)*) => {
        impl Limits {
            $($(#[$doc])* #[must_use] pub fn $name(mut self, value: $ty) -> Self {
                self.$field = value.into();
                self
            })*
        }
    };
}

with_limit! {
    /// Sets the wall-clock limit.
    with_wall: wall: Duration;
    /// Sets the longest silence.
    with_idle: idle: Duration;
    /// Sets the processor time.
    with_cpu: cpu: Duration;
    /// Sets the memory of the tree, in bytes.
    with_memory_bytes: memory_bytes: u64;
    /// Sets the number of processes and threads.
    with_processes: processes: u32;
    /// Sets the largest file, in bytes.
    with_file_bytes: file_bytes: u64;
    /// Sets what may be written to disks, in bytes.
    with_disk_bytes: disk_bytes: u64;
    /// Sets how much output is kept, in bytes.
    with_output_bytes: output_bytes: usize;
    /// Sets the size of the private directories, in bytes.
    with_tmp_bytes: tmp_bytes: u64;
    /// Sets the longest line of a session, in bytes.
    with_line_bytes: line_bytes: usize;
}

//! What the parent tells the helper, and what the helper reports back.
//!
//! Both travel through inherited descriptors, as JSON: the plan through a memory file, the
//! reports through a pipe, one a line. Paths are `OsString`s: they need not be UTF-8.

use std::ffi::OsString;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Limits, Tier};

/// The first argument of a program that was started as the helper.
pub(crate) const MARK: &str = "--astraea-sandbox-helper";

/// Builds overlays in a mount namespace of its own, then becomes bubblewrap.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OuterPlan {
    /// An empty private directory of the host over which the memory file system is mounted.
    pub(crate) scratch: OsString,
    pub(crate) tmp_bytes: u64,
    pub(crate) overlays: Vec<OverlayPlan>,
    pub(crate) bwrap: OsString,
    pub(crate) bwrap_args: Vec<OsString>,
    pub(crate) status_fd: i32,
}

/// One overlay, mounted at `<scratch>/<name>`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OverlayPlan {
    pub(crate) name: String,
    /// Layers that show through, the topmost first.
    pub(crate) lower: Vec<OsString>,
    /// `None`: into memory.
    pub(crate) upper: Option<OsString>,
}

/// Runs and watches the command, as process 1 of its namespace (tier A) or as the subreaper above
/// it (the others).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct InnerPlan {
    pub(crate) tier: Tier,
    pub(crate) argv: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) cwd: OsString,
    pub(crate) network: bool,
    pub(crate) status_fd: i32,
    pub(crate) control_fd: i32,
    /// Where the socket of the proxy is handed over, if there is one.
    pub(crate) proxy_fd: Option<i32>,
    /// Paths below which the command may read and execute. Empty: no Landlock.
    pub(crate) readable: Vec<OsString>,
    /// Paths below which it may do everything.
    pub(crate) writable: Vec<OsString>,
    /// Paths to hide, from inside (tier A).
    pub(crate) masks: Vec<OsString>,
    /// Places whose file system is memory, each another one; they count as memory used.
    pub(crate) in_memory: Vec<OsString>,
    /// Directories on the host's disks whose growth is watched.
    pub(crate) on_disk: Vec<OsString>,
    pub(crate) watch: Watch,
}

/// The limits as the helper enforces them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Watch {
    pub(crate) cpu: Option<Duration>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) processes: Option<u32>,
    pub(crate) file_bytes: Option<u64>,
    pub(crate) disk_bytes: Option<u64>,
    /// Whether RLIMIT_NPROC counts this command's processes alone.
    pub(crate) nproc_counts: bool,
}

impl Watch {
    pub(crate) fn new(limits: &Limits, nproc_counts: bool) -> Self {
        Self {
            cpu: limits.cpu,
            memory_bytes: limits.memory_bytes,
            processes: limits.processes,
            file_bytes: limits.file_bytes,
            disk_bytes: limits.disk_bytes,
            nproc_counts,
        }
    }
}

/// One line from the helper.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The helper runs; the command is about to.
    Ready,
    /// The command runs.
    Started,
    /// The command does not run, and will not.
    Failed(Failure),
    /// The whole tree is gone.
    Ended { end: End, cpu: Duration, peak_memory_bytes: u64 },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Failure {
    /// The program could not be executed.
    Exec { errno: i32 },
    /// Something before that.
    Setup { message: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum End {
    Code(i32),
    Signal(i32),
    Memory,
    Processes,
    Cpu,
    Disk,
    /// The parent asked, or is gone.
    Asked,
}

/// How many processes the kernel allows where it can count them: more than the limit, so that the
/// watcher sees the excess and says why; a bound for what happens between two looks.
pub(crate) fn backstop(limit: u32) -> u64 {
    u64::from(limit).saturating_mul(2).saturating_add(128)
}

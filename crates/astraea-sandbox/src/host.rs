//! What this machine is like, as far as the sandbox needs to know. Looked at once.

#![expect(
    clippy::disallowed_methods,
    reason = "looks at system paths: this crate is the door to processes"
)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::{SandboxError, SandboxOptions};

/// The facts.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    /// Home directories to hide, resolved; the first is the command's `HOME`.
    pub(crate) homes: Vec<PathBuf>,
    pub(crate) bwrap: Option<PathBuf>,
    pub(crate) helper: PathBuf,
    pub(crate) is_root: bool,
    pub(crate) landlock: u32,
    /// Whether RLIMIT_NPROC counts the processes of one sandbox alone.
    pub(crate) nproc_counts: bool,
    /// Whether the kernel knows overlay file systems.
    pub(crate) overlay: bool,
    /// Whether to put each command into control groups.
    pub(crate) cgroups: bool,
}

impl Host {
    /// # Errors
    /// When there is no helper to execute.
    pub(crate) fn look(options: &SandboxOptions) -> Result<Self, SandboxError> {
        let is_root = rustix::process::geteuid().is_root();
        Ok(Self {
            homes: homes(options.home.as_deref()),
            bwrap: bwrap(options.bwrap.as_deref()),
            helper: helper(options.helper.as_deref())?,
            is_root,
            cgroups: options.cgroups,
            landlock: crate::helper::landlock_version(),
            nproc_counts: !is_root && kernel() >= (5, 14),
            overlay: fs::read_to_string("/proc/filesystems")
                .is_ok_and(|text| text.split_ascii_whitespace().any(|word| word == "overlay")),
        })
    }
}

fn homes(given: Option<&Path>) -> Vec<PathBuf> {
    let mut homes = Vec::new();
    let from_env = std::env::var_os("HOME").map(PathBuf::from);
    let candidates = match given {
        Some(home) => vec![Some(home.to_path_buf())],
        None => vec![from_env, home_in_database()],
    };
    for home in candidates.into_iter().flatten() {
        let Ok(home) = fs::canonicalize(home) else { continue };
        // Hiding one of these would hide the system.
        let is_system = ["/usr/bin", "/etc", "/proc", "/dev", "/var/lib", "/bin", "/sys"]
            .iter()
            .any(|path| Path::new(path).starts_with(&home));
        if home.is_dir() && !is_system && !homes.contains(&home) {
            homes.push(home);
        }
    }
    homes
}

fn home_in_database() -> Option<PathBuf> {
    let uid = rustix::process::getuid().as_raw().to_string();
    let text = fs::read("/etc/passwd").ok()?;
    let line = text.split(|byte| *byte == b'\n').find(|line| {
        line.split(|byte| *byte == b':').nth(2).is_some_and(|field| field == uid.as_bytes())
    })?;
    let home = line.split(|byte| *byte == b':').nth(5)?;
    home.starts_with(b"/").then(|| PathBuf::from(OsStr::from_bytes(home)))
}

/// Not through `PATH`: what the repository's tools put there is not to be trusted with this.
fn bwrap(given: Option<&Path>) -> Option<PathBuf> {
    if let Some(given) = given {
        return given.is_file().then(|| given.to_path_buf());
    }
    ["/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap", "/run/current-system/sw/bin/bwrap"]
        .iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
}

fn helper(given: Option<&Path>) -> Result<PathBuf, SandboxError> {
    match given {
        Some(path) if path.is_file() => Ok(path.to_path_buf()),
        Some(path) => Err(unavailable(
            format!("the helper program {} does not exist", path.display()),
            "give the path of astraea-sandbox-helper",
        )),
        None if crate::helper::is_ready() => Ok(PathBuf::from("/proc/self/exe")),
        None => Err(unavailable(
            "the running program cannot act as the helper".to_owned(),
            "call astraea_sandbox::init() first in main",
        )),
    }
}

pub(crate) fn unavailable(reason: String, raise: &str) -> SandboxError {
    SandboxError::Unavailable { reason, raise: raise.to_owned() }
}

fn kernel() -> (u32, u32) {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// A small text file of the system, without its newline.
pub(crate) fn read_small(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

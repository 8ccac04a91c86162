//! Control groups, where we may make them: a hard bound below the watcher.
//!
//! The watcher looks every few milliseconds and says why it kills; between two looks a group of
//! our own stops a burst. Both generations are known, each controller by itself.

#![expect(
    clippy::disallowed_methods,
    reason = "makes groups under /sys/fs/cgroup: this crate is the door to processes"
)]

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Limits;

/// A place where groups can be made, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Base {
    dir: PathBuf,
    memory: Option<&'static str>,
    processes: bool,
}

/// The groups of one command. Dropping removes them.
#[derive(Debug)]
pub(crate) struct Cgroup {
    dirs: Vec<PathBuf>,
    oom: Option<PathBuf>,
    pids: Option<PathBuf>,
}

impl Cgroup {
    /// Groups with these limits; `None` where none can be made.
    pub(crate) fn make(limits: &Limits) -> Option<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let bases = bases();
        if bases.is_empty() {
            return None;
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("astraea-{}-{count}", std::process::id());
        let mut group = Self { dirs: Vec::new(), oom: None, pids: None };
        for base in bases {
            let dir = base.dir.join(&name);
            let wanted = base.processes && limits.processes.is_some()
                || base.memory.is_some() && limits.memory_bytes.is_some();
            if !wanted || fs::create_dir(&dir).is_err() {
                continue;
            }
            if let (true, Some(count)) = (base.processes, limits.processes) {
                let _ = fs::write(dir.join("pids.max"), crate::plan::backstop(count).to_string());
                group.pids = Some(dir.join("pids.events"));
            }
            if let (Some(file), Some(bytes)) = (base.memory, limits.memory_bytes) {
                let bytes = bytes.saturating_add(bytes / 8).saturating_add(64 << 20);
                let _ = fs::write(dir.join(file), bytes.to_string());
                let v2 = file == "memory.max";
                if v2 {
                    let _ = fs::write(dir.join("memory.swap.max"), "0");
                }
                let events = if v2 { "memory.events" } else { "memory.oom_control" };
                group.oom = Some(dir.join(events));
            }
            group.dirs.push(dir);
        }
        (!group.dirs.is_empty()).then_some(group)
    }

    /// Descriptors; who writes `0` to them joins.
    pub(crate) fn doors(&self) -> Vec<OwnedFd> {
        self.dirs
            .iter()
            .filter_map(|dir| {
                fs::OpenOptions::new().write(true).open(dir.join("cgroup.procs")).ok()
            })
            .map(Into::into)
            .collect()
    }

    /// Whether the kernel killed somebody in here for want of memory.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        counted(self.oom.as_deref(), "oom_kill ")
    }

    /// Whether the kernel refused somebody in here a new process.
    pub(crate) fn ran_out_of_processes(&self) -> bool {
        counted(self.pids.as_deref(), "max ")
    }
}

/// Whether the file has a line that counts more than zero of this.
fn counted(file: Option<&Path>, what: &str) -> bool {
    file.and_then(|file| fs::read_to_string(file).ok()).is_some_and(|text| {
        let mut counts = text.lines().filter_map(|line| line.strip_prefix(what));
        counts.any(|count| count.trim() != "0")
    })
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for dir in &self.dirs {
            for _ in 0..20 {
                match fs::remove_dir(dir) {
                    Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                        std::thread::sleep(std::time::Duration::from_millis(1));
                    }
                    _ => break,
                }
            }
        }
    }
}

/// What groups can bound here: memory, processes.
pub(crate) fn bounds() -> (bool, bool) {
    let bases = bases();
    (bases.iter().any(|base| base.memory.is_some()), bases.iter().any(|base| base.processes))
}

fn bases() -> &'static [Base] {
    static BASES: OnceLock<Vec<Base>> = OnceLock::new();
    BASES.get_or_init(|| {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        candidates(&own, Path::new("/sys/fs/cgroup"))
            .into_iter()
            .filter_map(|dir| try_base(&dir))
            .fold(Vec::new(), |mut found, base| {
                // One group a controller is enough.
                let has = |kind: fn(&Base) -> bool| found.iter().any(kind);
                let adds = base.memory.is_some() && !has(|base| base.memory.is_some())
                    || base.processes && !has(|base| base.processes);
                if adds {
                    found.push(base);
                }
                found
            })
    })
}

/// Folders in which a group might be made, best first. In the second generation a group with
/// processes cannot have children with controllers, so the parent of ours comes first.
fn candidates(own: &str, root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for line in own.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let path = path.trim_start_matches('/');
        if controllers.is_empty() {
            for root in [root.to_path_buf(), root.join("unified")] {
                let own = root.join(path);
                found.extend(
                    own.parent().filter(|dir| dir.starts_with(&root)).map(Path::to_path_buf),
                );
                found.push(own);
            }
        } else if controllers.split(',').any(|name| name == "memory" || name == "pids") {
            found.push(root.join(controllers).join(path));
        }
    }
    found
}

/// Removes the groups of programs that were killed; one with processes in it stays by itself.
fn remove_stale(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name
            .to_str()
            .and_then(|name| name.strip_prefix("astraea-")?.split('-').next()?.parse().ok());
        if pid.is_some_and(crate::launch::is_gone) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Makes a group there and looks at what it can do.
fn try_base(dir: &Path) -> Option<Base> {
    remove_stale(dir);
    let probe = dir.join(format!("astraea-probe-{}", std::process::id()));
    fs::create_dir(&probe).ok()?;
    let can = |file: &str, value: &str| fs::write(probe.join(file), value).is_ok();
    let memory = ["memory.max", "memory.limit_in_bytes"]
        .into_iter()
        .find(|file| can(file, &(1_u64 << 40).to_string()));
    let processes = can("pids.max", "1000");
    let joinable = fs::OpenOptions::new().write(true).open(probe.join("cgroup.procs")).is_ok();
    let _ = fs::remove_dir(&probe);
    (joinable && (memory.is_some() || processes)).then(|| Base {
        dir: dir.to_path_buf(),
        memory,
        processes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_generations_are_looked_for() {
        let own = "4:memory:/a\n3:cpuset:/\n0::/user.slice/x.scope\nnonsense\n";
        let found = candidates(own, Path::new("/cg"));
        let found: Vec<_> = found.iter().filter_map(|path| path.to_str()).collect();
        assert_eq!(
            found,
            [
                "/cg/memory/a",
                "/cg/user.slice",
                "/cg/user.slice/x.scope",
                "/cg/unified/user.slice",
                "/cg/unified/user.slice/x.scope"
            ]
        );
    }
}

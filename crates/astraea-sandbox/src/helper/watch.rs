//! Looking at the tree: who belongs to it, and what it uses.

#![expect(
    clippy::disallowed_methods,
    reason = "reads /proc and the writable mounts: this crate is the door to processes"
)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::Tier;
use crate::plan::{End, InnerPlan, Watch};

/// One process as `/proc` shows it.
#[derive(Debug, Clone, Copy)]
struct Process {
    parent: i32,
    threads: u32,
    ticks: u64,
    resident_pages: u64,
}

/// Parses the text of `/proc/<pid>/stat`. The name may hold anything, parentheses included.
fn parse_stat(text: &str) -> Option<Process> {
    let fields: Vec<&str> = text.get(text.rfind(')')? + 1..)?.split_ascii_whitespace().collect();
    Some(Process {
        parent: fields.get(1)?.parse().ok()?,
        ticks: fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?,
        threads: fields.get(17)?.parse().ok()?,
        resident_pages: fields.get(21)?.parse().ok()?,
    })
}

fn processes() -> BTreeMap<i32, Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeMap::new() };
    entries
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
            Some((pid, parse_stat(&String::from_utf8_lossy(&text))?))
        })
        .collect()
}

/// The processes below this one. In tier A that is everybody else in the namespace.
pub(super) fn members(tier: Tier) -> Vec<i32> {
    tree(tier).into_keys().collect()
}

fn tree(tier: Tier) -> BTreeMap<i32, Process> {
    let me = rustix::process::getpid().as_raw_nonzero().get();
    let mut all = processes();
    all.remove(&me);
    if tier == Tier::A {
        return all;
    }
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for (pid, process) in &all {
        children.entry(process.parent).or_default().push(*pid);
    }
    let mut found = BTreeMap::new();
    let mut todo = vec![me];
    while let Some(pid) = todo.pop() {
        for child in children.remove(&pid).unwrap_or_default() {
            if let Some(process) = all.get(&child) {
                found.insert(child, *process);
            }
            todo.push(child);
        }
    }
    found
}

/// Watches the limits that no system call enforces for a whole tree.
#[derive(Debug)]
pub(super) struct Watcher {
    tier: Tier,
    watch: Watch,
    disk: Option<Disk>,
    in_memory: Vec<PathBuf>,
    page: u64,
    ticks_per_second: u64,
    pub(super) peak_memory: u64,
    pub(super) cpu: Duration,
}

impl Watcher {
    pub(super) fn new(plan: &InnerPlan) -> Self {
        let watch = &plan.watch;
        Self {
            tier: plan.tier,
            watch: watch.clone(),
            disk: watch.disk_bytes.and_then(|limit| Disk::new(limit, &plan.on_disk)),
            in_memory: plan.in_memory.iter().map(PathBuf::from).collect(),
            page: rustix::param::page_size() as u64,
            ticks_per_second: rustix::param::clock_ticks_per_second().max(1),
            peak_memory: 0,
            cpu: Duration::ZERO,
        }
    }

    /// Whether more processes are alive than allowed.
    pub(super) fn too_many(&self) -> bool {
        let alive = || tree(self.tier).values().map(|process| process.threads).sum::<u32>();
        self.watch.processes.is_some_and(|limit| alive() > limit)
    }

    /// One look; the limit that is broken, if any. `reaped` is the time of those already gone.
    pub(super) fn look(&mut self, reaped: Duration) -> Option<End> {
        let tree = tree(self.tier);
        let threads: u32 = tree.values().map(|process| process.threads).sum();
        let pages: u64 = tree.values().map(|process| process.resident_pages).sum();
        let ticks: u64 = tree.values().map(|process| process.ticks).sum();
        let live = Duration::from_millis(ticks.saturating_mul(1000) / self.ticks_per_second);
        self.cpu = self.cpu.max(reaped + live);
        if self.watch.processes.is_some_and(|limit| threads > limit) {
            return Some(End::Processes);
        }
        let files: u64 = self.in_memory.iter().filter_map(|place| used(place)).sum();
        let mut memory = pages.saturating_mul(self.page) + files;
        if let Some(limit) = self.watch.memory_bytes
            && memory > limit
        {
            // Pages that processes share were counted for each of them.
            memory = tree.keys().map(|pid| proportional(*pid).unwrap_or(0)).sum::<u64>() + files;
            if memory > limit {
                self.peak_memory = self.peak_memory.max(memory);
                return Some(End::Memory);
            }
        }
        self.peak_memory = self.peak_memory.max(memory);
        if self.watch.cpu.is_some_and(|limit| self.cpu > limit) {
            return Some(End::Cpu);
        }
        self.disk.as_mut().and_then(Disk::look)
    }
}

/// A process's share of its memory, in bytes.
fn proportional(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find(|line| line.starts_with("Pss:"))?;
    Some(line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// Watches the file systems below the writable mounts.
#[derive(Debug)]
struct Disk {
    limit: u64,
    since: SystemTime,
    places: Vec<(PathBuf, u64)>,
    next: Instant,
}

/// Below this much free space a command that writes is stopped, whatever its limit.
const RESERVE: u64 = 256 << 20;

impl Disk {
    fn new(limit: u64, paths: &[OsString]) -> Option<Self> {
        let places: Vec<_> =
            paths.iter().filter_map(|path| Some((path.into(), free(Path::new(path))?))).collect();
        let since = SystemTime::now();
        (!places.is_empty()).then(|| Self { limit, since, places, next: Instant::now() })
    }

    fn look(&mut self) -> Option<End> {
        if Instant::now() < self.next {
            return None;
        }
        self.next = Instant::now() + Duration::from_millis(100);
        // Cheap first: has the file system lost that much at all?
        let (mut shrunk, mut scarce) = (false, false);
        for (path, before) in &self.places {
            let now = free(path)?;
            shrunk |= before.saturating_sub(now) > self.limit;
            scarce |= now < RESERVE && before.saturating_sub(now) > RESERVE / 4;
        }
        if !shrunk && !scarce {
            return None;
        }
        // Others write there too: count what was changed since the start.
        let began = Instant::now();
        let written: u64 = self.places.iter().map(|(path, _)| changed(path, self.since)).sum();
        self.next = Instant::now() + began.elapsed() * 10 + Duration::from_millis(100);
        (written > self.limit || scarce && written > RESERVE / 8).then_some(End::Disk)
    }
}

/// What the files in a file system take.
fn used(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_blocks.saturating_sub(stat.f_bfree).saturating_mul(stat.f_frsize))
}

fn free(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The blocks of the files below `path` that changed since then, in bytes.
fn changed(path: &Path, since: SystemTime) -> u64 {
    let since = since
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    let mut total = 0;
    let mut todo = vec![path.to_path_buf()];
    while let Some(dir) = todo.pop() {
        let Ok(entries) = fs::read_dir(dir) else { continue };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                todo.push(entry.path());
            } else if metadata.ctime() >= since {
                total += metadata.blocks() * 512;
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let text = "7 (a) b (c)) S 3 7 7 0 -1 4194560 1 2 3 4 10 20 0 0 20 0 5 0 99 1000 42 18 1";
        let process = parse_stat(text).expect("it is well formed");
        assert_eq!((process.parent, process.ticks), (3, 30));
        assert_eq!((process.threads, process.resident_pages), (5, 42));
    }

    #[test]
    fn nonsense_is_nothing() {
        assert!(parse_stat("").is_none());
        assert!(parse_stat("1 (x) S").is_none());
    }
}

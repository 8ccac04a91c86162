//! `cargo xtask bench plan`: the planner on a suite of problems, one process a problem.
//!
//! Each process is held to so many CPU seconds and so much address space, and its own CPU time and largest resident set are what the kernel says of
//! it. The planner checks its own plan with its verifier before it prints it, and says so with exit code 4 where the plan is wrong.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};
use xshell::{Shell, cmd};

use crate::flags;

/// One line of the suite.
#[derive(Debug, Clone)]
struct Entry {
    track: String,
    domain: String,
    domain_file: String,
    problem_file: String,
}

/// What one process came to.
#[derive(Debug)]
struct Outcome {
    status: &'static str,
    cpu_s: f64,
    rss_mb: u64,
    steps: Option<usize>,
}

/// Best figures of the others for one problem.
#[derive(Debug, Default, Clone)]
struct Peers {
    solved_by: Vec<String>,
    shortest: Option<usize>,
}

/// Runs the suite and writes the results.
///
/// # Errors
/// When a file of the suite cannot be read or the planner cannot be built.
pub(super) fn run(sh: &Shell, flags: &flags::Bench) -> anyhow::Result<()> {
    let suite = flags.suite.clone().context("`--suite CSV` is needed")?;
    let root = flags.root.clone().context("`--root DIR` is needed")?;
    let out = flags.out.clone().unwrap_or_else(|| PathBuf::from("plan-bench.csv"));
    let plans = flags.plans.clone().unwrap_or_else(|| PathBuf::from("plans"));
    let (cpu, mem) = (flags.cpu.unwrap_or(10), flags.mem.unwrap_or(4096));
    if flags.threads.unwrap_or(1) != 1 {
        bail!("only one thread can be measured so far; leave out --threads");
    }
    let planner = match &flags.planner {
        Some(path) => path.clone(),
        None => build(sh)?,
    };
    let entries = sample(read_suite(&suite)?, flags.sample, flags.only.as_deref());
    let peers = read_peers(&suite.with_file_name("peers.csv"));
    fs::create_dir_all(&plans)?;
    let mut table = String::from("track,domain,problem_file,status,cpu_s,rss_mb,plan_length\n");
    let mut results = Vec::new();
    for entry in &entries {
        let plan = plans.join(format!("{}.plan", entry.problem_file.replace('/', "_")));
        let outcome = one(&planner, &root, entry, &plan, cpu, mem)?;
        let steps = outcome.steps.map_or_else(String::new, |n| n.to_string());
        let Entry { track, domain, problem_file, .. } = entry;
        let Outcome { status, cpu_s, rss_mb, .. } = &outcome;
        let line = format!("{track},{domain},{problem_file},{status},{cpu_s:.3},{rss_mb},{steps}");
        eprintln!("{line}");
        let _ = writeln!(table, "{line}");
        results.push(outcome);
        fs::write(&out, &table)?;
    }
    print!("{}", summary(&entries, &results, &peers));
    Ok(())
}

/// Builds the planner's example program and says where it is.
fn build(sh: &Shell) -> anyhow::Result<PathBuf> {
    cmd!(sh, "cargo build --quiet --release --package astraea-htn --example hddl").run()?;
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| crate::root().join("target"), PathBuf::from);
    Ok(target.join("release/examples/hddl"))
}

fn read_suite(path: &Path) -> anyhow::Result<Vec<Entry>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut entries = Vec::new();
    for line in text.lines().skip(1).filter(|l| !l.trim().is_empty()) {
        let [track, domain, domain_file, problem_file] = line.split(',').collect::<Vec<_>>()[..]
        else {
            bail!("`{line}` does not have the four columns track,domain,domain_file,problem_file");
        };
        entries.push(Entry {
            track: track.into(),
            domain: domain.into(),
            domain_file: domain_file.into(),
            problem_file: problem_file.into(),
        });
    }
    Ok(entries)
}

/// So many problems a domain, spread evenly; all without a number.
fn sample(entries: Vec<Entry>, count: Option<usize>, only: Option<&str>) -> Vec<Entry> {
    let mut groups: BTreeMap<(String, String), Vec<Entry>> = BTreeMap::new();
    for e in entries {
        let key = (e.track.clone(), e.domain.clone());
        if only.is_none_or(|part| format!("{}/{}", key.0, key.1).contains(part)) {
            groups.entry(key).or_default().push(e);
        }
    }
    let pick = |list: Vec<Entry>| -> Vec<Entry> {
        let n = list.len();
        let count = count.unwrap_or(n).clamp(1, n);
        let at = |i: usize| if count == 1 { 0 } else { i * (n - 1) / (count - 1) };
        (0..count).map(|i| list[at(i)].clone()).collect()
    };
    groups.into_values().flat_map(pick).collect()
}

fn read_peers(path: &Path) -> BTreeMap<String, Peers> {
    let mut peers: BTreeMap<String, Peers> = BTreeMap::new();
    let Ok(text) = fs::read_to_string(path) else { return peers };
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [_, _, problem, peer, "solved", _, _, length] = fields[..] else { continue };
        let entry = peers.entry(problem.to_owned()).or_default();
        entry.solved_by.push(peer.to_owned());
        if let Ok(length) = length.trim().parse() {
            entry.shortest = Some(entry.shortest.map_or(length, |s: usize| s.min(length)));
        }
    }
    peers
}

/// Runs the planner on one problem and checks what it says.
fn one(
    planner: &Path,
    root: &Path,
    entry: &Entry,
    plan: &Path,
    cpu: u64,
    mem: u64,
) -> anyhow::Result<Outcome> {
    let domain = root.join(&entry.domain_file);
    let problem = root.join(&entry.problem_file);
    let limits = format!("ulimit -t {cpu}; ulimit -v {}; exec \"$@\"", mem * 1024);
    let file = fs::File::create(plan)?;
    let child = Command::new("sh")
        .args(["-c", &limits, "sh"])
        .arg(planner)
        .args([&domain, &problem])
        .args(["--time", &cpu.to_string(), "--memory", &mem.to_string()])
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(Stdio::null())
        .spawn()?;
    let (code, cpu_s, rss_mb) = wait(child.id())?;
    let mut outcome = Outcome { status: "unsolved", cpu_s, rss_mb, steps: None };
    if code == Some(0) {
        let text = fs::read_to_string(plan)?;
        let steps = text.lines().skip_while(|l| *l != "==>").skip(1);
        outcome.steps = Some(steps.take_while(|l| !l.starts_with("root")).count());
        outcome.status = "solved";
    } else {
        if code == Some(4) {
            outcome.status = "invalid";
        }
        let _ = fs::remove_file(plan);
    }
    Ok(outcome)
}

/// Waits for a process: its exit code (none where a signal ended it), its CPU seconds, its largest resident set in MB.
pub(super) fn wait(pid: u32) -> anyhow::Result<(Option<i32>, f64, u64)> {
    let pid = libc::pid_t::try_from(pid)?;
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers are to live values of the right types, and an all-zero `rusage` is a valid one, so it may be read whatever the call did.
        let found = unsafe { libc::wait4(pid, &mut status, 0, usage.as_mut_ptr()) };
        if found == pid {
            break;
        }
        let error = std::io::Error::last_os_error();
        if error.kind() != std::io::ErrorKind::Interrupted {
            return Err(error).context("cannot wait for the planner");
        }
    }
    // SAFETY: zeroed above and then filled in by the kernel.
    let usage = unsafe { usage.assume_init() };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
    let rss = u64::try_from(usage.ru_maxrss).unwrap_or(0) / 1024;
    Ok((code, seconds(usage.ru_utime) + seconds(usage.ru_stime), rss))
}

/// Solved problems by domain, beside the best of the others and all of them together.
fn summary(entries: &[Entry], results: &[Outcome], peers: &BTreeMap<String, Peers>) -> String {
    #[derive(Default)]
    struct Row {
        problems: usize,
        solved: usize,
        invalid: usize,
        by_peer: BTreeMap<String, usize>,
        union: usize,
        only_others: usize,
        cpu: f64,
        ratios: Vec<f64>,
    }
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    for (entry, result) in entries.iter().zip(results) {
        let total = (entry.track.clone(), "~ all".to_owned());
        for key in [(entry.track.clone(), entry.domain.clone()), total] {
            let row = rows.entry(key).or_default();
            let known = peers.get(&entry.problem_file).cloned().unwrap_or_default();
            let solved = result.status == "solved";
            row.problems += 1;
            row.solved += usize::from(solved);
            row.invalid += usize::from(result.status == "invalid");
            row.union += usize::from(!known.solved_by.is_empty());
            row.only_others += usize::from(!known.solved_by.is_empty() && !solved);
            row.cpu += result.cpu_s;
            for peer in &known.solved_by {
                *row.by_peer.entry(peer.clone()).or_default() += 1;
            }
            if let (true, Some(own), Some(best)) = (solved, result.steps, known.shortest) {
                row.ratios.push((own as f64 + 1e-9) / (best as f64 + 1e-9));
            }
        }
    }
    let mut text = format!(
        "{:<3} {:<28} {:>4} {:>6} {:>7} {:>5} {:>5} {:>6} {:>8} {:>6} {:>6}\n",
        "",
        "domain",
        "of",
        "solved",
        "invalid",
        "best",
        "union",
        "missed",
        "cpu s",
        "length",
        "worst"
    );
    for ((track, domain), row) in &mut rows {
        row.ratios.sort_by(f64::total_cmp);
        let median = row.ratios.get(row.ratios.len() / 2).map_or("-".into(), |r| format!("{r:.2}"));
        let worst = row.ratios.last().map_or("-".into(), |r| format!("{r:.2}"));
        let best = row.by_peer.values().max().copied().unwrap_or(0);
        let (of, solved, invalid) = (row.problems, row.solved, row.invalid);
        let (union, missed, cpu) = (row.union, row.only_others, row.cpu);
        let _ = writeln!(
            text,
            "{track:<3} {domain:<28} {of:>4} {solved:>6} {invalid:>7} {best:>5} {union:>5} {missed:>6} {cpu:>8.1} {median:>6} {worst:>6}"
        );
    }
    text
}

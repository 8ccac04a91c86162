//! `cargo xtask bench add-tests`: tests for programs that are right, tried on their twins that are wrong.
//!
//! DATA has one JSON object a line with `task_id`, `prompt`, `canonical_solution` and `buggy_solution`. The right program
//! is put into a repository of its own and `astra run add_tests` is carried out; the test file on the branch is then run,
//! in a fresh directory, with the right program (it must pass) and with the wrong one (it should not).

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::flags;

/// What became of one program.
#[derive(Debug, Default)]
struct Row {
    outcome: String,
    tests: u64,
    mutants: u64,
    noticed: u64,
    holds: bool,
    exposes: bool,
    seconds: f64,
}

/// Runs the tasks and writes the table.
///
/// # Errors
/// When the data cannot be read or `astra` cannot be built.
pub(super) fn run(sh: &Shell, flags: &flags::Bench) -> anyhow::Result<()> {
    let data = flags.data.clone().context("`--data FILE.jsonl` is needed")?;
    match flags.lang.as_deref().unwrap_or("python") {
        "python" => {}
        other => bail!("add_tests writes tests for python only so far, not {other}"),
    }
    let out = flags.out.clone().unwrap_or_else(|| PathBuf::from("add-tests-bench.csv"));
    cmd!(sh, "cargo build --package astraea-cli").run()?;
    let astra = target().join("debug/astra");
    let text = fs::read_to_string(&data).with_context(|| data.display().to_string())?;
    let mut table = String::from("task_id,outcome,tests,mutants,noticed,holds,exposes,wall_s\n");
    let mut rows = Vec::new();
    let step = flags.sample.map_or(1, |n| text.lines().count().div_ceil(n.max(1)).max(1));
    for line in text.lines().filter(|line| !line.trim().is_empty()).step_by(step) {
        let task: Value = serde_json::from_str(line)?;
        let field = |name: &str| task[name].as_str().unwrap_or_default().to_owned();
        let id = field("task_id");
        if flags.only.as_ref().is_some_and(|only| !id.contains(only.as_str())) {
            continue;
        }
        let right = field("prompt") + &field("canonical_solution");
        let wrong = field("prompt") + &field("buggy_solution");
        let row = one(&astra, &right, &wrong, flags.cpu.unwrap_or(60))?;
        let Row { outcome, tests, mutants, noticed, holds, exposes, seconds } = &row;
        let line =
            format!("{id},{outcome},{tests},{mutants},{noticed},{holds},{exposes},{seconds:.1}");
        eprintln!("{line}");
        let _ = writeln!(table, "{line}");
        rows.push(row);
        fs::write(&out, &table)?;
    }
    print!("{}", summary(&rows));
    Ok(())
}

fn summary(rows: &[Row]) -> String {
    let all = rows.len().max(1);
    let percent = |n: usize| n * 100 / all;
    let (mutants, noticed) =
        rows.iter().fold((0, 0), |(m, n), row| (m + row.mutants, n + row.noticed));
    let false_claims = rows.iter().filter(|row| row.outcome == "verified" && !row.holds).count();
    format!(
        "{} programs: tests for {} ({} %), mutants noticed {noticed} of {mutants} ({} %), wrong twins exposed {} ({} %), \
         claimed and not so in a fresh copy {false_claims}\n",
        rows.len(),
        rows.iter().filter(|row| row.tests > 0).count(),
        percent(rows.iter().filter(|row| row.tests > 0).count()),
        noticed * 100 / mutants.max(1),
        rows.iter().filter(|row| row.exposes).count(),
        percent(rows.iter().filter(|row| row.exposes).count()),
    )
}

fn one(astra: &Path, right: &str, wrong: &str, seconds: u64) -> anyhow::Result<Row> {
    let base = std::env::temp_dir().join(format!("astra-bench-add-tests-{}", std::process::id()));
    let _ = fs::remove_dir_all(&base);
    let repo = base.join("repo");
    fs::create_dir_all(&repo)?;
    fs::write(repo.join("solution.py"), right)?;
    let git = |args: &[&str]| -> anyhow::Result<String> {
        let done = Command::new("git").args(args).current_dir(&repo).output()?;
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    };
    git(&["init", "-q"])?;
    git(&["add", "-A"])?;
    git(&["-c", "user.name=b", "-c", "user.email=b@localhost", "commit", "-qm", "program"])?;
    let begun = std::time::Instant::now();
    let done = Command::new(astra)
        .args(["run", "--json", "--timeout", &(seconds * 1000).to_string(), "add_tests"])
        .current_dir(&repo)
        .env("XDG_STATE_HOME", base.join("state"))
        .env("XDG_CONFIG_HOME", base.join("config"))
        .output()?;
    let mut row = Row { seconds: begun.elapsed().as_secs_f64(), ..Row::default() };
    let stdout = String::from_utf8_lossy(&done.stdout);
    let events: Vec<Value> =
        stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let last = events.last().cloned().unwrap_or_default();
    row.outcome = last["outcome"].as_str().unwrap_or("none").to_owned();
    let figures = events.iter().find_map(|event| {
        event.pointer("/output/value/characterisation").filter(|value| value.is_object())
    });
    if let (Some(figures), Some(branch)) = (figures, last["branch"].as_str()) {
        let count = |name: &str| figures[name].as_u64().unwrap_or(0);
        (row.tests, row.mutants, row.noticed) =
            (count("tests"), count("mutants"), count("noticed"));
        let file = last["files"][0].as_str().unwrap_or_default();
        let tests = git(&["show", &format!("{branch}:{file}")])?;
        let passes = |program: &str, name: &str| -> anyhow::Result<bool> {
            let dir = base.join(name);
            fs::create_dir_all(&dir)?;
            fs::write(dir.join("solution.py"), program)?;
            fs::write(dir.join("test_solution_characterised.py"), &tests)?;
            let mut run = Command::new("timeout");
            run.args(["30", "python3", "-m", "unittest", "-q", "test_solution_characterised"]);
            Ok(run.current_dir(&dir).output()?.status.success())
        };
        row.holds = passes(right, "right")?;
        row.exposes = row.holds && !passes(wrong, "wrong")?;
    }
    let _ = fs::remove_dir_all(&base);
    Ok(row)
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::root().join("target"), PathBuf::from)
}

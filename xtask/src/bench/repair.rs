//! `cargo xtask bench repair`: the search for repairs on many small bugs.
//!
//! Each task becomes a repository of its own, with the buggy source and the tests the search may see. The program
//! `repair_one` (an example of astraea-executors) repairs it as a run of fix_bug does: same executors, same sandbox. What
//! it delivers is checked out into a fresh copy and scored there on the task's `test`, which is the only thing that counts
//! as a success. `--dir` takes whole repositories instead and hands them to `astra run`.

mod data;
mod folder;
mod language;
mod process;
mod score;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::environment::Environment;
use crate::flags;
use data::{Search, Task};
use language::Lang;

/// Where and how tasks are run.
pub(super) struct Bench {
    /// Everything that this run writes, but for the results.
    pub(super) work: PathBuf,
    /// The program that repairs one repository.
    pub(super) program: PathBuf,
    /// CPU seconds a task.
    pub(super) cpu: u64,
    /// A Python interpreter that has pytest.
    pub(super) python: Option<String>,
    /// Where the delivered sources go.
    pub(super) patches: PathBuf,
}

/// What a task came to.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) outcome: String,
    pub(super) correct: Option<bool>,
    pub(super) cpu_s: f64,
    pub(super) first_s: Option<f64>,
    pub(super) candidates: u64,
    pub(super) why: String,
}

/// Runs the benchmark and writes the results.
///
/// # Errors
/// When the data cannot be read or a program of the bench cannot be built.
pub(super) fn run(sh: &Shell, flags: &flags::Bench) -> anyhow::Result<()> {
    let environment = Environment::prepare(sh)?;
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| crate::root().join("target"), PathBuf::from);
    if let Some(dir) = &flags.dir {
        return folder::run(sh, flags, &environment, dir, &target);
    }
    let data = flags.data.as_ref().context("`--data FILE.jsonl` or `--dir DIR` is needed")?;
    let lang = Lang::of(flags.lang.as_deref().context("`--lang python|rust|js` is needed")?)?;
    let search = match flags.search.as_deref().unwrap_or("full") {
        "full" => Search::Full,
        "example" => Search::Example,
        other => bail!("`--search {other}` is unknown: full or example"),
    };
    if flags.planner.is_none() {
        cmd!(sh, "cargo build --quiet --release --package astraea-executors --example repair_one")
            .run()?;
    }
    let out = flags.out.clone().unwrap_or_else(|| PathBuf::from("repair-bench.csv"));
    let python = environment.vars.iter().find(|(key, _)| key == "ASTRAEA_TEST_PYTHON");
    let bench = Bench {
        work: target.join("bench-repair"),
        program: flags
            .planner
            .clone()
            .unwrap_or_else(|| target.join("release/examples/repair_one")),
        cpu: flags.cpu.unwrap_or(if lang == Lang::Rust { 60 } else { 20 }),
        python: python.map(|(_, value)| value.clone()),
        patches: flags.patches.clone().unwrap_or_else(|| PathBuf::from("patches")),
    };
    fs::create_dir_all(&bench.patches)?;
    lang.prepare(sh, &bench)?;
    let tasks = data::read(data)?;
    let mut table = String::from("task_id,bug_type,outcome,correct_on_test,cpu_s,candidates\n");
    let mut rows = Vec::new();
    let wanted = |task: &&Task| {
        flags.only.as_deref().is_none_or(|part| format!("{}$", task.id).contains(part))
    };
    for task in tasks.iter().filter(wanted) {
        let row = match task.tests(search) {
            None => Row { outcome: "no-search-tests".into(), ..Row::default() },
            Some(tests) => {
                one(&bench, lang, task, tests).with_context(|| format!("task {}", task.id))?
            }
        };
        let correct = row.correct.map_or_else(String::new, |correct| correct.to_string());
        let line = format!(
            "{},{},{},{correct},{:.2},{}",
            quoted(&task.id),
            quoted(&task.bug_type),
            row.outcome,
            row.cpu_s,
            row.candidates
        );
        let first = row.first_s.map_or_else(String::new, |first| format!("  first {first:.2}"));
        eprintln!("{line}{first}  {}", row.why);
        let _ = writeln!(table, "{line}");
        rows.push(row);
        fs::write(&out, &table)?;
    }
    print!("{}", score::summary(&rows));
    Ok(())
}

/// Makes the repository of a task, has it repaired, scores what was delivered.
fn one(bench: &Bench, lang: Lang, task: &Task, tests: &str) -> anyhow::Result<Row> {
    let place = bench.work.join("tasks").join(lang.word());
    let repository = lang.repository(bench, &place, task, &task.buggy(), tests)?;
    let state = place.join("state");
    let _ = fs::remove_dir_all(&state);
    let mut argv = vec![repository.display().to_string(), state.display().to_string()];
    // what is measured is all that the program did, so a little is kept for what is around the search
    let search = (bench.cpu as f64 * 0.92).max(1.0);
    argv.extend(["--cpu".to_owned(), format!("{search:.1}")]);
    argv.extend(["--wall".to_owned(), format!("{}", bench.cpu * 8 + 60)]);
    let ended = process::run(&bench.program, &argv, &place, bench.cpu * 10 + 120)?;
    let told: Value = serde_json::from_str(ended.stdout.lines().last().unwrap_or_default())
        .unwrap_or(Value::Null);
    let mut row = Row {
        outcome: told["outcome"].as_str().unwrap_or("crashed").to_owned(),
        // what a killed worker used is known to the program only
        cpu_s: ended.cpu_s.max(told["cpu_ms"].as_f64().unwrap_or(0.0) / 1000.0),
        first_s: told["first_patch_cpu_ms"].as_f64().map(|ms| ms / 1000.0),
        candidates: told["candidates"].as_u64().unwrap_or(0),
        why: told["why"].as_str().unwrap_or_default().to_owned(),
        ..Row::default()
    };
    if row.outcome == "crashed" {
        row.why = ended.stderr.chars().take(300).collect();
    }
    let name = task.id.replace('/', "_");
    fs::write(bench.patches.join(format!("{name}.json")), serde_json::to_string_pretty(&told)?)?;
    let Some(branch) = told["branch"].as_str() else { return Ok(row) };
    let source = process::git(&repository, &["show", &format!("{branch}:{}", lang.source())])?;
    fs::write(bench.patches.join(format!("{name}.{}", lang.extension())), &source)?;
    row.correct = Some(score::passes(bench, lang, task, &source)?);
    Ok(row)
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// An empty directory.
fn emptied(path: &Path) -> anyhow::Result<()> {
    let _ = fs::remove_dir_all(path);
    fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))
}

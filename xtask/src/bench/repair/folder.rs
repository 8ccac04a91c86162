//! Whole repositories: each folder below `--dir` is committed as it is and given to `astra run`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::environment::Environment;
use crate::flags;

use super::{emptied, process};

/// Files that are only for the bench.
const NOTE: &str = "bench.toml";

/// Repairs each repository from its failing test alone, then runs its tests in a fresh clone of the branch.
pub(super) fn run(
    sh: &Shell,
    flags: &flags::Bench,
    environment: &Environment,
    dir: &Path,
    target: &Path,
) -> anyhow::Result<()> {
    let astra = match &flags.planner {
        Some(program) => program.clone(),
        None => {
            cmd!(sh, "cargo build --quiet --release --package astraea-cli").run()?;
            target.join("release/astra")
        }
    };
    let python = environment.vars.iter().find(|(key, _)| key == "ASTRAEA_TEST_PYTHON");
    let out = flags.out.clone().unwrap_or_else(|| PathBuf::from("repair-bench.csv"));
    let mut folders: Vec<PathBuf> = fs::read_dir(dir)
        .with_context(|| format!("cannot read {}", dir.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    let mut table = String::from("repository,outcome,tests_pass,cpu_s,changed\n");
    let (mut tried, mut good) = (0, 0);
    for folder in folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if flags.only.as_deref().is_some_and(|part| !name.contains(part)) {
            continue;
        }
        let place = target.join("bench-repair/folders").join(&name);
        emptied(&place)?;
        let repository = place.join("repository");
        copy_tree(&folder, &repository)?;
        process::commit_all(&repository)?;
        if let (Some((_, python)), true) = (python, is_python(&repository)) {
            give_python(&repository, python)?;
        }
        let home = |name: &str| place.join(name).display().to_string();
        let argv: Vec<String> = [
            format!("XDG_STATE_HOME={}", home("state")),
            format!("XDG_CONFIG_HOME={}", home("config")),
            astra.display().to_string(),
            "run".into(),
            "--json".into(),
            "fix_bug: a test fails".into(),
        ]
        .into();
        let wall = flags.cpu.unwrap_or(120) * 5;
        let ended = process::run_in(Path::new("env"), &argv, Some(&repository), &place, wall)?;
        let last: Value = ended
            .stdout
            .lines()
            .last()
            .and_then(|line| serde_json::from_str(line).ok())
            .unwrap_or(Value::Null);
        let branches = process::git(
            &repository,
            &["branch", "--list", "astra/*", "--format=%(refname:short)"],
        )?;
        let branch = branches.lines().next().map(str::to_owned);
        let success = ended.success && last.pointer("/success").is_some_and(|v| v == true);
        let (mut passes, mut changed) = (String::new(), String::new());
        if let Some(branch) = &branch {
            changed = process::git(&repository, &["diff", "--name-only", "main", branch])?
                .trim()
                .replace('\n', " ");
            let patch = process::git(&repository, &["diff", "main", branch])?;
            if let Some(patches) = &flags.patches {
                fs::create_dir_all(patches)?;
                fs::write(patches.join(format!("{name}.diff")), &patch)?;
            }
            passes = tests_pass(&place, &repository, branch, python.map(|(_, p)| p.as_str()))?
                .to_string();
        }
        let outcome = word(&last, success);
        tried += 1;
        good += usize::from(success && passes == "true");
        let line = format!("{name},{outcome},{passes},{:.2},{changed}", ended.cpu_s);
        eprintln!("{line}");
        let _ = writeln!(table, "{line}");
        fs::write(&out, &table)?;
        fs::write(place.join("last.json"), serde_json::to_string_pretty(&last)?)?;
    }
    println!(
        "{good} of {tried} repositories: a delivered patch that passes all tests in a fresh clone"
    );
    Ok(())
}

/// The outcome word of the result.
fn word(last: &Value, success: bool) -> String {
    let found = ["/outcome", "/status", "/result/outcome", "/verdict"]
        .iter()
        .find_map(|at| last.pointer(at).and_then(Value::as_str));
    found.map_or_else(|| if success { "succeeded" } else { "failed" }.to_owned(), str::to_owned)
}

fn is_python(repository: &Path) -> bool {
    !repository.join("Cargo.toml").exists() && !repository.join("package.json").exists()
}

/// An ignored `.venv`, as a user would have it.
fn give_python(repository: &Path, python: &str) -> anyhow::Result<()> {
    let Some(venv) = Path::new(python).ancestors().nth(2) else { return Ok(()) };
    fs::write(repository.join(".git/info/exclude"), ".venv\n")?;
    let to = repository.join(".venv");
    process::run(
        Path::new("cp"),
        &["-a".into(), venv.display().to_string(), to.display().to_string()],
        repository.parent().unwrap_or(repository),
        120,
    )?;
    Ok(())
}

/// All tests of the delivered branch, in a clone, with the language's own runner.
fn tests_pass(
    place: &Path,
    repository: &Path,
    branch: &str,
    python: Option<&str>,
) -> anyhow::Result<bool> {
    let clone = place.join("clone");
    process::git(
        repository,
        &["clone", "-q", "--branch", branch, ".", &clone.display().to_string()],
    )?;
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let (program, argv) = if clone.join("Cargo.toml").exists() {
        ("cargo", words(&["test", "--quiet", "--offline", "--target-dir", "target"]))
    } else if clone.join("package.json").exists() {
        ("node", words(&["--test"]))
    } else {
        (python.unwrap_or("python3"), words(&["-m", "pytest", "-q", "-p", "no:cacheprovider"]))
    };
    Ok(process::run_in(Path::new(program), &argv, Some(&clone), place, 300)?.success)
}

fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == NOTE || name == "target" || name == "__pycache__" || name == ".pytest_cache" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &to.join(name))?;
        } else {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

//! How a task becomes a repository, language by language.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::bail;
use xshell::{Shell, cmd};

use super::data::Task;
use super::process::commit_all;
use super::{Bench, emptied};

/// The language of the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lang {
    Python,
    Rust,
    JavaScript,
}

/// Crates that the tests of a task may import.
const RUST_MANIFEST: &str = "[package]\nname = \"task\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n\
    [lib]\npath = \"src/lib.rs\"\n\n[dependencies]\nmd5 = \"0.7\"\nrand = \"0.4\"\nregex = \"1\"\n\n[profile.dev]\ndebug = false\n\n[profile.test]\ndebug = false\n";

impl Lang {
    pub(super) fn of(word: &str) -> anyhow::Result<Self> {
        Ok(match word {
            "python" => Self::Python,
            "rust" => Self::Rust,
            "js" | "javascript" => Self::JavaScript,
            other => bail!("`--lang {other}` is unknown: python, rust or js"),
        })
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Rust => "rust",
            Self::JavaScript => "js",
        }
    }

    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Python => "py",
            Self::Rust => "rs",
            Self::JavaScript => "js",
        }
    }

    /// The file that holds the bug.
    pub(super) fn source(self) -> &'static str {
        match self {
            Self::Python => "solution.py",
            Self::Rust => "src/lib.rs",
            Self::JavaScript => "solution.js",
        }
    }

    /// What is made once for all tasks: the crates that Rust's tests import are built.
    pub(super) fn prepare(self, sh: &Shell, bench: &Bench) -> anyhow::Result<()> {
        if self != Self::Rust {
            return Ok(());
        }
        let base = bench.work.join("rust-base");
        fs::create_dir_all(base.join("src"))?;
        fs::write(base.join("Cargo.toml"), RUST_MANIFEST)?;
        fs::write(base.join("src/lib.rs"), "use md5 as _;\nuse rand as _;\nuse regex as _;\n")?;
        let target = base.join("target");
        let _dir = sh.push_dir(&base);
        let _env = sh.push_env("CARGO_TARGET_DIR", &target);
        cmd!(sh, "cargo test --quiet --no-run").run()?;
        Ok(())
    }

    /// Writes the files of a task.
    pub(super) fn write(
        self,
        bench: &Bench,
        at: &Path,
        task: &Task,
        source: &str,
        tests: &str,
    ) -> anyhow::Result<()> {
        match self {
            Self::Python => {
                fs::write(at.join("solution.py"), source)?;
                fs::write(at.join("test_solution.py"), python_test(task, tests))?;
                // without it pytest's way of finding the root depends on what lies above
                fs::write(at.join("pytest.ini"), "[pytest]\n")?;
                fs::write(at.join(".gitignore"), ".venv\n")?;
                // a link of another place would not be seen in the sandbox
                let venv =
                    bench.python.as_ref().and_then(|python| Path::new(python).ancestors().nth(2));
                if let Some(venv) = venv {
                    link_tree(venv, &at.join(".venv"))?;
                }
            }
            Self::Rust => {
                let base = bench.work.join("rust-base");
                fs::create_dir_all(at.join("src"))?;
                fs::write(at.join("src/lib.rs"), with_rust_tests(source, tests))?;
                fs::copy(base.join("Cargo.toml"), at.join("Cargo.toml"))?;
                fs::copy(base.join("Cargo.lock"), at.join("Cargo.lock"))?;
                fs::write(at.join(".gitignore"), "/target\n")?;
                link_tree(&base.join("target"), &at.join("target"))?;
            }
            Self::JavaScript => {
                let entry = &task.entry_point;
                fs::write(
                    at.join("package.json"),
                    "{ \"name\": \"task\", \"version\": \"1.0.0\", \"scripts\": { \"test\": \"node --test\" } }\n",
                )?;
                fs::write(
                    at.join("solution.js"),
                    format!("{source}\nmodule.exports = {{ {entry} }};\n"),
                )?;
                fs::write(at.join("solution.test.js"), js_test(task, tests))?;
            }
        }
        Ok(())
    }

    /// An empty place with the task in it, as a repository of one commit.
    pub(super) fn repository(
        self,
        bench: &Bench,
        place: &Path,
        task: &Task,
        source: &str,
        tests: &str,
    ) -> anyhow::Result<PathBuf> {
        let at = place.join("repository");
        emptied(&at)?;
        self.write(bench, &at, task, source, tests)?;
        commit_all(&at)?;
        Ok(at)
    }
}

/// The task's own `check(candidate)` as a test that pytest finds.
fn python_test(task: &Task, tests: &str) -> String {
    let tests = tests.trim_end();
    let entry = &task.entry_point;
    let body = tests.rfind("\ncheck(").map(|at| tests[..at].to_owned());
    match body {
        Some(body) => format!(
            "import solution\nfrom solution import *\n{body}\n\n\ndef test_solution():\n    check(solution.{entry})\n"
        ),
        None => {
            let lines: String = tests.lines().map(|line| format!("    {line}\n")).collect();
            format!("from solution import *\n\n\ndef test_solution():\n{lines}")
        }
    }
}

/// Tests whose `console.assert` throws, because a failed one is only a line on standard error otherwise.
fn js_test(task: &Task, tests: &str) -> String {
    let entry = &task.entry_point;
    let lines: String = tests.trim().lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "const nodeTest = require('node:test');\nconst nodeAssert = require('node:assert');\nconst {{ {entry} }} = require('./solution.js');\n\n\
         console.assert = (right, ...said) => nodeAssert.ok(right, said.join(' ') || undefined);\n\nnodeTest('solution', () => {{\n{lines}}});\n"
    )
}

/// Tests stand beside the code; `main` of the declaration is kept, because it does no harm in a library.
fn with_rust_tests(source: &str, tests: &str) -> String {
    format!("{source}\n{tests}\n")
}

/// The same tree by hard links, so that a build of thousands of files is there at once.
fn link_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link_tree(&entry.path(), &target)?;
        } else if fs::hard_link(entry.path(), &target).is_err() {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

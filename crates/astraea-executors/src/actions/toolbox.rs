//! The fixers and formatters of a machine or repository: found, never embedded.

use std::sync::Arc;

use astraea_code_access::EditSet;
use astraea_engine::TaskContext;

use crate::runners::{self, RunnerKind};
use crate::{Error, Workspace};

/// What a tool is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Fix,
    Format,
}

/// A tool that may be there.
struct Known {
    name: &'static str,
    language: &'static str,
    purpose: Use,
    /// The argument vector after the program.
    args: &'static [&'static str],
    /// Tools of which only the first that is there is used have the same rank.
    rank: u8,
}

/// `cargo` stands for itself: what is looked for is the subcommand's program.
const KNOWN: [Known; 11] = [
    Known {
        name: "cargo-clippy",
        language: "rust",
        purpose: Use::Fix,
        rank: 0,
        args: &["clippy", "--fix", "--allow-no-vcs", "--allow-dirty", "--all-targets", "--quiet"],
    },
    Known {
        name: "cargo",
        language: "rust",
        purpose: Use::Fix,
        rank: 0,
        args: &["fix", "--allow-no-vcs", "--allow-dirty", "--all-targets", "--quiet"],
    },
    Known {
        name: "ruff",
        language: "python",
        purpose: Use::Fix,
        rank: 1,
        args: &["check", "--fix", "--exit-zero", "--no-cache", "--quiet", "."],
    },
    Known {
        name: "eslint",
        language: "javascript",
        purpose: Use::Fix,
        rank: 2,
        args: &["--fix", "."],
    },
    Known {
        name: "biome",
        language: "javascript",
        purpose: Use::Fix,
        rank: 2,
        args: &["check", "--write", "."],
    },
    Known {
        name: "rustfmt",
        language: "rust",
        purpose: Use::Format,
        rank: 3,
        args: &["fmt", "--all"],
    },
    Known {
        name: "ruff",
        language: "python",
        purpose: Use::Format,
        rank: 4,
        args: &["format", "--no-cache", "--quiet", "."],
    },
    Known {
        name: "black",
        language: "python",
        purpose: Use::Format,
        rank: 4,
        args: &["--quiet", "."],
    },
    Known {
        name: "prettier",
        language: "javascript",
        purpose: Use::Format,
        rank: 5,
        args: &["--write", "--log-level", "warn", "."],
    },
    Known {
        name: "biome",
        language: "javascript",
        purpose: Use::Format,
        rank: 5,
        args: &["format", "--write", "."],
    },
    Known {
        name: "gofmt",
        language: "go",
        purpose: Use::Format,
        rank: 6,
        args: &["-l", "-w", "."],
    },
];

/// The tools that were found.
#[derive(Clone, Debug, Default)]
pub(super) struct Toolbox {
    /// Whether there is one for a language of the repository that fixes.
    pub(super) fixer: bool,
    /// Whether there is one that formats.
    pub(super) formatter: bool,
    /// Their programs.
    pub(super) found: Vec<String>,
}

/// A tool to run: where, and how.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) argv: Vec<String>,
    pub(super) dir: String,
}

/// Says which of the programs given work. `rustfmt` and the like may be a proxy of a toolchain that lacks them.
const LOOK: &str = r#"for t in "$@"; do
  command -v "$t" >/dev/null 2>&1 || continue
  case "$t" in rustfmt|cargo|cargo-clippy) "$t" --version >/dev/null 2>&1 || continue ;; esac
  echo "$t"
done"#;

/// Looks for the tools of these languages in the sandbox.
pub(super) async fn look(
    ws: &Arc<Workspace>,
    cx: &TaskContext,
    languages: &[String],
) -> Result<Toolbox, Error> {
    let known: Vec<&Known> = KNOWN
        .iter()
        .filter(|k| {
            languages
                .iter()
                .any(|l| l == k.language || (l == "typescript" && k.language == "javascript"))
        })
        .collect();
    if known.is_empty() {
        return Ok(Toolbox::default());
    }
    let copy = ws.copy(&EditSet::new()).await?;
    let dirs = ws.dependency_dirs()?;
    let mut argv: Vec<String> = ["sh", "-c", LOOK, "sh"].map(str::to_owned).to_vec();
    for tool in &known {
        for dir in dirs {
            let bin = match dir.file_name() {
                b".venv" | b"venv" if tool.language == "python" => "bin",
                b"node_modules" if tool.language == "javascript" => ".bin",
                _ => continue,
            };
            let at = copy.seen_at().join(dir.as_path()).join(bin).join(tool.name);
            argv.push(at.to_string_lossy().into_owned());
        }
        argv.push(tool.name.to_owned());
    }
    let ran = ws.command(&copy, argv, "").await?.within(cx).run(&cx.cancel).await?;
    let mut found: Vec<String> = ran.stdout.lines().map(|l| l.trim().to_owned()).collect();
    found.dedup();
    let has = |purpose: Use| {
        known.iter().any(|k| k.purpose == purpose && found.iter().any(|f| is(f, k.name)))
    };
    Ok(Toolbox { fixer: has(Use::Fix), formatter: has(Use::Format), found })
}

fn is(program: &str, name: &str) -> bool {
    program.rsplit('/').next() == Some(name)
}

/// The commands for a purpose, in order, with their directories.
pub(super) fn jobs(
    ws: &Workspace,
    tree: &dyn runners::Tree,
    languages: &[String],
    toolbox: &Toolbox,
    purpose: Use,
) -> Vec<Job> {
    let scope = ws.scope().dir_text();
    let crates: Vec<String> = runners::find(tree, &scope, None)
        .into_iter()
        .filter(|r| r.kind == RunnerKind::Cargo)
        .map(|r| r.dir)
        .collect();
    let mut used: Vec<u8> = Vec::new();
    let mut jobs = Vec::new();
    for tool in KNOWN.iter().filter(|k| k.purpose == purpose) {
        let spoken = languages
            .iter()
            .any(|l| l == tool.language || (l == "typescript" && tool.language == "javascript"));
        let program = toolbox.found.iter().find(|f| is(f, tool.name));
        let (true, Some(program), false) = (spoken, program, used.contains(&tool.rank)) else {
            continue;
        };
        used.push(tool.rank);
        let rust = tool.language == "rust";
        let program = if rust { "cargo".to_owned() } else { program.clone() };
        let argv: Vec<String> =
            std::iter::once(program).chain(tool.args.iter().map(|a| (*a).to_owned())).collect();
        if rust {
            jobs.extend(crates.iter().map(|dir| Job { argv: argv.clone(), dir: dir.clone() }));
        } else {
            jobs.push(Job { argv, dir: scope.clone() });
        }
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::is;

    #[test]
    fn a_program_is_known_by_its_last_name() {
        assert!(is("/w/.venv/bin/ruff", "ruff") && is("ruff", "ruff"));
        assert!(!is("/w/ruff/x", "ruff") && !is("cargo-clippy", "cargo"));
    }
}

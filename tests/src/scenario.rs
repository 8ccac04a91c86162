//! A scenario as data: one TOML file in `tests/scenarios/`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context;
use serde::Deserialize;

use crate::model::Said;

/// A repository, the commands, and what must be true afterwards.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// The name of the file, without its extension.
    #[serde(skip)]
    pub(crate) name: String,
    /// One line.
    pub(crate) about: String,
    /// What must be on the machine: `python3`, `pytest`, `node`, `cargo`, `bwrap`, `curl`.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    /// How the repository comes to be.
    #[serde(default)]
    pub(crate) repo: Repo,
    /// Files of the first commit: path → text.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, String>,
    /// What a scripted model answers; with it every step has `ASTRA_MODEL_URL` set.
    #[serde(default)]
    pub(crate) model: Vec<Said>,
    /// What happens, in order.
    pub(crate) step: Vec<Step>,
}

/// How the repository comes to be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Repo {
    /// `commit` (the files are committed), `no-commits`, or `none` (no git at all).
    pub(crate) git: Git,
    /// Shell lines run in the repository after the first commit.
    pub(crate) setup: Vec<String>,
}

impl Default for Repo {
    fn default() -> Self {
        Self { git: Git::Commit, setup: Vec::new() }
    }
}

/// State of git before the first step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Git {
    Commit,
    NoCommits,
    None,
}

/// One command and its expectations.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Step {
    /// Shell lines run in the repository before the command.
    pub(crate) before: Vec<String>,
    /// Arguments of `astra`.
    pub(crate) astra: Vec<String>,
    /// Starts `astra serve` with these further arguments; it goes on until a step says `stop`, or the end.
    pub(crate) serve: Option<Vec<String>>,
    /// Ends the server: `kill` (SIGKILL), or `interrupt` (Ctrl-C; it must then exit with 0).
    pub(crate) stop: Option<Stop>,
    /// A request to the server instead of a command: `POST /api/chat`.
    pub(crate) http: Option<String>,
    /// Its body, as JSON.
    pub(crate) body: Option<toml::Value>,
    /// Further headers of it.
    pub(crate) headers: BTreeMap<String, String>,
    /// Whether it carries the token; true unless set.
    pub(crate) token: Option<bool>,
    /// The status of the answer.
    pub(crate) status: Option<u16>,
    /// The request is repeated until these JSON pointers hold.
    pub(crate) until: BTreeMap<String, toml::Value>,
    /// The client goes away when an event of the server holds all these words.
    pub(crate) leave_on: Vec<String>,
    /// Shell lines instead of a command. `localhost:8000` is the server, whatever its port, for curl.
    pub(crate) shell: Option<String>,
    /// What the command reads from stdin.
    pub(crate) stdin: Option<String>,
    /// Names for values of the answer, by JSON pointer; later steps write them as `{name}`.
    pub(crate) save: BTreeMap<String, String>,
    /// Texts that the model has been told so far.
    pub(crate) told: Vec<String>,
    /// Texts that the model has not been told.
    pub(crate) not_told: Vec<String>,
    /// How many requests the model has had so far.
    pub(crate) asked: Option<usize>,
    /// Where it is started, below the repository.
    pub(crate) dir: String,
    /// Variables added to its environment.
    pub(crate) env: BTreeMap<String, String>,
    /// Goes on while the next steps run; the step with `join` waits for it.
    pub(crate) background: bool,
    /// Waits for the step in the background; expectations are about that one.
    pub(crate) join: bool,
    /// Kills the process, or the server (SIGKILL), when an event line holds all these words.
    pub(crate) kill_on: Vec<String>,
    /// The exit code.
    pub(crate) exit: Option<i32>,
    /// Texts that stdout holds.
    pub(crate) stdout: Vec<String>,
    /// Texts that stdout does not hold.
    pub(crate) not_stdout: Vec<String>,
    /// Texts that stderr holds.
    pub(crate) stderr: Vec<String>,
    /// Types of events in stdout, in this order, others between them allowed (with `--json`).
    pub(crate) events: Vec<String>,
    /// JSON pointers into the last line of stdout (with `--json`), or into the answer, and the value there.
    pub(crate) json: BTreeMap<String, toml::Value>,
    /// Ledger events, in this order, others between them allowed.
    pub(crate) ledger: Vec<String>,
    /// How many branches below `astra/` there are afterwards.
    pub(crate) branches: Option<usize>,
    /// Files of the newest such branch: path → a text that it holds (`!text`: does not hold; `=base`: as before).
    pub(crate) branch: BTreeMap<String, String>,
    /// Exactly these paths differ between the newest branch and HEAD.
    pub(crate) changed: Option<Vec<String>>,
    /// Shell lines that succeed in a fresh clone of the newest branch.
    pub(crate) check: Vec<String>,
    /// Files of the checkout: path → a text that it holds.
    pub(crate) checkout: BTreeMap<String, String>,
    /// The checkout may change in this step (`astra apply`, `astra undo`).
    pub(crate) touches: bool,
    /// The checkout is now as it was before the first step.
    pub(crate) restored: bool,
}

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stop {
    Kill,
    Interrupt,
}

impl Scenario {
    /// Every scenario whose name contains `filter`, by name.
    ///
    /// # Errors
    /// When a file cannot be read or is not a scenario.
    pub(crate) fn load_all(filter: &str) -> anyhow::Result<Vec<Self>> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let mut paths: Vec<PathBuf> = std::fs::read_dir(&dir)
            .with_context(|| format!("reading {}", dir.display()))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .collect();
        paths.sort();
        let mut scenarios = Vec::new();
        for path in paths {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if name.contains(filter) {
                let text = std::fs::read_to_string(&path)?;
                let scenario: Self =
                    toml::from_str(&text).with_context(|| format!("{name}.toml"))?;
                scenarios.push(Self { name, ..scenario });
            }
        }
        anyhow::ensure!(!scenarios.is_empty(), "no scenario's name contains `{filter}`");
        Ok(scenarios)
    }

    /// The first thing this scenario needs that is not on the machine.
    pub(crate) fn missing(&self) -> Option<String> {
        self.needs.iter().find(|need| !present(need)).cloned()
    }
}

fn present(need: &str) -> bool {
    let (program, args): (String, &[&str]) = match need {
        "pytest" => (python(), &["-c", "import pytest"]),
        other => (other.to_owned(), &["--version"]),
    };
    Command::new(program)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The Python that has pytest: the one `cargo xtask` made, else the machine's.
pub(crate) fn python() -> String {
    std::env::var("ASTRAEA_TEST_PYTHON").unwrap_or_else(|_| "python3".into())
}

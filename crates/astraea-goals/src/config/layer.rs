//! One layer of settings, as a file writes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ConfigError, GitLayer, ModelLayer};

/// One layer: what it does not set is left to the layers below.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigLayer {
    /// `[paths]`
    pub paths: PathsLayer,
    /// `[goal]`
    pub goal: GoalLayer,
    /// `[tool]`: the limits of goals that come through the tool `execute_goal`.
    pub tool: ToolLayer,
    /// `[commands]`
    pub commands: CommandsLayer,
    /// `[tests]`
    pub tests: TestsLayer,
    /// `[redact]`
    pub redact: RedactLayer,
    /// `[model]`: the chat model; of a repository's file only what it may spend is heeded, and only towards less.
    pub model: ModelLayer,
    /// `[git]`: where results are pushed; ignored in a repository's file.
    pub git: GitLayer,
    /// Files with methods of the user's own, relative to the repository.
    pub methods: Option<Vec<String>>,
    /// Files of ast-grep rules, relative to the repository: what `refactor_code` applies when it is given none.
    pub rules: Option<Vec<String>>,
    /// Actions of the user's own, by name: a command each.
    pub executors: Option<BTreeMap<String, ExecutorLayer>>,
}

/// `[executors.NAME]`: a command that carries out an action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutorLayer {
    /// The argument vector; `{1}` stands for the action's first argument, and so on.
    pub command: Vec<String>,
    /// Whether what it writes are edits; else it judges, and must end with 0.
    #[serde(default)]
    pub edits: bool,
}

/// `[paths]`: which files may be touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PathsLayer {
    /// Globs of paths that may be touched.
    pub allow: Option<Vec<String>>,
    /// Globs of paths that may not; they add up over the layers.
    pub forbid: Option<Vec<String>>,
    /// The largest file that may be written, in bytes.
    pub max_file_bytes: Option<i64>,
}

/// `[goal]`: limits of a goal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GoalLayer {
    /// Time for the whole goal, in milliseconds.
    pub timeout_ms: Option<i64>,
    /// Retries that all its tasks together may use.
    pub retry_tokens: Option<i64>,
    /// How many tasks run at once.
    pub concurrency: Option<i64>,
    /// How many plans may follow the first.
    pub replans: Option<i64>,
}

/// `[tool]`: the same limits for goals that come through the tool.
pub type ToolLayer = GoalLayer;

/// `[commands]`: what commands may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CommandsLayer {
    /// Whether `shell_command` and `bash` may run.
    pub shell: Option<bool>,
    /// Whether `build` may use docker, whose daemon works outside the sandbox.
    pub docker: Option<bool>,
    /// Whether commands may use the network.
    pub network: Option<bool>,
    /// Hosts that commands may reach while the network is off, such as `crates.io` or `*.crates.io`.
    pub hosts: Option<Vec<String>>,
    /// Whether commands may run without any sandbox; never taken from a repository's file.
    #[serde(skip)]
    pub no_sandbox: Option<bool>,
}

/// `[tests]`: how tests are run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TestsLayer {
    /// The command that runs the tests, as an argument vector, instead of one that is found.
    pub command: Option<Vec<String>>,
}

/// `[redact]`: what is masked in everything that is recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedactLayer {
    /// Whether personal data is masked besides secrets.
    pub pii: Option<bool>,
}

impl ConfigLayer {
    /// Reads a layer from the text of a TOML file. `origin` names the file in errors.
    ///
    /// # Errors
    /// [`ConfigError::Malformed`] with line and column, and the setting that was probably meant.
    pub fn from_toml(origin: &str, text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let place = error
                .span()
                .map(|span| {
                    let before = text.get(..span.start).unwrap_or(text);
                    let line = before.matches('\n').count() + 1;
                    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
                    format!("line {line}, column {column}: ")
                })
                .unwrap_or_default();
            let message = error.message();
            let hint = did_you_mean(message)
                .map(|name| format!(" (did you mean `{name}`?)"))
                .unwrap_or_default();
            ConfigError::Malformed {
                origin: origin.to_owned(),
                message: format!("{place}{message}{hint}"),
            }
        })
    }
}

/// Reads the unknown field and the known ones out of serde's message.
fn did_you_mean(message: &str) -> Option<String> {
    let rest = message.strip_prefix("unknown field `")?;
    let mut quoted = rest.split('`');
    let unknown = quoted.next()?;
    quoted
        .skip(1)
        .step_by(2)
        .map(|known| (strsim::damerau_levenshtein(unknown, known), known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
        .min()
        .map(|(_, known)| known.to_owned())
}

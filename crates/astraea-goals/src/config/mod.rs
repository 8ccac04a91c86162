//! Settings: flags > `ASTRA_*` > `astra.toml` of the repository > the user's file > defaults.
//!
//! In a repository that the user has not trusted, its `astra.toml` may only narrow: forbid more,
//! allow less, lower a limit, switch something off. What it asks for beyond that is held back and
//! said in [`Config::notes`].

mod env;
mod git;
mod layer;
mod merge;
mod model;

use std::collections::BTreeMap;

use serde::Serialize;

pub(crate) use env::unknown_variables;
pub use git::{ForgeLayer, GitConfig, GitLayer};
pub use layer::{
    CommandsLayer, ConfigLayer, ExecutorLayer, GoalLayer, PathsLayer, RedactLayer, TestsLayer,
    ToolLayer,
};
pub use model::{ModelConfig, ModelLayer, Secret};

/// The longest time limit that is accepted: a day, in milliseconds.
pub const MAX_TIMEOUT_MS: u64 = 24 * 60 * 60 * 1000;

/// Why settings could not be used.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file is not what it should be.
    #[error("{origin}: {message}")]
    Malformed {
        /// Where the settings came from.
        origin: String,
        /// What is wrong, with a place and a suggestion.
        message: String,
    },
    /// A value is out of range.
    #[error("{origin}: `{setting}` {problem}")]
    Value {
        /// Where the setting came from.
        origin: String,
        /// The setting, as in `goal.timeout_ms`.
        setting: String,
        /// What is wrong with it and what is accepted.
        problem: String,
    },
    /// A file could not be read.
    #[error("{origin} cannot be read: {message}")]
    Unreadable {
        /// The file.
        origin: String,
        /// Why.
        message: String,
    },
}

/// The limits of one goal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Time for the whole goal, in milliseconds.
    pub timeout_ms: u64,
    /// Retries that all its tasks together may use.
    pub retry_tokens: u32,
    /// How many tasks run at once.
    pub concurrency: usize,
    /// How many plans may follow the first.
    pub replans: u32,
}

/// Settings as they hold, every layer merged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// Globs of paths that may be touched; empty means the whole repository.
    pub allow: Vec<String>,
    /// Globs of paths that may not, beyond the built-in ones.
    pub forbid: Vec<String>,
    /// The largest file that may be written, in bytes.
    pub max_file_bytes: u64,
    /// Limits of a goal.
    pub goal: Limits,
    /// Limits of a goal that comes through the tool `execute_goal`.
    pub tool: Limits,
    /// Whether the actions `shell_command` and `bash` may run.
    pub shell: bool,
    /// Whether `build` may use docker, whose daemon works outside the sandbox.
    pub docker: bool,
    /// Whether commands may use the network.
    pub network: bool,
    /// Hosts that commands may reach through a proxy while the network is off.
    pub hosts: Vec<String>,
    /// Whether commands may run without any sandbox.
    pub no_sandbox: bool,
    /// The command that runs the tests, as an argument vector, instead of one that is found.
    pub test_command: Option<Vec<String>>,
    /// Files with methods of the user's own, relative to the repository.
    pub methods: Vec<String>,
    /// Files of ast-grep rules, relative to the repository.
    pub rules: Vec<String>,
    /// Actions of the user's own, by name.
    pub executors: BTreeMap<String, ExecutorLayer>,
    /// Whether personal data is masked besides secrets.
    pub redact_pii: bool,
    /// The chat model, if one is named, and what it may spend.
    pub model: ModelConfig,
    /// Where results are pushed.
    pub git: GitConfig,
    /// Settings that were held back, and why.
    pub notes: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            forbid: Vec::new(),
            max_file_bytes: 100 * 1024,
            goal: Limits { timeout_ms: 600_000, retry_tokens: 10, concurrency: 3, replans: 3 },
            tool: Limits { timeout_ms: 60_000, retry_tokens: 10, concurrency: 2, replans: 3 },
            shell: false,
            docker: false,
            network: false,
            hosts: Vec::new(),
            no_sandbox: false,
            test_command: None,
            methods: Vec::new(),
            rules: Vec::new(),
            executors: BTreeMap::new(),
            redact_pii: true,
            model: ModelConfig::default(),
            git: GitConfig::default(),
            notes: Vec::new(),
        }
    }
}

/// The layers, lowest first, each where it came from.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// The user's own file, and where it is.
    pub user: Option<(String, ConfigLayer)>,
    /// The repository's file, and where it is.
    pub repository: Option<(String, ConfigLayer)>,
    /// Whether the user trusts the repository.
    pub trusted: bool,
    /// The `ASTRA_*` variables.
    pub environment: ConfigLayer,
    /// The flags of the command line.
    pub flags: ConfigLayer,
}

impl Config {
    /// Actions of the user's own, and whether they edit.
    pub(crate) fn custom(&self) -> BTreeMap<String, bool> {
        self.executors.iter().map(|(name, executor)| (name.clone(), executor.edits)).collect()
    }

    /// The same as what carries them out.
    pub(crate) fn commands(&self) -> Vec<astraea_executors::CustomCommand> {
        let command =
            |(name, executor): (&String, &ExecutorLayer)| astraea_executors::CustomCommand {
                name: name.clone(),
                command: executor.command.clone(),
                edits: executor.edits,
            };
        self.executors.iter().map(command).collect()
    }

    /// Merges `layers` over the defaults.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for a value out of range.
    pub fn resolve(layers: &Layers) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        if let Some((origin, layer)) = &layers.user {
            config.apply(origin, layer)?;
        }
        if let Some((origin, layer)) = &layers.repository {
            // Where questions, keys and pushes go is the user's business alone, also in a repository that they trust.
            let layer = &config.without_model(origin, layer)?;
            let layer = &config.without_git(origin, layer);
            if layers.trusted {
                config.apply(origin, layer)?;
            } else {
                config.narrow(origin, layer)?;
            }
        }
        config.apply("environment", &layers.environment)?;
        config.apply("command line", &layers.flags)?;
        config.model.check()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests;

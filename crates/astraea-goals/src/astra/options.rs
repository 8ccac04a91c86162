//! How to open a repository.

use std::collections::BTreeMap;
use std::path::PathBuf;

use astraea_llm::Client;

use crate::config::ConfigLayer;

/// How to open a repository.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AstraOptions {
    /// A path inside the repository.
    pub path: PathBuf,
    /// Where state lives; absent: `$XDG_STATE_HOME`, else `~/.local/state`.
    pub state_home: Option<PathBuf>,
    /// Where the user's settings, key and list of trusted repositories live; absent:
    /// `$XDG_CONFIG_HOME`, else `~/.config`.
    pub config_home: Option<PathBuf>,
    /// The environment: `ASTRA_*`, `HOME`, `XDG_*`, and the values of key-like variables, which are masked.
    pub env: BTreeMap<String, String>,
    /// Settings from the command line.
    pub flags: ConfigLayer,
    /// Files with methods of the user's own, given explicitly.
    pub methods: Vec<PathBuf>,
    /// The program that the sandbox re-executes as its helper; absent: this one.
    pub helper: Option<PathBuf>,
    /// The chat model that writes code; absent: the one that the settings name, if they name one.
    pub model: Option<Client>,
}

impl AstraOptions {
    /// Opens the repository that holds `path`, with this process's environment.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            state_home: None,
            config_home: None,
            env: std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
            flags: ConfigLayer::default(),
            methods: Vec::new(),
            helper: None,
            model: None,
        }
    }

    /// Sets where state lives.
    #[must_use]
    pub fn with_state_home(mut self, home: impl Into<PathBuf>) -> Self {
        self.state_home = Some(home.into());
        self
    }

    /// Sets where the user's settings live.
    #[must_use]
    pub fn with_config_home(mut self, home: impl Into<PathBuf>) -> Self {
        self.config_home = Some(home.into());
        self
    }

    /// Replaces the environment.
    #[must_use]
    pub fn with_env(mut self, env: BTreeMap<String, String>) -> Self {
        self.env = env;
        self
    }

    /// Sets the settings from the command line.
    #[must_use]
    pub fn with_flags(mut self, flags: ConfigLayer) -> Self {
        self.flags = flags;
        self
    }

    /// Adds a file with methods of the user's own.
    #[must_use]
    pub fn with_methods(mut self, file: impl Into<PathBuf>) -> Self {
        self.methods.push(file.into());
        self
    }

    /// Sets the chat model that writes code, in place of the one that the settings name.
    #[must_use]
    pub fn with_model(mut self, model: Client) -> Self {
        self.model = Some(model);
        self
    }

    /// Sets the program that the sandbox re-executes as its helper.
    #[must_use]
    pub fn with_helper(mut self, helper: impl Into<PathBuf>) -> Self {
        self.helper = Some(helper.into());
        self
    }
}

//! The whole thing from outside: open a repository, carry out goals, look at what came of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::{Config, ConfigLayer};
use crate::error::GoalError;
use crate::plan::PlanReport;
use crate::request::{ExecuteGoal, Watch};
use crate::result::GoalResult;

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

    /// Sets the program that the sandbox re-executes as its helper.
    #[must_use]
    pub fn with_helper(mut self, helper: impl Into<PathBuf>) -> Self {
        self.helper = Some(helper.into());
        self
    }
}

/// A repository, opened for goals.
#[derive(Debug)]
pub struct Astra {
    config: Config,
}

impl Astra {
    /// Opens the repository that holds the path: finds its top level, reads the settings, opens the
    /// journal and reconciles goals that a dead run left executing.
    ///
    /// # Errors
    /// A repository that cannot be used, settings that are wrong, a state directory of a newer
    /// version.
    pub fn open(options: AstraOptions) -> Result<Self, GoalError> {
        let _ = options;
        todo!()
    }

    /// The settings as they hold here.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Carries a goal out: observe, plan, run, replan where needed, deliver, report.
    ///
    /// # Errors
    /// Only what keeps the goal from being taken up or recorded; a goal that fails is a
    /// [`GoalResult`].
    ///
    /// # Cancel safety
    /// Not cancel safe: stop it through [`Watch::cancel`]. If the future is dropped all the same,
    /// the run can be resumed.
    pub async fn execute_goal(
        &self,
        goal: ExecuteGoal,
        watch: &Watch,
    ) -> Result<GoalResult, GoalError> {
        let _ = (goal, watch);
        todo!()
    }

    /// Goes on with a run that was stopped; without an id, with the latest that can be.
    ///
    /// Nothing that had finished runs again.
    ///
    /// # Errors
    /// [`GoalError::NoSuchRun`], [`GoalError::RunAlive`], and those of
    /// [`execute_goal`](Self::execute_goal).
    pub async fn resume(&self, run: Option<&str>, watch: &Watch) -> Result<GoalResult, GoalError> {
        let _ = (run, watch);
        todo!()
    }

    /// Observes the repository and plans, and does no more.
    ///
    /// # Errors
    /// Those of [`execute_goal`](Self::execute_goal); no plan is a [`PlanReport`] that says why.
    pub async fn plan_goal(
        &self,
        goal: ExecuteGoal,
        watch: &Watch,
    ) -> Result<PlanReport, GoalError> {
        let _ = (goal, watch);
        todo!()
    }
}

//! The whole thing from outside: open a repository, carry out goals, look at what came of them.

mod approvals;
mod changes;
mod execute;
mod inspect;
mod look;
mod options;
mod prune;
mod publish;
mod results;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use astraea_code_access::{OpenOptions, PolicyOptions, Repository};
use astraea_engine::{Clock, Journal, JournalOptions, SqliteJournal, SystemClock};
use astraea_llm::Client;
use astraea_redact::{RedactOptions, Redactor, is_key_like};
use astraea_sandbox::{Sandbox, SandboxOptions};

use crate::config::{Config, ConfigError, ConfigLayer, Layers, unknown_variables};
use crate::domain::{CodingDomain, MethodFile};
use crate::error::GoalError;
use crate::home::{self, Trust};
use crate::learning::LearningProjection;
use crate::runs::{self, RunsProjection};
use crate::store;

pub use approvals::NewApproval;
pub(crate) use changes::Pinned;
pub use changes::{ApprovedChange, ScheduleChange};
pub use inspect::Check;
pub use options::AstraOptions;
pub use prune::{PruneOptions, PruneReport, PrunedBranch};
pub use publish::{PublishReport, PublishRequest};
pub use results::{ApplyReport, UndoReport};

/// A repository, opened for goals.
///
/// Cheap to keep, safe to share: every method takes `&self`.
#[derive(Debug)]
pub struct Astra {
    options: AstraOptions,
    config: Config,
    trusted: bool,
    trust: Trust,
    repo: Arc<Repository>,
    journal: Arc<SqliteJournal>,
    clock: Arc<dyn Clock>,
    redactor: Arc<Redactor>,
    domain: CodingDomain,
    /// Files of rules: name and text.
    rules: Vec<(String, String)>,
    sandbox: OnceLock<Arc<Sandbox>>,
    model: Option<Client>,
    goals: store::GoalStore,
    /// Why the repository's own settings cannot be used.
    unusable: Option<ConfigError>,
}

impl Astra {
    /// Opens the repository that holds the path: finds its top level, reads the settings, opens the
    /// journal and reconciles goals that a dead run left executing.
    ///
    /// # Errors
    /// A repository that cannot be used, the user's own settings or methods that are wrong, a state
    /// directory of a newer version. A repository's `astra.toml` that is wrong is refused by what would
    /// act on it, so that one can still look around and undo.
    pub fn open(options: AstraOptions) -> Result<Self, GoalError> {
        let _span = tracing::info_span!("open").entered();
        let env = &options.env;
        let state_home = match &options.state_home {
            Some(home) => home.clone(),
            None => {
                home::home(env, "XDG_STATE_HOME", ".local/state", "no home for state is known")?
            }
        };
        let config_home = match &options.config_home {
            Some(home) => home.clone(),
            None => home::home(env, "XDG_CONFIG_HOME", ".config", "no home for settings is known")?,
        };
        let mut repo = Repository::open(&options.path, OpenOptions::new(&state_home))?;
        let trust = Trust::open(&config_home, repo.root())?;
        let trusted = trust.holds(repo.root())?;
        // A repository's broken file must not keep anybody from looking, or from `undo`.
        let (repository, unusable) = match home::repository_layer(&repo) {
            Ok(layer) => (layer, None),
            Err(error) => (None, Some(error)),
        };
        let layers = Layers {
            user: home::user_layer(&config_home)?,
            repository,
            trusted,
            environment: ConfigLayer::from_env(env.iter().map(|(k, v)| (k.as_str(), v.as_str())))?,
            flags: options.flags.clone(),
        };
        let mut config = Config::resolve(&layers)?;
        config.notes.extend(unknown_variables(env.keys().map(String::as_str)));
        let policy = PolicyOptions {
            allow: config.allow.clone(),
            forbid: config.forbid.clone(),
            max_file_bytes: config.max_file_bytes,
            ..PolicyOptions::default()
        };
        if policy != PolicyOptions::default() {
            drop(repo);
            let with_policy = OpenOptions::new(&state_home).with_policy(policy);
            repo = Repository::open(&options.path, with_policy)?;
        }
        let domain =
            CodingDomain::load_with(Self::methods(&options, &config, &repo)?, config.custom())?;
        let rules = home::repository_rules(&repo, &config.rules)?;
        let redactor = redactor(&options, &config);
        let model = match &options.model {
            Some(model) => Some(model.clone()),
            None => crate::model::client(&config.model, &options.env, &redactor)?,
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let journal = Arc::new(SqliteJournal::open(
            repo.state().db_path(),
            JournalOptions::default().with_clock(clock.clone()),
            store::projections(redactor.clone())
                .into_iter()
                .chain([Box::new(RunsProjection) as Box<_>, Box::new(LearningProjection) as Box<_>])
                .collect(),
        )?);
        let goals = store::GoalStore::new(journal.clone(), repo.state().db_path())
            .with_redactor(redactor.clone());
        let astra = Self {
            options,
            config,
            trusted,
            trust,
            repo: Arc::new(repo),
            journal,
            clock,
            redactor: Arc::new(redactor),
            domain,
            rules,
            sandbox: OnceLock::new(),
            model,
            goals,
            unusable,
        };
        astra.reconcile()?;
        Ok(astra)
    }

    /// Puts goals back to adopted that are marked as executing, but whose run has no living holder.
    fn reconcile(&self) -> Result<(), GoalError> {
        let mut dead = Vec::new();
        for row in runs::all(&self.reader()?)? {
            if row.finished || self.is_alive(&row.run) {
                continue;
            }
            let id = store::GoalId::new(row.goal_id.as_str());
            if self.goals.get(&id)?.is_some_and(|goal| goal.state == store::GoalState::Executing) {
                dead.push((id, row.run));
            }
        }
        if dead.is_empty() {
            return Ok(());
        }
        let work = async {
            for (id, run) in &dead {
                let reason = format!("the process of {run} ended before the run did");
                match self.goals.revert(id, &reason).await {
                    // Another process has put it back meanwhile.
                    Ok(_) | Err(store::StoreError::IllegalTransition(_)) => {}
                    Err(error) => return Err(GoalError::from(error)),
                }
                tracing::info!(%run, goal = %id, "a goal was left executing by a dead run");
            }
            Ok(())
        };
        // Opening is not async, and may happen inside a runtime; the journal needs none of its own.
        let answer = std::thread::scope(|scope| {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            scope.spawn(|| runtime.map(|runtime| runtime.block_on(work))).join()
        });
        match answer {
            Ok(Ok(done)) => done,
            Ok(Err(error)) => Err(GoalError::Internal(error.to_string())),
            Err(_) => Err(GoalError::Internal("reconciling panicked".to_owned())),
        }
    }

    fn methods(
        options: &AstraOptions,
        config: &Config,
        repo: &Repository,
    ) -> Result<Vec<MethodFile>, GoalError> {
        let mut files = Vec::new();
        for name in &config.methods {
            files.push(home::repository_methods(repo, name)?);
        }
        for path in &options.methods {
            files.push(home::method_file(path)?);
        }
        Ok(files)
    }

    /// Refuses what would act on a repository whose own settings cannot be used: they may forbid it.
    pub(crate) fn usable(&self) -> Result<(), GoalError> {
        self.unusable.clone().map_or(Ok(()), |error| Err(error.into()))
    }

    /// The top level of the checkout.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.repo.root()
    }

    /// The directory that the repository was opened from, relative to its top level; `None` there.
    #[must_use]
    pub fn directory(&self) -> Option<String> {
        let path = self.repo.relative(&self.options.path).ok().flatten()?;
        let absolute = self.repo.root().join(path.as_path());
        let directory = if absolute.is_dir() { Some(path) } else { path.parent() };
        directory.and_then(|dir| dir.as_str().map(str::to_owned))
    }

    /// The settings as they hold here.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The domain that goals are planned with.
    #[must_use]
    pub fn domain(&self) -> &CodingDomain {
        &self.domain
    }

    /// Whether the user trusts the repository.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// Says that the user trusts the repository, or no longer does; holds from the next opening on. The ledger tells it.
    ///
    /// # Errors
    /// Where the user's directory or the journal cannot be written.
    pub async fn trust(&self, on: bool) -> Result<(), GoalError> {
        self.trust.set(self.repo.root(), on)?;
        let name = if on { "trust_given" } else { "trust_revoked" };
        self.record(name, serde_json::json!({ "root": self.repo.root() }), None).await
    }

    /// The chat model that the settings name, if they name one: it writes code, and may talk.
    #[must_use]
    pub fn model(&self) -> Option<&Client> {
        self.model.as_ref()
    }

    /// Signs the head of the ledger after something was written through [`goals`](Self::goals), so that
    /// it cannot be cut off unseen; returns the hash of the last entry.
    ///
    /// # Errors
    /// [`GoalError::LedgerDamaged`] where the ledger no longer holds what was signed last.
    pub fn seal(&self) -> Result<String, GoalError> {
        self.sign_ledger()
    }

    /// The goal store. What writes through it calls [`seal`](Self::seal) afterwards.
    #[must_use]
    pub fn goals(&self) -> &store::GoalStore {
        &self.goals
    }

    /// The time, in milliseconds since the epoch, by the clock that everything here goes by.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// The repository.
    #[must_use]
    pub fn repository(&self) -> &Arc<Repository> {
        &self.repo
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> Arc<dyn Journal> {
        self.journal.clone()
    }

    /// The door to processes; found the first time it is asked for, which takes some tens of
    /// milliseconds.
    #[must_use]
    pub fn sandbox(&self) -> &Arc<Sandbox> {
        self.sandbox.get_or_init(|| {
            let mut options = SandboxOptions::default().with_allow_none(self.config.no_sandbox);
            if let Some(helper) = &self.options.helper {
                options = options.with_helper(helper);
            }
            if let Some(home) = self.options.env.get("HOME") {
                options = options.with_home(home);
            }
            Arc::new(Sandbox::probe(options))
        })
    }
}

fn redactor(options: &AstraOptions, config: &Config) -> Redactor {
    let mut redact = RedactOptions::default().with_pii(config.redact_pii);
    for (name, value) in &options.env {
        if is_key_like(name) {
            redact = redact.with_secret_value(value.as_str());
        }
    }
    if let Ok(Some(key)) = crate::model::key(&config.model, &options.env) {
        redact = redact.with_secret_value(key);
    }
    if let Some(token) = config.git.secret(&options.env) {
        redact = redact.with_secret_value(token);
    }
    Redactor::new(redact)
}

//! The host of the executors: it turns (snapshot, edits so far) into something that a command can run in.

mod copy;
mod layout;
mod run;
mod tree;

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use astraea_code_access::{EditSet, Policy, RepoPath, Repository, Snapshot};
use astraea_engine::{Clock, SystemClock, TaskContext};
use astraea_redact::Redactor;
use astraea_sandbox::{Hosts, Limits, Sandbox, Tier};

use crate::{Approval, Error};

pub use copy::TaskCopy;
pub(crate) use copy::blocking;
pub use run::{Prepared, Ran};
pub use tree::RepoTree;

/// What the goal is about: a part of a repository, some of its tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The directory that matters; `None` is the whole repository.
    pub dir: Option<RepoPath>,
    /// The tests that matter, as a person typed them; all when empty.
    pub tests: Vec<String>,
}

impl Scope {
    /// The directory as text, empty for the whole repository.
    pub fn dir_text(&self) -> String {
        self.dir
            .as_ref()
            .map(|d| String::from_utf8_lossy(d.as_bytes()).into_owned())
            .unwrap_or_default()
    }
}

/// How a [`Workspace`] behaves. Everything has a default.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkspaceOptions {
    /// What the goal is about.
    pub scope: Scope,
    /// The limits of every command; the wall limit is also bounded by the task's budget.
    pub limits: Limits,
    /// Whether commands share the host's network. Off.
    pub network: bool,
    /// Hosts that commands may reach through a proxy while the network is off. None.
    pub hosts: Hosts,
    /// Whether `shell_command` and `bash` may run. Off.
    pub allow_shell: bool,
    /// The docker program, where `build` may use it: its daemon works outside the sandbox. `None` unless set.
    pub docker: Option<String>,
    /// Which of their commands may run all the same, by a person's word. None.
    pub approvals: Vec<Approval>,
    /// The goal task that is carried out, for which an approval may hold.
    pub goal: String,
    /// The user's own test command, which replaces the search for runners.
    pub test_command: Option<Vec<String>>,
    /// Actions of the user's own.
    #[cfg(feature = "shell")]
    pub custom: Vec<crate::CustomCommand>,
    /// Files of ast-grep rules that `apply_rules` applies when it is given none: name and text.
    pub rules: Vec<(String, String)>,
    /// The Python interpreter to use, as seen inside the sandbox; `None` looks for the repository's own.
    pub python: Option<String>,
    /// Whether builds of the untouched snapshot are kept for the next run. On; turn it off where the
    /// snapshot is not what the user's files (and their times) are.
    pub keep_builds: bool,
    /// How many copies stay materialised between tasks. 3.
    pub copies_kept: usize,
    /// Whether failing tests are run a second time to tell the flaky ones. On.
    pub rerun_failing: bool,
    /// Where the time of a commit comes from.
    pub clock: Arc<dyn Clock>,
    /// What `push` and `pull_request` act through; `None` unless set, which is for a person to ask for.
    #[cfg(feature = "publish")]
    pub publisher: Option<Arc<crate::publish::Publisher>>,
    /// Whether `pull_request` may act through it too, which is to be asked for besides. Off.
    #[cfg(feature = "publish")]
    pub pull_requests: bool,
    /// The chat model that writes code; `None` unless set.
    #[cfg(feature = "model")]
    pub model: Option<crate::Model>,
}

impl Default for WorkspaceOptions {
    fn default() -> Self {
        Self {
            scope: Scope::default(),
            limits: Limits::default().with_output_bytes(16 << 20),
            network: false,
            hosts: Hosts::default(),
            allow_shell: false,
            docker: None,
            approvals: Vec::new(),
            goal: String::new(),
            test_command: None,
            #[cfg(feature = "shell")]
            custom: Vec::new(),
            rules: Vec::new(),
            python: None,
            keep_builds: true,
            copies_kept: 3,
            rerun_failing: true,
            clock: Arc::new(SystemClock),
            #[cfg(feature = "publish")]
            publisher: None,
            #[cfg(feature = "publish")]
            pull_requests: false,
            #[cfg(feature = "model")]
            model: None,
        }
    }
}

impl WorkspaceOptions {
    /// Sets what the goal is about.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Sets the limits of every command.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Lets `shell_command` and `bash` run, in the sandbox.
    #[must_use]
    pub fn with_allow_shell(mut self, allow: bool) -> Self {
        self.allow_shell = allow;
        self
    }

    /// Lets these commands run, for the goal task `goal`.
    #[must_use]
    pub fn with_approvals(mut self, approvals: Vec<Approval>, goal: impl Into<String>) -> Self {
        self.approvals = approvals;
        self.goal = goal.into();
        self
    }

    /// Lets commands reach these hosts through a proxy.
    #[must_use]
    pub fn with_hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Lets `build` use docker, on the host.
    #[must_use]
    pub fn with_docker(mut self, program: Option<String>) -> Self {
        self.docker = program;
        self
    }

    /// Sets the user's own test command.
    #[must_use]
    pub fn with_test_command(mut self, argv: Option<Vec<String>>) -> Self {
        self.test_command = argv;
        self
    }

    /// Sets the actions of the user's own.
    #[cfg(feature = "shell")]
    #[must_use]
    pub fn with_custom(mut self, custom: Vec<crate::CustomCommand>) -> Self {
        self.custom = custom;
        self
    }

    /// Sets the rules that `apply_rules` applies when it is given none.
    #[must_use]
    pub fn with_rules(mut self, rules: Vec<(String, String)>) -> Self {
        self.rules = rules;
        self
    }

    /// Sets the Python interpreter.
    #[must_use]
    pub fn with_python(mut self, python: impl Into<String>) -> Self {
        self.python = Some(python.into());
        self
    }

    /// Sets whether builds of the untouched snapshot are kept.
    #[must_use]
    pub fn with_keep_builds(mut self, keep: bool) -> Self {
        self.keep_builds = keep;
        self
    }

    /// Sets whether failing tests are run a second time.
    #[must_use]
    pub fn with_rerun_failing(mut self, rerun: bool) -> Self {
        self.rerun_failing = rerun;
        self
    }

    /// Lets a plan push.
    #[cfg(feature = "publish")]
    #[must_use]
    pub fn with_publisher(mut self, publisher: Option<Arc<crate::publish::Publisher>>) -> Self {
        self.publisher = publisher;
        self
    }

    /// Lets a plan that may push open pull requests too.
    #[cfg(feature = "publish")]
    #[must_use]
    pub fn with_pull_requests(mut self, allowed: bool) -> Self {
        self.pull_requests = allowed;
        self
    }

    /// Sets the chat model that writes code.
    #[cfg(feature = "model")]
    #[must_use]
    pub fn with_model(mut self, model: Option<crate::Model>) -> Self {
        self.model = model;
        self
    }

    /// Whether there is a chat model that writes code.
    #[must_use]
    pub fn has_model(&self) -> bool {
        #[cfg(feature = "model")]
        return self.model.is_some();
        #[cfg(not(feature = "model"))]
        false
    }

    /// Sets where the time of a commit comes from.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

/// One pinned state of one repository, and the means to run commands on it with edits.
///
/// # Contract
/// - Nothing a command does reaches the user's files, nor another task's view of them.
/// - The same edits give the same copy; copies are shared while they are only read.
/// - Every command says the tier it ran in.
#[derive(Debug)]
pub struct Workspace {
    repo: Arc<Repository>,
    snapshot: Arc<Snapshot>,
    sandbox: Arc<Sandbox>,
    redactor: Redactor,
    options: WorkspaceOptions,
    copies: Mutex<copy::Copies>,
    dependency_dirs: OnceLock<Vec<RepoPath>>,
    dependency_files: OnceLock<Vec<RepoPath>>,
    build_dirs: OnceLock<Vec<RepoPath>>,
}

impl Workspace {
    /// A workspace over a snapshot. The policy is the repository's.
    pub fn new(
        repo: Arc<Repository>,
        snapshot: Snapshot,
        sandbox: Arc<Sandbox>,
        redactor: Redactor,
        options: WorkspaceOptions,
    ) -> Self {
        Self {
            repo,
            snapshot: Arc::new(snapshot),
            sandbox,
            redactor,
            options,
            copies: Mutex::new(copy::Copies::default()),
            dependency_dirs: OnceLock::new(),
            dependency_files: OnceLock::new(),
            build_dirs: OnceLock::new(),
        }
    }

    /// The repository.
    pub fn repo(&self) -> &Arc<Repository> {
        &self.repo
    }

    /// What everything starts from.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// What may be read and written.
    pub fn policy(&self) -> &Policy {
        self.repo.policy()
    }

    /// The door to processes.
    pub fn sandbox(&self) -> &Arc<Sandbox> {
        &self.sandbox
    }

    /// What every text passes before it leaves an executor.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// What the goal is about.
    pub fn scope(&self) -> &Scope {
        &self.options.scope
    }

    /// The options.
    pub fn options(&self) -> &WorkspaceOptions {
        &self.options
    }

    /// The edits of all tasks before this one, merged in order.
    ///
    /// # Errors
    /// [`Error::Merge`] where two of them changed one file in different ways, [`Error::Handover`] where
    /// an output cannot be read.
    pub fn edits_so_far(&self, cx: &TaskContext) -> Result<EditSet, Error> {
        let mut all = EditSet::new();
        for (task, output) in cx.inputs() {
            let Some(value) = output.value.get("edits").filter(|v| !v.is_null()) else { continue };
            let edits: EditSet = serde_json::from_value(value.clone())
                .map_err(|e| Error::Handover { task: task.to_string(), reason: e.to_string() })?;
            all = all
                .then(&edits)
                .map_err(|source| Error::Merge { task: task.to_string(), source })?;
        }
        Ok(all)
    }

    /// The names and texts that these edits leave.
    ///
    /// Blocks while the tree is read.
    ///
    /// # Errors
    /// [`Error::Access`] when git's objects cannot be read.
    pub fn tree(&self, edits: &EditSet) -> Result<RepoTree, Error> {
        RepoTree::new(self.repo.clone(), self.snapshot.clone(), edits.clone())
    }

    /// The text, masked, and no longer than an output's tail.
    pub fn redacted_tail(&self, text: &str) -> String {
        let text = crate::evidence::clip(text, astraea_engine::Output::TAIL_BYTES * 2);
        let text = self.redactor.redact(&text);
        crate::evidence::clip(&text, astraea_engine::Output::TAIL_BYTES)
    }

    /// Whether every command gets its own view of the user's path.
    pub(crate) fn has_mounts(&self) -> bool {
        matches!(self.sandbox.tier(), Tier::A)
    }
}

/// What a task spent, for its output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Timings {
    /// Making copies, in microseconds.
    pub copy_us: u64,
    /// Waiting for commands, in microseconds.
    pub subprocess_us: u64,
    /// Delivering, in microseconds.
    pub deliver_us: u64,
}

impl Timings {
    pub(crate) fn copied(&mut self, since: Instant) {
        self.copy_us += micros(since.elapsed());
    }

    #[cfg(feature = "model")]
    pub(crate) fn add(&mut self, other: &Self) {
        self.copy_us += other.copy_us;
        self.subprocess_us += other.subprocess_us;
        self.deliver_us += other.deliver_us;
    }

    pub(crate) fn ran(&mut self, wall: Duration) {
        self.subprocess_us += micros(wall);
    }

    pub(crate) fn delivered(&mut self, since: Instant) {
        self.deliver_us += micros(since.elapsed());
    }
}

fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}

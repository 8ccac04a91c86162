//! Carrying goals out, and going on with them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use astraea_code_access::{Base, Lock, RepoPath, Snapshot};
use astraea_engine::{Journal, NewRecord, Record, Registry, RunId};
use astraea_executors::{Model, Scope, Workspace, WorkspaceOptions, register};
use astraea_sandbox::Hosts;
use serde_json::json;
use tokio::sync::mpsc;

use super::Astra;
use crate::bookkeeping;
use crate::classify::{Classified, classify};
use crate::config::Limits;
use crate::context::GoalContext;
use crate::domain::CodingDomain;
use crate::envelope::Envelope;
use crate::error::GoalError;
use crate::ledger_head;
use crate::planning::{PlanRecord, Planner, missing_actions};
use crate::request::{ExecuteGoal, Watch};
use crate::result::GoalResult;
use crate::runner::{
    Drive, Finisher, GOAL_RESUMED, GOAL_STARTED, REPLANNED, Start, Started, Timings,
};
use crate::runs;
use crate::timed::TimedJournal;

impl Astra {
    /// Carries a goal out: observe, plan, run, replan where needed, deliver, report.
    ///
    /// A request with the idempotency key of an earlier one returns what came of that one, and goes
    /// on with it if it was stopped.
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
        if let Some(key) = &goal.idempotency_key
            && let Some(row) = runs::by_key(&self.reader()?, key)?
        {
            return match row.goal_result() {
                Some(result) if !row.resumable() => Ok(result),
                _ => self.resume(Some(&row.run), watch).await,
            };
        }
        let begun = Instant::now();
        let (classified, mut context) = self.understand(&goal)?;
        context.pin(|text| {
            let id = self.repo.put_blob(text.as_bytes());
            id.map(|id| id.to_string()).map_err(|error| GoalError::Repository(error.to_string()))
        })?;
        self.check_ledger()?;
        let limits = self.limits(&goal);
        let snapshot_started = Instant::now();
        let snapshot = self.snapshot(goal.base.clone()).await?;
        let mut before = Timings::new();
        before.insert("snapshot".to_owned(), micros(snapshot_started));
        let (run, goal_id) = self.ids()?;
        let mut tests = goal.tests.clone();
        for test in context.tests() {
            if !tests.contains(&test) {
                tests.push(test);
            }
        }
        // What is journaled is masked here: a run that is resumed sees the same text as one that is not.
        let clean = |text: &str| self.redactor.redact(text).into_owned();
        let started = Arc::new(Started {
            goal_id,
            goal: classified.task,
            goal_text: clean(goal.goal_text.trim()),
            text: clean(&classified.text),
            context: context.to_value(),
            tests,
            directory: goal.directory.clone(),
            limits: (&limits).into(),
            snapshot,
            methods: self.domain.extra().to_vec(),
            idempotency_key: goal.idempotency_key.clone(),
            notes: self.config.notes.clone(),
            from_revision: goal.base.is_some(),
            test_command: self.config.test_command.clone(),
            through_tool: goal.through_tool,
            push: goal.push && !goal.through_tool,
            pull_request: goal.pull_request && !goal.through_tool,
        });
        let lock = self.lease(&run)?;
        let started_ms = self.clock.now_ms();
        let payload = serde_json::to_value(&*started)
            .map_err(|error| GoalError::Internal(error.to_string()))?;
        let mut prelude = bookkeeping::opening(&started, &run);
        prelude.push(NewRecord::new(GOAL_STARTED, payload).with_run(run.clone()));
        if self.config.no_sandbox {
            let data = json!({ "tier": self.sandbox().tier() });
            prelude.push(NewRecord::new("no_sandbox", data).with_run(run.clone()));
        }
        let start = Start::Fresh(prelude);
        let domain = self.domain.clone();
        let sitting = Sitting { run, started, started_ms, begun, before, domain, start, lock };
        self.carry_out(sitting, watch).await
    }

    /// Goes on with a run that was stopped; without an id, with the latest that can be.
    ///
    /// Nothing that had finished runs again. A run that has ended for good gives its result once
    /// more.
    ///
    /// # Errors
    /// [`GoalError::NothingToResume`], [`GoalError::NoSuchRun`], [`GoalError::RunAlive`], and those of
    /// [`execute_goal`](Self::execute_goal).
    pub async fn resume(&self, run: Option<&str>, watch: &Watch) -> Result<GoalResult, GoalError> {
        self.usable()?;
        let begun = Instant::now();
        let rows = runs::all(&self.reader()?)?;
        let row = match run {
            Some(wanted) => rows
                .iter()
                .find(|row| row.run == wanted)
                .or_else(|| rows.iter().find(|row| row.run.starts_with(wanted)))
                .ok_or_else(|| GoalError::NoSuchRun { run: wanted.to_owned() })?,
            None => {
                let mut candidates = rows.iter().filter(|row| row.resumable());
                candidates.find(|row| !self.is_alive(&row.run)).ok_or(GoalError::NothingToResume)?
            }
        };
        let run = RunId::new(row.run.as_str());
        let lock = self.lease(&run)?;
        if !row.resumable() {
            return row.goal_result().ok_or(GoalError::NothingToResume);
        }
        self.check_ledger()?;
        let records = self.journal.read(&run, 0).await?;
        let started: Started = records
            .iter()
            .find(|record| record.kind == GOAL_STARTED)
            .and_then(|record| serde_json::from_value(record.payload.clone()).ok())
            .ok_or_else(|| GoalError::Journal(format!("run {run} has no readable beginning")))?;
        let started = Arc::new(started);
        let (graphs, plans) = history(&records);
        // A commit of its own, so that it holds whatever the last graph had come to.
        let mut opening = bookkeeping::reopening(&started, &run, &self.goals)?;
        opening.push(
            NewRecord::new(GOAL_RESUMED, json!({ "goal_id": started.goal_id }))
                .with_run(run.clone()),
        );
        let announced = self.journal.append(opening).await?;
        if let Some(events) = &watch.events {
            for envelope in announced.iter().flat_map(Envelope::from_record) {
                let _ = events.send(envelope);
            }
        }
        let domain = CodingDomain::load_with(started.methods.clone(), self.config.custom())?;
        let start = Start::Resume { graphs, plans, prelude: Vec::new() };
        let started_ms = row.started_ms;
        let before = Timings::new();
        let sitting = Sitting { run, started, started_ms, begun, before, domain, start, lock };
        self.carry_out(sitting, watch).await
    }

    /// What the caller wants, and with what.
    pub(super) fn understand(
        &self,
        goal: &ExecuteGoal,
    ) -> Result<(Classified, GoalContext), GoalError> {
        self.usable()?;
        let classified = classify(&goal.goal_text, self.domain.goals())?;
        goal.check()?;
        let context =
            GoalContext::new(&goal.context)?.with_words(&classified.task, &classified.text);
        if let Some(directory) = &goal.directory {
            directory_path(directory)?;
        }
        Ok((classified, context))
    }

    pub(super) fn limits(&self, goal: &ExecuteGoal) -> Limits {
        let configured = if goal.through_tool { &self.config.tool } else { &self.config.goal };
        let given = goal.timeout_ms.and_then(|ms| u64::try_from(ms).ok());
        Limits { timeout_ms: given.unwrap_or(configured.timeout_ms), ..configured.clone() }
    }

    pub(super) async fn snapshot(&self, base: Option<String>) -> Result<Snapshot, GoalError> {
        let repo = self.repo.clone();
        let span = tracing::info_span!("snapshot");
        let snapshot = tokio::task::spawn_blocking(move || {
            let _entered = span.entered();
            repo.snapshot(base.as_deref().map_or(Base::Worktree, Base::Commit))
        })
        .await
        .map_err(|error| GoalError::Internal(error.to_string()))??;
        if snapshot.head.is_none() {
            return Err(astraea_code_access::Error::NoCommits.into());
        }
        Ok(snapshot)
    }

    /// A run's id sorts by time; a goal's is random.
    pub(super) fn ids(&self) -> Result<(RunId, String), GoalError> {
        let mut random = [0_u8; 20];
        getrandom::fill(&mut random).map_err(|error| GoalError::Internal(error.to_string()))?;
        let text = hex::encode(random);
        let (run, goal) = text.split_at(8);
        Ok((RunId::new(format!("run-{:011x}-{run}", self.clock.now_ms())), goal.to_owned()))
    }

    /// The lease of a run: held by this process until dropped.
    fn lease(&self, run: &RunId) -> Result<Lock, GoalError> {
        self.repo
            .state()
            .lock(&format!("run-{run}"))?
            .ok_or_else(|| GoalError::RunAlive { run: run.to_string() })
    }

    /// Whether a living process has the run.
    pub(super) fn is_alive(&self, run: &str) -> bool {
        self.repo.state().is_locked(&format!("run-{run}")).unwrap_or(false)
    }

    pub(super) fn registry(&self, view: View<'_>) -> Result<Registry, GoalError> {
        let View { snapshot, directory, tests, from_revision, test_command, goal, .. } = view;
        let dir = directory.map(directory_path).transpose()?.flatten();
        let scope = Scope { dir, tests: tests.to_vec() };
        let mut options = WorkspaceOptions::default()
            .with_scope(scope)
            .with_allow_shell(self.config.shell)
            .with_docker(self.config.docker.then(|| "docker".to_owned()))
            .with_approvals(self.approvals()?, goal)
            .with_test_command(test_command)
            .with_rules(self.rules.clone())
            .with_custom(self.config.commands())
            // Kept builds go by the times of the user's own files, which a revision does not have.
            .with_keep_builds(!from_revision)
            .with_clock(self.clock.clone());
        options.network = self.config.network;
        options.hosts = Hosts::parse(&self.config.hosts)
            .map_err(|error| GoalError::Internal(error.to_string()))?;
        if view.push {
            options.publisher = Some(Arc::new(self.publisher(self.publish_options())));
            options.pull_requests = view.pull_request;
        }
        let limits = &self.config.model;
        options.model = self.model.as_ref().map(|model| {
            // The budget is that of this sitting: whoever goes on with a run gives it anew.
            Model::new(model.with_own_budget(limits.budget()))
                .with_most_tokens(limits.max_tokens)
                .with_cross_check(limits.cross_check)
                .with_context_tokens(usize::try_from(limits.context_tokens).unwrap_or(usize::MAX))
                .with_answer_tokens(u32::try_from(limits.answer_tokens).unwrap_or(u32::MAX))
        });
        let workspace = Workspace::new(
            self.repo.clone(),
            snapshot,
            self.sandbox().clone(),
            (*self.redactor).clone(),
            options,
        );
        Ok(register(Registry::new(), Arc::new(workspace)))
    }

    async fn carry_out(&self, sitting: Sitting, watch: &Watch) -> Result<GoalResult, GoalError> {
        let Sitting { run, started, started_ms, begun, mut before, domain, start, lock } = sitting;
        let probe = Instant::now();
        let _ = self.sandbox();
        before.insert("probe".to_owned(), micros(probe));
        let directory = started.directory.as_deref();
        let registry = self.registry(View {
            snapshot: started.snapshot.clone(),
            directory,
            tests: &started.tests,
            from_revision: started.from_revision,
            test_command: started.test_command.clone(),
            push: started.push,
            pull_request: started.pull_request,
            goal: &started.goal,
        })?;
        let planner = Arc::new(Planner {
            domain,
            context: GoalContext::new(&started.context)?,
            goal: started.goal.clone(),
            text: started.text.clone(),
            goal_id: started.goal_id.clone(),
            run: run.to_string(),
            tests: started.tests.clone(),
            timeout_ms: started.limits.timeout_ms,
            missing: missing_actions(&registry),
            learned: self.learned()?,
        });
        let timed = Arc::new(TimedJournal::new(self.journal.clone()));
        let finisher = Arc::new(Finisher {
            run: run.clone(),
            started: started.clone(),
            started_ms,
            clock: self.clock.clone(),
            redactor: self.redactor.clone(),
            begun,
            before,
            model: self
                .model
                .as_ref()
                .map(|model| (model.model().to_owned(), self.config.model.price())),
            journal_us: timed.spent_us(),
            commits: timed.commits_of_run(),
            closing: bookkeeping::closing,
        });
        let (records, listener) = forward(watch);
        let drive = Drive {
            run,
            started,
            planner,
            registry,
            journal: timed.clone(),
            clock: self.clock.clone(),
            records,
            cancel: watch.cancel.clone(),
            finisher,
        };
        let result = drive.run(start).await;
        // Every sender is gone now; what was announced reaches the subscriber before the result does.
        let _ = listener.await;
        drop(lock);
        let mut result = result?;
        if !result.outcome.is_resumable()
            && let Err(error) = Model::forget(&self.repo, &result.run)
        {
            // They take room and do no harm.
            tracing::warn!(%error, "the answers that were kept for the run are left");
        }
        let commits = timed.commits_of_run().load(std::sync::atomic::Ordering::Relaxed);
        result.timings.insert("journal_commits".to_owned(), commits);
        result.ledger_head = Some(self.sign_ledger()?);
        Ok(result)
    }

    /// Refuses where the ledger no longer holds what was signed last.
    pub(super) fn check_ledger(&self) -> Result<(), GoalError> {
        let (state, keys) = (self.repo.state(), self.trust.dir());
        ledger_head::begin(&self.reader()?, state, keys, self.clock.now_ms())
    }

    /// Signs the head of the ledger, outside the database.
    pub(super) fn sign_ledger(&self) -> Result<String, GoalError> {
        ledger_head::sign(&self.reader()?, self.repo.state(), self.trust.dir(), self.clock.now_ms())
    }
}

/// What the executors look at.
pub(super) struct View<'a> {
    pub(super) snapshot: Snapshot,
    pub(super) directory: Option<&'a str>,
    pub(super) tests: &'a [String],
    /// Whether the snapshot is a revision and not what lies in the checkout.
    pub(super) from_revision: bool,
    pub(super) test_command: Option<Vec<String>>,
    /// Whether a plan may push, and open pull requests: whether a person asked for it, whoever wrote the methods.
    pub(super) push: bool,
    pub(super) pull_request: bool,
    /// The goal task.
    pub(super) goal: &'a str,
}

/// One sitting of a run: from its start, or from where it was resumed.
struct Sitting {
    run: RunId,
    started: Arc<Started>,
    started_ms: u64,
    begun: Instant,
    before: Timings,
    domain: CodingDomain,
    start: Start,
    lock: Lock,
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Turns records into envelopes on their way to the subscriber.
fn forward(watch: &Watch) -> (mpsc::UnboundedSender<Record>, tokio::task::JoinHandle<()>) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<Record>();
    let events = watch.events.clone();
    let listener = tokio::spawn(async move {
        while let Some(record) = receiver.recv().await {
            let Some(events) = &events else { continue };
            for envelope in Envelope::from_record(&record) {
                // A subscriber that went away is no reason to stop.
                let _ = events.send(envelope);
            }
        }
    });
    (sender, listener)
}

/// The graphs of a run, and the plans of those after the first.
fn history(records: &[Record]) -> (usize, BTreeMap<String, PlanRecord>) {
    let graphs: BTreeSet<String> = records
        .iter()
        .filter(|record| record.kind == "graph_started")
        .filter_map(|record| record.graph.as_ref().map(ToString::to_string))
        .collect();
    let plans = records
        .iter()
        .filter(|record| record.kind == REPLANNED)
        .filter_map(|record| {
            serde_json::from_value::<PlanRecord>(record.payload["plan"].clone()).ok()
        })
        .map(|plan| (plan.plan_id.clone(), plan))
        .collect();
    (graphs.len(), plans)
}

/// A directory as the caller gave it; `None` for the top level.
fn directory_path(directory: &str) -> Result<Option<RepoPath>, GoalError> {
    let trimmed = directory.trim_end_matches('/');
    if trimmed.is_empty() || trimmed == "." {
        return Ok(None);
    }
    RepoPath::new(trimmed).map(Some).map_err(|error| GoalError::ContextField {
        field: "directory".to_owned(),
        problem: error.to_string(),
    })
}

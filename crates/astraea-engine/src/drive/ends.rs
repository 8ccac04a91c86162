//! What the end of an attempt comes to: success, retry, failure, growth, and what the breaker makes of it.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use astraea_taskgraph::{GraphError, TaskId};
use tokio::time::Instant;

use super::{Driver, FAR};
use crate::{
    ErrorClass, Failure, Output, TaskEvent,
    attempt::Done,
    breaker::{Trial, Turn},
};

impl Driver<'_> {
    pub(super) fn on_end(&mut self, done: Done) -> Result<(), GraphError> {
        match self.running.get(&done.task) {
            Some(running) if running.attempt == done.attempt => {}
            // It had been given up before.
            _ => return Ok(()),
        }
        let Some(mut running) = self.running.remove(&done.task) else { return Ok(()) };
        let trial = running.trial.take();
        let (id, attempt) = (done.task, done.attempt);
        match done.result {
            Ok(output) => {
                self.judge(&id, None, trial);
                self.succeed(&id, attempt, output)
            }
            Err(failure) if self.stopped.is_some() => {
                drop(trial);
                self.call_off(&id, failure)
            }
            Err(failure) => {
                self.judge(&id, Some(failure.class), trial);
                if failure.class.is_transient() {
                    self.retry_or_fail(&id, attempt, failure)
                } else if failure.class.waits_for_resume() {
                    self.budget_exhausted = true;
                    self.fail(&id, attempt, failure, true)
                } else {
                    self.fail(&id, attempt, failure, false)
                }
            }
        }
    }

    /// Tells the breaker how it went.
    pub(super) fn judge(&mut self, id: &TaskId, class: Option<ErrorClass>, trial: Option<Trial>) {
        let tried = trial.is_some();
        if class.is_none() && !tried {
            return;
        }
        let action = self.action(id);
        let board = &self.engine.board;
        let turn = match class {
            Some(
                ErrorClass::AdmitRejected | ErrorClass::PreflightRejected | ErrorClass::Cancelled,
            ) => return, // Says nothing; a dropped trial lets the next one try.
            Some(class) if class.counts_for_breaker() => board.failure(&action, tried),
            _ => board.success(&action, tried),
        };
        if let Some(trial) = trial {
            trial.close();
        }
        match turn {
            Some(Turn::Opened) => {
                let open_for = self.engine.options.breaker.open_for.as_millis();
                let open_for_ms = u64::try_from(open_for).unwrap_or(u64::MAX);
                self.note(|| TaskEvent::BreakerOpened { action, open_for_ms });
            }
            Some(Turn::Closed) => self.note(|| TaskEvent::BreakerClosed { action }),
            None => {}
        }
    }

    pub(super) fn succeed(
        &mut self,
        id: &TaskId,
        attempt: u32,
        output: Output,
    ) -> Result<(), GraphError> {
        if !output.grow.is_empty() {
            if let Err(refusal) = self.graph.extend(output.grow.clone()) {
                let message = format!("the tasks it wants to add were refused: {refusal}");
                let output = Output { grow: Vec::new(), ..output };
                let failure = Failure::new(ErrorClass::ConfigError, message).with_output(output);
                return self.fail(id, attempt, failure, false);
            }
            self.store.follow(&self.graph);
        }
        let output = Arc::new(output);
        self.failures.remove(id);
        let now_ms = self.engine.clock.now_ms();
        let mut changes = self.graph.succeed(id, now_ms)?;
        if let Some(position) = self.graph.position(id) {
            self.store.put(position, output.clone());
        }
        if self.records_wanted {
            let action = self.action(id);
            self.note(|| TaskEvent::TaskSucceeded { task: id.clone(), action, attempt, output });
        }
        if self.stopped.is_some() {
            changes.extend(self.graph.cancel_waiting());
        }
        self.note_changes(&changes, self.stop_reason());
        Ok(())
    }

    pub(super) fn retry_or_fail(
        &mut self,
        id: &TaskId,
        attempt: u32,
        failure: Failure,
    ) -> Result<(), GraphError> {
        let retries = self.graph.retries(id).unwrap_or(0);
        let delay = self.delay(id, retries);
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        let now_ms = self.engine.clock.now_ms();
        let until = now_ms.saturating_add(delay_ms);
        match self.graph.retry(id, now_ms, &failure.message, until) {
            Ok(_) => {
                self.delayed.push(Reverse((Instant::now() + delay, id.clone())));
                let action = self.action(id);
                let budget_left = self.graph.stats().budget_left;
                self.note(|| TaskEvent::TaskRetrying {
                    task: id.clone(),
                    action,
                    attempt,
                    class: failure.class,
                    message: failure.message,
                    delay_ms,
                    budget_left,
                });
                Ok(())
            }
            Err(GraphError::BudgetExhausted { .. }) => {
                self.budget_exhausted = true;
                self.fail(id, attempt, failure, true)
            }
            Err(_) => self.fail(id, attempt, failure, false),
        }
    }

    pub(super) fn fail(
        &mut self,
        id: &TaskId,
        attempt: u32,
        failure: Failure,
        budget_exhausted: bool,
    ) -> Result<(), GraphError> {
        let now_ms = self.engine.clock.now_ms();
        let changes = self.graph.fail(id, now_ms, &failure.message)?;
        let action = self.action(id);
        self.note(|| TaskEvent::TaskFailed {
            task: id.clone(),
            action,
            attempt,
            class: failure.class,
            message: failure.message.clone(),
            output: Arc::new(failure.output.clone()),
            budget_exhausted,
        });
        self.failures.insert(id.clone(), failure);
        self.note_changes(&changes, "");
        Ok(())
    }

    /// A running task has stopped because the run has.
    pub(super) fn call_off(&mut self, id: &TaskId, failure: Failure) -> Result<(), GraphError> {
        let reason = self.stop_reason();
        let now_ms = self.engine.clock.now_ms();
        let changes = self.graph.cancel(id, now_ms, reason)?;
        let failure = Failure { class: ErrorClass::Cancelled, ..failure };
        self.failures.insert(id.clone(), failure);
        self.note_changes(&changes, reason);
        Ok(())
    }

    /// min(base · 2ⁿ, cap) plus a jitter that depends on seed, run, task and n only.
    fn delay(&self, id: &TaskId, retries: u32) -> Duration {
        let options = &self.engine.options;
        let factor = 2u32.checked_pow(retries).unwrap_or(u32::MAX);
        let base = options.backoff_base.saturating_mul(factor).min(options.backoff_cap);
        let jitter_ms = u64::try_from(options.backoff_jitter.as_millis()).unwrap_or(u64::MAX);
        let mut seed = options.seed;
        for byte in self.run.as_str().bytes().chain([0]).chain(id.as_str().bytes()) {
            seed = mix(seed ^ u64::from(byte));
        }
        let jitter = mix(seed ^ u64::from(retries)) % jitter_ms.saturating_add(1).max(1);
        base.saturating_add(Duration::from_millis(jitter)).min(FAR)
    }
}

/// The finaliser of splitmix64: spreads a number over all 64 bits.
const fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

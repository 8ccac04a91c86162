//! What is due at what time: deadlines, delays, breakers; and how a run is stopped.

use std::cmp::Reverse;

use astraea_taskgraph::TaskId;
use tokio::time::Instant;

use super::{Driver, FAR, SLACK};
use crate::{ErrorClass, Failure, RunStatus, attempt::Done};

impl Driver<'_> {
    pub(super) fn next_wake(&self) -> Instant {
        let mut at = self.watchdog;
        if self.stopped.is_none() {
            at = at.min(self.deadline);
            if let Some(Reverse((wake, _))) = self.delayed.peek() {
                at = at.min(*wake);
            }
            for until in self.held.values().flatten() {
                at = at.min(*until);
            }
        }
        at
    }

    /// Does what is due.
    pub(super) fn on_time(&mut self) {
        let now = Instant::now();
        if self.stopped.is_none() && now >= self.deadline {
            self.stop(RunStatus::TimedOut);
        }
        while let Some(Reverse((at, _))) = self.delayed.peek()
            && *at <= now
        {
            if let Some(Reverse((_, id))) = self.delayed.pop() {
                // Refused if the task has been called off meanwhile.
                let _ = self.graph.wake(&id);
            }
        }
        if self.held.values().flatten().any(|until| *until <= now) {
            let due: Vec<String> = self
                .held
                .iter()
                .filter(|(_, until)| until.is_some_and(|until| until <= now))
                .map(|(action, _)| action.clone())
                .collect();
            for action in due {
                self.held.remove(&action);
                self.graph.limit_action(&action, None);
            }
        }
        if now >= self.watchdog {
            let overdue: Vec<(TaskId, u32)> = self
                .running
                .iter()
                .filter(|(_, running)| running.hard <= now)
                .map(|(id, running)| (id.clone(), running.attempt))
                .collect();
            for (task, attempt) in overdue {
                let message =
                    "it did not yield to the runtime when it was told to stop, and was given up";
                let result = Err(Failure::new(ErrorClass::TimeoutError, message));
                // Taken up like any other end.
                let _ = self.report.send(Done { task, attempt, result });
            }
            self.watchdog = self
                .running
                .values()
                .map(|running| running.hard)
                .filter(|hard| *hard > now)
                .min()
                .unwrap_or(now + FAR);
        }
    }

    pub(super) fn release_all(&mut self) {
        for (action, _) in self.held.drain() {
            self.graph.limit_action(&action, None);
        }
    }

    /// No task starts from here on; the running ones are told to stop.
    pub(super) fn stop(&mut self, status: RunStatus) {
        if self.stopped.is_some() {
            return;
        }
        self.stopped = Some(status);
        self.delayed.clear();
        self.release_all();
        self.halt.cancel();
        let hard = Instant::now() + self.engine.options.grace.min(FAR) + SLACK;
        for running in self.running.values_mut() {
            running.hard = running.hard.min(hard);
        }
        self.watchdog = self.watchdog.min(hard);
        let changes = self.graph.cancel_waiting();
        self.note_changes(&changes, self.stop_reason());
    }

    pub(super) fn stop_reason(&self) -> &'static str {
        match self.stopped {
            Some(RunStatus::TimedOut) => "the graph's time is up",
            _ => "the run was called off",
        }
    }
}

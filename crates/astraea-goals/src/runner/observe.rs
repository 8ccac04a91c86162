//! The first task of every graph: looking, or recalling what was seen.

use std::sync::Arc;
use std::time::Instant;

use astraea_engine::{
    ErrorClass, Executor, ExecutorError, Failure, Outcome, Output, Rejection, TaskContext,
};
use async_trait::async_trait;
use serde_json::json;

use crate::lower::deferred;
use crate::planning::{PlanRecord, Planner, Tried};

/// The action of a first task that hands on what was seen.
pub(crate) const RECALL: &str = "recall";

/// Looks at the repository, then plans: the plan's tasks grow out of this one.
#[derive(Debug)]
pub(crate) struct ObserveAndPlan {
    pub(crate) inner: Arc<dyn Executor>,
    pub(crate) planner: Arc<Planner>,
}

#[async_trait]
impl Executor for ObserveAndPlan {
    async fn admit(&self, cx: &TaskContext) -> Result<(), Rejection> {
        self.inner.admit(cx).await
    }

    async fn preflight(&self, cx: &TaskContext) -> Result<(), Rejection> {
        self.inner.preflight(cx).await
    }

    async fn execute(&self, cx: &TaskContext) -> Result<Outcome, ExecutorError> {
        let started = Instant::now();
        let mut output = match self.inner.execute(cx).await? {
            Outcome::Succeeded(output) => output,
            failed => return Ok(failed),
        };
        let observe_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        match self.planner.plan(cx.graph.as_str(), &output.value, &Tried::default()) {
            Ok(planned) => {
                if !output.value.is_object() {
                    output.value = json!({});
                }
                output.value["plan"] = json!(planned.record);
                output.value["observe_us"] = json!(observe_us);
                output.grow.extend(deferred(planned.tasks));
                Ok(Outcome::Succeeded(output))
            }
            Err(error) => {
                Ok(Outcome::Failed(Failure::new(ErrorClass::ConfigError, error.to_string())))
            }
        }
    }

    async fn postcondition(&self, cx: &TaskContext, output: &Output) -> Result<(), Rejection> {
        self.inner.postcondition(cx, output).await
    }

    async fn stop(&self, cx: &TaskContext) {
        self.inner.stop(cx).await;
    }
}

/// Hands on what `observe` saw to a later plan.
#[derive(Debug)]
pub(crate) struct Recall {
    pub(crate) seen: Arc<Output>,
}

#[async_trait]
impl Executor for Recall {
    async fn execute(&self, _cx: &TaskContext) -> Result<Outcome, ExecutorError> {
        let mut output = (*self.seen).clone();
        output.grow.clear();
        Ok(Outcome::Succeeded(output))
    }
}

/// The plan that grew out of an `observe`.
pub(crate) fn plan_of(output: &Output) -> Option<PlanRecord> {
    serde_json::from_value(output.value.get("plan")?.clone()).ok()
}

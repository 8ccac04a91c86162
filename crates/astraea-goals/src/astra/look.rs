//! Planning without carrying out.

use std::sync::Arc;

use astraea_engine::{Engine, EngineOptions, ErrorClass, NullJournal, RunRequest};
use astraea_taskgraph::{GraphOptions, Task, TaskGraph, TaskId};
use serde_json::json;

use super::Astra;
use super::execute::View;
use crate::error::GoalError;
use crate::lower::OBSERVE;
use crate::plan::{PlanReport, PlanStep};
use crate::planning::{PlanRecord, Planner, Tried, missing_actions};
use crate::request::{ExecuteGoal, Watch};

impl Astra {
    /// Observes the repository and plans, and does no more.
    ///
    /// # Errors
    /// Those of [`execute_goal`](Self::execute_goal); no plan is a [`PlanReport`] that says why.
    pub async fn plan_goal(
        &self,
        goal: ExecuteGoal,
        watch: &Watch,
    ) -> Result<PlanReport, GoalError> {
        let (classified, context) = self.understand(&goal)?;
        let limits = self.limits(&goal);
        let snapshot = self.snapshot(goal.base.clone()).await?;
        let (run, goal_id) = self.ids()?;
        let mut tests = goal.tests.clone();
        tests.extend(context.tests());
        let registry = self.registry(View {
            push: false,
            pull_request: false,
            goal: &classified.task,
            snapshot,
            directory: goal.directory.as_deref(),
            tests: &tests,
            from_revision: goal.base.is_some(),
            test_command: self.config.test_command.clone(),
        })?;
        let planner = Planner {
            domain: self.domain.clone(),
            context,
            goal: classified.task,
            text: classified.text,
            goal_id,
            run: run.to_string(),
            tests: tests.clone(),
            timeout_ms: limits.timeout_ms,
            missing: missing_actions(&registry),
            learned: self.learned()?,
        };
        let options = GraphOptions::default().with_timeout_ms(limits.timeout_ms);
        let internal =
            |error: astraea_taskgraph::GraphError| GoalError::Internal(error.to_string());
        let mut graph = TaskGraph::new(options).map_err(internal)?;
        let args = json!({ "tests": tests, "directory": goal.directory });
        let task = Task::new(OBSERVE, OBSERVE)
            .with_args(args)
            .with_reads(["**"])
            .with_timeout_ms(limits.timeout_ms);
        graph.add_task(task, [""; 0]).map_err(internal)?;
        let engine = Engine::new(
            EngineOptions::default(),
            registry,
            Arc::new(NullJournal::default()),
            self.clock.clone(),
        );
        let request = RunRequest::new(run, "observe", graph).with_cancel(watch.cancel.clone());
        let result =
            engine.run(request).await.map_err(|error| GoalError::Journal(error.to_string()))?;
        let seen = result.outputs.get(&TaskId::from(OBSERVE));
        let Some(seen) = seen else {
            let failure = result.failures.values().next();
            let why =
                failure.map_or("the repository could not be observed", |f| f.message.as_str());
            let class = failure.map(|failure| failure.class);
            let mut report = report(&planner, &goal.goal_text, &PlanRecord::default());
            report.explanation = why.to_owned();
            if class == Some(ErrorClass::Environment) {
                report.notes.push("the tests cannot run here".to_owned());
            }
            report.model = self.model.as_ref().map(|model| model.model().to_owned());
            return Ok(report);
        };
        let planned = planner.plan("plan-1", &seen.value, &Tried::default())?;
        let mut report = report(&planner, &goal.goal_text, &planned.record);
        report.explanation = match planned.record.no_plan {
            Some(why) => why,
            None => {
                report.found = true;
                planner.explain(&seen.value)?
            }
        };
        let mut graph = TaskGraph::new(GraphOptions::default()).map_err(internal)?;
        let first = Task::new(OBSERVE, OBSERVE).with_reads(["**"]);
        graph.add_task(first, [""; 0]).map_err(internal)?;
        for ((task, after), method) in planned.tasks.iter().zip(&planned.record.step_methods) {
            report.steps.push(PlanStep {
                task_id: task.id.to_string(),
                action: task.action.clone(),
                args: task.args.clone(),
                method: method.clone(),
                after: after
                    .iter()
                    .filter(|id| id.as_str() != OBSERVE)
                    .map(ToString::to_string)
                    .collect(),
            });
        }
        graph.extend(planned.tasks).map_err(internal)?;
        report.dot = graph.to_dot();
        report.mermaid = graph.to_mermaid();
        report.notes.extend(self.config.notes.iter().cloned());
        report.model = self.model.as_ref().map(|model| model.model().to_owned());
        Ok(report)
    }
}

fn report(planner: &Planner, goal_text: &str, plan: &PlanRecord) -> PlanReport {
    PlanReport {
        goal: planner.goal.clone(),
        goal_text: goal_text.to_owned(),
        found: false,
        facts: plan.facts.clone(),
        steps: Vec::new(),
        methods_used: plan.methods_used.clone(),
        planning_cost: plan.planning_cost,
        explanation: String::new(),
        model: None,
        planning_us: plan.planning_us,
        notes: plan.notes.clone(),
        dot: String::new(),
        mermaid: String::new(),
    }
}

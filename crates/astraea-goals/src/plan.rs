//! A plan to look at: what would be done, why, and in which order.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanStep {
    /// The id of the task that the step becomes.
    pub task_id: String,
    /// The action.
    pub action: String,
    /// The arguments of the task.
    pub args: Value,
    /// The method that put the step into the plan.
    pub method: Option<String>,
    /// The steps it waits for.
    pub after: Vec<String>,
}

/// A plan for a goal, or the reason why there is none.
#[derive(Debug, Clone, Serialize)]
pub struct PlanReport {
    /// The goal task.
    pub goal: String,
    /// The text as it was given.
    pub goal_text: String,
    /// Whether there is a plan.
    pub found: bool,
    /// The facts that were planned with.
    pub facts: BTreeMap<String, Value>,
    /// The steps.
    pub steps: Vec<PlanStep>,
    /// The methods, outermost first.
    pub methods_used: Vec<String>,
    /// The cost of the plan.
    pub planning_cost: f64,
    /// For each candidate method: taken, or which precondition failed.
    pub explanation: String,
    /// The chat model that the plan may use, if one is configured.
    pub model: Option<String>,
    /// How long the planner took, in microseconds.
    pub planning_us: u64,
    /// Things worth knowing that are no errors.
    pub notes: Vec<String>,
    #[serde(skip)]
    pub(crate) dot: String,
    #[serde(skip)]
    pub(crate) mermaid: String,
}

impl PlanReport {
    /// The graph for Graphviz.
    #[must_use]
    pub fn to_dot(&self) -> &str {
        &self.dot
    }

    /// The graph for Mermaid.
    #[must_use]
    pub fn to_mermaid(&self) -> &str {
        &self.mermaid
    }

    /// The plan as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// The exit code of `astra plan`: 0 where there is a plan, 3 where there is none.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if self.found { 0 } else { 3 }
    }

    /// The plan for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        use std::fmt::Write as _;
        let model = self.model.as_deref().unwrap_or("none configured");
        let mut out = format!("GOAL: {}\nMODEL: {model}\n", self.goal);
        if !self.found {
            let _ = writeln!(out, "NO PLAN\n\n{}", self.explanation.trim_end());
            return out;
        }
        let _ = writeln!(
            out,
            "PLAN: {} steps, cost {:.2}, methods {}\n",
            self.steps.len(),
            self.planning_cost,
            self.methods_used.join(" → ")
        );
        for (number, step) in self.steps.iter().enumerate() {
            let method = step.method.as_deref().unwrap_or("the goal itself");
            let after = if step.after.is_empty() {
                String::new()
            } else {
                format!(", after {}", step.after.join(", "))
            };
            let _ = writeln!(out, "  {}. {} [{}]{after}", number + 1, step.task_id, method);
        }
        out
    }
}

//! Asking the planner, and writing down what it answered.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

use astraea_htn::{
    Atom, CompiledDomain, Done, Error, Explanation, Network, Options, Plan, RuledOut, Verdict,
};
use astraea_taskgraph::{Task, TaskId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::context::GoalContext;
use crate::domain::{CodingDomain, Facts};
use crate::error::GoalError;
use crate::hints::{Hints, NO_HINTS};
use crate::learning::{self, Learned};
use crate::lower::{ACTIONS, Lowering, lower};

/// The longest plan that is accepted.
const MAX_PLAN: usize = 1_000;
/// How many search steps a plan may cost.
const MAX_SEARCH: u64 = 200_000;

/// A plan as the journal keeps it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlanRecord {
    /// `plan-1`, `plan-2`, ….
    pub(crate) plan_id: String,
    /// Action and arguments of each step.
    pub(crate) steps: Vec<Atom>,
    /// The method that asked for each step.
    pub(crate) step_methods: Vec<Option<String>>,
    /// The methods, outermost first.
    pub(crate) methods_used: Vec<String>,
    pub(crate) planning_cost: f64,
    /// The facts that were planned with.
    pub(crate) facts: BTreeMap<String, Value>,
    pub(crate) notes: Vec<String>,
    /// Why there is no plan; then there are no steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) no_plan: Option<String>,
    /// Time for planning, in microseconds.
    pub(crate) planning_us: u64,
    /// Time for making the tasks, in microseconds.
    pub(crate) lowering_us: u64,
}

/// A plan with the tasks that it becomes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Planned {
    pub(crate) record: PlanRecord,
    pub(crate) tasks: Vec<(Task, Vec<TaskId>)>,
}

/// What was tried before and must not come again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tried {
    /// The steps of plans that failed.
    pub(crate) plans: Vec<Vec<Atom>>,
    /// Actions that failed.
    pub(crate) actions: Vec<String>,
    /// What those that failed left behind: suspicious lines, near misses, reasons.
    pub(crate) hints: Hints,
}

/// The actions that a registry has no executor for.
pub(crate) fn missing_actions(registry: &astraea_engine::Registry) -> Vec<String> {
    let missing = ACTIONS.iter().filter(|action| registry.get(action).is_none());
    missing.map(|action| (*action).to_owned()).collect()
}

/// Everything about a goal that stays the same from plan to plan.
#[derive(Debug, Clone)]
pub(crate) struct Planner {
    pub(crate) domain: CodingDomain,
    pub(crate) context: GoalContext,
    pub(crate) goal: String,
    pub(crate) text: String,
    pub(crate) goal_id: String,
    pub(crate) run: String,
    pub(crate) tests: Vec<String>,
    pub(crate) timeout_ms: u64,
    /// Actions that nothing carries out here; no plan may use them.
    pub(crate) missing: Vec<String>,
    /// What became of methods before.
    pub(crate) learned: Learned,
}

impl Planner {
    /// The facts to plan with: observed, given, learned. `seen` is what `observe` handed on.
    fn facts(&self, seen: &Value, tried: &Tried) -> Facts {
        let mut facts = Facts::observed(&seen["facts"]);
        facts.add_context(&self.domain, &self.context);
        if !self.text.trim().is_empty() {
            facts.add(Atom::from("instructions_given"));
        }
        for action in &tried.actions {
            facts.failed(action);
        }
        facts
    }

    /// Plans; that there is no plan is an answer, not an error.
    ///
    /// # Errors
    /// Where the context does not fit the domain, or the goal is none of its tasks.
    pub(crate) fn plan(
        &self,
        plan_id: &str,
        seen: &Value,
        tried: &Tried,
    ) -> Result<Planned, GoalError> {
        let started = Instant::now();
        let facts = self.facts(seen, tried);
        let state = facts.to_state(&self.domain, &self.context)?;
        let network = Network::task(self.goal.as_str());
        let options = self.options(tried);
        let (compiled, notes) = self.compiled(seen);
        let compiled = &compiled;
        let mut record = PlanRecord {
            plan_id: plan_id.to_owned(),
            facts: facts.to_data(),
            notes: facts.notes.iter().cloned().chain(notes).collect(),
            ..PlanRecord::default()
        };
        let found = compiled.plan(&state, &network, &options);
        record.planning_us = micros(started);
        let plan = match found {
            Ok(plan) => plan,
            Err(Error::NoPlan { .. } | Error::Stopped { .. }) => {
                let why = compiled
                    .explain(&state, &network, &options)
                    .map(|why| explanation(&why))
                    .unwrap_or_else(|error| error.to_string());
                record.no_plan = Some(why);
                return Ok(Planned { record, tasks: Vec::new() });
            }
            Err(error) => return Err(domain_error(&error)),
        };
        let started = Instant::now();
        let failing: Vec<String> =
            serde_json::from_value(seen["failing"].clone()).unwrap_or_default();
        let model = facts.to_data().contains_key("model_available");
        let how = Lowering { model, hints: &tried.hints, ..self.lowering(&failing) };
        let tasks = lower(compiled, &state, &plan, &how);
        record.lowering_us = micros(started);
        record.steps = plan.steps.iter().map(astraea_htn::Step::atom).collect();
        record.step_methods =
            plan.steps.iter().map(|step| step.method.as_ref().map(ToString::to_string)).collect();
        record.methods_used = methods(&plan);
        record.planning_cost = plan.cost;
        Ok(Planned { record, tasks })
    }

    /// Why the plan is as it is, or why there is none.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub(crate) fn explain(&self, seen: &Value) -> Result<String, GoalError> {
        let tried = Tried::default();
        let state = self.facts(seen, &tried).to_state(&self.domain, &self.context)?;
        let network = Network::task(self.goal.as_str());
        let (compiled, notes) = self.compiled(seen);
        let why = compiled.explain(&state, &network, &self.options(&tried));
        let why = why.map(|why| explanation(&why)).map_err(|error| domain_error(&error))?;
        Ok(notes.into_iter().fold(why, |why, note| format!("{why}{note}\n")))
    }

    /// The domain with the costs that experience gives in this kind of repository, and what to say of them.
    fn compiled(&self, seen: &Value) -> (CompiledDomain, Vec<String>) {
        let kind = learning::kind_of(&seen["facts"]);
        let methods = &self.domain.compiled().ast().methods;
        let declared = methods.iter().filter_map(|m| Some((m.name.text.as_str(), m.cost?)));
        let costs = self.learned.costs(&kind, declared);
        let notes = costs.iter().map(|adapted| adapted.words(&kind)).collect();
        (self.domain.with_costs(&costs), notes)
    }

    fn options(&self, tried: &Tried) -> Options<'static> {
        let ruled_out = RuledOut { plans: tried.plans.clone(), ..RuledOut::default() };
        Options {
            max_steps: MAX_SEARCH,
            max_plan_length: Some(MAX_PLAN),
            forbidden_actions: self.missing.clone(),
            ruled_out,
            ..Options::default()
        }
    }

    fn lowering<'a>(&'a self, failing: &'a [String]) -> Lowering<'a> {
        Lowering {
            context: &self.context,
            goal: &self.goal,
            text: &self.text,
            goal_id: &self.goal_id,
            run: &self.run,
            tests: &self.tests,
            failing,
            custom: self.domain.custom(),
            timeout_ms: self.timeout_ms,
            model: false,
            hints: &NO_HINTS,
        }
    }
}

fn domain_error(error: &Error) -> GoalError {
    GoalError::Domain { file: "the domain".to_owned(), message: error.to_string() }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// The methods of a plan, each before those it leads to.
fn methods(plan: &Plan) -> Vec<String> {
    let mut out = Vec::new();
    let mut stack: Vec<usize> = plan.roots.iter().rev().copied().collect();
    while let Some(node) = stack.pop() {
        if let Some(Done::Method { method, children, .. }) = plan.tree.get(node).map(|n| &n.done) {
            out.push(method.to_string());
            stack.extend(children.iter().rev());
        }
    }
    out
}

/// The reasons, one line a method.
pub(crate) fn explanation(why: &Explanation) -> String {
    let mut out = String::new();
    for met in &why.met {
        let indent = "  ".repeat(met.depth);
        let _ = writeln!(out, "{indent}{}", met.task);
        if let Some(failed) = &met.failed {
            let _ = writeln!(out, "{indent}  cannot be carried out: {failed}");
        }
        for candidate in &met.candidates {
            let cost = candidate.cost.map(|c| format!(" (cost {c:.2})")).unwrap_or_default();
            let verdict = match &candidate.verdict {
                Verdict::Taken => "taken".to_owned(),
                Verdict::Blocked { failed, why, .. } => format!("blocked: {failed}: {why}"),
                Verdict::Abandoned => "abandoned: its steps cannot be carried out".to_owned(),
                Verdict::NotNeeded => "not needed: one before it worked".to_owned(),
                Verdict::RuledOut => "ruled out: it was tried and failed".to_owned(),
                Verdict::Furthest => {
                    "came furthest, but its steps cannot be carried out".to_owned()
                }
                Verdict::NotReached => "not reached: the search ended before".to_owned(),
                _ => "not considered".to_owned(),
            };
            let _ = writeln!(out, "{indent}  {}{cost}: {verdict}", candidate.method);
        }
    }
    if let Some(failure) = &why.failure {
        let _ = writeln!(out, "{failure}");
    }
    out
}

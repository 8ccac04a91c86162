//! The one definition of what `--json` prints and a subscriber gets.
//!
//! A record of the journal becomes one envelope, and where it says more than one thing (the end of
//! `observe` holds facts and a plan, the end of `commit` a delivery) a further one for each, with the
//! same sequence number.

use astraea_engine::{Output, Record};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::lower::OBSERVE;
use crate::planning::PlanRecord;
use crate::runner::{GOAL_FINISHED, GOAL_RESUMED, GOAL_STARTED, REPLANNED};

/// The version of the envelope; it grows when a field changes its meaning or goes away.
pub const ENVELOPE_VERSION: u32 = 1;

/// One event of a run: `{"v": 1, "seq": …, "ts": …, "run": …, "type": …, …}`.
///
/// `type` is one of the engine's task events (`task_started`, `task_succeeded`, …), of the goal's
/// ([`GoalEvent`]), or of the goal store's; the other fields are that event's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// [`ENVELOPE_VERSION`].
    pub v: u32,
    /// The position in the journal of the repository; 0 for what is not journaled (progress notes).
    pub seq: u64,
    /// When, in milliseconds since the epoch.
    pub ts: u64,
    /// The run.
    pub run: Option<String>,
    /// The graph within the run: `plan-1`, `plan-2`, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<String>,
    /// The type of the event.
    #[serde(rename = "type")]
    pub kind: String,
    /// The event's own fields.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

/// What happens to a goal as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum GoalEvent {
    /// A run of a goal begins.
    GoalStarted {
        /// The goal's id.
        goal_id: String,
        /// The goal task.
        goal: String,
        /// The text as it was given.
        goal_text: String,
        /// The tests that matter; empty means all.
        tests: Vec<String>,
        /// The directory that matters.
        directory: Option<String>,
        /// Time for the whole goal, in milliseconds.
        timeout_ms: u64,
    },
    /// A run that was stopped goes on.
    GoalResumed {
        /// The goal's id.
        goal_id: String,
    },
    /// The repository was looked at.
    Observed {
        /// What was found.
        facts: Value,
    },
    /// The first plan stands.
    Planned {
        /// The plan's id.
        plan_id: String,
        /// Its methods, outermost first.
        methods_used: Vec<String>,
        /// Its cost.
        planning_cost: f64,
        /// Its steps.
        steps: Vec<String>,
        /// Why there is none.
        no_plan: Option<String>,
    },
    /// Another plan replaces one that failed.
    Replanned {
        /// The plan's id.
        plan_id: String,
        /// Its methods, outermost first.
        methods_used: Vec<String>,
        /// Its cost.
        planning_cost: f64,
        /// Its steps.
        steps: Vec<String>,
        /// What failed.
        because: String,
    },
    /// The change is on a branch.
    Delivered {
        /// The branch.
        branch: String,
        /// Its commit.
        commit: Option<String>,
        /// The files it changes.
        files: Vec<String>,
    },
    /// The run has ended.
    GoalFinished {
        /// The goal's id.
        goal_id: String,
        /// How, in a word.
        outcome: String,
        /// The whole result.
        result: Value,
    },
}

impl Envelope {
    /// The envelopes that a record becomes.
    #[must_use]
    pub fn from_record(record: &Record) -> Vec<Self> {
        let payload = &record.payload;
        match record.kind.as_str() {
            GOAL_STARTED | GOAL_RESUMED | REPLANNED | GOAL_FINISHED => {
                goal_event(&record.kind, payload).map(|e| Self::of(record, e)).into_iter().collect()
            }
            "task_succeeded" => {
                let mut fields = object(payload);
                let output = fields.get("output").cloned().unwrap_or(Value::Null);
                if let Some(Value::Object(output)) = fields.get_mut("output") {
                    // Tasks that grew are announced by their own events; the plan by `planned`.
                    output.remove("grow");
                    if let Some(Value::Object(value)) = output.get_mut("value") {
                        value.remove("plan");
                    }
                }
                let mut all = vec![Self::with(record, &record.kind, fields)];
                if let Ok(output) = serde_json::from_value::<Output>(output) {
                    all.extend(derived(payload, &output).into_iter().map(|e| Self::of(record, e)));
                }
                all
            }
            kind => vec![Self::with(record, kind, object(payload))],
        }
    }

    fn of(record: &Record, event: GoalEvent) -> Self {
        let mut fields = object(&serde_json::to_value(event).unwrap_or(Value::Null));
        let kind = fields.remove("type").and_then(|t| t.as_str().map(str::to_owned));
        Self::with(record, kind.as_deref().unwrap_or(&record.kind), fields)
    }

    fn with(record: &Record, kind: &str, mut fields: Map<String, Value>) -> Self {
        for reserved in ["v", "seq", "ts", "run", "graph", "type"] {
            // The graph of `graph_started` is a whole graph; it goes by another name.
            if let Some(value) = fields.remove(reserved)
                && reserved == "graph"
            {
                fields.insert("task_graph".to_owned(), value);
            }
        }
        Self {
            v: ENVELOPE_VERSION,
            seq: record.seq,
            ts: record.ts_ms,
            run: record.run.as_ref().map(ToString::to_string),
            graph: record.graph.as_ref().map(ToString::to_string),
            kind: kind.to_owned(),
            fields,
        }
    }

    /// The fields of each type of event that this crate and the engine make, with their JSON types;
    /// `?` marks one that may be left out.
    #[cfg(test)]
    pub(crate) fn types() -> &'static [(&'static str, &'static [(&'static str, &'static str)])] {
        &TYPES
    }

    /// The schema of an envelope, as JSON Schema 2020-12.
    #[must_use]
    pub fn schema() -> Value {
        let rules: Vec<Value> = TYPES
            .iter()
            .map(|(name, fields)| {
                let properties: Map<String, Value> = fields
                    .iter()
                    .map(|(field, ty)| (field.trim_end_matches('?').to_owned(), json_type(ty)))
                    .collect();
                let required: Vec<&str> =
                    fields.iter().map(|(field, _)| *field).filter(|f| !f.ends_with('?')).collect();
                json!({
                    "if": { "properties": { "type": { "const": name } } },
                    "then": { "properties": properties, "required": required },
                })
            })
            .collect();
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "astra event",
            "type": "object",
            "required": ["v", "seq", "ts", "run", "type"],
            "properties": {
                "v": { "const": ENVELOPE_VERSION },
                "seq": { "type": "integer", "minimum": 0 },
                "ts": { "type": "integer", "minimum": 0 },
                "run": { "type": ["string", "null"] },
                "graph": { "type": "string" },
                "type": { "type": "string" },
            },
            "allOf": rules,
        })
    }
}

const TYPES: [(&str, &[(&str, &str)]); 23] = [
    (
        "goal_started",
        &[
            ("goal_id", "string"),
            ("goal", "string"),
            ("goal_text", "string"),
            ("tests", "strings"),
            ("directory", "string?"),
            ("timeout_ms", "integer"),
        ],
    ),
    ("goal_resumed", &[("goal_id", "string")]),
    ("observed", &[("facts", "any")]),
    (
        "planned",
        &[
            ("plan_id", "string"),
            ("methods_used", "strings"),
            ("planning_cost", "number"),
            ("steps", "strings"),
            ("no_plan", "string?"),
        ],
    ),
    (
        "replanned",
        &[
            ("plan_id", "string"),
            ("methods_used", "strings"),
            ("planning_cost", "number"),
            ("steps", "strings"),
            ("because", "string"),
        ],
    ),
    ("delivered", &[("branch", "string"), ("commit", "string?"), ("files", "strings")]),
    ("goal_finished", &[("goal_id", "string"), ("outcome", "string"), ("result", "object")]),
    (
        "decision_made",
        &[
            ("decision", "string"),
            ("plan?", "string"),
            ("methods?", "strings"),
            ("because?", "string"),
            ("ruled_out?", "strings"),
        ],
    ),
    (
        "parameter_adapted",
        &[
            ("parameter", "string"),
            ("method", "string"),
            ("kind", "string"),
            ("plan", "string"),
            ("won", "boolean"),
            ("ms", "integer"),
        ],
    ),
    ("graph_started", &[("task_graph", "object")]),
    ("graph_resumed", &[("again", "strings")]),
    ("task_started", &[("task", "string"), ("action", "string"), ("attempt", "integer")]),
    (
        "task_succeeded",
        &[("task", "string"), ("action", "string"), ("attempt", "integer"), ("output", "object")],
    ),
    (
        "task_failed",
        &[
            ("task", "string"),
            ("action", "string"),
            ("attempt", "integer"),
            ("class", "string"),
            ("message", "string"),
            ("output", "object"),
            ("budget_exhausted?", "boolean"),
        ],
    ),
    (
        "task_retrying",
        &[
            ("task", "string"),
            ("action", "string"),
            ("attempt", "integer"),
            ("class", "string"),
            ("message", "string"),
            ("delay_ms", "integer"),
            ("budget_left", "integer"),
        ],
    ),
    ("task_skipped", &[("task", "string"), ("because", "string?")]),
    ("task_aborted", &[("task", "string"), ("because", "string?")]),
    ("task_cancelled", &[("task", "string"), ("reason", "string")]),
    ("task_progress", &[("task", "string"), ("note", "string")]),
    ("breaker_opened", &[("action", "string"), ("open_for_ms", "integer")]),
    ("breaker_half_opened", &[("action", "string")]),
    ("breaker_closed", &[("action", "string")]),
    ("graph_finished", &[("status", "string"), ("stats", "object")]),
];

fn json_type(ty: &str) -> Value {
    match ty {
        "any" => json!({}),
        "strings" => json!({ "type": "array", "items": { "type": "string" } }),
        "string?" => json!({ "type": ["string", "null"] }),
        plain => json!({ "type": plain }),
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn goal_event(kind: &str, payload: &Value) -> Option<GoalEvent> {
    let text = |name: &str| payload[name].as_str().unwrap_or_default().to_owned();
    Some(match kind {
        GOAL_STARTED => GoalEvent::GoalStarted {
            goal_id: text("goal_id"),
            goal: text("goal"),
            goal_text: text("goal_text"),
            tests: serde_json::from_value(payload["tests"].clone()).unwrap_or_default(),
            directory: payload["directory"].as_str().map(str::to_owned),
            timeout_ms: payload["limits"]["timeout_ms"].as_u64().unwrap_or_default(),
        },
        GOAL_RESUMED => GoalEvent::GoalResumed { goal_id: text("goal_id") },
        REPLANNED => {
            let plan: PlanRecord = serde_json::from_value(payload["plan"].clone()).ok()?;
            GoalEvent::Replanned {
                steps: steps(&plan),
                plan_id: plan.plan_id,
                methods_used: plan.methods_used,
                planning_cost: plan.planning_cost,
                because: text("because"),
            }
        }
        _ => GoalEvent::GoalFinished {
            goal_id: text("goal_id"),
            outcome: text("outcome"),
            result: payload["result"].clone(),
        },
    })
}

/// What the end of a task says beyond itself.
fn derived(payload: &Value, output: &Output) -> Vec<GoalEvent> {
    let mut events = Vec::new();
    let is_observe = payload["task"] == OBSERVE && payload["action"] == OBSERVE;
    if is_observe {
        let facts = output.value.get("facts").cloned().unwrap_or(Value::Null);
        events.push(GoalEvent::Observed { facts });
        if let Some(Ok(plan)) =
            output.value.get("plan").cloned().map(serde_json::from_value::<PlanRecord>)
        {
            events.push(GoalEvent::Planned {
                steps: steps(&plan),
                plan_id: plan.plan_id,
                methods_used: plan.methods_used,
                planning_cost: plan.planning_cost,
                no_plan: plan.no_plan,
            });
        }
    }
    if let Some(branch) = output.value.get("branch").and_then(Value::as_str) {
        events.push(GoalEvent::Delivered {
            branch: branch.to_owned(),
            commit: output.value["commit"].as_str().map(str::to_owned),
            files: serde_json::from_value(output.value["files"].clone()).unwrap_or_default(),
        });
    }
    events
}

fn steps(plan: &PlanRecord) -> Vec<String> {
    plan.steps.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_the_one_that_was_published() {
        let text = serde_json::to_string_pretty(&Envelope::schema()).unwrap() + "\n";
        expect_test::expect_file!["../envelope.schema.json"].assert_eq(&text);
    }

    #[test]
    fn an_envelope_is_one_flat_object_and_comes_back() {
        let record = Record {
            seq: 7,
            ts_ms: 9,
            run: Some("run-1".into()),
            graph: Some("plan-1".into()),
            kind: "task_started".to_owned(),
            payload: json!({"type": "task_started", "task": "repair", "action": "repair", "attempt": 1}),
        };
        let envelopes = Envelope::from_record(&record);
        let value = serde_json::to_value(&envelopes[0]).unwrap();
        assert_eq!(
            value,
            json!({"v": 1, "seq": 7, "ts": 9, "run": "run-1", "graph": "plan-1",
                   "type": "task_started", "task": "repair", "action": "repair", "attempt": 1})
        );
        assert_eq!(serde_json::from_value::<Envelope>(value).unwrap(), envelopes[0]);
    }
}

//! The ledger as a projection of the journal: which records are worth an entry, and what of them.

use astraea_engine::{Projection, Record, Rejection};
use astraea_ledger::{Entry, Event, Ledger, LedgerError};
use astraea_redact::Redactor;
use rusqlite::Connection;
use serde_json::{Map, Value, json};

use crate::lower::OBSERVE;

/// Keeps the table `ledger`. Every entry is appended in the transaction of the record it tells of.
#[derive(Clone, Debug)]
pub struct LedgerProjection {
    redactor: Redactor,
}

impl LedgerProjection {
    /// A projection that masks with this redactor.
    #[must_use]
    pub fn new(redactor: Redactor) -> Self {
        Self { redactor }
    }
}

impl Projection for LedgerProjection {
    fn name(&self) -> &str {
        "ledger"
    }

    fn migrate(&mut self, tx: &Connection) -> Result<(), Rejection> {
        Ledger::migrate(tx).map_err(|e| rejection(&e))
    }

    fn apply(&mut self, tx: &Connection, record: &Record) -> Result<(), Rejection> {
        for (event, data) in
            told(record).into_iter().chain(planned(record)).chain(published(record))
        {
            let mut entry = Entry::new(record.ts_ms, event).with_data(data);
            entry.run = record.run.as_ref().map(ToString::to_string);
            Ledger::append_in(tx, &self.redactor, &entry).map_err(|e| rejection(&e))?;
        }
        Ok(())
    }
}

fn rejection(error: &LedgerError) -> Rejection {
    Rejection::new("ledger", error.to_string())
}

/// Kinds that go into the ledger whole, under their own name.
const WHOLE: [&str; 8] = [
    "decision_",
    "parameter_",
    "code_modification_",
    "belief_",
    "sandbox_",
    "no_sandbox",
    "policy_",
    "trust_",
];

/// A push, and a pull request, whoever did it.
pub(crate) const PUSHED: &str = "decision_push";
pub(crate) const REQUESTED: &str = "decision_pull_request";

/// What the ledger tells of a record, if anything.
fn told(record: &Record) -> Option<(Event, Value)> {
    let kind = record.kind.as_str();
    let payload = &record.payload;
    if kind.starts_with("task_") {
        return (kind != "task_progress").then(|| (Event::from(kind), task(record)));
    }
    match kind {
        "goal_created" => {
            let goal = &payload["goal"];
            let data = json!({
                "goal_id": goal["id"], "text": goal["text"], "category": goal["category"],
                "source": goal["source"],
            });
            Some((Event::GoalCreated, data))
        }
        "goal_adopted"
        | "goal_blocked_by_belief"
        | "goal_abandoned"
        | "goal_executed"
        | "goal_executing"
        | "goal_satisfied"
        | "goal_reverted"
        | "goal_patched"
        | "goal_deleted" => Some((Event::from(kind), without_nulls(payload))),
        "change_scheduled" => {
            let change = &payload["change"];
            let data = json!({
                "change_id": change["id"], "file_path": change["file_path"],
                "reason": change["reason"], "goal_id": change["goal_id"],
            });
            Some((Event::CodeModificationScheduled, without_nulls(&data)))
        }
        "change_approved" | "change_rejected" => Some((Event::DecisionMade, decision(record))),
        "change_refused" => Some((Event::DecisionAborted, decision(record))),
        "change_merged" => Some((Event::from("code_modification_merged"), without_nulls(payload))),
        "change_rolled_back" => {
            Some((Event::from("code_modification_rolled_back"), without_nulls(payload)))
        }
        _ if WHOLE.iter().any(|prefix| kind.starts_with(prefix)) => {
            Some((Event::from(kind), without_nulls(payload)))
        }
        _ => None,
    }
}

/// The decision for a first plan, which is in the output of the task that it grew out of.
fn planned(record: &Record) -> Option<(Event, Value)> {
    let plan = &record.payload["output"]["value"]["plan"];
    if record.kind != "task_succeeded" || record.payload["action"] != OBSERVE || plan.is_null() {
        return None;
    }
    let data = json!({
        "decision": "plan", "plan": plan["plan_id"], "methods": plan["methods_used"],
        "because": plan["no_plan"],
    });
    Some((Event::DecisionMade, without_nulls(&data)))
}

/// What a task of a plan brought to a remote: told as what a person brings there is, and with the task's end.
fn published(record: &Record) -> Option<(Event, Value)> {
    let kind = match record.payload["action"].as_str() {
        Some("push") => PUSHED,
        Some("pull_request") => REQUESTED,
        _ => return None,
    };
    let value = &record.payload["output"]["value"];
    let mut data =
        value["published"].as_object().filter(|_| record.kind == "task_succeeded")?.clone();
    data.insert("tier".to_owned(), value["tier"].clone());
    Some((Event::from(kind), without_nulls(&Value::Object(data))))
}

/// What is told of a task: which, and how it went; never what it printed.
fn task(record: &Record) -> Value {
    let payload = &record.payload;
    let output = &payload["output"];
    let tier = [&output["value"]["tier"], &output["value"]["evidence"]["tier"]]
        .into_iter()
        .find(|tier| !tier.is_null())
        .cloned()
        .unwrap_or_default();
    let artifacts = output["artifacts"].as_array().filter(|list| !list.is_empty());
    without_nulls(&json!({
        "graph": record.graph, "task": payload["task"], "action": payload["action"],
        "attempt": payload["attempt"], "class": payload["class"], "message": payload["message"],
        "because": payload["because"], "reason": payload["reason"], "tier": tier,
        "artifacts": artifacts,
    }))
}

/// A decision, with what was decided.
fn decision(record: &Record) -> Value {
    let mut data = without_nulls(&record.payload);
    if let Some(map) = data.as_object_mut() {
        map.insert("decision".into(), Value::String(record.kind.clone()));
    }
    data
}

/// The fields that say something. What is no object becomes one.
fn without_nulls(value: &Value) -> Value {
    let fields = match value {
        Value::Object(map) => map.clone(),
        Value::Null => Map::new(),
        other => Map::from_iter([("value".to_owned(), other.clone())]),
    };
    Value::Object(fields.into_iter().filter(|(_, v)| !v.is_null()).collect())
}

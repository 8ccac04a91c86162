//! What the ledger tells of a run.

use astraea_engine::{NewRecord, RunId, open_reader};
use serde_json::{Value, json};

use super::House;
use crate::store::{GoalPatch, NewGoal};

async fn told(house: &House, kind: &str, payload: Value) -> Option<(String, Value)> {
    let before = house.ledger().len();
    let record =
        NewRecord::new(kind, payload).with_run(RunId::new("r1")).with_graph("plan-1".into());
    house.append(vec![record]).await;
    let entries = house.ledger();
    entries.get(before).map(|entry| {
        assert_eq!(entry.run.as_deref(), Some("r1"));
        (entry.event.to_string(), entry.data.clone())
    })
}

#[tokio::test]
async fn defect_09_every_task_event_is_written() {
    let house = House::new();
    let started =
        json!({ "type": "task_started", "task": "t1", "action": "run_tests", "attempt": 1 });
    assert_eq!(
        told(&house, "task_started", started).await.unwrap(),
        (
            "task_started".into(),
            json!({ "graph": "plan-1", "task": "t1", "action": "run_tests", "attempt": 1 })
        )
    );
    let failed = json!({
        "type": "task_failed", "task": "t1", "action": "run_tests", "attempt": 1, "class": "TestFailure",
        "message": "mail ann@example.org, key walrus piano",
        "output": { "value": { "evidence": { "tier": "A" } }, "stdout": "not for the ledger", "artifacts": [] },
    });
    assert_eq!(
        told(&house, "task_failed", failed).await.unwrap(),
        (
            "task_failed".into(),
            json!({
                "graph": "plan-1", "task": "t1", "action": "run_tests", "attempt": 1,
                "class": "TestFailure", "message": "mail [email], key [secret]", "tier": "A",
            })
        )
    );
    let succeeded = json!({ "task": "t2", "action": "commit", "attempt": 1, "output": { "artifacts": ["src/a.py"] } });
    let (event, data) = told(&house, "task_succeeded", succeeded).await.unwrap();
    assert_eq!((event.as_str(), &data["artifacts"]), ("task_succeeded", &json!(["src/a.py"])));
    for kind in ["task_retrying", "task_aborted", "task_skipped", "task_cancelled"] {
        let payload = json!({ "task": "t3", "because": "t1" });
        assert_eq!(told(&house, kind, payload).await.unwrap().0, kind);
    }
}

#[tokio::test]
async fn the_first_plan_is_a_decision_too() {
    let house = House::new();
    let plan = json!({ "plan_id": "plan-1", "methods_used": ["fix_bug_repair"] });
    let payload = json!({
        "task": "observe", "action": "observe", "output": { "value": { "plan": plan } },
    });
    told(&house, "task_succeeded", payload.clone()).await.unwrap();
    let last = house.ledger().pop().unwrap();
    assert_eq!(
        (last.event.to_string().as_str(), last.data),
        (
            "decision_made",
            json!({ "decision": "plan", "plan": "plan-1", "methods": ["fix_bug_repair"] })
        )
    );
    // A later graph recalls what was seen, its old plan included; that decides nothing.
    let mut recalled = payload;
    recalled["action"] = json!("recall");
    told(&house, "task_succeeded", recalled).await.unwrap();
    assert_eq!(house.ledger().pop().unwrap().event.to_string(), "task_succeeded");
}

#[tokio::test]
async fn what_is_no_event_stays_out() {
    let house = House::new();
    for kind in ["graph_started", "graph_finished", "breaker_opened", "goal_started", "anything"] {
        assert_eq!(told(&house, kind, json!({})).await, None, "{kind}");
    }
}

#[tokio::test]
async fn decisions_and_others_go_in_whole() {
    let house = House::new();
    for (kind, payload) in [
        ("decision_made", json!({ "plan": ["a", "b"] })),
        ("decision_aborted", json!({ "why": "x" })),
        ("goal_executed", json!({ "goal_id": "g", "success": true })),
        ("code_modification_applied", json!({ "branch": "astra/goal-1" })),
        ("no_sandbox", json!({ "tier": "D" })),
    ] {
        assert_eq!(told(&house, kind, payload.clone()).await.unwrap(), (kind.to_owned(), payload));
    }
    assert_eq!(told(&house, "sandbox_tier", json!("A")).await.unwrap().1, json!({ "value": "A" }));
}

#[tokio::test]
async fn a_rejected_append_leaves_no_entry() {
    use astraea_engine::Journal as _;
    let house = House::new();
    let batch = vec![
        NewRecord::new("decision_made", json!({})),
        NewRecord::new("goal_adopted", json!({ "goal_id": "nobody" })),
    ];
    assert!(house.journal.append(batch).await.is_err());
    assert!(house.ledger().is_empty());
}

#[tokio::test]
async fn case_71_what_a_person_writes_is_masked_in_the_journal_and_the_tables() {
    let house = House::new();
    let mut goal = NewGoal::new("log in with walrus piano").with_id("g");
    goal.metadata = json!({ "note": "walrus piano" });
    let goal = house.store.create(goal, None).await.unwrap();
    assert_eq!(goal.definition.text, "log in with [secret]");
    let patch = GoalPatch { text: Some("use walrus piano".into()), ..GoalPatch::default() };
    house.store.patch(&goal.id, goal.version, &patch).await.unwrap();
    house.store.believe("b", "the key is walrus piano", 0.9).await.unwrap();
    house.store.abandon(&goal.id, "walrus piano leaked", None, None).await.unwrap();
    let conn = open_reader(house.dir.path().join("state.db")).unwrap();
    for query in [
        "SELECT group_concat(payload) FROM record",
        "SELECT group_concat(definition || coalesce(reason, '')) FROM goals",
        "SELECT group_concat(statement) FROM beliefs",
    ] {
        let text: String = conn.query_row(query, [], |row| row.get(0)).unwrap();
        assert!(text.contains("[secret]") && !text.contains("walrus"), "{text}");
    }
}

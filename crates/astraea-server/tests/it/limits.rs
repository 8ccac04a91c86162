//! What the server does not put up with, and what it says then.

use astraea_server::ServerOptions;
use serde_json::json;

use crate::support::House;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_is_a_problem_with_a_reason() {
    let house = House::new().await;
    let bearer = format!("Bearer {}", house.token);
    let known =
        [("Host", "localhost"), ("Authorization", &*bearer), ("Content-Type", "application/json")];
    let large = format!("{{\"message\": \"{}\"}}", "x".repeat(2 << 20));
    let long = format!("{{\"message\": \"{}\"}}", "x".repeat(70_000));
    for (line, body, status) in [
        ("POST /api/chat", "{", 400),
        ("POST /api/chat", "[]", 422),
        ("POST /api/chat", "{}", 422),
        ("POST /api/chat", "{\"message\": 5}", 422),
        ("POST /api/chat", "{\"message\": \"x\", \"whatever\": 1}", 422),
        ("POST /api/chat", "{\"message\": \"  \"}", 400),
        ("POST /api/chat", "{\"message\": \"x\", \"conversation_id\": \"../x\"}", 400),
        ("POST /api/chat", "{\"message\": \"x\", \"conversation_id\": \"c-1\"}", 404),
        ("POST /api/chat", &long, 413),
        ("POST /api/chat", &large, 413),
        ("DELETE /api/chat", "", 405),
        ("PUT /v1/goals", "", 405),
        ("GET /v1/goals/%FF", "", 400),
        ("GET /nothing", "", 404),
        ("GET /api/v1/events?since=-1", "", 400),
        ("GET /api/v1/events/ws", "", 400),
        ("GET /api/conversations/c-0", "", 404),
        ("GET /api/conversations/a%2Fb", "", 400),
        ("POST /v1/runs/run-none/resume", "", 404),
        ("POST /v1/runs/run-none/cancel", "", 404),
        ("POST /v1/chat/completions", "{\"messages\": []}", 400),
    ] {
        let got = house.raw(line, &known, body).await;
        assert_eq!(got.status, status, "{line} {}", got.body);
        assert!(
            got.head.contains("content-type: application/problem+json"),
            "{line}: {}",
            got.head
        );
        let problem = got.json();
        assert_eq!(problem["status"], status, "{line}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 5), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_an_end_to_what_is_done_at_once() {
    let options = ServerOptions::default().with_limits(0, 1);
    let house = House::with_options(None, options).await;
    let refused = house.chat("hello").await;
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("busy")));
    let bearer = format!("Bearer {}", house.token);
    let headers = [("Host", "localhost"), ("Authorization", &*bearer)];
    let mut first = house.begin("GET /api/v1/events", &headers, "").await;
    // It is let in when it is answered.
    tokio::io::AsyncReadExt::read_u8(&mut first).await.unwrap();
    assert_eq!(house.ask("GET", "/api/v1/events", None).await.status, 503);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn defect_11_a_goal_does_not_hold_the_only_worker() {
    let house = House::new().await;
    let body = json!({"message": "fix the failing test", "wait": false});
    let run = house.ask("POST", "/api/chat", Some(body)).await.json()["run"].clone();
    let status = house.ask("GET", "/v1/models", None).await.status;
    // It was answered while the goal goes on.
    assert_eq!((status, house.runs.alive()), (200, vec![run.as_str().unwrap().to_owned()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behaviour_25_a_ledger_that_was_edited_fails_health_and_no_goal_is_carried_out() {
    let house = House::new().await;
    assert_eq!(house.chat("fix the failing test").await.json()["success"], true);
    assert_eq!(house.ask("GET", "/health", None).await.json()["status"], "ok");
    let database = house.astra.repository().state().db_path();
    rusqlite::Connection::open(database)
        .unwrap()
        .execute_batch(
            "DROP TRIGGER ledger_no_update;
             UPDATE ledger SET data = replace(data, 'area.py', 'other.py') WHERE event = 'goal_executed';",
        )
        .unwrap();
    let got = house.ask("GET", "/health", None).await;
    assert_eq!((got.status, &got.json()["status"]), (503, &json!("degraded")), "{}", got.body);
    assert_eq!(got.json()["ledger"]["ok"], false);
    assert!(got.json()["ledger"]["problem"].as_str().unwrap().contains("ledger"), "{}", got.body);
}

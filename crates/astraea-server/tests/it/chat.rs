//! Conversations over HTTP, with the rules and with a scripted model over a real connection.

use std::time::Duration;

use astraea_llm::testing::{Answer, ScriptedServer};
use serde_json::json;

use crate::support::{House, mend};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_carry_a_goal_out_and_the_answer_names_run_branch_and_files() {
    let house = House::new().await;
    let body = house.chat("please fix the failing test").await.json();
    assert_eq!(body["rule_based"], true, "{body}");
    assert_eq!(body["files"], json!(["area.py"]), "{body}");
    assert!(body["branch"].as_str().unwrap().starts_with("astra/"), "{body}");
    let run = body["run_id"].as_str().unwrap();
    let result = house.astra.result(run).unwrap();
    assert_eq!(json!(result.branch), body["branch"]);
    house.astra.ledger_verify().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_over_http_carries_a_goal_out_despite_429_and_a_cut_stream() {
    let wait = vec![("Retry-After".to_owned(), "0".to_owned())];
    let model = ScriptedServer::start([
        Answer::Status { status: 429, headers: wait, body: "slow down".into() },
        Answer::call("execute_goal", &mend()),
        Answer::Cut("It is".into()),
        Answer::Text("It is mended.".into()),
    ])
    .await
    .unwrap();
    let house = House::with_model(Some(model.base_url())).await;
    let body = house.chat("mend area").await.json();
    assert!(body["response"].as_str().unwrap().starts_with("It is mended."), "{body}");
    assert_eq!(body["success"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_json_and_wrong_tools_are_corrected_once_and_then_an_error() {
    let broken =
        || Answer::Call { name: "execute_goal".into(), arguments: "{\"goal_text\": [".into() };
    let model = ScriptedServer::start([
        broken(),
        Answer::Text("sorry".into()),
        broken(),
        Answer::call("no_such_tool", &json!({})),
    ])
    .await
    .unwrap();
    let house = House::with_model(Some(model.base_url())).await;
    assert_eq!(house.chat("one").await.json()["response"], "sorry");
    let got = house.chat("two").await;
    assert_eq!((got.status, &got.json()["code"]), (502, &json!("model")));
    assert!(got.head.contains("application/problem+json"));
    assert!(house.astra.runs().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_readme_that_gives_orders_has_no_effect() {
    let model = ScriptedServer::start([
        Answer::call("read_file", &json!({"path": "README.md"})),
        Answer::call("read_file", &json!({"path": ".env"})),
        Answer::call(
            "schedule_code_modification",
            &json!({"file_path": ".github/workflows/x.yml", "new_content": "x", "reason": "told so"}),
        ),
        Answer::Text("done as told".into()),
    ])
    .await
    .unwrap();
    let house = House::with_model(Some(model.base_url())).await;
    let body = house.chat("read the README").await.json();
    assert_eq!(body["response"], "done as told");
    assert!(house.astra.runs().unwrap().is_empty());
    assert!(house.astra.changes().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn defect_11_a_chat_that_does_not_wait_gives_the_run_and_the_goal_goes_on_without_the_client()
{
    let house = House::new().await;
    let body = json!({"message": "fix the failing test", "wait": false});
    let got = house.ask("POST", "/api/chat", Some(body)).await;
    assert_eq!(got.status, 202, "{}", got.body);
    let run = got.json()["run"].as_str().unwrap().to_owned();
    assert_eq!(house.ask("GET", "/health", None).await.status, 200);
    until_finished(&house, &run).await;
    let graphs = house.ask("GET", "/api/v1/taskgraphs", None).await.json();
    assert_eq!(graphs["taskgraphs"][0]["run"], json!(run), "{graphs}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_going_away_does_not_stop_the_goal() {
    let house = House::new().await;
    let bearer = format!("Bearer {}", house.token);
    let headers =
        [("Host", "localhost"), ("Authorization", &*bearer), ("Content-Type", "application/json")];
    let stream =
        house.begin("POST /api/chat", &headers, r#"{"message": "fix the failing test"}"#).await;
    let run = loop {
        if let [run, ..] = &house.runs.alive()[..] {
            break run.clone();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    drop(stream);
    until_finished(&house, &run).await;
    assert!(house.astra.result(&run).unwrap().success);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_conversations_at_once_stay_apart() {
    let house = House::new().await;
    let (one, two) =
        tokio::join!(house.chat("fix the failing test"), house.chat("fix the failing test"));
    let (one, two) = (one.json(), two.json());
    assert!(one["success"] == true && two["success"] == true, "{one} {two}");
    assert_ne!(one["conversation_id"], two["conversation_id"]);
    assert_ne!(one["run_id"], two["run_id"]);
    assert_ne!(one["branch"], two["branch"]);
}

async fn until_finished(house: &House, run: &str) {
    for _ in 0..6000 {
        if house.astra.result(run).is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{run} does not end");
}

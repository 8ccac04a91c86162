//! Goals, graphs, events, changes, and the OpenAI-compatible door.

use serde_json::json;
use tokio::io::AsyncReadExt;

use crate::support::House;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn defect_12_goals_from_proposal_to_abandonment_and_prioritized_is_a_list() {
    let house = House::new().await;
    let key = [("Idempotency-Key", "k1")];
    let wanted = json!({"text": "tidy", "value": 0.8, "effort": 0.4, "risk": 0.2});
    let made = house.keyed("POST", "/v1/goals", Some(wanted.clone()), &key).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let goal = made.json();
    let again = house.keyed("POST", "/v1/goals", Some(wanted), &key).await.json();
    assert_eq!(goal["id"], again["id"]);
    let path = format!("/v1/goals/{}", goal["id"].as_str().unwrap());
    let list = house.ask("GET", "/v1/goals/prioritized", None).await.json();
    let score = list["goals"][0]["score"].as_f64().unwrap();
    assert!((score - 0.67).abs() < 1e-9, "{list}");
    let patch = |version: u64| Some(json!({"version": version, "text": "tidy up"}));
    let version = goal["version"].as_u64().unwrap();
    assert_eq!(house.ask("PATCH", &path, patch(version)).await.status, 200);
    let stale = house.ask("PATCH", &path, patch(version)).await;
    assert_eq!((stale.status, &stale.json()["code"]), (409, &json!("stale_version")));
    assert_eq!(house.ask("POST", &format!("{path}/adopt"), None).await.json()["state"], "adopted");
    assert_eq!(
        house.ask("POST", &format!("{path}/abandon"), None).await.json()["state"],
        "abandoned"
    );
    assert_eq!(house.ask("POST", &format!("{path}/adopt"), None).await.status, 409);
    assert_eq!(house.ask("GET", "/v1/goals/none", None).await.status, 404);
    for bad in ["/v1/goals?limit=501", "/v1/goals?states=lost", "/v1/goals?x=1"] {
        assert_eq!(house.ask("GET", bad, None).await.status, 400, "{bad}");
    }
    let bad = house.ask("POST", "/v1/goals", Some(json!({"text": "x", "value": 7}))).await;
    assert_eq!(bad.status, 422, "{}", bad.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_view_of_a_graph_and_every_event() {
    let house = House::new().await;
    let body = house.chat("fix the failing test").await.json();
    let run = body["run_id"].as_str().unwrap();
    let graph = format!("/api/v1/taskgraphs/{run}:plan-1");
    for view in [
        "",
        "/stats",
        "/tasks",
        "/ready",
        "/blocking",
        "/concurrency",
        "/breakers",
        "/budget",
        "/ascii",
        "/dot",
        "/tasks/observe",
        "/tasks/observe/dependencies",
        "/tasks/observe/reliability",
    ] {
        let got = house.ask("GET", &format!("{graph}{view}"), None).await;
        assert_eq!(got.status, 200, "{view}: {}", got.body);
    }
    let stats = house.ask("GET", &format!("{graph}/stats"), None).await.json();
    assert_eq!(stats["succeeded"], stats["total"], "{stats}");
    let first = house.ask("GET", &format!("{graph}/tasks?limit=1"), None).await.json();
    let next = first["next_cursor"].as_str().unwrap();
    let second =
        house.ask("GET", &format!("{graph}/tasks?limit=1&cursor={next}"), None).await.json();
    assert_ne!(first["tasks"], second["tasks"]);
    for missing in ["/tasks/none", "/nonsense"] {
        assert_eq!(house.ask("GET", &format!("{graph}{missing}"), None).await.status, 404);
    }
    assert_eq!(house.ask("GET", "/api/v1/taskgraphs/run-none", None).await.status, 404);

    // The whole stream, then only what comes after a place in it.
    let all = events(&house, 0).await;
    assert!(all.contains("\"type\":\"goal_finished\""), "{all}");
    let half = all
        .lines()
        .filter_map(|line| line.strip_prefix("id: ")?.parse::<u64>().ok())
        .nth(3)
        .unwrap();
    let rest = events(&house, half).await;
    let ids: Vec<u64> =
        rest.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect();
    assert_eq!(ids.first(), Some(&(half + 1)));
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
}

async fn events(house: &House, since: u64) -> String {
    let bearer = format!("Bearer {}", house.token);
    let headers = [("Host", "localhost"), ("Authorization", &*bearer)];
    let mut stream = house.begin(&format!("GET /api/v1/events?since={since}"), &headers, "").await;
    let (mut text, mut buffer) = (String::new(), vec![0; 65536]);
    while !text.contains("\"type\":\"goal_finished\"") || !text.ends_with("\n\r\n") {
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_openai_door_and_the_page() {
    let house = House::new().await;
    assert_eq!(house.ask("GET", "/v1/models", None).await.json()["data"][0]["id"], "astra");
    let question = |stream: bool| {
        Some(
            json!({"model": "astra", "stream": stream, "messages": [{"role": "user", "content": "hello"}]}),
        )
    };
    let got = house.ask("POST", "/v1/chat/completions", question(false)).await.json();
    let text = got["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains("did not recognise"), "{got}");
    let got = house.ask("POST", "/v1/chat/completions", question(true)).await;
    assert!(got.body.contains("data: [DONE]"), "{}", got.body);
    for path in ["/", "/app.js", "/style.css", "/openapi.json"] {
        assert_eq!(house.ask("GET", path, None).await.status, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_path_of_the_document_is_there() {
    let house = House::new().await;
    let document = astraea_server::openapi();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "x").replace("{tid}", "x").replace("{run}", "x");
        if path.starts_with("/api/v1/events") {
            continue;
        }
        for method in methods.as_object().unwrap().keys() {
            let got = house.ask(&method.to_uppercase(), &path, None).await;
            assert!(
                got.status != 405 && !got.body.contains("there is nothing here"),
                "{method} {path}: {}",
                got.body
            );
        }
    }
}

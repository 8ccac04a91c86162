//! Events over WebSocket and SSE, from the beginning and from a place in the middle; answers in pieces.

use astraea_llm::testing::{Answer, ScriptedServer};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{client_async, tungstenite::http::Request};

use crate::support::House;

/// The events of a run over a WebSocket, to its end.
async fn over_socket(house: &House, run: &str, since: u64) -> Vec<Value> {
    let request = Request::builder()
        .uri(format!("ws://localhost/api/v1/events/ws?run={run}&since={since}"))
        .header("Host", "localhost")
        .header("Authorization", format!("Bearer {}", house.token))
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .unwrap();
    let stream = TcpStream::connect(house.address).await.unwrap();
    let (mut socket, _) = client_async(request, stream).await.unwrap();
    let mut events = Vec::new();
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() {
            events.push(serde_json::from_str(message.to_text().unwrap()).unwrap());
        }
    }
    events
}

/// The same over SSE.
async fn over_sse(house: &House, run: &str, since: u64, last_id: Option<u64>) -> Vec<Value> {
    let path = format!("/api/v1/events?run={run}&since={since}");
    let id = last_id.map(|id| id.to_string());
    let headers: Vec<_> = id.iter().map(|id| ("Last-Event-ID", id.as_str())).collect();
    let got = house.keyed("GET", &path, None, &headers).await;
    assert_eq!(got.status, 200, "{}", got.body);
    let data = got.body.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_broke_off_goes_on_where_it_was() {
    let house = House::new().await;
    let body = json!({"message": "fix the failing test", "wait": false});
    let begun = house.ask("POST", "/api/chat", Some(body)).await.json();
    let run = begun["run"].as_str().unwrap();
    // Followed while the run goes on; the stream ends with it.
    let live = over_socket(&house, run, 0).await;
    let kinds: Vec<_> = live.iter().filter_map(|event| event["type"].as_str()).collect();
    assert!(kinds.contains(&"goal_started") && kinds.contains(&"goal_finished"), "{kinds:?}");
    assert!(live.iter().all(|event| event["v"] == 1 && event["run"] == run));
    let seq = |event: &Value| event["seq"].as_u64().unwrap();
    assert!(live.windows(2).all(|pair| seq(&pair[0]) <= seq(&pair[1])), "{kinds:?}");
    // Read again afterwards it is the same, whichever way.
    assert_eq!(over_sse(&house, run, 0, None).await, live);
    for place in [seq(&live[0]), seq(&live[live.len() / 2])] {
        let rest: Vec<_> = live.iter().filter(|event| seq(event) > place).cloned().collect();
        assert_eq!(over_socket(&house, run, place).await, rest);
        assert_eq!(over_sse(&house, run, place, None).await, rest);
        assert_eq!(over_sse(&house, run, 0, Some(place)).await, rest);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completion_comes_in_pieces_with_its_usage() {
    let model = ScriptedServer::start([
        Answer::call("list_files", &json!({})),
        Answer::Cut("There are".into()),
        Answer::Text("There are three files here.".into()),
    ])
    .await
    .unwrap();
    let house = House::with_model(Some(model.base_url())).await;
    let body = json!({"model": "astra", "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "how many files?"}]});
    let got = house.ask("POST", "/v1/chat/completions", Some(body)).await;
    let chunks: Vec<Value> = got
        .body
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
        .collect();
    let pieces: Vec<_> = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .filter(|piece| !piece.is_empty())
        .collect();
    assert!(pieces.len() > 4, "{pieces:?}");
    let text = pieces.concat();
    assert!(text.contains("[list_files …]") && text.contains("void"), "{text}");
    assert!(text.ends_with("There are three files here."), "{text}");
    let last = chunks.last().unwrap();
    // The tool call and the last answer; nothing is known of the one that broke off.
    assert_eq!(last["usage"]["prompt_tokens"], 22, "{last}");
    assert_eq!(last["usage"]["total_tokens"], 36, "{last}");
    assert!(got.body.contains("\"finish_reason\":\"stop\"") && got.body.contains("data: [DONE]"));
}

//! The protocol against a scripted server.

use std::time::Duration;

use astraea_llm::{
    ChatRequest, Delta, Finish, LlmError, Message, Provider, Tool,
    openai::{OpenAi, OpenAiOptions},
    testing::{Answer, ScriptedServer},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

fn request() -> ChatRequest {
    let tool = Tool {
        name: "execute_goal".into(),
        description: "acts".into(),
        parameters: json!({"type": "object"}),
    };
    ChatRequest::new(vec![Message::system("be brief"), Message::user("mend it")])
        .with_tools(vec![tool])
}

async fn ask(answer: Answer) -> (Result<astraea_llm::Reply, LlmError>, String, ScriptedServer) {
    let server = ScriptedServer::start([answer]).await.expect("a port on the loopback interface");
    let model = OpenAi::new(OpenAiOptions::new(server.base_url(), "m").with_api_key("sk-key"))
        .expect("a valid URL");
    let mut shown = String::new();
    let mut sink = |delta: Delta| {
        if let Delta::Text(text) = delta {
            shown.push_str(&text);
        }
    };
    let reply = model.chat(&request(), &mut sink, &CancellationToken::new()).await;
    (reply, shown, server)
}

#[tokio::test]
async fn text_is_streamed_and_metered() {
    let (reply, shown, server) = ask(Answer::Text("the test passes now — ✓".into())).await;
    let reply = reply.unwrap();
    assert_eq!(reply.text, "the test passes now — ✓");
    assert_eq!(shown, reply.text);
    assert_eq!((reply.usage.input, reply.usage.output, reply.usage.reported), (11, 7, true));
    let sent = &server.requests()[0];
    assert_eq!(sent["messages"][0], json!({"role": "system", "content": "be brief"}));
    assert_eq!(sent["tools"][0]["function"]["name"], "execute_goal");
}

#[tokio::test]
async fn calls_are_put_together_from_pieces() {
    let calls = vec![
        ("a".to_owned(), json!({"x": "long enough to be split"}).to_string()),
        ("b".into(), "{}".into()),
    ];
    let reply = ask(Answer::Calls(calls)).await.0.unwrap();
    assert_eq!(reply.finish, Finish::ToolCalls);
    let names: Vec<_> =
        reply.calls.iter().map(|call| (call.name.as_str(), call.id.as_str())).collect();
    assert_eq!(names, [("a", "call_0"), ("b", "call_1")]);
    assert_eq!(reply.calls[0].arguments["x"], "long enough to be split");
}

#[tokio::test]
async fn an_answer_as_one_object_is_understood() {
    let body = json!({"model": "m", "choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}]});
    let answer = Answer::Status {
        status: 200,
        headers: vec![("Content-Type".into(), "application/json".into())],
        body: body.to_string(),
    };
    let reply = ask(answer).await.0.unwrap();
    assert_eq!(reply.text, "hello");
    assert!(!reply.usage.reported && reply.usage.input > 0, "estimated: {:?}", reply.usage);
}

#[tokio::test]
async fn a_stream_that_is_cut_is_no_answer() {
    let error = ask(Answer::Cut("the test pas".into())).await.0.unwrap_err();
    assert!(matches!(error, LlmError::Network { .. }) && error.is_transient(), "{error}");
}

#[tokio::test]
async fn each_status_is_a_decision() {
    let status = |status, headers: &[(&str, &str)]| Answer::Status {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: json!({"error": {"message": "because"}}).to_string(),
    };
    let busy = ask(status(429, &[("Retry-After", "3")])).await.0.unwrap_err();
    assert_eq!(busy.retry_after(), Some(Duration::from_secs(3)));
    assert!(busy.is_transient());
    let key = ask(status(401, &[])).await.0.unwrap_err();
    assert!(
        matches!(&key, LlmError::Unauthorized { message, .. } if message == "because"),
        "{key}"
    );
    let refused = ask(status(400, &[])).await.0.unwrap_err();
    assert!(matches!(refused, LlmError::Refused { .. }) && !refused.is_transient());
    // A redirect would carry the key elsewhere.
    let moved = ask(status(302, &[("Location", "http://127.0.0.1:1/")])).await.0.unwrap_err();
    assert!(matches!(moved, LlmError::Refused { status: 302, .. }), "{moved}");
}

#[tokio::test]
async fn nonsense_is_a_protocol_error() {
    for raw in ["data: {\n\n", "data: 5\n\n", "data: {\"choices\": 5}\n\n"] {
        let error = ask(Answer::Raw(raw.into())).await.0.unwrap_err();
        assert!(matches!(error, LlmError::Protocol { .. }), "{raw}: {error}");
    }
    // An index without end, a call without a name.
    let raw = "data: {\"choices\": [{\"delta\": {\"tool_calls\": [{\"index\": 99999999, \"function\": {\"name\": \"a\"}}, \
        {\"index\": 3, \"function\": {\"arguments\": \"{\"}}]}, \"finish_reason\": \"tool_calls\"}]}\n\n";
    assert!(ask(Answer::Raw(raw.into())).await.0.unwrap().calls.is_empty());
}

#[tokio::test]
async fn a_silent_server_can_be_left() {
    let server = ScriptedServer::start([Answer::Silence]).await.unwrap();
    let model = OpenAi::new(OpenAiOptions::new(server.base_url(), "m")).unwrap();
    let cancel = CancellationToken::new();
    let (request, mut sink) = (request(), |_| {});
    let asking = model.chat(&request, &mut sink, &cancel);
    let calling_off = async {
        while server.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (reply, ()) = tokio::join!(asking, calling_off);
    assert!(matches!(reply, Err(LlmError::Cancelled)));
}

#[test]
fn a_key_is_never_shown() {
    let options = OpenAiOptions::new("http://localhost/v1", "m").with_api_key("sk-very-secret");
    assert!(!format!("{options:?}").contains("very-secret"));
    assert!(!format!("{:?}", OpenAi::new(options).unwrap()).contains("very-secret"));
}

#[test]
fn a_url_that_is_none_is_refused() {
    for url in ["", "localhost:8000", "file:///etc/passwd", "ftp://host/v1"] {
        assert!(
            matches!(OpenAi::new(OpenAiOptions::new(url, "m")), Err(LlmError::Config { .. })),
            "{url}"
        );
    }
}

//! Retries, budget, redaction and the corrective turn, in virtual time.

use std::{sync::Arc, time::Duration};

use astraea_llm::{
    Budget, ChatRequest, Client, ClientOptions, LlmError, Message, Reply, RetryOptions, Scripted,
    Tool, ToolCall,
};
use astraea_redact::{RedactOptions, Redactor};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

fn options() -> ClientOptions {
    let redact =
        RedactOptions { secret_values: vec!["hunter2-hunter2".into()], ..RedactOptions::default() };
    ClientOptions::new(Redactor::new(redact))
}

fn client(
    replies: Vec<Result<Reply, LlmError>>,
    options: ClientOptions,
) -> (Client, Arc<Scripted>) {
    let model = Arc::new(Scripted::new(replies));
    (Client::new(model.clone(), options), model)
}

fn busy(retry_after: Option<u64>) -> Result<Reply, LlmError> {
    Err(LlmError::Overloaded {
        status: 429,
        message: "busy".into(),
        retry_after: retry_after.map(Duration::from_secs),
    })
}

fn calling(name: &str, arguments: Value) -> Result<Reply, LlmError> {
    let call = ToolCall { id: "1".into(), name: name.into(), arguments };
    Ok(Reply { calls: vec![call], ..Reply::default() })
}

fn with_tool() -> ChatRequest {
    let parameters = json!({"type": "object", "required": ["goal_text"], "properties": {"goal_text": {"type": "string"}}});
    let tool = Tool { name: "execute_goal".into(), description: String::new(), parameters };
    ChatRequest::new(vec![Message::user("mend it")]).with_tools(vec![tool])
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_to_the_second() {
    let (client, model) =
        client(vec![busy(Some(30)), busy(None), Ok(Scripted::text("done"))], options());
    let start = Instant::now();
    let reply = client.chat(&ChatRequest::new(vec![]), &CancellationToken::new()).await.unwrap();
    assert_eq!(reply.text, "done");
    assert_eq!(start.elapsed().as_secs(), 31);
    assert_eq!(model.requests().len(), 3);
    assert_eq!(client.spent().calls, 3);
}

#[tokio::test(start_paused = true)]
async fn a_budget_fails_closed_also_for_retries() {
    let options =
        options().with_budget(Budget::default().with_calls(2)).with_retry(RetryOptions::default());
    let (client, model) =
        client(vec![busy(None), busy(None), Ok(Scripted::text("too late"))], options);
    let error =
        client.chat(&ChatRequest::new(vec![]), &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, LlmError::Budget { what: "calls", .. }), "{error}");
    assert_eq!(model.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_a_wait() {
    let (client, _) = client(vec![busy(Some(100))], options());
    let cancel = CancellationToken::new();
    let trigger = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        trigger.cancel();
    });
    let start = Instant::now();
    let error = client.chat(&ChatRequest::new(vec![]), &cancel).await.unwrap_err();
    assert!(matches!(error, LlmError::Cancelled));
    assert_eq!(start.elapsed().as_secs(), 1);
}

#[tokio::test]
async fn case_71_no_secret_is_sent() {
    let (client, model) = client(vec![Ok(Scripted::text("ok"))], options());
    let call =
        ToolCall { id: "1".into(), name: "t".into(), arguments: json!({"env": "hunter2-hunter2"}) };
    let request = ChatRequest::new(vec![
        Message::user("the password is hunter2-hunter2"),
        serde_json::from_value(json!({"role": "assistant", "text": "", "calls": [call]})).unwrap(),
        Message::tool("1", "hunter2-hunter2"),
    ]);
    client.chat(&request, &CancellationToken::new()).await.unwrap();
    let sent = serde_json::to_string(&model.requests()).unwrap();
    assert!(!sent.contains("hunter2"), "{sent}");
}

#[tokio::test]
async fn a_wrong_call_gets_one_corrective_turn() {
    let replies = vec![
        calling("execute_goal", json!({})),
        calling("execute_goal", json!({"goal_text": "fix_bug"})),
    ];
    let (client, model) = client(replies, options());
    let reply = client.chat(&with_tool(), &CancellationToken::new()).await.unwrap();
    assert_eq!(reply.calls[0].arguments["goal_text"], "fix_bug");
    let second = &model.requests()[1].messages;
    assert!(second.last().unwrap().text().contains("goal_text"), "{second:?}");
}

#[tokio::test]
async fn a_model_that_does_not_learn_is_left() {
    for bad in [calling("rm", json!({})), calling("execute_goal", json!("fix it"))] {
        let (client, model) = client(vec![bad.clone(), bad], options());
        let error = client.chat(&with_tool(), &CancellationToken::new()).await.unwrap_err();
        assert!(matches!(error, LlmError::BadToolCall { .. }), "{error}");
        assert_eq!(model.requests().len(), 2);
    }
}

#[tokio::test]
async fn a_call_in_the_text_counts() {
    let text = "<tool_call>{\"name\": \"execute_goal\", \"arguments\": {\"goal_text\": \"fix_bug\"}}</tool_call>";
    let (client, _) = client(vec![Ok(Scripted::text(text))], options());
    let reply = client.chat(&with_tool(), &CancellationToken::new()).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.calls.len()), ("", 1));
}

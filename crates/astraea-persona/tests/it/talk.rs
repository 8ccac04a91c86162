//! Whole exchanges.

use std::sync::Arc;

use astraea_llm::{Budget, LlmError, Message, Scripted};
use astraea_persona::{PersonaError, PersonaOptions, Question};
use serde_json::json;

use crate::support::{Place, calls, says};

fn mend() -> serde_json::Value {
    json!({"goal_text": "fix_bug: area", "context": {
        "file_path": "area.py", "search": "width + height", "replace": "width * height"
    }})
}

#[tokio::test]
async fn a_model_carries_a_goal_out_and_the_answer_comes_after_it() {
    let place = Place::new();
    let model = Arc::new(Scripted::new([calls("execute_goal", mend()), says("It is mended.")]));
    let answer = place.persona(Some(model.clone())).chat(Question::new("mend area")).await.unwrap();
    assert!(answer.text.starts_with("It is mended."), "{}", answer.text);
    let [run] = &answer.runs[..] else { panic!("{answer:?}") };
    assert!(run.success, "{run:?}");
    assert_eq!(run.files, ["area.py"]);
    assert!(answer.text.contains(run.branch.as_deref().unwrap()));
    // The model saw the report before it spoke.
    let seen = model.requests();
    let Some(Message::Tool { text, .. }) = seen[1].messages.last() else { panic!("{seen:?}") };
    assert!(text.contains("STATUS: ✓ SUCCESS"), "{text}");
    place.astra.ledger_verify().unwrap();
}

#[tokio::test]
async fn a_model_cannot_turn_a_failure_into_a_success() {
    let place = Place::new();
    let wrong = json!({"goal_text": "fix_bug: area", "context": {
        "file_path": "area.py", "search": "width + height", "replace": "width - height"
    }, "timeout_ms": 1});
    let model = Arc::new(Scripted::new([calls("execute_goal", wrong), says("All is well!")]));
    let answer = place.persona(Some(model)).chat(Question::new("mend area")).await.unwrap();
    assert!(answer.text.contains("not achieved"), "{}", answer.text);
    assert!(answer.runs.iter().all(|run| !run.success));
}

#[tokio::test]
async fn the_rules_take_the_same_path_and_say_so() {
    let place = Place::new();
    let persona = place.persona(None);
    let answer = persona.chat(Question::new("please fix the failing test")).await.unwrap();
    assert!(answer.rule_based);
    assert_eq!(answer.tools, ["execute_goal"]);
    assert!(answer.text.contains("🎯 Goal Execution Complete"), "{}", answer.text);
    assert!(answer.text.contains("fixed rules"), "{}", answer.text);
    let answer = persona
        .chat(Question::new("what is the weather?").in_conversation(answer.conversation_id))
        .await
        .unwrap();
    assert!(answer.runs.is_empty() && answer.text.contains("did not recognise"));
}

#[tokio::test]
async fn at_most_five_rounds_of_tools() {
    let place = Place::new();
    let mut script: Vec<_> = (0..5).map(|_| calls("list_goals", json!({}))).collect();
    script.push(says("enough"));
    let model = Arc::new(Scripted::new(script));
    let answer = place.persona(Some(model.clone())).chat(Question::new("loop")).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.tools.len()), ("enough", 5));
    assert!(model.requests()[5].tools.is_empty());
}

#[tokio::test]
async fn a_wrong_tool_is_corrected_once() {
    let place = Place::new();
    let model = Arc::new(Scripted::new([calls("rm_rf", json!({})), says("there is no such tool")]));
    let answer = place.persona(Some(model)).chat(Question::new("delete it")).await.unwrap();
    assert!(answer.tools.is_empty());
    let model = Arc::new(Scripted::new([calls("rm_rf", json!({})), calls("rm_rf", json!({}))]));
    let error = place.persona(Some(model)).chat(Question::new("delete it")).await.unwrap_err();
    assert!(matches!(error, PersonaError::Model(LlmError::BadToolCall { .. })), "{error}");
}

#[tokio::test]
async fn the_budget_of_an_answer_fails_closed() {
    let place = Place::new();
    let mut options = PersonaOptions::default();
    options.budget = Budget::default().with_calls(2);
    let script: Vec<_> = (0..9).map(|_| calls("list_goals", json!({}))).collect();
    let model = Arc::new(Scripted::new(script));
    let persona = place.persona(Some(model.clone())).with_options(options);
    let error = persona.chat(Question::new("loop")).await.unwrap_err();
    assert!(matches!(error, PersonaError::Model(LlmError::Budget { .. })), "{error}");
    assert_eq!(model.requests().len(), 2);
}

#[tokio::test]
async fn six_turns_go_to_the_model_and_the_rest_in_a_summary() {
    let place = Place::new();
    let model = Arc::new(Scripted::new((0..9).map(|n| says(&format!("answer {n}")))));
    let persona = place.persona(Some(model.clone()));
    let mut id = persona.chat(Question::new("message 0")).await.unwrap().conversation_id;
    for n in 1..9 {
        let question = Question::new(format!("message {n}")).in_conversation(id);
        id = persona.chat(question).await.unwrap().conversation_id;
    }
    let last = model.requests().pop().unwrap();
    // The instructions, the summary, six turns of two, the message.
    assert_eq!(last.messages.len(), 1 + 1 + 12 + 1);
    assert!(last.messages[1].text().contains("message 1"));
    assert!(!last.messages[1].text().contains("message 2;"));
}

#[tokio::test]
async fn bad_messages_are_refused() {
    let place = Place::new();
    let persona = place.persona(None);
    let refused = |question| async { persona.chat(question).await.unwrap_err() };
    assert!(matches!(refused(Question::new("  ")).await, PersonaError::EmptyMessage));
    let long = "x".repeat(70_000);
    assert!(matches!(refused(Question::new(long)).await, PersonaError::MessageTooLong { .. }));
    let unknown = Question::new("hi").in_conversation("c-0");
    assert!(matches!(refused(unknown).await, PersonaError::NoSuchConversation { .. }));
    let path = Question::new("hi").in_conversation("../../x");
    assert!(matches!(refused(path).await, PersonaError::BadConversationId { .. }));
}

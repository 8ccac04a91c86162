//! The OpenAI-compatible door: what speaks chat completions can talk to Astra.

mod stream;

use astraea_persona::Question;
use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{chat::start, problem::Problem, server::Shared};

const MODEL: &str = "astra";

#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    messages: Vec<Said>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    stream_options: Value,
}

#[derive(Debug, Deserialize)]
struct Said {
    role: String,
    #[serde(default)]
    content: Value,
}

impl Said {
    /// The text, which may come in parts.
    fn text(&self) -> String {
        match &self.content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
            }
            _ => String::new(),
        }
    }
}

pub(crate) async fn models(State(_): State<Shared>) -> Json<Value> {
    Json(
        json!({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "astraea"}]}),
    )
}

/// The last user message is the question; what a client sends of earlier turns stands before it as context.
pub(crate) async fn complete(
    State(shared): State<Shared>,
    body: Result<Json<Body>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(body) =
        body.map_err(|error| Problem::new(error.status(), "body", error.body_text()))?;
    if let Some(model) = body.model.as_deref().filter(|model| *model != MODEL) {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "model_not_found",
            format!("there is no model `{model}`; there is {MODEL}"),
        ));
    }
    let last = body.messages.iter().rposition(|said| said.role == "user");
    let last = last.ok_or_else(|| Problem::bad("there is no message with the role `user`"))?;
    let message = body.messages[last].text();
    let earlier: Vec<_> = body.messages[..last]
        .iter()
        .filter(|said| matches!(said.role.as_str(), "user" | "assistant"))
        .map(|said| format!("{}: {}", said.role, said.text()))
        .collect();
    let message = if earlier.is_empty() || !shared.persona.has_model() {
        message
    } else {
        format!("Earlier in this conversation:\n{}\n\nNow: {message}", earlier.join("\n"))
    };
    let created = shared.astra.now_ms() / 1000;
    let mut question = Question::new(message);
    if body.stream {
        let (sender, pieces) = mpsc::unbounded_channel();
        question.pieces = Some(sender);
        let (work, _) = start(&shared, question)?;
        let usage = body.stream_options["include_usage"] == true;
        return Ok(stream::answer(created, usage, pieces, work));
    }
    let (work, _) = start(&shared, question)?;
    let answer = work.await.map_err(|error| Problem::internal(error.to_string()))??;
    Ok(Json(json!({
        "id": format!("chatcmpl-{}", answer.conversation_id), "object": "chat.completion", "created": created, "model": MODEL,
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": null,
            "message": {"role": "assistant", "content": answer.text, "refusal": null}}],
        "usage": stream::usage(&answer),
        "astra": {"conversation_id": answer.conversation_id, "runs": answer.runs},
    }))
    .into_response())
}

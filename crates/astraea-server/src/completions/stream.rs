//! The answer in pieces, as server-sent events.

use std::convert::Infallible;

use astraea_llm::Delta;
use astraea_persona::{Answer, PersonaError};
use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle};

use super::MODEL;

type Work = JoinHandle<Result<Answer, PersonaError>>;

/// What is left to say.
struct Rest {
    created: u64,
    usage: bool,
    pieces: mpsc::UnboundedReceiver<Delta>,
    work: Option<Work>,
    /// What was said since the last break: a beginning of the answer, or of what comes before it.
    said: String,
    /// What is to be sent before anything else, the last first.
    queue: Vec<Event>,
}

/// Sends pieces as the model says them, and after the tools have run what is missing of the answer.
///
/// What a client has read cannot be taken back; where the model begins anew, that is said.
pub(super) fn answer(
    created: u64,
    usage: bool,
    pieces: mpsc::UnboundedReceiver<Delta>,
    work: Work,
) -> Response {
    let mut rest =
        Rest { created, usage, pieces, work: Some(work), said: String::new(), queue: Vec::new() };
    rest.queue.push(rest.chunk(json!({"role": "assistant", "content": ""}), Value::Null));
    let stream = futures_util::stream::unfold(rest, |mut rest| async {
        let event = rest.next().await?;
        Some((Ok::<_, Infallible>(event), rest))
    });
    Sse::new(stream).keep_alive(KeepAlive::default()).into_response()
}

/// What the model used, in the names of the protocol.
pub(super) fn usage(answer: &Answer) -> Value {
    let (input, output) = (answer.spent.input, answer.spent.output);
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input.saturating_add(output)})
}

impl Rest {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.queue.pop() {
                return Some(event);
            }
            match self.pieces.recv().await {
                Some(Delta::Text(text)) => {
                    self.said.push_str(&text);
                    return Some(self.text(text));
                }
                Some(Delta::Call(tool)) => {
                    self.said.clear();
                    return Some(self.text(format!("\n[{tool} …]\n\n")));
                }
                Some(Delta::Restart) if !self.said.is_empty() => {
                    self.said.clear();
                    return Some(
                        self.text("\n[what stands above is void: the answer begins anew]\n\n"),
                    );
                }
                Some(_) => {}
                None => self.close().await?,
            }
        }
    }

    /// The end: what is missing of the answer, why it ends, what was used.
    async fn close(&mut self) -> Option<()> {
        let done = self.work.take()?.await;
        let (text, finish, used) = match &done {
            Ok(Ok(answer)) => {
                let missing = match answer.text.strip_prefix(self.said.as_str()) {
                    Some(missing) => missing.to_owned(),
                    None => format!("\n\n{}", answer.text),
                };
                (missing, "stop", Some(usage(answer)))
            }
            Ok(Err(error)) => (format!("(no answer: {error})"), "error", None),
            Err(error) => (format!("(no answer: {error})"), "error", None),
        };
        self.queue.push(Event::default().data("[DONE]"));
        if let Some(used) = used.filter(|_| self.usage) {
            let mut chunk = self.shape(json!([]));
            chunk["usage"] = used;
            self.queue.push(Event::default().data(chunk.to_string()));
        }
        self.queue.push(self.chunk(json!({}), json!(finish)));
        if !text.is_empty() {
            self.queue.push(self.text(text));
        }
        Some(())
    }

    fn text(&self, text: impl Into<String>) -> Event {
        self.chunk(json!({"content": text.into()}), Value::Null)
    }

    fn chunk(&self, delta: Value, finish: Value) -> Event {
        let choices = json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
        Event::default().data(self.shape(choices).to_string())
    }

    fn shape(&self, choices: Value) -> Value {
        json!({"id": "chatcmpl-astra", "object": "chat.completion.chunk", "created": self.created,
            "model": MODEL, "choices": choices})
    }
}

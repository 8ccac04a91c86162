//! Reads an answer: a stream of server-sent events (WHATWG HTML, section 9.2), or one JSON object.

use eventsource_stream::{EventStreamError, Eventsource};
use futures_util::StreamExt;
use serde_json::Value;

use super::wire::{self, Chunk};
use crate::{Delta, LlmError, Reply, Sink, ToolCall, parse_arguments};

/// The answer as far as it has arrived.
#[derive(Debug, Default)]
struct Assembly {
    reply: Reply,
    calls: Vec<(String, String, String)>,
    finished: bool,
    bytes: usize,
}

/// Reads a stream to its end.
///
/// # Errors
/// A stream that breaks off before the model has finished is a network error: what arrived is no answer.
pub(super) async fn read(
    response: reqwest::Response,
    sink: Sink<'_>,
    max: usize,
    network: impl Fn(&reqwest::Error) -> LlmError,
) -> Result<Reply, LlmError> {
    let url = response.url().host_str().unwrap_or_default().to_owned();
    let mut events = response.bytes_stream().eventsource();
    let mut assembly = Assembly::default();
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(EventStreamError::Transport(error)) => return Err(network(&error)),
            Err(error) => return Err(LlmError::Protocol { message: error.to_string() }),
        };
        if event.data.trim() == "[DONE]" {
            assembly.finished = true;
            break;
        }
        assembly.bytes += event.data.len();
        if assembly.bytes > max {
            return Err(LlmError::TooLong { max });
        }
        let chunk = serde_json::from_str(&event.data).map_err(|error| LlmError::Protocol {
            message: format!("an event is not JSON: {error}"),
        })?;
        assembly.add(chunk, sink)?;
    }
    if !assembly.finished {
        return Err(LlmError::Network {
            url,
            message: "the stream broke off before the answer was whole".into(),
        });
    }
    Ok(assembly.finish())
}

/// Reads an answer that came as one object.
///
/// # Errors
/// When it is none.
pub(super) fn whole(bytes: &[u8], sink: Sink<'_>) -> Result<Reply, LlmError> {
    let chunk: Chunk = serde_json::from_slice(bytes).map_err(|error| LlmError::Protocol {
        message: format!("the answer is not JSON: {error}"),
    })?;
    if chunk.choices.is_empty() && chunk.error.is_none() {
        return Err(LlmError::Protocol { message: "the answer has no choices".into() });
    }
    let mut assembly = Assembly::default();
    assembly.add(chunk, sink)?;
    Ok(assembly.finish())
}

impl Assembly {
    fn add(&mut self, chunk: Chunk, sink: Sink<'_>) -> Result<(), LlmError> {
        if let Some(error) = chunk.error {
            let body = serde_json::json!({ "error": error }).to_string();
            let message = wire::error_message(body.as_bytes(), super::MAX_MESSAGE);
            return Err(LlmError::Overloaded { status: 500, message, retry_after: None });
        }
        if let Some(model) = chunk.model {
            self.reply.model = model;
        }
        if let Some(usage) = chunk.usage {
            self.reply.usage = usage.into();
        }
        // Only the first choice: no request asks for more.
        let Some(choice) = chunk.choices.into_iter().next() else { return Ok(()) };
        if let Some(text) = choice.delta.content.filter(|text| !text.is_empty()) {
            self.reply.text.push_str(&text);
            sink(Delta::Text(text));
        }
        for call in choice.delta.tool_calls.into_iter().flatten() {
            self.call(call, sink);
        }
        if let Some(reason) = choice.finish_reason {
            self.reply.finish = wire::finish(&reason);
            self.finished = true;
        }
        Ok(())
    }

    /// Adds a piece of a call: to the one of its index, or, without an index, to a new one where it has a name.
    fn call(&mut self, piece: wire::WireCall, sink: Sink<'_>) {
        // More calls than any model makes: a bound on a hostile index.
        const MAX_CALLS: usize = 64;
        let fresh = piece.function.name.is_some() || self.calls.is_empty();
        let index =
            piece.index.unwrap_or(if fresh { self.calls.len() } else { self.calls.len() - 1 });
        if index >= MAX_CALLS {
            return;
        }
        if self.calls.len() <= index {
            self.calls.resize(index + 1, Default::default());
        }
        let (id, name, arguments) = &mut self.calls[index];
        if let Some(piece) = piece.id.filter(|_| id.is_empty()) {
            *id = piece;
        }
        if let Some(piece) = piece.function.name.filter(|piece| !piece.is_empty() && name != piece)
        {
            name.push_str(&piece);
            sink(Delta::Call(name.clone()));
        }
        match piece.function.arguments {
            Some(Value::String(piece)) => arguments.push_str(&piece),
            Some(Value::Null) | None => {}
            Some(value) => arguments.push_str(&value.to_string()),
        }
    }

    fn finish(mut self) -> Reply {
        let calls = self.calls.into_iter().filter(|(_, name, _)| !name.is_empty());
        self.reply.calls = calls
            .map(|(id, name, arguments)| ToolCall {
                id,
                name,
                arguments: parse_arguments(&arguments),
            })
            .collect();
        self.reply
    }
}

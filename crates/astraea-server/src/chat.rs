//! `POST /api/chat`.

use std::time::Duration;

use astraea_goals::Envelope;
use astraea_persona::{Answer, PersonaError, Question};
use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{problem::Problem, server::Shared};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    message: String,
    #[serde(default)]
    conversation_id: Option<String>,
    #[serde(default)]
    wait: Option<bool>,
}

/// How long a client that does not want to wait waits for the run's id.
const PATIENCE: Duration = Duration::from_secs(10);

/// A message that is being answered, and the first run that it leads to.
pub(crate) type Work = (JoinHandle<Result<Answer, PersonaError>>, oneshot::Receiver<String>);

/// Answers a message; with `"wait": false` as soon as it is known which run it leads to.
pub(crate) async fn chat(
    State(shared): State<Shared>,
    body: Result<Json<Body>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(body) =
        body.map_err(|error| Problem::new(error.status(), "body", error.body_text()))?;
    let mut question = Question::new(body.message);
    question.conversation_id = body.conversation_id;
    if body.wait == Some(false) && question.conversation_id.is_none() {
        question.conversation_id = Some(shared.persona.begin().await?);
    }
    let id = question.conversation_id.clone();
    let (mut work, first) = start(&shared, question)?;
    if body.wait == Some(false) {
        let under_way = |mut body: Value| {
            body["conversation_id"] = json!(id);
            body["conversation"] = json!(id.as_ref().map(|id| format!("/api/conversations/{id}")));
            Ok((StatusCode::ACCEPTED, Json(body)).into_response())
        };
        tokio::select! {
            biased;
            Ok(run) = first => return under_way(json!({"run_id": run, "run": run,
                "events": format!("/api/v1/events?run={run}"), "status": format!("/v1/runs/{run}")})),
            // The model thinks for long, or other goals are before this one: the conversation tells when it begins.
            () = tokio::time::sleep(PATIENCE) => return under_way(json!({"run_id": null, "run": null, "events": "/api/v1/events"})),
            done = &mut work => return finished(done).map(|answer| Json(answer).into_response()),
        }
    }
    finished(work.await).map(|answer| Json(answer).into_response())
}

/// The work on a message as a task of its own: it goes on when the client goes away.
///
/// # Errors
/// When as many messages are answered as may be at once.
pub(crate) fn start(shared: &Shared, mut question: Question) -> Result<Work, Problem> {
    let place = shared.chat_place()?;
    let (events, mut receiver) = mpsc::unbounded_channel::<Envelope>();
    let (first, found) = oneshot::channel();
    question.events = Some(events);
    question.cancel = shared.stop.child_token();
    let news = shared.news.clone();
    tokio::spawn(async move {
        let mut first = Some(first);
        while let Some(event) = receiver.recv().await {
            if let (Some(run), Some(first)) = (&event.run, first.take_if(|_| event.run.is_some())) {
                let _ = first.send(run.clone());
            }
            // Nobody listens: that is no error.
            let _ = news.send(event);
        }
    });
    let persona = shared.persona.clone();
    let work = tokio::spawn(async move {
        let _place = place;
        persona.chat(question).await
    });
    Ok((work, found))
}

type Done = Result<Result<Answer, PersonaError>, tokio::task::JoinError>;

fn finished(done: Done) -> Result<Value, Problem> {
    let answer = done.map_err(|error| Problem::internal(error.to_string()))??;
    Ok(value(&answer))
}

/// The answer as data: the words, and the run, branch and files of the last goal that was carried out.
fn value(answer: &Answer) -> Value {
    let last = answer.runs.last();
    json!({
        "response": answer.text, "conversation_id": answer.conversation_id, "tools": answer.tools,
        "rule_based": answer.rule_based, "runs": answer.runs,
        "run_id": last.map(|run| &run.run), "branch": last.and_then(|run| run.branch.as_ref()),
        "files": last.map(|run| run.files.as_slice()).unwrap_or_default(),
        "success": last.map(|run| run.success), "outcome": last.and_then(|run| run.outcome.as_ref()),
    })
}

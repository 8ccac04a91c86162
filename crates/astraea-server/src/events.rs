//! Events over SSE and WebSocket. Both read the journal, so `since` misses nothing and repeats nothing.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use astraea_engine::{RunId, open_reader, read_records};
use astraea_goals::{Envelope, GoalError};
use axum::{
    extract::{
        Query, State, WebSocketUpgrade,
        rejection::QueryRejection,
        ws::{Message, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, broadcast};

use crate::{problem::Problem, server::Shared};

/// Records that are read at once.
const BATCH: usize = 256;
/// How long to wait before looking again for what another process wrote.
const POLL: Duration = Duration::from_millis(500);

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Only events after this sequence number; 0 for all.
    since: u64,
    /// Only events of this run; ends after its end.
    run: Option<String>,
}

/// A place in the journal.
#[derive(Debug)]
struct Follower {
    shared: Shared,
    run: Option<String>,
    since: u64,
    batch: VecDeque<Envelope>,
    news: broadcast::Receiver<Envelope>,
    /// The run that is followed has ended, and everything of it was read.
    ended: bool,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    fn new(shared: Shared, wanted: Wanted) -> Result<Self, Problem> {
        let place = shared.listener_place()?;
        let news = shared.news.subscribe();
        let batch = VecDeque::new();
        let (run, since) = (wanted.run, wanted.since);
        Ok(Self { shared, run, since, batch, news, ended: false, _place: place })
    }

    /// The next event; none when the server stops, or when the run that is followed has ended.
    async fn next(&mut self) -> Option<Envelope> {
        loop {
            if let Some(event) = self.batch.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            let (run, since) = (self.run.clone(), self.since);
            let read = self.shared.blocking(move |astra| -> Result<_, GoalError> {
                let journal =
                    |error: astraea_engine::JournalError| GoalError::Journal(error.to_string());
                let reader = open_reader(astra.repository().state().db_path()).map_err(journal)?;
                let run = run.map(RunId::new);
                read_records(&reader, run.as_ref(), since, BATCH).map_err(journal)
            });
            match read.await {
                Ok(records) if !records.is_empty() => {
                    self.since = records.last().map_or(since, |record| record.seq);
                    self.ended = self.run.is_some()
                        && records.len() < BATCH
                        && last_word(&records) == Some("goal_finished");
                    self.batch = records.iter().flat_map(Envelope::from_record).collect();
                    continue;
                }
                Ok(_) => {}
                Err(problem) => {
                    tracing::warn!(problem = problem.detail, "the journal cannot be read")
                }
            }
            tokio::select! {
                () = self.shared.stop.cancelled() => return None,
                () = tokio::time::sleep(POLL) => {}
                // Lagging is no harm: the journal is read.
                _ = self.news.recv() => {}
            }
        }
    }
}

/// How a run stands by these records: a run that was resumed may end more than once.
fn last_word(records: &[astraea_engine::Record]) -> Option<&str> {
    let kinds = records.iter().rev().map(|record| record.kind.as_str());
    kinds.into_iter().find(|kind| matches!(*kind, "goal_finished" | "goal_resumed"))
}

/// Server-sent events; `Last-Event-ID` serves as `since` when the browser connects again.
pub(crate) async fn sse(
    State(shared): State<Shared>,
    headers: HeaderMap,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(mut wanted) = query.map_err(|error| Problem::bad(error.body_text()))?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    wanted.since = last.unwrap_or(wanted.since).max(wanted.since);
    let follower = Follower::new(shared, wanted)?;
    let stream = futures_util::stream::unfold(follower, |mut follower| async {
        let event = follower.next().await?;
        // The last of a record's envelopes carries the id, so that a cut in between repeats the record whole.
        let whole = follower.batch.front().is_none_or(|next| next.seq != event.seq);
        let mut sent = Event::default().data(serde_json::to_string(&event).unwrap_or_default());
        if whole {
            sent = sent.id(event.seq.to_string());
        }
        Some((Ok::<_, Infallible>(sent), follower))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()).into_response())
}

/// The same over a WebSocket, one JSON object a message.
pub(crate) async fn socket(
    State(shared): State<Shared>,
    query: Result<Query<Wanted>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let Query(wanted) = query.map_err(|error| Problem::bad(error.body_text()))?;
    let upgrade =
        upgrade.map_err(|error| Problem::new(error.status(), "upgrade", error.body_text()))?;
    let follower = Follower::new(shared, wanted)?;
    Ok(upgrade.max_message_size(4096).on_upgrade(move |socket| stream(socket, follower)))
}

async fn stream(mut socket: WebSocket, mut follower: Follower) {
    loop {
        tokio::select! {
            event = follower.next() => {
                let Some(event) = event else { break };
                let text = serde_json::to_string(&event).unwrap_or_default();
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            said = socket.recv() => if !matches!(said, Some(Ok(_))) { return },
        }
    }
    let _ = socket.send(Message::Close(None)).await;
}

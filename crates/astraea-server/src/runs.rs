//! `/v1/runs`: what was carried out, what goes on, and how to stop it or go on with it.

use astraea_goals::{Envelope, GoalError, RunState, Watch};
use astraea_persona::{Place, Runs};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    graphs::{Wanted, page, paging},
    problem::Problem,
    server::Shared,
};

/// The runs, the newest first.
pub(crate) async fn list(
    State(shared): State<Shared>,
    query: Wanted,
) -> Result<Json<Value>, Problem> {
    let (states, limit, cursor) = paging(query)?;
    let runs = shared.blocking(|astra| astra.runs()).await?;
    let rows: Vec<Value> = runs.iter().map(|run| json!(run)).collect();
    page("runs", "run", rows, &states, limit, cursor.as_deref())
}

/// One run; with its result where it has ended.
pub(crate) async fn get(
    State(shared): State<Shared>,
    Path(run): Path<String>,
) -> Result<Json<Value>, Problem> {
    let missing = Problem::missing(format!("there is no run `{run}`"));
    let found = shared.blocking(move |astra| -> Result<_, GoalError> {
        let summary = astra.runs()?.into_iter().find(|summary| summary.run == run);
        let result = astra.result(&run).ok().map(|result| result.to_json());
        Ok(summary.map(|summary| json!({"summary": summary, "result": result})))
    });
    found.await?.map(Json).ok_or(missing)
}

/// Stops a run that goes on here.
pub(crate) async fn cancel(
    State(shared): State<Shared>,
    Path(run): Path<String>,
) -> Result<Json<Value>, Problem> {
    if shared.runs.cancel(&run) {
        Ok(Json(json!({"run": run, "cancelling": true})))
    } else {
        Err(Problem::missing(format!("no run `{run}` goes on here")))
    }
}

/// Goes on with a run that was stopped, or whose process died. It goes on when the client goes away.
pub(crate) async fn resume(
    State(shared): State<Shared>,
    Path(run): Path<String>,
) -> Result<Response, Problem> {
    let wanted = run.clone();
    let found = shared.blocking(move |astra| -> Result<_, GoalError> {
        Ok(astra.runs()?.into_iter().find(|summary| summary.run == wanted))
    });
    let summary =
        found.await?.ok_or_else(|| Problem::missing(format!("there is no run `{run}`")))?;
    let conflict =
        |code, why: &str| Problem::new(StatusCode::CONFLICT, code, format!("{run} {why}"));
    if summary.state == RunState::Running || shared.runs.alive().contains(&run) {
        return Err(conflict("run_alive", "goes on already"));
    }
    if !summary.resumable {
        return Err(conflict("not_resumable", "has ended for good"));
    }
    let watch = Watch { cancel: shared.stop.child_token(), ..Watch::default() };
    let Some(place) = shared.runs.place_now() else {
        let detail = "as many goals are carried out as may be at once: try again later";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail));
    };
    shared.runs.begin(&run, watch.cancel.clone());
    let name = run.clone();
    tokio::spawn(async move { carry_on(shared, name, watch, place).await });
    let body = json!({"run": run, "run_id": run,
        "events": format!("/api/v1/events?run={run}"), "status": format!("/v1/runs/{run}")});
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

async fn carry_on(shared: Shared, run: String, mut watch: Watch, place: Place) {
    let _alive = Alive(shared.runs.clone(), run.clone());
    let (sender, mut receiver) = mpsc::unbounded_channel::<Envelope>();
    watch.events = Some(sender);
    let work = async {
        let result = shared.astra.resume(Some(&run), &watch).await;
        drop(watch);
        result
    };
    let tell = async {
        while let Some(event) = receiver.recv().await {
            // Nobody listens: that is no error.
            let _ = shared.news.send(event);
        }
    };
    let (result, ()) = tokio::join!(work, tell);
    if let Err(error) = result {
        tracing::warn!(%run, %error, "the run does not go on");
    }
    drop(place);
}

/// Takes the run off the list of those that go on, whatever happens.
struct Alive(Runs, String);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.end(&self.1);
    }
}

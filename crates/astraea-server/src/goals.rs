//! `/v1/goals`: what is wanted, and how far it is.

use astraea_goals::store::{
    Category, Goal, GoalId, GoalPatch, GoalQuery, GoalState, NewGoal, Source,
};
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{problem::Problem, server::Shared};

pub(crate) type Body = Result<Json<Value>, JsonRejection>;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Comma-separated.
    states: Option<String>,
    category: Option<Category>,
    source: Option<Source>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// A page of goals, oldest first.
pub(crate) async fn list(
    State(shared): State<Shared>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad(error.body_text()))?;
    let limit = limit(query.limit)?;
    let mut wanted = GoalQuery::default().with_limit(limit);
    for name in
        query.states.iter().flat_map(|names| names.split(',')).filter(|name| !name.is_empty())
    {
        let state = GoalState::from_name(name)
            .ok_or_else(|| Problem::bad(format!("`{name}` is no state of a goal")))?;
        wanted = wanted.with_state(state);
    }
    (wanted.category, wanted.source) = (query.category, query.source);
    wanted.after = query.cursor.map(GoalId::from);
    let goals = shared.blocking(move |astra| astra.goals().list(&wanted)).await?;
    let next = (goals.len() == limit).then(|| goals.last().map(|goal| goal.id.clone())).flatten();
    Ok(Json(json!({"goals": goals, "next_cursor": next})))
}

/// The goals that are open, the best first.
pub(crate) async fn prioritized(
    State(shared): State<Shared>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad(error.body_text()))?;
    let limit = limit(query.limit)?;
    let goals =
        shared.blocking(move |astra| astra.goals().prioritized(astra.now_ms(), limit)).await?;
    Ok(Json(json!({ "goals": goals })))
}

pub(crate) async fn create(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let goal: NewGoal = parsed(body)?;
    let goal = shared.astra.goals().create(goal, key(&headers)?).await?;
    Ok((StatusCode::CREATED, Json(goal)).into_response())
}

pub(crate) async fn get(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Goal>, Problem> {
    let missing = Problem::missing(format!("there is no goal `{id}`"));
    let goal = shared.blocking(move |astra| astra.goals().get(&GoalId::from(id))).await?;
    goal.map(Json).ok_or(missing)
}

/// Changes a goal, if it has still the version that is given in the body.
pub(crate) async fn patch(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Goal>, Problem> {
    let mut body = object(body)?;
    let version = body
        .as_object_mut()
        .and_then(|map| map.remove("version"))
        .and_then(|version| version.as_u64())
        .ok_or_else(|| {
            Problem::bad("`version` is required: the version of the goal that was read")
        })?;
    let patch: GoalPatch =
        serde_json::from_value(body).map_err(|error| Problem::bad(error.to_string()))?;
    Ok(Json(shared.astra.goals().patch(&GoalId::from(id), version, &patch).await?))
}

pub(crate) async fn adopt(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Goal>, Problem> {
    let wanted = optional(body)?;
    let store = shared.astra.goals();
    Ok(Json(store.adopt(&GoalId::from(id), wanted["version"].as_u64(), key(&headers)?).await?))
}

pub(crate) async fn abandon(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Goal>, Problem> {
    let wanted = optional(body)?;
    let reason = wanted["reason"].as_str().unwrap_or("abandoned over HTTP");
    let version = wanted["version"].as_u64();
    let store = shared.astra.goals();
    Ok(Json(store.abandon(&GoalId::from(id), reason, version, key(&headers)?).await?))
}

/// The `Idempotency-Key`, if there is one.
fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key)),
        _ => Err(Problem::bad("an Idempotency-Key has 1 to 255 visible characters")),
    }
}

pub(crate) fn limit(limit: Option<usize>) -> Result<usize, Problem> {
    match limit.unwrap_or(100) {
        limit @ 1..=500 => Ok(limit),
        other => Err(Problem::bad(format!("a limit is from 1 to 500, not {other}"))),
    }
}

fn parsed<T: serde::de::DeserializeOwned>(body: Body) -> Result<T, Problem> {
    let problem = |text: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", text);
    serde_json::from_value(object(body)?).map_err(|error| problem(error.to_string()))
}

fn object(body: Body) -> Result<Value, Problem> {
    let Json(value) =
        body.map_err(|error| Problem::new(error.status(), "body", error.body_text()))?;
    if value.is_object() { Ok(value) } else { Err(Problem::bad("the body must be a JSON object")) }
}

/// The body, where there may be none.
pub(crate) fn optional(body: Body) -> Result<Value, Problem> {
    match body {
        Err(JsonRejection::MissingJsonContentType(_)) => Ok(json!({})),
        body => object(body),
    }
}

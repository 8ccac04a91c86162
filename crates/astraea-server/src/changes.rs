//! `/v1/changes`: changes that wait for a person's word.

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value, json};

use crate::{
    goals::{Body, optional},
    problem::Problem,
    server::Shared,
};

pub(crate) async fn list(State(shared): State<Shared>) -> Result<Json<Value>, Problem> {
    let changes = shared.blocking(|astra| astra.changes()).await?;
    Ok(Json(json!({ "changes": changes })))
}

pub(crate) async fn approve(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let approved = shared.astra.approve_change(&id).await?;
    Ok(Json(json!(approved)))
}

pub(crate) async fn reject(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let wanted = optional(body)?;
    let reason = wanted["reason"].as_str().unwrap_or_default();
    Ok(Json(json!(shared.astra.reject_change(&id, reason).await?)))
}

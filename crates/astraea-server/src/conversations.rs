//! `/api/conversations/{id}`: what was said, for a client that comes back.

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value, json};

use crate::{problem::Problem, server::Shared};

/// A conversation, its turns in order.
pub(crate) async fn get(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(json!(shared.persona.conversation(&id).await?)))
}

//! Errors as `application/problem+json` (RFC 9457).

use astraea_goals::{GoalError, store::StoreError};
use astraea_llm::LlmError;
use astraea_persona::PersonaError;
use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// What went wrong, for the client.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// A short word that programs can look at.
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into() }
    }

    pub(crate) fn missing(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "about:blank", "title": self.status.canonical_reason().unwrap_or("error"),
            "status": self.status.as_u16(), "code": self.code, "detail": self.detail,
        });
        let mut response = (self.status, Body::from(body.to_string())).into_response();
        let kind = header::HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = header::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let status = match &error {
            StoreError::Missing(_) => StatusCode::NOT_FOUND,
            StoreError::StaleVersion(_)
            | StoreError::IllegalTransition(_)
            | StoreError::Contradicted(_)
            | StoreError::Exists(_) => StatusCode::CONFLICT,
            StoreError::Invalid(_) | StoreError::KeyReused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            StoreError::Forbidden(_) => StatusCode::FORBIDDEN,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.code(), error.to_string())
    }
}

impl From<GoalError> for Problem {
    fn from(error: GoalError) -> Self {
        match error {
            GoalError::Store(error) => error.into(),
            GoalError::NoSuchRun { .. } => Self::missing(error.to_string()),
            error if error.exit_code() == 2 => Self::bad(error.to_string()),
            error => Self::internal(error.to_string()),
        }
    }
}

impl From<PersonaError> for Problem {
    fn from(error: PersonaError) -> Self {
        let (status, code) = match &error {
            PersonaError::EmptyMessage | PersonaError::BadConversationId { .. } => {
                (StatusCode::BAD_REQUEST, "bad_request")
            }
            PersonaError::MessageTooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_long"),
            PersonaError::ConversationFull { .. } => (StatusCode::CONFLICT, "conversation_full"),
            PersonaError::NoSuchConversation { .. } => (StatusCode::NOT_FOUND, "not_found"),
            PersonaError::Model(LlmError::Budget { .. }) => {
                (StatusCode::TOO_MANY_REQUESTS, "budget_exhausted")
            }
            PersonaError::Model(_) => (StatusCode::BAD_GATEWAY, "model"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        Self::new(status, code, error.to_string())
    }
}

//! Whether all is well.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Value, json};

use crate::server::Shared;

/// `ok`, or 503 and `degraded` with the reason: a ledger that fails verification, or no sandbox.
pub(crate) async fn health(State(shared): State<Shared>) -> (StatusCode, Json<Value>) {
    let model = shared.persona.has_model();
    let looked = shared.blocking(move |astra| -> Result<Value, astraea_goals::GoalError> {
        let ledger = match astra.ledger_verify() {
            Ok(report) => json!({"ok": true, "entries": report.entries, "head": report.head}),
            Err(error) => json!({"ok": false, "problem": error.to_string()}),
        };
        let tier = astra.sandbox().tier();
        let well = ledger["ok"] == true && !matches!(tier, astraea_sandbox::Tier::D);
        let status = if well { "ok" } else { "degraded" };
        Ok(json!({"status": status, "ledger": ledger, "sandbox_tier": tier.to_string(), "model": model,
            "version": env!("CARGO_PKG_VERSION")}))
    });
    let body = looked
        .await
        .unwrap_or_else(|problem| json!({"status": "degraded", "problem": problem.detail}));
    let well = body["status"] == "ok";
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body))
}

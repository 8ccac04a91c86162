//! The interface as an OpenAPI 3.1 document, made from one table.

use serde_json::{Map, Value, json};

/// Method, path, what it does, the success status, query parameters, the schema of the body.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    Option<&'static str>,
);

const PAGING: &[&str] = &["states", "limit", "cursor"];
const GRAPH: &str = "/api/v1/taskgraphs/{id}";

#[rustfmt::skip]
const TABLE: [Row; 26] = [
    ("get", "/health", "Whether all is well; degraded when the ledger fails verification", "200", &[], None),
    ("post", "/api/chat", "Answer a message, after the tools have run", "200", &[], Some("Chat")),
    ("post", "/api/persona/chat", "The same as /api/chat", "200", &[], Some("Chat")),
    ("get", "/api/conversations/{id}", "A conversation, its turns in order", "200", &[], None),
    ("post", "/v1/chat/completions", "OpenAI-compatible chat completions", "200", &[], Some("Completion")),
    ("get", "/v1/models", "The one model", "200", &[], None),
    ("get", "/v1/goals", "Goals, oldest first", "200", &["states", "category", "source", "limit", "cursor"], None),
    ("post", "/v1/goals", "Propose a goal", "201", &[], Some("NewGoal")),
    ("get", "/v1/goals/prioritized", "Open goals, best first", "200", &["limit"], None),
    ("get", "/v1/goals/{id}", "One goal", "200", &[], None),
    ("patch", "/v1/goals/{id}", "Change a goal that has still this version", "200", &[], Some("GoalPatch")),
    ("post", "/v1/goals/{id}/adopt", "Take a goal up", "200", &[], Some("Decision")),
    ("post", "/v1/goals/{id}/abandon", "Give a goal up", "200", &[], Some("Decision")),
    ("get", "/v1/runs", "Runs, newest first", "200", PAGING, None),
    ("get", "/v1/runs/{run}", "One run and its result", "200", &[], None),
    ("post", "/v1/runs/{run}/cancel", "Stop a run; it can be resumed", "200", &[], None),
    ("post", "/v1/runs/{run}/resume", "Go on with a run that was stopped, or whose process died", "202", &[], None),
    ("get", "/v1/changes", "Changes that wait, or waited, for a person", "200", &[], None),
    ("post", "/v1/changes/{id}/approve", "Let a change happen, on a branch", "200", &[], None),
    ("post", "/v1/changes/{id}/reject", "Refuse a change", "200", &[], Some("Decision")),
    ("get", "/api/v1/taskgraphs", "Task graphs of all runs, newest run first", "200", PAGING, None),
    ("get", "/api/v1/events", "Events, server-sent", "200", &["since", "run"], None),
    ("get", "/api/v1/events/ws", "Events over a WebSocket", "101", &["since", "run"], None),
    ("get", "/openapi.json", "This document", "200", &[], None),
    ("get", "/", "The page", "200", &[], None),
    ("get", "/api/v1/taskgraphs/{id}/tasks", "Its tasks", "200", PAGING, None),
];

const VIEWS: [(&str, &str); 12] = [
    ("", "One task graph"),
    ("/stats", "How many tasks stand where"),
    ("/ready", "Tasks that could start"),
    ("/blocking", "What waits, and for what"),
    ("/concurrency", "Limits and what runs"),
    ("/breakers", "Circuit breakers"),
    ("/budget", "Retry tokens"),
    ("/ascii", "The graph as text"),
    ("/dot", "The graph for Graphviz"),
    ("/tasks/{tid}", "One task"),
    ("/tasks/{tid}/dependencies", "What it waits for, and what waits for it"),
    ("/tasks/{tid}/reliability", "Its attempts"),
];

/// The interface as an OpenAPI 3.1 document.
#[must_use]
pub fn openapi() -> Value {
    let mut paths = Map::new();
    for (method, path, about, status, query, body) in TABLE {
        add(&mut paths, method, path, about, status, query, body);
    }
    for (view, about) in VIEWS {
        add(&mut paths, "get", &format!("{GRAPH}{view}"), about, "200", &[], None);
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Astra", "version": env!("CARGO_PKG_VERSION"),
            "description": "Carries out coding goals on a git repository, in a copy, and delivers a branch.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"}},
        "servers": [{"url": "http://localhost:8000"}],
        "security": [{"token": []}, {}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas(),
        },
    })
}

fn add(
    paths: &mut Map<String, Value>,
    method: &str,
    path: &str,
    about: &str,
    status: &str,
    query: &[&str],
    body: Option<&str>,
) {
    let mut parameters: Vec<Value> = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    parameters.extend(query.iter().map(|name| {
        let schema = match *name {
            "limit" => json!({"type": "integer", "minimum": 1, "maximum": 500, "default": 100}),
            "since" => json!({"type": "integer", "minimum": 0, "default": 0}),
            _ => json!({"type": "string"}),
        };
        json!({"name": name, "in": "query", "required": false, "schema": schema})
    }));
    if matches!(path, "/v1/goals" | "/v1/goals/{id}/adopt" | "/v1/goals/{id}/abandon")
        && method == "post"
    {
        parameters.push(json!({"name": "Idempotency-Key", "in": "header", "required": false,
            "schema": {"type": "string", "minLength": 1, "maxLength": 255}}));
    }
    let problem = |text: &str| json!({"description": text, "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}});
    let kind = match path {
        "/" => "text/html",
        "/api/v1/events" => "text/event-stream",
        _ if path.ends_with("/ascii") => "text/plain",
        _ if path.ends_with("/dot") => "text/vnd.graphviz",
        _ => "application/json",
    };
    let mut responses = json!({
        "401": problem("Who asks is not known"), "403": problem("Another site asks"),
        "421": problem("The Host is not this server's"), "default": problem("What went wrong"),
    });
    responses[status] = json!({"description": "Done", "content": {kind: {}}});
    if path == "/health" {
        responses["503"] =
            json!({"description": "Degraded: why", "content": {"application/json": {}}});
    }
    if path.ends_with("/chat") {
        responses["202"] =
            json!({"description": "Under way: the run's id", "content": {"application/json": {}}});
    }
    let mut operation = json!({"summary": about, "parameters": parameters, "responses": responses});
    if let Some(name) = body {
        let schema = format!("#/components/schemas/{name}");
        operation["requestBody"] = json!({"required": name != "Decision",
            "content": {"application/json": {"schema": {"$ref": schema}}}});
    }
    let entry = paths.entry(path.to_owned()).or_insert_with(|| json!({}));
    entry[method] = operation;
}

fn schemas() -> Value {
    let part = json!({"type": "number", "minimum": 0, "maximum": 1});
    let text = json!({"type": "string"});
    json!({
        "Problem": {"type": "object", "required": ["type", "title", "status", "code", "detail"], "properties": {
            "type": text, "title": text, "status": {"type": "integer"}, "code": text, "detail": text}},
        "Chat": {"type": "object", "required": ["message"], "additionalProperties": false, "properties": {
            "message": {"type": "string", "minLength": 1}, "conversation_id": {"type": ["string", "null"], "minLength": 1},
            "wait": {"type": ["boolean", "null"], "default": true}}},
        "Completion": {"type": "object", "required": ["messages"], "properties": {
            "model": {"type": ["string", "null"]}, "stream": {"type": "boolean"},
            "messages": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["role"]}}}},
        "NewGoal": {"type": "object", "properties": {
            "text": {"type": "string", "minLength": 1}, "value": part, "effort": part, "risk": part,
            "category": {"enum": ["introspection", "exploration", "maintenance", "user_requested"]},
            "source": {"enum": ["user", "system", "collaborative"]},
            "horizon_min_min": {"type": "integer", "minimum": 0},
            "horizon_max_min": {"type": ["integer", "null"], "minimum": 0},
            "aligns_with": {"type": "array", "items": text}, "contradicts": {"type": "array", "items": text},
            "success_metrics": {}, "metadata": {}}, "required": ["text"]},
        "GoalPatch": {"type": "object", "required": ["version"], "additionalProperties": false, "properties": {
            "version": {"type": "integer", "minimum": 0}, "text": text, "value": part, "effort": part, "risk": part,
            "horizon_min_min": {"type": "integer", "minimum": 0}, "horizon_max_min": {"type": "integer", "minimum": 0},
            "aligns_with": {"type": "array", "items": text}, "contradicts": {"type": "array", "items": text},
            "success_metrics": {}}},
        "Decision": {"type": "object", "properties": {"version": {"type": "integer"}, "reason": text}},
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_is_the_one_that_was_published() {
        let text = serde_json::to_string_pretty(&super::openapi()).unwrap() + "\n";
        expect_test::expect_file!["../openapi.json"].assert_eq(&text);
    }
}

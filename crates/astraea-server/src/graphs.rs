//! `/api/v1/taskgraphs`: what runs, ran, and why something does not run now.
//!
//! The id of a graph is `RUN:GRAPH`; a run's id alone means its latest graph.

use std::collections::BTreeMap;

use astraea_goals::GoalError;
use astraea_taskgraph::{AttemptEnd, TaskId, TaskState};
use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    goals::limit,
    problem::Problem,
    replay::{self, Seen},
    server::Shared,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Paging {
    /// Comma-separated.
    states: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(crate) type Wanted = Result<Query<Paging>, QueryRejection>;

pub(crate) fn paging(query: Wanted) -> Result<(Vec<String>, usize, Option<String>), Problem> {
    let Query(query) = query.map_err(|error| Problem::bad(error.body_text()))?;
    let states = query.states.unwrap_or_default();
    let states = states.split(',').filter(|s| !s.is_empty()).map(str::to_owned).collect();
    Ok((states, limit(query.limit)?, query.cursor))
}

/// The graphs of all runs, those of the newest run first.
pub(crate) async fn list(
    State(shared): State<Shared>,
    query: Wanted,
) -> Result<Json<Value>, Problem> {
    let (states, limit, cursor) = paging(query)?;
    let (wanted, after) = (states.clone(), cursor.clone());
    let rows = shared.blocking(move |astra| -> Result<_, GoalError> {
        let mut rows: Vec<Value> = Vec::new();
        let mut waiting = after.is_some();
        let run_of = after.as_deref().and_then(|id| id.split_once(':')).map(|(run, _)| run);
        for summary in astra.runs()? {
            // Runs before the cursor's are not read at all.
            if waiting && run_of != Some(summary.run.as_str()) {
                continue;
            }
            waiting = false;
            let graphs = replay::of_run(astra, &summary.run)?;
            rows.extend(graphs.iter().rev().map(Seen::summary));
            let found =
                rows.iter().filter(|row| wanted.is_empty() || has_state(row, &wanted)).count();
            // One page, the rest of the cursor's run, and one to see that there is more.
            if found > limit + 32 {
                break;
            }
        }
        Ok(rows)
    });
    page("taskgraphs", "id", rows.await?, &states, limit, cursor.as_deref())
}

fn has_state(row: &Value, states: &[String]) -> bool {
    let is = |name: &str| row[name].as_str().is_some_and(|state| states.iter().any(|s| s == state));
    is("state") || is("status") || is("outcome")
}

/// Rows of these states after the cursor.
pub(crate) fn page(
    name: &str,
    id: &str,
    rows: Vec<Value>,
    states: &[String],
    limit: usize,
    cursor: Option<&str>,
) -> Result<Json<Value>, Problem> {
    let start = match cursor {
        None => 0,
        Some(cursor) => {
            let at = rows.iter().position(|row| row[id] == cursor);
            at.ok_or_else(|| Problem::bad(format!("`{cursor}` is no cursor of this list")))? + 1
        }
    };
    let mut rest =
        rows.into_iter().skip(start).filter(|row| states.is_empty() || has_state(row, states));
    let rows: Vec<_> = rest.by_ref().take(limit).collect();
    let next = if rest.next().is_some() { rows.last().map(|row| row[id].clone()) } else { None };
    let mut body = json!({ "next_cursor": next });
    body[name] = rows.into();
    Ok(Json(body))
}

async fn find(shared: &Shared, id: String) -> Result<Seen, Problem> {
    let missing = Problem::missing(format!("there is no task graph `{id}`"));
    let (run, name) = match id.split_once(':') {
        Some((run, name)) => (run.to_owned(), Some(name.to_owned())),
        None => (id, None),
    };
    let mut graphs = shared.blocking(move |astra| replay::of_run(astra, &run)).await?;
    let at = match &name {
        Some(name) => graphs.iter().position(|seen| seen.name == *name),
        None => graphs.len().checked_sub(1),
    };
    at.map(|at| graphs.swap_remove(at)).ok_or(missing)
}

pub(crate) async fn get(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let seen = find(&shared, id).await?;
    let mut body = seen.summary();
    body["options"] = json!(seen.graph.options());
    body["tasks"] = seen.graph.tasks().map(|task| row(&seen, &task.id)).collect();
    Ok(Json(body))
}

/// One task as it stands.
fn row(seen: &Seen, id: &TaskId) -> Value {
    let Some(task) = seen.graph.task(id) else { return Value::Null };
    json!({
        "id": id, "name": task.title(), "action": task.action, "state": seen.graph.state(id),
        "dependencies": seen.graph.dependencies(id), "priority": task.priority, "cost": task.cost,
        "attempts": seen.graph.attempts(id).map(<[_]>::len), "retries": seen.graph.retries(id),
    })
}

pub(crate) async fn tasks(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    query: Wanted,
) -> Result<Json<Value>, Problem> {
    let (states, limit, cursor) = paging(query)?;
    let known = |name: &String| {
        let state: Result<TaskState, _> = serde_json::from_value(json!(name));
        state.map_err(|_| Problem::bad(format!("`{name}` is no state of a task")))
    };
    states.iter().map(known).collect::<Result<Vec<_>, _>>()?;
    let seen = find(&shared, id).await?;
    let rows = seen.graph.tasks().map(|task| row(&seen, &task.id)).collect();
    page("tasks", "id", rows, &states, limit, cursor.as_deref())
}

async fn one(shared: &Shared, id: String, task: &str) -> Result<(Seen, TaskId), Problem> {
    let seen = find(shared, id).await?;
    let id = TaskId::from(task);
    if seen.graph.contains(&id) {
        Ok((seen, id))
    } else {
        Err(Problem::missing(format!("there is no task `{task}` in {}", seen.id())))
    }
}

pub(crate) async fn task(
    State(shared): State<Shared>,
    Path((id, tid)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let (seen, id) = one(&shared, id, &tid).await?;
    let task = seen.graph.task(&id).map(|task| json!(**task)).unwrap_or_default();
    Ok(Json(json!({
        "task": task, "state": seen.graph.state(&id), "dependencies": seen.graph.dependencies(&id),
        "dependents": seen.graph.dependents(&id), "attempts": seen.graph.attempts(&id),
        "blocked": seen.graph.why_blocked(&id).unwrap_or_default(), "said": seen.notes.get(id.as_str()),
    })))
}

pub(crate) async fn dependencies(
    State(shared): State<Shared>,
    Path((id, tid)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let (seen, id) = one(&shared, id, &tid).await?;
    let rows = |ids: Option<Vec<TaskId>>| -> Value {
        ids.unwrap_or_default().iter().map(|id| row(&seen, id)).collect()
    };
    Ok(Json(json!({
        "task": id, "dependencies": rows(seen.graph.dependencies(&id)),
        "dependents": rows(seen.graph.dependents(&id)),
    })))
}

pub(crate) async fn reliability(
    State(shared): State<Shared>,
    Path((id, tid)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let (seen, id) = one(&shared, id, &tid).await?;
    let attempts = seen.graph.attempts(&id).unwrap_or_default();
    let count = |end: AttemptEnd| attempts.iter().filter(|a| a.end == Some(end)).count();
    let (good, bad) =
        (count(AttemptEnd::Succeeded), count(AttemptEnd::Failed) + count(AttemptEnd::Retried));
    let rate = (good + bad > 0).then(|| good as f64 / (good + bad) as f64);
    let action = seen.graph.task(&id).map(|task| task.action.clone()).unwrap_or_default();
    Ok(Json(json!({
        "task": id, "action": action, "attempts": attempts, "succeeded": good, "failed": bad,
        "success_rate": rate, "retries": seen.graph.retries(&id),
        "breaker": seen.breakers.get(&action).unwrap_or(&"closed"),
    })))
}

/// What is told of a graph as a whole.
pub(crate) async fn view(
    State(shared): State<Shared>,
    Path((id, view)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let seen = find(&shared, id).await?;
    let graph = &seen.graph;
    let body = match view.as_str() {
        "stats" => json!(graph.stats()),
        "ready" => {
            let ready: Value = graph.ready().iter().map(|id| row(&seen, id)).collect();
            json!({ "ready": ready })
        }
        "blocking" => blocking(&seen),
        "concurrency" => concurrency(&seen),
        "breakers" => json!({ "breakers": seen.breakers }),
        "budget" => {
            let stats = graph.stats();
            json!({"total": graph.options().retry_budget, "used": stats.retries, "left": stats.budget_left})
        }
        "ascii" => return Ok(text("text/plain; charset=utf-8", graph.to_ascii())),
        "dot" => return Ok(text("text/vnd.graphviz; charset=utf-8", graph.to_dot())),
        other => return Err(Problem::missing(format!("a task graph has no `{other}`"))),
    };
    Ok(Json(body).into_response())
}

fn text(kind: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// Each task that does not run, and why; and for each task that others wait for, how many.
fn blocking(seen: &Seen) -> Value {
    let mut waited_for: BTreeMap<String, usize> = BTreeMap::new();
    let mut blocked = Vec::new();
    for task in seen.graph.tasks() {
        let waits =
            matches!(seen.graph.state(&task.id), Some(TaskState::Pending | TaskState::Ready));
        let why = seen.graph.why_blocked(&task.id).unwrap_or_default();
        if !waits || why.is_empty() {
            continue;
        }
        for dependency in seen.graph.dependencies(&task.id).unwrap_or_default() {
            if seen.graph.state(&dependency) != Some(TaskState::Succeeded) {
                *waited_for.entry(dependency.to_string()).or_default() += 1;
            }
        }
        blocked.push(json!({"task": task.id, "why": why}));
    }
    json!({"blocked": blocked, "blocking": waited_for})
}

fn concurrency(seen: &Seen) -> Value {
    let mut running: BTreeMap<&str, usize> = BTreeMap::new();
    for task in seen.graph.tasks() {
        if seen.graph.state(&task.id) == Some(TaskState::Running) {
            *running.entry(&task.action).or_default() += 1;
        }
    }
    let options = seen.graph.options();
    json!({"max_parallel": options.max_parallel, "running": seen.graph.stats().running,
        "action_caps": options.action_caps, "running_by_action": running})
}

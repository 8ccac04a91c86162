//! Building, growing, saving, keys.

use astraea_taskgraph::{GraphError, GraphOptions, OnFailure, Task, TaskGraph, TaskId, TaskState};
use serde_json::json;

fn t(id: &str) -> Task {
    Task::new(id, "work")
}

fn empty() -> TaskGraph {
    TaskGraph::new(GraphOptions::default()).unwrap()
}

fn ids(names: &[&str]) -> Vec<TaskId> {
    names.iter().map(|name| TaskId::from(*name)).collect()
}

#[test]
fn behaviour_11_duplicate_unknown_and_cycle_are_three_refusals() {
    let mut graph = empty();
    graph.add_task(t("a"), [""; 0]).unwrap();
    let error = graph.add_task(t("a"), [""; 0]).unwrap_err();
    assert_eq!(error, GraphError::DuplicateId("a".into()));
    let error = graph.add_task(t("b"), ["x"]).unwrap_err();
    assert_eq!(error, GraphError::UnknownDependency { task: "b".into(), dependency: "x".into() });
    let error = graph.add_task(t("b"), ["b"]).unwrap_err();
    assert_eq!(error, GraphError::Cycle(ids(&["b"])));
    let circle = vec![
        (t("b"), ids(&["c", "a"])),
        (t("c"), ids(&["d"])),
        (t("d"), ids(&["c"])),
        (t("e"), ids(&[])),
    ];
    let error = graph.extend(circle).unwrap_err();
    assert_eq!(error, GraphError::Cycle(ids(&["c", "d"])));
    assert_eq!(
        error.to_string(),
        "these tasks depend on each other in a circle: c → d → c; take one dependency away"
    );
    let twice = graph.extend(vec![(t("z"), vec![]), (t("z"), vec![])]).unwrap_err();
    assert_eq!(twice, GraphError::DuplicateId("z".into()));
    assert_eq!(graph.len(), 1, "a refused call adds nothing");

    // A diamond is accepted, in any order.
    let diamond =
        vec![(t("z"), ids(&["x", "y", "x"])), (t("x"), ids(&["a"])), (t("y"), ids(&["a"]))];
    graph.extend(diamond).unwrap();
    assert_eq!(graph.dependencies(&"z".into()).unwrap(), ids(&["x", "y"]));
    assert_eq!(graph.dependents(&"a".into()).unwrap(), ids(&["x", "y"]));
}

#[test]
fn nonsense_is_refused() {
    for task in [
        t(""),
        Task::new("a", ""),
        t("a").with_priority(f64::NAN),
        t("a").with_cost(-1.0),
        t("a").with_cost(f64::INFINITY),
        t("a").with_timeout_ms(0),
    ] {
        let error = empty().add_task(task, [""; 0]).unwrap_err();
        assert!(matches!(error, GraphError::Invalid { .. }), "{error}");
    }
    for options in [
        GraphOptions::default().with_max_parallel(0),
        GraphOptions::default().with_action_cap("work", 0),
    ] {
        assert!(matches!(TaskGraph::new(options), Err(GraphError::Invalid { .. })));
    }
}

#[test]
fn growth_may_depend_on_tasks_of_any_state() {
    let mut graph = empty();
    for id in ["done", "bad", "runs"] {
        graph.add_task(t(id), [""; 0]).unwrap();
        graph.start(&id.into(), 0).unwrap();
    }
    graph.succeed(&"done".into(), 1).unwrap();
    graph.fail(&"bad".into(), 1, "no").unwrap();
    graph
        .extend(vec![
            (t("y"), ids(&["x"])),
            (t("x"), ids(&["done"])),
            (t("lost"), ids(&["bad", "done"])),
            (t("lost too"), ids(&["lost"])),
            (t("later"), ids(&["runs"])),
        ])
        .unwrap();
    let states: Vec<TaskState> = ["x", "y", "lost", "lost too", "later"]
        .iter()
        .map(|id| graph.state(&(*id).into()).unwrap())
        .collect();
    use TaskState::{Aborted, Pending, Ready};
    assert_eq!(states, [Ready, Pending, Aborted, Aborted, Pending]);
}

#[test]
fn behaviour_19_the_key_ignores_the_id_and_the_order_of_arguments() {
    let one = t("a").with_args(json!({ "x": 1, "y": { "b": [1, 2], "a": null } }));
    let two: serde_json::Value =
        serde_json::from_str(r#"{"y": {"a": null, "b": [1, 2]}, "x": 1}"#).unwrap();
    let two = t("b").with_name("other").with_priority(0.9).with_args(two);
    assert_eq!(one.idempotency_key(), two.idempotency_key());
    assert_eq!(one.idempotency_key().len(), 64);
    let globs = |globs: [&str; 2]| t("a").with_writes(globs).idempotency_key();
    assert_eq!(globs(["x", "y"]), globs(["y", "x"]));
    for other in [
        t("a"),
        one.clone().with_version(2),
        one.clone().with_reads(["**"]),
        one.clone().with_writes(["**"]),
        t("a").with_args(json!({ "x": 1, "y": { "b": [2, 1], "a": null } })),
    ] {
        assert_ne!(other.idempotency_key(), one.idempotency_key());
    }
}

#[test]
fn json_written_by_hand_is_enough_and_contradictions_are_refused() {
    let graph = TaskGraph::from_json(json!({
        "options": { "max_parallel": 2, "on_failure": "stop_all" },
        "tasks": [
            { "id": "b", "action": "work", "dependencies": ["a"] },
            { "id": "a", "action": "work", "policy": "continue_if_any" },
        ],
    }))
    .unwrap();
    assert_eq!(graph.options().on_failure, OnFailure::StopAll);
    assert_eq!(graph.ready(), ids(&["a"]));
    for bad in [
        json!(7),
        json!({ "tasks": [{ "id": "a" }] }),
        json!({ "tasks": [{ "id": "a", "action": "w", "state": "running" }] }),
        json!({ "tasks": [{ "id": "a", "action": "w", "state": "pending" }] }),
        json!({ "tasks": [
            { "id": "a", "action": "w" },
            { "id": "b", "action": "w", "dependencies": ["a"], "state": "ready" },
        ] }),
        json!({ "options": { "max_parallel": 0 } }),
    ] {
        assert!(TaskGraph::from_json(bad.clone()).is_err(), "{bad}");
    }
}

//! Questions and pictures.

use astraea_taskgraph::{Blocked, GraphError, GraphOptions, Task, TaskGraph, TaskState};
use expect_test::expect;

fn example() -> TaskGraph {
    let options = GraphOptions::default().with_max_parallel(3).with_action_cap("test", 1);
    let mut g = TaskGraph::new(options).unwrap();
    g.add_task(Task::new("edit", "modify").with_writes(["src/**"]).with_cost(3.0), [""; 0])
        .unwrap();
    g.add_task(Task::new("fmt", "format").with_writes(["src/a.rs"]), [""; 0]).unwrap();
    g.add_task(Task::new("t1", "test"), [""; 0]).unwrap();
    g.add_task(Task::new("t2", "test"), [""; 0]).unwrap();
    g.add_task(Task::new("lint", "lint"), [""; 0]).unwrap();
    g.add_task(Task::new("ship \"it\"\u{1b}", "commit"), ["t1", "edit"]).unwrap();
    for id in ["edit", "t1"] {
        g.start(&id.into(), 0).unwrap();
    }
    g
}

#[test]
fn why_blocked_names_the_reason() {
    let mut g = example();
    let why = |g: &TaskGraph, id: &str| g.why_blocked(&id.into()).unwrap();
    assert_eq!(why(&g, "edit"), []);
    assert_eq!(why(&g, "fmt"), [Blocked::Lock { holder: "edit".into() }]);
    assert_eq!(why(&g, "t2"), [Blocked::ActionCap { action: "test".into(), cap: 1 }]);
    assert_eq!(why(&g, "lint"), []);
    assert_eq!(
        why(&g, "ship \"it\"\u{1b}"),
        [Blocked::Dependencies { waiting_for: vec!["edit".into(), "t1".into()] }]
    );
    g.limit_action("lint", Some(0));
    assert_eq!(why(&g, "lint"), [Blocked::ActionHeld { action: "lint".into() }]);
    g.limit_action("lint", None);
    g.start(&"lint".into(), 0).unwrap();
    g.retry(&"t1".into(), 1, "flaky", 44).unwrap();
    assert_eq!(why(&g, "t1"), [Blocked::Delayed { until_ms: 44 }]);
    g.add_task(Task::new("more", "more"), [""; 0]).unwrap();
    assert_eq!(why(&g, "t2"), [Blocked::Queue { first: "more".into() }]);
    g.start(&"more".into(), 0).unwrap();
    assert_eq!(why(&g, "t2"), [Blocked::MaxParallel { max: 3 }]);
    g.fail(&"edit".into(), 2, "no").unwrap();
    assert_eq!(
        why(&g, "ship \"it\"\u{1b}"),
        [Blocked::Ended { state: TaskState::Aborted, because: Some("edit".into()) }]
    );
    assert_eq!(g.why_blocked(&"?".into()), Err(GraphError::UnknownTask("?".into())));
}

#[test]
fn the_critical_path_is_the_dearest_chain() {
    let path = example().critical_path();
    assert_eq!(path.cost, 4.0);
    let names: Vec<&str> = path.tasks.iter().map(|id| id.as_str()).collect();
    assert_eq!(names, ["edit", "ship \"it\"\u{1b}"]);
    let none = TaskGraph::new(GraphOptions::default()).unwrap().critical_path();
    assert_eq!((none.tasks.len(), none.cost), (0, 0.0));
}

#[test]
fn pictures() {
    let g = example();
    expect![[r#"
        [running  ] edit (modify)
        [ready    ] fmt (format)
        [running  ] t1 (test)
        [ready    ] t2 (test)
        [ready    ] lint (lint)
        [pending  ] ship "it"\u{1b} (commit) <- edit, t1
    "#]]
    .assert_eq(&g.to_ascii());
    expect![[r##"
        digraph tasks {
          rankdir=LR;
          node [shape=box, style=filled];
          t0 [label="edit\nmodify: running", fillcolor="#fff3b0"];
          t1 [label="fmt\nformat: ready", fillcolor="#cfe8ff"];
          t2 [label="t1\ntest: running", fillcolor="#fff3b0"];
          t3 [label="t2\ntest: ready", fillcolor="#cfe8ff"];
          t4 [label="lint\nlint: ready", fillcolor="#cfe8ff"];
          t5 [label="ship \"it\"\\u{1b}\ncommit: pending", fillcolor="#e0e0e0"];
          t0 -> t5;
          t2 -> t5;
        }
    "##]]
    .assert_eq(&g.to_dot());
    expect![[r##"
        flowchart LR
          t0["edit<br/>modify: running"]:::running
          t1["fmt<br/>format: ready"]:::ready
          t2["t1<br/>test: running"]:::running
          t3["t2<br/>test: ready"]:::ready
          t4["lint<br/>lint: ready"]:::ready
          t5["ship #34;it#34;#92;u#123;1b#125;<br/>commit: pending"]:::pending
          t0 --> t5
          t2 --> t5
          classDef pending fill:#e0e0e0
          classDef ready fill:#cfe8ff
          classDef running fill:#fff3b0
    "##]]
    .assert_eq(&g.to_mermaid());
}

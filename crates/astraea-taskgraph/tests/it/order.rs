//! Which comes first, and what may start.

use astraea_taskgraph::{GraphError, GraphOptions, Task, TaskGraph, TaskId};

fn start_all(g: &mut TaskGraph) -> Vec<String> {
    let mut started = Vec::new();
    while let Some(id) = g.next_startable() {
        g.start(&id, 0).unwrap();
        started.push(id.to_string());
    }
    started
}

#[test]
fn behaviour_17_priority_then_deadline_then_cost_then_id() {
    let mut g = TaskGraph::new(GraphOptions::default().with_max_parallel(9)).unwrap();
    for task in [
        Task::new("z", "one"),
        Task::new("y", "two"),
        Task::new("dear", "one").with_cost(2.0),
        Task::new("free", "one").with_cost(0.0),
        Task::new("late", "two").with_deadline_ms(20),
        Task::new("early", "one").with_deadline_ms(10).with_cost(9.0),
        Task::new("high", "three").with_priority(0.9),
        Task::new("low", "one").with_priority(-0.0).with_deadline_ms(1),
    ] {
        g.add_task(task, [""; 0]).unwrap();
    }
    let order = ["high", "early", "late", "free", "y", "z", "dear", "low"];
    assert_eq!(g.ready().iter().map(TaskId::as_str).collect::<Vec<_>>(), order);
    assert_eq!(start_all(&mut g), order);
}

#[test]
fn behaviour_18_a_cap_of_one_yields_one_of_three() {
    let options = GraphOptions::default().with_action_cap("test", 1).with_max_parallel(3);
    let mut g = TaskGraph::new(options).unwrap();
    for id in ["a", "b", "c"] {
        g.add_task(Task::new(id, "test"), [""; 0]).unwrap();
    }
    for id in ["x", "y", "z"] {
        g.add_task(Task::new(id, "other"), [""; 0]).unwrap();
    }
    assert_eq!(start_all(&mut g), ["a", "x", "y"]);
    let refused = g.start(&"b".into(), 0).unwrap_err();
    assert!(matches!(refused, GraphError::NotStartable { .. }), "{refused}");
    g.succeed(&"a".into(), 1).unwrap();
    assert_eq!(start_all(&mut g), ["b"]);
}

#[test]
fn a_limit_holds_an_action_back_and_lets_go() {
    let mut g = TaskGraph::new(GraphOptions::default()).unwrap();
    for id in ["a", "b", "c"] {
        g.add_task(Task::new(id, "test"), [""; 0]).unwrap();
    }
    g.limit_action("test", Some(0));
    assert_eq!(g.next_startable(), None);
    g.limit_action("test", Some(1));
    assert_eq!(start_all(&mut g), ["a"]);
    g.limit_action("test", None);
    assert_eq!(start_all(&mut g), ["b", "c"]);
}

#[test]
fn writers_exclude_and_readers_share() {
    let mut g = TaskGraph::new(GraphOptions::default().with_max_parallel(9)).unwrap();
    g.add_task(Task::new("1 edit", "e").with_writes(["src/a.rs"]), [""; 0]).unwrap();
    g.add_task(Task::new("2 edit", "e").with_writes(["src/**"]), [""; 0]).unwrap();
    g.add_task(Task::new("3 docs", "e").with_writes(["docs/**"]), [""; 0]).unwrap();
    g.add_task(Task::new("4 test", "t").with_reads(["**"]), [""; 0]).unwrap();
    g.add_task(Task::new("5 test", "t").with_reads(["**"]), [""; 0]).unwrap();
    g.add_task(Task::new("6 free", "t"), [""; 0]).unwrap();
    assert_eq!(start_all(&mut g), ["1 edit", "3 docs", "6 free"]);
    g.succeed(&"1 edit".into(), 1).unwrap();
    assert_eq!(start_all(&mut g), ["2 edit"]);
    g.fail(&"2 edit".into(), 2, "no").unwrap();
    assert!(start_all(&mut g).is_empty());
    g.cancel(&"3 docs".into(), 3, "enough").unwrap();
    assert_eq!(start_all(&mut g), ["4 test", "5 test"]);
}

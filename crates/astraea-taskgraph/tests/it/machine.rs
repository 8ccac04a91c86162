//! The state machine: what is legal happens, what is not is refused and changes nothing.

use astraea_taskgraph::{
    AttemptEnd, Change, DependencyPolicy, GraphError, GraphOptions, OnFailure, Task, TaskGraph,
    TaskId, TaskState,
};

type Call = fn(&mut TaskGraph, &TaskId) -> Result<Vec<Change>, GraphError>;

const CALLS: [(&str, Call); 7] = [
    ("start", |g, id| g.start(id, 5)),
    ("succeed", |g, id| g.succeed(id, 5)),
    ("fail", |g, id| g.fail(id, 5, "no")),
    ("retry", |g, id| g.retry(id, 5, "no", 9)),
    ("wake", |g, id| g.wake(id)),
    ("requeue", |g, id| g.requeue(id, 5, "crash")),
    ("cancel", |g, id| g.cancel(id, 5, "enough")),
];

/// A graph whose task `x` has this state.
fn with_x(state: TaskState) -> TaskGraph {
    let mut g = TaskGraph::new(GraphOptions::default()).unwrap();
    let x = TaskId::from("x");
    let skip = state == TaskState::Skipped;
    let policy = if skip { DependencyPolicy::Skip } else { DependencyPolicy::Abort };
    g.add_task(Task::new("dep", "work"), [""; 0]).unwrap();
    g.add_task(Task::new("x", "work").with_policy(policy), ["dep"]).unwrap();
    g.start(&"dep".into(), 0).unwrap();
    match state {
        TaskState::Pending => return g,
        TaskState::Aborted | TaskState::Skipped => {
            g.fail(&"dep".into(), 1, "no").unwrap();
            return g;
        }
        _ => g.succeed(&"dep".into(), 1).unwrap(),
    };
    match state {
        TaskState::Ready => {}
        TaskState::Cancelled => drop(g.cancel(&x, 2, "enough").unwrap()),
        _ => drop(g.start(&x, 2).unwrap()),
    }
    match state {
        TaskState::Succeeded => drop(g.succeed(&x, 3).unwrap()),
        TaskState::Failed => drop(g.fail(&x, 3, "no").unwrap()),
        _ => {}
    }
    g
}

#[test]
fn every_call_in_every_state_follows_the_picture_or_is_refused() {
    let x = TaskId::from("x");
    let mut allowed = Vec::new();
    for state in TaskState::ALL {
        for (name, call) in CALLS {
            let mut graph = with_x(state);
            assert_eq!(graph.state(&x), Some(state));
            let before = graph.to_json();
            match call(&mut graph, &x) {
                Ok(changes) => {
                    assert_eq!((&changes[0].task, changes[0].from), (&x, state));
                    assert!(state.may_become(changes[0].to));
                    assert_eq!(graph.state(&x), Some(changes[0].to));
                    allowed.push(format!("{state} {name}"));
                }
                Err(error) => {
                    assert!(matches!(error, GraphError::IllegalTransition { .. }), "{error}");
                    assert_eq!(graph.to_json(), before);
                }
            }
        }
    }
    assert_eq!(
        allowed,
        [
            "pending cancel",
            "ready start",
            "ready cancel",
            "running succeed",
            "running fail",
            "running retry",
            "running requeue",
            "running cancel"
        ]
    );
    let mut graph = with_x(TaskState::Ready);
    for (_, call) in CALLS {
        assert_eq!(call(&mut graph, &"?".into()), Err(GraphError::UnknownTask("?".into())));
    }
}

#[test]
fn behaviour_20_the_sixth_retry_of_a_budget_of_five_is_refused_and_both_are_charged() {
    let mut g = TaskGraph::new(GraphOptions::default().with_retry_budget(5)).unwrap();
    let a = TaskId::from("a");
    g.add_task(Task::new("a", "work").with_max_retries(10), [""; 0]).unwrap();
    for n in 1..=5 {
        g.start(&a, n * 10).unwrap();
        g.retry(&a, n * 10 + 1, "flaky", n * 10 + 5).unwrap();
        assert_eq!((g.retries(&a), g.stats().retries), (Some(n as u32), n as u32));
        assert!(g.ready().is_empty());
        g.wake(&a).unwrap();
    }
    g.start(&a, 60).unwrap();
    let error = g.retry(&a, 61, "flaky", 65).unwrap_err();
    assert_eq!(error, GraphError::BudgetExhausted { task: a.clone(), budget: 5 });
    assert_eq!(g.state(&a), Some(TaskState::Running));
    g.fail(&a, 62, "flaky").unwrap();
    let attempts = g.attempts(&a).unwrap();
    assert_eq!(attempts.len(), 6);
    assert_eq!(
        (attempts[0].number, attempts[0].started_ms, attempts[0].ended_ms),
        (1, 10, Some(11))
    );
    assert_eq!(attempts[0].end, Some(AttemptEnd::Retried));
    assert_eq!(attempts[5].end, Some(AttemptEnd::Failed));
    assert_eq!(attempts[5].error.as_deref(), Some("flaky"));

    let mut g = TaskGraph::new(GraphOptions::default()).unwrap();
    g.add_task(Task::new("a", "work").with_max_retries(0), [""; 0]).unwrap();
    g.start(&a, 0).unwrap();
    let error = g.retry(&a, 1, "flaky", 2).unwrap_err();
    assert_eq!(error, GraphError::RetriesExhausted { task: a, max_retries: 0 });
}

#[test]
fn behaviour_12_13_defect_10_nothing_stays_pending_behind_a_failure() {
    let any = |id: &str| Task::new(id, "work").with_policy(DependencyPolicy::ContinueIfAny);
    let skip = |id: &str| Task::new(id, "work").with_policy(DependencyPolicy::Skip);
    for (mode, expected) in [
        (OnFailure::ByPolicy, ["aborted", "skipped", "skipped", "aborted", "ready", "ready"]),
        (OnFailure::SkipDependents, ["skipped", "skipped", "skipped", "skipped", "ready", "ready"]),
        (OnFailure::StopAll, ["aborted", "skipped", "skipped", "aborted", "aborted", "aborted"]),
    ] {
        let mut g = TaskGraph::new(GraphOptions::default().with_on_failure(mode)).unwrap();
        g.add_task(Task::new("bad", "work"), [""; 0]).unwrap();
        g.add_task(Task::new("good", "work"), [""; 0]).unwrap();
        g.add_task(Task::new("abort", "work"), ["bad", "good"]).unwrap();
        g.add_task(skip("skip"), ["bad"]).unwrap();
        g.add_task(skip("behind skip"), ["skip"]).unwrap();
        g.add_task(any("none"), ["bad", "abort"]).unwrap();
        g.add_task(any("one"), ["bad", "good"]).unwrap();
        g.add_task(Task::new("free", "work"), [""; 0]).unwrap();
        g.start(&"bad".into(), 0).unwrap();
        g.start(&"good".into(), 0).unwrap();
        g.succeed(&"good".into(), 1).unwrap();
        let changes = g.fail(&"bad".into(), 2, "no").unwrap();
        let states: Vec<&str> = ["abort", "skip", "behind skip", "none", "one", "free"]
            .iter()
            .map(|id| g.state(&(*id).into()).unwrap().as_str())
            .collect();
        assert_eq!(states, expected, "{mode:?}");
        assert_eq!(g.stats().pending, 0);
        let abort = changes.iter().find(|change| change.task.as_str() == "abort").unwrap();
        assert_eq!(abort.because, Some("bad".into()));
    }
}

#[test]
fn after_stop_all_nothing_is_retried_or_added_live() {
    let options = GraphOptions::default().with_on_failure(OnFailure::StopAll);
    let mut g = TaskGraph::new(options).unwrap();
    for id in ["a", "b"] {
        g.add_task(Task::new(id, "work"), [""; 0]).unwrap();
        g.start(&id.into(), 0).unwrap();
    }
    g.fail(&"a".into(), 1, "no").unwrap();
    let refused = g.retry(&"b".into(), 1, "no", 2).unwrap_err();
    assert!(matches!(refused, GraphError::Stopped { .. }), "{refused}");
    g.add_task(Task::new("c", "work"), [""; 0]).unwrap();
    assert_eq!(g.state(&"c".into()), Some(TaskState::Aborted));
    g.succeed(&"b".into(), 2).unwrap();
    assert!(g.is_finished() && !g.is_success());
}

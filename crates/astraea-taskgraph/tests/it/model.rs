//! Random graphs and random scripts against a model that recomputes everything from scratch.

use astraea_taskgraph::{
    DependencyPolicy, GraphOptions, OnFailure, Task, TaskGraph, TaskId, TaskState, globs_overlap,
};
use proptest::prelude::*;

const GLOBS: [&str; 5] = ["src/**", "src/a.rs", "docs/**", "**/*.rs", "tests/x"];

#[derive(Clone, Debug)]
struct Node {
    on: u32,
    policy: DependencyPolicy,
    priority: u8,
    action: u8,
    reads: u8,
    writes: u8,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    StartNext,
    /// The n-th running (or waiting) task, modulo.
    Succeed(u8),
    Fail(u8),
    Retry(u8),
    Wake(u8),
    Requeue(u8),
    Cancel(u8),
    Grow,
    Reload,
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let policy = prop_oneof![
        Just(DependencyPolicy::Abort),
        Just(DependencyPolicy::Skip),
        Just(DependencyPolicy::ContinueIfAny)
    ];
    let node = (any::<u32>(), policy, 0..3u8, 0..3u8, 0..8u8, 0..8u8).prop_map(
        |(on, policy, priority, action, reads, writes)| Node {
            on,
            policy,
            priority,
            action,
            reads,
            writes,
        },
    );
    prop::collection::vec(node, 1..16)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::StartNext),
        4 => any::<u8>().prop_map(Step::Succeed),
        2 => any::<u8>().prop_map(Step::Fail),
        1 => any::<u8>().prop_map(Step::Retry),
        1 => any::<u8>().prop_map(Step::Wake),
        1 => any::<u8>().prop_map(Step::Requeue),
        1 => any::<u8>().prop_map(Step::Cancel),
        1 => Just(Step::Grow),
        1 => Just(Step::Reload),
    ];
    prop::collection::vec(step, 0..60)
}

struct ModelTask {
    task: Task,
    on: Vec<usize>,
    state: TaskState,
    delayed: bool,
    retries: u32,
}

struct Model {
    tasks: Vec<ModelTask>,
    options: GraphOptions,
    retries: u32,
}

impl Model {
    fn add(&mut self, node: &Node) -> (Task, Vec<TaskId>) {
        let n = self.tasks.len();
        let on: Vec<usize> = (0..n).filter(|d| node.on >> (d * 2 % 31) & 3 == 3).collect();
        let globs = |bits: u8| {
            GLOBS.iter().enumerate().filter(move |(n, _)| bits == *n as u8 + 3).map(|(_, g)| *g)
        };
        let task = Task::new(format!("t{n:02}"), format!("act{}", node.action))
            .with_policy(node.policy)
            .with_priority(f64::from(node.priority) / 2.0)
            .with_reads(globs(node.reads))
            .with_writes(globs(node.writes))
            .with_max_retries(2);
        let ids = on.iter().map(|d| self.tasks[*d].task.id.clone()).collect();
        self.tasks.push(ModelTask {
            task: task.clone(),
            on,
            state: TaskState::Pending,
            delayed: false,
            retries: 0,
        });
        self.settle();
        (task, ids)
    }

    /// Decides every pending task whose dependencies have decided, until nothing changes.
    fn settle(&mut self) {
        let skip_all = self.options.on_failure == OnFailure::SkipDependents;
        loop {
            let mut changed = false;
            for n in 0..self.tasks.len() {
                if self.tasks[n].state != TaskState::Pending || self.tasks[n].delayed {
                    continue;
                }
                let states: Vec<TaskState> =
                    self.tasks[n].on.iter().map(|d| self.tasks[*d].state).collect();
                let ended = states.iter().all(|s| s.is_final());
                let good = states.iter().filter(|s| **s == TaskState::Succeeded).count();
                let bad = states.iter().any(|s| s.is_final() && *s != TaskState::Succeeded);
                let policy = self.tasks[n].task.policy;
                let skip = skip_all || policy == DependencyPolicy::Skip;
                let lost = if skip { TaskState::Skipped } else { TaskState::Aborted };
                let next = match policy {
                    DependencyPolicy::ContinueIfAny if !ended => continue,
                    DependencyPolicy::ContinueIfAny if good == 0 && !states.is_empty() => lost,
                    DependencyPolicy::ContinueIfAny => TaskState::Ready,
                    _ if bad => lost,
                    _ if ended => TaskState::Ready,
                    _ => continue,
                };
                self.tasks[n].state = next;
                changed = true;
            }
            if !changed {
                return;
            }
        }
    }

    fn startable(&self) -> Option<usize> {
        let running: Vec<&ModelTask> =
            self.tasks.iter().filter(|t| t.state == TaskState::Running).collect();
        if running.len() >= self.options.max_parallel {
            return None;
        }
        let clash =
            |a: &[String], b: &[String]| a.iter().any(|g| b.iter().any(|h| globs_overlap(g, h)));
        let mut candidates: Vec<usize> = (0..self.tasks.len())
            .filter(|n| self.tasks[*n].state == TaskState::Ready)
            .filter(|n| {
                let task = &self.tasks[*n].task;
                let same = running.iter().filter(|r| r.task.action == task.action).count();
                let cap = self.options.action_caps.get(&task.action);
                cap.is_none_or(|cap| same < *cap)
                    && running.iter().all(|r| {
                        !clash(&task.writes, &r.task.writes)
                            && !clash(&task.writes, &r.task.reads)
                            && !clash(&task.reads, &r.task.writes)
                    })
            })
            .collect();
        candidates.sort_by(|a, b| {
            let (a, b) = (&self.tasks[*a].task, &self.tasks[*b].task);
            b.priority.total_cmp(&a.priority).then_with(|| a.id.cmp(&b.id))
        });
        candidates.first().copied()
    }

    fn pick(&self, n: u8, wanted: impl Fn(&ModelTask) -> bool) -> Option<usize> {
        let all: Vec<usize> = (0..self.tasks.len()).filter(|t| wanted(&self.tasks[*t])).collect();
        (!all.is_empty()).then(|| all[n as usize % all.len()])
    }
}

fn agree(model: &Model, graph: &mut TaskGraph) {
    for entry in &model.tasks {
        assert_eq!(graph.state(&entry.task.id), Some(entry.state), "{}", entry.task.id);
        assert_eq!(graph.retries(&entry.task.id), Some(entry.retries));
    }
    let stats = graph.stats();
    let sum = stats.pending
        + stats.ready
        + stats.running
        + stats.succeeded
        + stats.failed
        + stats.aborted
        + stats.skipped
        + stats.cancelled;
    assert_eq!(sum, stats.total);
    assert_eq!(stats.total, model.tasks.len());
    assert_eq!(stats.retries, model.retries);
    let ready = model.tasks.iter().filter(|t| t.state == TaskState::Ready).count();
    assert_eq!(graph.ready().len(), ready);
    let expected = model.startable().map(|n| model.tasks[n].task.id.clone());
    assert_eq!(graph.next_startable(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_graph_does_what_the_model_does(
        nodes in nodes(), more in nodes(), steps in steps(), skip_dependents in any::<bool>(), parallel in 1..5usize,
    ) {
        let mode = if skip_dependents { OnFailure::SkipDependents } else { OnFailure::ByPolicy };
        let options = GraphOptions::default()
            .with_max_parallel(parallel)
            .with_action_cap("act0", 1)
            .with_retry_budget(3)
            .with_on_failure(mode);
        let mut graph = TaskGraph::new(options.clone()).unwrap();
        let mut model = Model { tasks: vec![], options, retries: 0 };
        for node in &nodes {
            let (task, on) = model.add(node);
            graph.add_task(task, on).unwrap();
        }
        agree(&model, &mut graph);
        let mut more = more.iter();
        let runs = |t: &ModelTask| t.state == TaskState::Running;
        for step in steps {
            match step {
                Step::StartNext => if let Some(n) = model.startable() {
                    graph.start(&model.tasks[n].task.id, 0).unwrap();
                    model.tasks[n].state = TaskState::Running;
                },
                Step::Succeed(n) => if let Some(n) = model.pick(n, runs) {
                    graph.succeed(&model.tasks[n].task.id, 0).unwrap();
                    model.tasks[n].state = TaskState::Succeeded;
                },
                Step::Fail(n) => if let Some(n) = model.pick(n, runs) {
                    graph.fail(&model.tasks[n].task.id, 0, "no").unwrap();
                    model.tasks[n].state = TaskState::Failed;
                },
                Step::Retry(n) => if let Some(n) = model.pick(n, runs) {
                    let granted = graph.retry(&model.tasks[n].task.id, 0, "no", 9).is_ok();
                    prop_assert_eq!(granted, model.retries < 3 && model.tasks[n].retries < 2);
                    if granted {
                        model.retries += 1;
                        model.tasks[n].retries += 1;
                        model.tasks[n].state = TaskState::Pending;
                        model.tasks[n].delayed = true;
                    }
                },
                Step::Wake(n) => if let Some(n) = model.pick(n, |t| t.delayed) {
                    graph.wake(&model.tasks[n].task.id).unwrap();
                    model.tasks[n].delayed = false;
                    model.tasks[n].state = TaskState::Ready;
                },
                Step::Requeue(n) => if let Some(n) = model.pick(n, runs) {
                    graph.requeue(&model.tasks[n].task.id, 0, "crash").unwrap();
                    model.tasks[n].state = TaskState::Ready;
                },
                Step::Cancel(n) => if let Some(n) = model.pick(n, |t| !t.state.is_final()) {
                    graph.cancel(&model.tasks[n].task.id, 0, "enough").unwrap();
                    model.tasks[n].state = TaskState::Cancelled;
                    model.tasks[n].delayed = false;
                },
                Step::Grow => if let Some(node) = more.next() {
                    let grown = model.add(node);
                    graph.extend(vec![grown]).unwrap();
                },
                Step::Reload => {
                    let json = graph.to_json();
                    let text = serde_json::to_string(&graph).unwrap();
                    graph = TaskGraph::from_json(json.clone()).unwrap();
                    prop_assert_eq!(graph.to_json(), json);
                    let again: TaskGraph = serde_json::from_str(&text).unwrap();
                    prop_assert_eq!(again.stats(), graph.stats());
                }
            }
            model.settle();
            agree(&model, &mut graph);
        }
        // Whatever the script left open, calling the rest off ends it.
        for n in 0..model.tasks.len() {
            if runs(&model.tasks[n]) {
                graph.succeed(&model.tasks[n].task.id, 0).unwrap();
            }
        }
        graph.cancel_waiting();
        prop_assert!(graph.is_finished());
    }
}

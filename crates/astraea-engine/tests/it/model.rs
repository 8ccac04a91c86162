//! Random graphs with random faults, against a model that knows no concurrency.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use astraea_engine::{
    BreakerOptions, EngineOptions, ErrorClass, Journal, ManualClock, MemoryJournal, ResumeRequest,
    RunRequest, RunStatus,
    taskgraph::{DependencyPolicy, GraphOptions, OnFailure, Task, TaskGraph, TaskState},
};
use proptest::prelude::*;

use crate::support::{Act, Scripted, check_sums, engine_with};

#[derive(Clone, Debug)]
struct Plan {
    /// For each task: which earlier ones it depends on (bits), its policy, how it ends, failures before that.
    tasks: Vec<(u32, DependencyPolicy, End, u32)>,
    on_failure: OnFailure,
    parallel: usize,
    cap: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Good,
    Bad,
    Panics,
}

fn plans() -> impl Strategy<Value = Plan> {
    let policy = prop_oneof![
        Just(DependencyPolicy::Abort),
        Just(DependencyPolicy::Skip),
        Just(DependencyPolicy::ContinueIfAny)
    ];
    let end = prop_oneof![6 => Just(End::Good), 1 => Just(End::Bad), 1 => Just(End::Panics)];
    let task = (any::<u32>(), policy, end, 0..3u32);
    let mode = prop_oneof![Just(OnFailure::ByPolicy), Just(OnFailure::SkipDependents)];
    (prop::collection::vec(task, 1..14), mode, 1..5usize, 1..4usize)
        .prop_map(|(tasks, on_failure, parallel, cap)| Plan { tasks, on_failure, parallel, cap })
}

fn dependencies(n: usize, bits: u32) -> Vec<usize> {
    (0..n).filter(|on| bits >> (on * 2 % 31) & 3 == 3).collect()
}

/// What must become of each task, whatever the order.
fn model(plan: &Plan) -> Vec<TaskState> {
    let mut states: Vec<TaskState> = Vec::new();
    for (n, (bits, policy, end, _)) in plan.tasks.iter().enumerate() {
        let on = dependencies(n, *bits);
        let good = on.iter().filter(|d| states[**d] == TaskState::Succeeded).count();
        let may_run = match policy {
            DependencyPolicy::ContinueIfAny => on.is_empty() || good > 0,
            _ => good == on.len(),
        };
        let skip =
            plan.on_failure == OnFailure::SkipDependents || *policy == DependencyPolicy::Skip;
        states.push(match (may_run, end) {
            (true, End::Good) => TaskState::Succeeded,
            (true, _) => TaskState::Failed,
            (false, _) if skip => TaskState::Skipped,
            (false, _) => TaskState::Aborted,
        });
    }
    states
}

fn build(plan: &Plan) -> (TaskGraph, Arc<Scripted>) {
    let options = GraphOptions::default()
        .with_max_parallel(plan.parallel)
        .with_action_cap("work", plan.cap)
        .with_on_failure(plan.on_failure);
    let mut graph = TaskGraph::new(options).unwrap();
    let executor = Scripted::new(&[]);
    for (n, (bits, policy, end, flaky)) in plan.tasks.iter().enumerate() {
        let id = format!("t{n}");
        let mut acts = vec![Act::Error(ErrorClass::Transient); *flaky as usize];
        acts.push(match end {
            End::Good => Act::Ok,
            End::Bad => Act::Fail(ErrorClass::TestFailure),
            End::Panics => Act::Panic,
        });
        executor.script.lock().unwrap().insert(id.clone(), acts);
        let on = dependencies(n, *bits).into_iter().map(|d| format!("t{d}"));
        let writes = if n % 3 == 0 { vec![format!("src/{}/**", n % 2)] } else { vec![] };
        let task = Task::new(id, if n % 2 == 0 { "work" } else { "other" })
            .with_policy(*policy)
            .with_writes(writes);
        graph.add_task(task, on).unwrap();
    }
    (graph, executor)
}

fn options() -> EngineOptions {
    EngineOptions::default().with_breaker(BreakerOptions::default().with_failures(0))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_run_ends_as_the_model_says(plan in plans()) {
        let (graph, executor) = build(&plan);
        let journal = Arc::new(MemoryJournal::with_clock(Arc::new(ManualClock::new(1_000))));
        let engine = engine_with(&executor, journal.clone(), options());
        let result = block_on(engine.run(RunRequest::new("run", "g", graph))).unwrap();
        check_sums(&result);
        let expected = model(&plan);
        for (n, state) in expected.iter().enumerate() {
            prop_assert_eq!(result.graph.state(&format!("t{n}").into()), Some(*state));
        }
        let good = expected.iter().all(|state| *state == TaskState::Succeeded);
        prop_assert_eq!(result.status == RunStatus::Succeeded, good);
        // Each ran as often as its script says, and not at all if it never should.
        for (n, (_, _, _, flaky)) in plan.tasks.iter().enumerate() {
            let ran = matches!(expected[n], TaskState::Succeeded | TaskState::Failed);
            let wanted = if ran { *flaky as usize + 1 } else { 0 };
            prop_assert_eq!(executor.calls_of(&format!("t{n}")), wanted);
        }
        // The journal tells the same story.
        let again = block_on(engine.resume(ResumeRequest::new("run", "g"))).unwrap();
        prop_assert_eq!(again.graph.to_json(), result.graph.to_json());
        prop_assert_eq!(again.status, result.status);
        prop_assert_eq!(again.failures, result.failures);
    }

    #[test]
    fn nothing_runs_twice_after_success_wherever_the_journal_is_cut(plan in plans(), cut in 0.0..1.0f64) {
        let (graph, executor) = build(&plan);
        let journal = Arc::new(MemoryJournal::with_clock(Arc::new(ManualClock::new(1_000))));
        let engine = engine_with(&executor, journal.clone(), options());
        block_on(engine.run(RunRequest::new("run", "g", graph))).unwrap();

        // A journal that ends earlier, as a crash would leave it, and executors that begin anew.
        let records = journal.records();
        let keep = 1 + ((records.len() - 1) as f64 * cut) as usize;
        let mut done = HashSet::new();
        let mut failures: HashMap<String, u32> = HashMap::new();
        let cut_journal = Arc::new(MemoryJournal::new());
        for record in &records[..keep] {
            let task = record.payload["task"].as_str().unwrap_or_default().to_owned();
            match record.kind.as_str() {
                "task_succeeded" | "task_failed" => { done.insert(task); }
                "task_retrying" => *failures.entry(task).or_default() += 1,
                _ => {}
            }
            let mut new = astraea_engine::NewRecord::new(record.kind.clone(), record.payload.clone());
            new.run = record.run.clone();
            new.graph = record.graph.clone();
            block_on(cut_journal.append(vec![new])).unwrap();
        }
        let (_, executor) = build(&plan);
        for (task, times) in failures {
            executor.script.lock().unwrap().get_mut(&task).unwrap().drain(..times as usize);
        }
        let engine = engine_with(&executor, cut_journal, options());
        let result = block_on(engine.resume(ResumeRequest::new("run", "g"))).unwrap();
        check_sums(&result);
        for (n, state) in model(&plan).into_iter().enumerate() {
            prop_assert_eq!(result.graph.state(&format!("t{n}").into()), Some(state));
        }
        for task in done {
            prop_assert_eq!(executor.calls_of(&task), 0);
        }
    }
}

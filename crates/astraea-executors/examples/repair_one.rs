//! Repairs one repository as a plan for fix_bug does (observe, repair, run_tests, commit) and says what came of it,
//! as one line of JSON. `cargo xtask bench repair` starts it once for each task.
//!
//! ```console
//! $ cargo run -p astraea-executors --example repair_one -- REPOSITORY STATE [--cpu SECONDS] [--wall SECONDS]
//! ```
//!
//! `outcome` is a word of the repair report, `not-exposed` where no test fails before, or the class of the failure.
//! `branch` is what was delivered, the first of several where they disagree; nothing is written to the checkout.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use astraea_code_access::{Base, OpenOptions, Repository};
use astraea_engine::taskgraph::Task;
use astraea_engine::{ErrorClass, Executor, Outcome, Output, Registry, TaskContext};
use astraea_executors::{Workspace, WorkspaceOptions, register};
use astraea_redact::Redactor;
use astraea_sandbox::{Sandbox, SandboxOptions};
use serde_json::{Value, json};

/// The longest look at the tests as they are; four tenths of it may be one test.
const LOOKING: Duration = Duration::from_secs(15);

type Failed = Box<dyn std::error::Error>;

/// What the command line says.
struct Arguments {
    repository: PathBuf,
    state: PathBuf,
    cpu: Option<f64>,
    wall: f64,
}

fn main() -> Result<(), Failed> {
    // a sandboxed command starts as this very program
    astraea_sandbox::init();
    let arguments = arguments()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let told = runtime.block_on(repair(&arguments))?;
    println!("{told}");
    Ok(())
}

fn arguments() -> Result<Arguments, Failed> {
    let mut places = Vec::new();
    let (mut cpu, mut wall) = (None, 300.0);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--cpu" => cpu = Some(value()?.parse()?),
            "--wall" => wall = value()?.parse()?,
            _ => places.push(PathBuf::from(word)),
        }
    }
    let [repository, state] = places.try_into().map_err(|_| "give REPOSITORY and STATE")?;
    Ok(Arguments { repository, state, cpu, wall })
}

async fn repair(arguments: &Arguments) -> Result<Value, Failed> {
    let open = OpenOptions::new(&arguments.state);
    let repository = Arc::new(Repository::open(&arguments.repository, open)?);
    let snapshot = repository.snapshot(Base::Worktree)?;
    let sandbox = Arc::new(Sandbox::probe(SandboxOptions::default()));
    // the bugs are no flaky tests
    let options = WorkspaceOptions::default().with_rerun_failing(false);
    let workspace = Workspace::new(repository, snapshot, sandbox, Redactor::default(), options);
    let mut plan = Plan {
        registry: register(Registry::new(), Arc::new(workspace)),
        wall: Duration::try_from_secs_f64(arguments.wall)?,
        done: Vec::new(),
    };
    let observed = match plan.act("observe", json!({})).await? {
        Outcome::Succeeded(output) => output,
        Outcome::Failed(failure) => {
            return Ok(json!({ "outcome": failure.class.to_string(), "why": failure.message }));
        }
    };
    if observed.value["failing"].as_array().is_none_or(Vec::is_empty) {
        let word = if observed.value["verdict"] == "passed" { "not-exposed" } else { "not-run" };
        return Ok(
            json!({ "outcome": word, "why": observed.value["verdict"], "table": observed.value["table"] }),
        );
    }
    let mut args = json!({ "tests": [], "goal": "fix_bug", "goal_id": "bench" });
    if let Some(cpu) = arguments.cpu {
        args["cpu_ms"] = json!((cpu * 1000.0) as u64);
    }
    let (value, word, why) = match plan.act("repair", args.clone()).await? {
        Outcome::Succeeded(output) => (output.value.clone(), None, String::new()),
        Outcome::Failed(failure) => {
            let word = match failure.class {
                ErrorClass::Ambiguous => "ambiguous".to_owned(),
                ErrorClass::NoPatch => "no-patch".to_owned(),
                class => class.to_string(),
            };
            (failure.output.value.clone(), Some(word), failure.message)
        }
    };
    let report = &value["report"];
    let mut told = json!({
        "outcome": word.clone().unwrap_or_else(|| value["outcome"].as_str().unwrap_or("no-patch").to_owned()),
        "why": why,
        "cpu_ms": value["cpu_ms"],
        "first_patch_cpu_ms": value["first_patch_cpu_ms"],
        "candidates": report["tried"],
        "inputs": report["inputs_compared"],
        "input": value["input"],
        "suspicious": value["suspicious"],
        "patches": report["patches"],
        "branch": value["alternatives"][0]["branch"],
    });
    if word.is_none() {
        if let Outcome::Failed(failure) =
            plan.act("run_tests", json!({ "require": "improve" })).await?
        {
            told["outcome"] = json!("not-confirmed");
            told["why"] = json!(failure.message);
        } else if let Outcome::Succeeded(output) = plan.act("commit", args).await? {
            told["branch"] = output.value["branch"].clone();
        }
    }
    Ok(told)
}

/// The executors, and what was done so far.
struct Plan {
    registry: Registry,
    wall: Duration,
    done: Vec<(String, Arc<Output>)>,
}

impl Plan {
    async fn act(&mut self, action: &str, args: Value) -> Result<Outcome, Failed> {
        // a test that never ends is seen as one soon, and leaves the time to the search
        let wall = if action == "observe" { self.wall.min(LOOKING) } else { self.wall };
        let wall = u64::try_from(wall.as_millis())?;
        let task = Task::new(action, action).with_args(args).with_timeout_ms(wall);
        let inputs =
            self.done.iter().map(|(id, output)| (id.as_str().into(), output.clone())).collect();
        let cx = TaskContext::standalone(task).with_inputs(inputs);
        let executor: &Arc<dyn Executor> =
            &self.registry.get(action).ok_or("an executor is missing from this build")?.clone();
        let outcome = executor.execute(&cx).await?;
        if let Outcome::Succeeded(output) = &outcome {
            self.done.push((action.to_owned(), Arc::new(output.clone())));
        }
        Ok(outcome)
    }
}

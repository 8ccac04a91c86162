//! `astra htn`: the planner by itself, on HDDL files.

use std::{path::Path, time::Duration};

use astraea_htn::{Budget, CompiledDomain, Error, Event, Options, Plan, Problem, Source};

use crate::{
    args::{Global, Htn, HtnPlan},
    failure::Failure,
    output,
};

/// Files of more than this are refused.
const MAX_BYTES: u64 = 256 << 20;

/// Carries out one of the three commands.
///
/// # Errors
/// Exit code 2 for a file that cannot be read or has errors, 3 where there is no plan.
pub(crate) fn run(global: &Global, command: &Htn) -> Result<u8, Failure> {
    match command {
        Htn::Check { domain, problem } => check(global, domain, problem.as_deref()),
        Htn::Plan(args) => plan(global, args),
        Htn::Verify { domain, problem, plan } => {
            let (domain, problem) = load(domain, problem)?;
            let text = read(plan)?;
            let name = plan.display();
            let wrong = |fault| Failure::new(1, format!("the plan is wrong: {fault}"));
            let plan = match domain.read_plan(&problem.state, &problem.tasks, &text) {
                Err(Error::WrongPlan(fault)) => return Err(wrong(fault)),
                Err(error) => return Err(Failure::new(2, format!("{name}: {error}"))),
                Ok(plan) => plan,
            };
            domain.verify(&problem.state, &problem.tasks, &plan).map_err(wrong)?;
            if global.json {
                output::json(&serde_json::json!({ "valid": true, "steps": plan.steps.len() }))?;
            } else {
                output::text(&format!("the plan is valid: {} steps", plan.steps.len()))?;
            }
            Ok(0)
        }
    }
}

fn check(global: &Global, domain: &Path, problem: Option<&Path>) -> Result<u8, Failure> {
    let text = read(domain)?;
    let name = domain.display().to_string();
    let source = Source { name: &name, text: &text };
    let compiled = CompiledDomain::from_standard(source).map_err(failure)?;
    let warnings = compiled.warnings();
    if let Some(path) = problem {
        read_problem(&compiled, path)?;
    }
    if global.json {
        output::json(&serde_json::json!({ "warnings": warnings.len() }))?;
    } else if warnings.is_empty() {
        output::text("no errors, no warnings")?;
    } else {
        for warning in warnings {
            output::text(&warning.render(&name, &text))?;
        }
    }
    Ok(0)
}

fn plan(global: &Global, args: &HtnPlan) -> Result<u8, Failure> {
    let time = Duration::try_from_secs_f64(args.time)
        .map_err(|e| Failure::new(2, format!("--time {}: {e}; give seconds above 0", args.time)))?;
    let (domain, problem) = load(&args.domain, &args.problem)?;
    let plans = look(&domain, &problem, args, time);
    if args.explain {
        return explain(global, &domain, &problem, plans, time);
    }
    for plan in plans.map_err(failure)? {
        if global.json {
            output::json(&plan.to_json())?;
        } else if args.tree {
            output::text(&plan.to_tree())?;
        } else if args.dot {
            output::text(&plan.to_dot())?;
        } else {
            output::text(&plan.to_ipc())?;
        }
    }
    Ok(0)
}

/// Looks for one plan, or several, with the searches that were asked for.
fn look(
    domain: &CompiledDomain,
    problem: &Problem,
    args: &HtnPlan,
    time: Duration,
) -> Result<Vec<Plan>, Error> {
    let Problem { state, tasks } = problem;
    let mut options = Options::default().with_max_steps(u64::MAX);
    options.max_depth = 1_000_000;
    // A little is kept for printing.
    let time = time.mul_f64(0.96);
    let stop = || cpu() >= time;
    let observer = |event: &Event| eprintln!("{event}");
    if args.trace {
        options = options.with_observer(&observer);
    }
    if args.plans.is_some() || args.trace {
        let count = args.plans.unwrap_or(1) as usize;
        return domain.plans(state, tasks, &options.with_stop(&stop), count);
    }
    let shorten = if args.anytime { f64::MAX } else { 4.0 };
    // Growing tables need room beside themselves.
    let memory = args.memory.saturating_mul(1 << 20) / 3;
    let budget = Budget { elapsed: &cpu, time, memory, shorten };
    domain.solve(state, tasks, &options, &budget).map(|plan| vec![plan])
}

/// Why the plan is as it is, or why there is none; the second asks the lifted search again, for at most a quarter of the time.
fn explain(
    global: &Global,
    domain: &CompiledDomain,
    problem: &Problem,
    plans: Result<Vec<Plan>, Error>,
    time: Duration,
) -> Result<u8, Failure> {
    let Problem { state, tasks } = problem;
    let options = Options::default();
    let end = cpu() + time.mul_f64(0.25);
    let stop = || cpu() >= end;
    let explanation = match plans {
        Ok(plans) => match plans.first() {
            Some(plan) => domain.explain_plan(state, tasks, plan, &options),
            None => domain.explain(state, tasks, &options.with_stop(&stop)),
        },
        Err(Error::NoPlan { .. } | Error::Stopped { .. }) => {
            let options = options.with_max_steps(u64::MAX).with_stop(&stop);
            domain.explain(state, tasks, &options)
        }
        Err(error) => Err(error),
    };
    let explanation = explanation.map_err(failure)?;
    if global.json {
        output::json(&serde_json::to_value(&explanation).unwrap_or_default())?;
    } else {
        output::text(explanation.to_string().trim_end())?;
    }
    Ok(if explanation.plan.is_some() { 0 } else { 3 })
}

/// CPU time of this process so far.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn load(domain: &Path, problem: &Path) -> Result<(CompiledDomain, Problem), Failure> {
    let text = read(domain)?;
    let name = domain.display().to_string();
    let compiled = CompiledDomain::from_standard(Source { name: &name, text: &text });
    let compiled = compiled.map_err(failure)?;
    let problem = read_problem(&compiled, problem)?;
    Ok((compiled, problem))
}

fn read_problem(domain: &CompiledDomain, path: &Path) -> Result<Problem, Failure> {
    let text = read(path)?;
    let name = path.display().to_string();
    domain.problem(Source { name: &name, text: &text }).map_err(failure)
}

fn read(path: &Path) -> Result<String, Failure> {
    let bytes = astraea_code_access::fs::read_user_file(path, MAX_BYTES)
        .map_err(|e| Failure::new(2, e.to_string()))?;
    String::from_utf8(bytes)
        .map_err(|e| Failure::new(2, format!("{} is not UTF-8: {e}", path.display())))
}

fn failure(error: Error) -> Failure {
    let code = match error {
        Error::NoPlan { .. } | Error::Stopped { .. } => 3,
        _ => 2,
    };
    Failure::new(code, error.to_string())
}

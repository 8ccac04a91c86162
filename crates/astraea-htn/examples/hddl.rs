//! Plans a problem file with a domain file: `cargo run --example hddl -- DOMAIN.hddl PROBLEM.hddl [STEPS]`.
//!
//! Prints the plan in the format of the planning competition, and checks it first.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use astraea_htn::{CompiledDomain, Error, Options, Source};

#[expect(clippy::disallowed_methods, reason = "an example that reads the files it is told to")]
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [domain, problem, rest @ ..] = args.as_slice() else {
        eprintln!("usage: hddl DOMAIN PROBLEM [SECONDS]");
        return ExitCode::from(2);
    };
    let seconds = rest.first().and_then(|s| s.parse().ok()).unwrap_or(10);
    let read = |path: &String| std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"));
    let texts = read(domain).and_then(|d| Ok((d, read(problem)?)));
    let (domain_text, problem_text) = match texts {
        Ok(texts) => texts,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    match run(
        Source { name: domain, text: &domain_text },
        Source { name: problem, text: &problem_text },
        Duration::from_secs(seconds),
    ) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(match error {
                Error::NoPlan { .. } | Error::Stopped { .. } => 3,
                _ => 2,
            })
        }
    }
}

fn run(domain: Source<'_>, problem: Source<'_>, time: Duration) -> Result<(), Error> {
    let start = Instant::now();
    let domain = CompiledDomain::from_standard(domain)?;
    let problem = domain.problem(problem)?;
    let read = start.elapsed();
    let stop = || start.elapsed() > time;
    let options = Options::default().with_stop(&stop).with_max_steps(u64::MAX);
    let plan = domain.plan(&problem.state, &problem.tasks, &options)?;
    let planned = start.elapsed();
    if let Err(fault) = domain.verify(&problem.state, &problem.tasks, &plan) {
        eprintln!("the plan is wrong: {fault}");
    }
    println!("{}", plan.to_ipc());
    eprintln!("read {read:?}, planned {:?}, {} steps", planned - read, plan.steps.len());
    Ok(())
}

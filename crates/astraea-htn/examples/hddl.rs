//! Plans a problem file with a domain file: `cargo run --example hddl -- DOMAIN.hddl PROBLEM.hddl [--time S] [--memory MB] [--engine lifted]`.
//!
//! Prints the plan in the format of the planning competition, and checks it first. Exit codes: 0 a plan, 2 bad input, 3 no plan, 4 a plan that the
//! verifier refuses. Time is CPU time.

use std::process::ExitCode;
use std::time::Duration;

use astraea_htn::{Budget, CompiledDomain, Error, Options, Source};

struct Args {
    files: Vec<String>,
    seconds: f64,
    megabytes: usize,
    lifted: bool,
}

fn args() -> Option<Args> {
    let mut args = Args { files: Vec::new(), seconds: 10.0, megabytes: 4096, lifted: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--time" => args.seconds = words.next()?.parse().ok()?,
            "--memory" => args.megabytes = words.next()?.parse().ok()?,
            "--engine" => args.lifted = words.next()? == "lifted",
            _ => args.files.push(word),
        }
    }
    (args.files.len() == 2).then_some(args)
}

/// CPU time of this process so far.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[expect(clippy::disallowed_methods, reason = "an example that reads the files it is told to")]
fn main() -> ExitCode {
    let Some(args) = args() else {
        eprintln!("usage: hddl DOMAIN PROBLEM [--time S] [--memory MB] [--engine lifted]");
        return ExitCode::from(2);
    };
    let read = |path: &String| std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"));
    let texts = read(&args.files[0]).and_then(|d| Ok((d, read(&args.files[1])?)));
    let (domain, problem) = match texts {
        Ok(texts) => texts,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    let domain = Source { name: &args.files[0], text: &domain };
    match run(domain, Source { name: &args.files[1], text: &problem }, &args) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(match error {
                Error::NoPlan { .. } | Error::Stopped { .. } => 3,
                _ => 2,
            })
        }
    }
}

fn run(domain: Source<'_>, problem: Source<'_>, args: &Args) -> Result<u8, Error> {
    let domain = CompiledDomain::from_standard(domain)?;
    let problem = domain.problem(problem)?;
    let read = cpu();
    // A little is kept for checking and printing.
    let time = Duration::from_secs_f64(args.seconds * 0.96);
    let mut options = Options::default().with_max_steps(u64::MAX);
    options.max_depth = u32::MAX;
    let plan = if args.lifted {
        let stop = || cpu() >= time;
        domain.plan(&problem.state, &problem.tasks, &options.with_stop(&stop))?
    } else {
        // Vectors double, so only part of the memory may be planned with.
        let budget =
            Budget { elapsed: &cpu, time, memory: args.megabytes * 1024 * 1024 / 3, shorten: 4.0 };
        domain.solve(&problem.state, &problem.tasks, &options, &budget)?
    };
    let planned = cpu();
    if let Err(fault) = domain.verify(&problem.state, &problem.tasks, &plan) {
        eprintln!("the plan is wrong: {fault}");
        return Ok(4);
    }
    println!("{}", plan.to_ipc());
    eprintln!("read {read:?}, planned {:?}, {} steps", planned - read, plan.steps.len());
    Ok(0)
}

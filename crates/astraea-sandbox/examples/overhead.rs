//! What the sandbox adds to starting a process, beside what bare bubblewrap adds, in one run.
//!
//! `cargo run --release --example overhead [rounds]`

#![expect(clippy::disallowed_methods, reason = "measures against a process outside the sandbox")]

use std::process::Command;
use std::time::{Duration, Instant};

use astraea_sandbox::{CommandSpec, Sandbox, SandboxOptions, Stdin, Tier};
use tokio_util::sync::CancellationToken;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    astraea_sandbox::init();
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sandbox = Sandbox::probe(SandboxOptions::default());
    let weak = Sandbox::probe(SandboxOptions::default().with_max_tier(Tier::B));
    let truth = CommandSpec::new(["/bin/true"]);
    let tools = sandbox.toolchains().apply(truth.clone());
    let cat = CommandSpec::new(["/bin/cat"]).with_stdin(Stdin::Pipe);
    let never = CancellationToken::new();

    let mut times: Vec<(&str, Vec<Duration>)> = Vec::new();
    let mut note = |name, time| match times.iter_mut().find(|(known, _)| *known == name) {
        Some((_, times)) => times.push(time),
        None => times.push((name, vec![time])),
    };
    for _ in 0..rounds {
        let began = Instant::now();
        Command::new("/bin/true").status()?;
        note("plain process", began.elapsed());
        let began = Instant::now();
        Command::new("bwrap").args(["--unshare-all", "--ro-bind", "/", "/", "true"]).status()?;
        note("bare bwrap", began.elapsed());
        for (name, sandbox, spec) in [
            ("tier A", &sandbox, &truth),
            ("tier A, toolchains", &sandbox, &tools),
            ("tier B", &weak, &truth),
        ] {
            let began = Instant::now();
            let finished = runtime.block_on(sandbox.run(spec, &never))?;
            note(name, began.elapsed());
            assert!(finished.success(), "{finished:?}");
        }
        runtime.block_on(async {
            let began = Instant::now();
            let mut session = sandbox.spawn(&cat).await?;
            session.write_line("hello").await?;
            session.read_line().await?;
            note("tier A session, first answer", began.elapsed());
            let began = Instant::now();
            session.write_line("hello").await?;
            session.read_line().await?;
            note("tier A session, next answer", began.elapsed());
            let began = Instant::now();
            session.kill_tree();
            session.wait().await?;
            note("tier A session, kill", began.elapsed());
            Ok::<_, astraea_sandbox::SandboxError>(())
        })?;
    }
    for (_, times) in &mut times {
        times.sort();
    }
    for (name, times) in &times {
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        println!(
            "{name:30} least {:>9.2?}  quarter {:>9.2?}  median {:>9.2?}",
            at(0),
            at(25),
            at(50)
        );
    }
    let median = |name| {
        let times = times.iter().find(|(known, _)| *known == name).map(|(_, times)| times);
        times.and_then(|times| times.get(times.len() / 2)).copied().unwrap_or_default()
    };
    let plain = median("plain process");
    let added = |name| median(name).saturating_sub(plain).as_secs_f64();
    let ratio = added("tier A") / added("bare bwrap").max(1e-9);
    let word = if ratio <= 2.0 { "held" } else { "MISSED" };
    println!("what tier A adds / what bare bwrap adds = {ratio:.2}  (at most 2: {word})");
    Ok(())
}

//! `cargo xtask bench chat`: many conversations at once with one `astra serve` and a scripted model.

use std::{
    process::ExitCode,
    sync::{Arc, Barrier},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use astraea_llm::testing::Answer;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    http::Request,
    model::{self, Model},
    scenario::Scenario,
    serve::Serving,
    world::World,
};

/// Messages of each conversation: with a tool, with a goal, with words only.
const MESSAGES: [&str; 3] = ["what is in area.py?", "please mend it", "thank you"];

/// Holds `conversations` conversations at once, all three messages of each, and prints what it took.
///
/// # Errors
/// When one answer is not what it should be, or memory grows beyond `limit_mb`.
pub(crate) fn run(conversations: usize, limit_mb: u64) -> anyhow::Result<ExitCode> {
    ensure!(conversations > 0, "at least one conversation");
    let scenario = Scenario::load_all("fix-bug-python-unittest")?.into_iter().next();
    let mut world = World::make(&scenario.context("the scenario")?, false)?;
    world.shell(
        "git rm -qr . && printf 'def area(width, height):\\n    return width + height\\n' > area.py && \
         printf 'import unittest\\n\\nfrom area import area\\n\\n\\nclass AreaTest(unittest.TestCase):\\n    \
         def test_area(self):\\n        self.assertEqual(area(3, 4), 12)\\n' > test_area.py && git add -A && git commit -qm start",
    )?;
    world.model = Some(Model::serve(Box::new(answer))?);
    let serving = Serving::start(world.astra(&["serve".into(), "--port".into(), "0".into()]))?;
    let (address, token) = (serving.address, world.token()?);
    let memory = |name: &str| memory_kb(serving.pid(), name).map(|kb| kb / 1024);
    let before = memory("VmRSS")?;
    let begin = Arc::new(Barrier::new(conversations));
    let started = Instant::now();
    let clients: Vec<_> = (0..conversations)
        .map(|number| {
            let (begin, token) = (begin.clone(), token.clone());
            std::thread::spawn(move || -> anyhow::Result<Vec<Duration>> {
                begin.wait();
                let mut id: Option<String> = None;
                let mut took = Vec::new();
                for message in MESSAGES {
                    let body = match &id {
                        Some(id) => json!({"message": message, "conversation_id": id}),
                        None => json!({"message": message}),
                    };
                    let sent = Instant::now();
                    let reply = Request::new("POST", "/api/chat", Some(body))
                        .with_token(&token)
                        .ask(address)?;
                    took.push(sent.elapsed());
                    check(number, message, reply.status, &reply.body)?;
                    let body: Value = serde_json::from_str(&reply.body)?;
                    id = body["conversation_id"].as_str().map(str::to_owned);
                }
                Ok(took)
            })
        })
        .collect();
    let mut health = Duration::ZERO;
    while clients.iter().any(|client| !client.is_finished()) {
        let sent = Instant::now();
        let reply = Request::new("GET", "/v1/models", None).with_token(&token).ask(address)?;
        ensure!(reply.status == 200, "the server answers with {} meanwhile", reply.status);
        health = health.max(sent.elapsed());
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let mut took: Vec<Vec<Duration>> = vec![Vec::new(); MESSAGES.len()];
    for client in clients {
        let times = client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        took.iter_mut().zip(times).for_each(|(all, one)| all.push(one));
    }
    let whole = started.elapsed();
    let peak = memory("VmHWM")?;
    serving.stop(Signal::INT)?;
    let branches = world.shell("git for-each-ref refs/heads/astra")?.lines().count();
    ensure!(branches == conversations, "{branches} branches for {conversations} goals");
    let verified = world.run(&["ledger", "verify"])?;
    ensure!(verified.exit == 0, "the ledger: {}", verified.stderr);
    println!("{conversations} conversations at once, {} messages each, no error", MESSAGES.len());
    println!("| what | |\n|---|---|");
    println!("| whole | {:.1} s |", whole.as_secs_f64());
    for (message, times) in MESSAGES.iter().zip(&mut took) {
        times.sort();
        let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64();
        println!("| `{message}`: median, slowest | {:.2} s, {:.2} s |", at(0.5), at(1.0));
    }
    println!(
        "| longest wait for another request meanwhile | {:.0} ms |",
        health.as_secs_f64() * 1e3
    );
    println!("| memory before, at its peak | {before} MiB, {peak} MiB |");
    ensure!(peak <= limit_mb, "{peak} MiB are more than the {limit_mb} MiB allowed");
    Ok(ExitCode::SUCCESS)
}

/// What the model says: a tool for the first message, a goal for the second, then words.
fn answer(request: &Value) -> Answer {
    let texts = model::texts(request);
    let asked = |message: &str| texts.iter().any(|text| text == message);
    let answered = request["messages"].as_array().and_then(|all| all.last());
    let after_tool = answered.is_some_and(|message| message["role"] == "tool");
    if after_tool || asked(MESSAGES[2]) {
        Answer::Text("That is all.".into())
    } else if asked(MESSAGES[1]) {
        Answer::call(
            "execute_goal",
            &json!({"goal_text": "fix_bug: area", "timeout_ms": 600_000, "context": {
                "file_path": "area.py", "search": "width + height", "replace": "width * height"}}),
        )
    } else {
        Answer::call("read_file", &json!({"path": "area.py"}))
    }
}

fn check(number: usize, message: &str, status: u16, body: &str) -> anyhow::Result<()> {
    let answer: Value = serde_json::from_str(body).unwrap_or_default();
    let goal = message == MESSAGES[1];
    let right = status == 200
        && answer["response"].as_str().is_some_and(|text| text.starts_with("That is all."))
        && (!goal || answer["success"] == true);
    ensure!(right, "conversation {number}, `{message}`: {status} {body}");
    Ok(())
}

/// A figure of the kernel about a process, in KiB.
fn memory_kb(pid: rustix::process::Pid, name: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero()))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    number.with_context(|| format!("{name} of the server"))
}

//! `cargo xtask llama`: exchanges with a real model server whose model says nonsense: nothing panics, nothing hangs.

use std::{
    collections::BTreeMap,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{http::Request, scenario::Scenario, serve::Serving, world::World};

/// Holds `exchanges` exchanges with the model at `url`, five in each conversation.
///
/// An answer is words, or a problem that names the model: whichever, it comes.
///
/// # Errors
/// When an answer is anything else, or the server does not stop in order.
pub(crate) fn run(url: &str, exchanges: usize) -> anyhow::Result<ExitCode> {
    let scenario = Scenario::load_all("fix-bug-python-unittest")?.into_iter().next();
    let world = World::make(&scenario.context("the scenario")?, false)?;
    let mut command = world.astra(&["serve".into(), "--port".into(), "0".into()]);
    command.env("ASTRA_MODEL_URL", url).env("ASTRA_MODEL", "random");
    let serving = Serving::start(command)?;
    let token = world.token()?;
    let mut ended: BTreeMap<String, usize> = BTreeMap::new();
    let (mut conversation, mut slowest) = (None::<String>, Duration::ZERO);
    for number in 0..exchanges {
        if number % 5 == 0 {
            conversation = None;
        }
        let message = format!("{number}: please fix the failing test");
        let body = match &conversation {
            Some(id) => json!({"message": message, "conversation_id": id}),
            None => json!({ "message": message }),
        };
        let sent = Instant::now();
        let request = Request::new("POST", "/api/chat", Some(body)).with_token(&token);
        let reply = request.ask(serving.address)?;
        slowest = slowest.max(sent.elapsed());
        let body: Value = serde_json::from_str(&reply.body)?;
        let how = match reply.status {
            200 if body["tools"].as_array().is_some_and(|tools| !tools.is_empty()) => "tools",
            200 => "words",
            429 | 502 => body["code"].as_str().unwrap_or("a problem without a code"),
            other => anyhow::bail!("exchange {number}: {other} {}", reply.body),
        };
        *ended.entry(how.to_owned()).or_default() += 1;
        conversation = body["conversation_id"].as_str().map(str::to_owned).or(conversation);
    }
    let log = serving.stop(Signal::INT)?;
    ensure!(!log.contains("panicked"), "{log}");
    println!(
        "{exchanges} exchanges with a real server, no panic, no hang; slowest {:.1} s",
        slowest.as_secs_f64()
    );
    for (how, times) in ended {
        println!("  {how}: {times}");
    }
    Ok(ExitCode::SUCCESS)
}

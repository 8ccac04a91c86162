//! `astra serve`, and what it shares with `astra chat`: the persona and its model.

use std::sync::Arc;

use astraea_goals::{Astra, store::GoalQuery};
use astraea_persona::{FileStore, Persona, PersonaOptions, Runs, Toolset, code_tools, goal_tools};
use astraea_redact::{RedactOptions, Redactor, is_key_like};
use astraea_server::{Server, ServerOptions};
use tokio_util::sync::CancellationToken;

use crate::{args::Global, commands::open, failure::Failure};

/// Requests to the model for one answer, where the settings do not say less.
const MAX_CALLS: u64 = 30;

/// Serves until Ctrl-C.
///
/// # Errors
/// When the repository or the address cannot be had.
pub(crate) async fn run(global: &Global, host: String, port: u16) -> Result<u8, Failure> {
    let astra = Arc::new(open(global, false)?);
    // A damaged store should be seen before anybody talks.
    astra
        .goals()
        .list(&GoalQuery::default().with_limit(1))
        .map_err(astraea_goals::GoalError::from)?;
    let runs = Runs::default();
    let persona = persona(&astra, &runs)?;
    let model = if persona.has_model() { "a model talks" } else { "no model: fixed rules talk" };
    let mut options = ServerOptions::default().with_host(&host).with_port(port);
    if host.parse::<std::net::IpAddr>().is_err()
        || host.parse().is_ok_and(|ip: std::net::IpAddr| !ip.is_unspecified())
    {
        options = options.with_name(&host);
    }
    let server = Server::bind(astra, persona, runs, options)
        .await
        .map_err(|error| Failure::new(2, error.to_string()))?;
    if !global.quiet {
        eprintln!("astra: http://{} ({model}); Ctrl-C stops it", server.address());
    }
    let stop = CancellationToken::new();
    let signal = stop.clone();
    tokio::spawn(async move {
        asked_to_stop().await;
        signal.cancel();
    });
    server.run(stop).await.map_err(|error| Failure::new(1, error.to_string()))?;
    Ok(0)
}

/// Ctrl-C, or what a service manager sends. Goals that go on are stopped in order and can be resumed.
async fn asked_to_stop() {
    #[cfg(unix)]
    if let Ok(mut terminate) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// The persona before a repository.
///
/// # Errors
/// When the model's settings are wrong.
pub(crate) fn persona(astra: &Arc<Astra>, runs: &Runs) -> Result<Persona, Failure> {
    let mut redact = RedactOptions::default().with_pii(astra.config().redact_pii);
    for (name, value) in std::env::vars_os() {
        if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string())
            && is_key_like(&name)
        {
            redact = redact.with_secret_value(value);
        }
    }
    let redactor = Redactor::new(redact);
    // The same model talks and writes; who may name it, and where its key comes from, the settings decide.
    let model = astra.model().cloned();
    let tools = toolset(astra, runs);
    let store = Arc::new(FileStore::new(astra.repository().clone()));
    let mut options = PersonaOptions::default();
    // One answer may not spend more than a run may.
    let budget = astra.config().model.budget();
    options.budget = budget.with_calls(budget.calls.unwrap_or(u64::MAX).min(MAX_CALLS));
    Ok(Persona::new(model, tools, store, redactor).with_options(options))
}

/// The tools that a persona has.
pub(crate) fn toolset(astra: &Arc<Astra>, runs: &Runs) -> Toolset {
    Toolset::new()
        .with_all(goal_tools(astra.clone(), runs.clone()))
        .with_all(code_tools(Some(astra.repository().clone())))
}

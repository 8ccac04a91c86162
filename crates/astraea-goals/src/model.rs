//! The chat model that the settings name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use astraea_llm::openai::{OpenAi, OpenAiOptions};
use astraea_llm::{Client, ClientOptions};
use astraea_redact::Redactor;

use crate::config::{ConfigError, ModelConfig};
use crate::error::GoalError;

/// How to name a model.
pub(crate) const HOW: &str = "set ASTRA_MODEL_URL (such as http://localhost:11434/v1) and ASTRA_MODEL, or url and name in [model] of your config.toml";

/// Where a model is, without anything in the URL that could be a key.
pub(crate) fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() { String::new() } else { format!(" at {host}") }
}

/// A client for the model that the settings name; nothing is sent yet. It has no budget: each run gives it one of its own.
///
/// # Errors
/// [`GoalError::Config`] when the URL is none, or the variable that should hold the key does not.
pub(crate) fn client(
    config: &ModelConfig,
    env: &BTreeMap<String, String>,
    redactor: &Redactor,
) -> Result<Option<Client>, GoalError> {
    let (Some(url), Some(name)) = (&config.url, &config.name) else { return Ok(None) };
    let wrong = |setting: &str, problem: String| {
        let (origin, setting) = ("model".to_owned(), setting.to_owned());
        GoalError::Config(ConfigError::Value { origin, setting, problem })
    };
    let mut options = OpenAiOptions::new(url, name);
    if let Some(key) = key(config, env).map_err(|problem| wrong("model.key_env", problem))? {
        options = options.with_api_key(key);
    }
    let provider = OpenAi::new(options)
        .map_err(|error| wrong("model.url", format!("cannot be used: {error}")))?;
    let options = ClientOptions::new(redactor.clone())
        .with_price(config.price())
        .with_timeout(Duration::from_millis(config.timeout_ms));
    Ok(Some(Client::new(Arc::new(provider), options)))
}

/// The key: as it was given, else out of the variable that holds it.
pub(crate) fn key(
    config: &ModelConfig,
    env: &BTreeMap<String, String>,
) -> Result<Option<String>, String> {
    if let Some(key) = &config.key {
        return Ok(Some(key.expose().to_owned()));
    }
    match &config.key_env {
        None => Ok(None),
        Some(name) => match env.get(name).filter(|key| !key.trim().is_empty()) {
            Some(key) => Ok(Some(key.trim().to_owned())),
            None => Err(format!("names the variable {name}, which is not set")),
        },
    }
}

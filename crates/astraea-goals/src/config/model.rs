//! `[model]`: which chat model writes code and talks, and what it may spend.
//!
//! Named by the user's own file or the environment, never by a repository.

use std::fmt;

use astraea_llm::{Budget, Price};
use serde::{Deserialize, Serialize};

use super::merge::in_range;
use super::{Config, ConfigError, ConfigLayer};

/// A text that is never shown: a key.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// `[model]` as a file writes it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelLayer {
    /// The URL before `/chat/completions`, such as `http://localhost:11434/v1`.
    pub url: Option<String>,
    /// The model, as its provider names it.
    pub name: Option<String>,
    /// The key. Better kept in the environment.
    pub key: Option<Secret>,
    /// The environment variable that holds the key.
    pub key_env: Option<String>,
    /// The most requests of a run.
    pub max_calls: Option<i64>,
    /// The most tokens of a run, in and out together.
    pub max_tokens: Option<i64>,
    /// The most that a run may cost, in the currency of the prices.
    pub max_cost: Option<f64>,
    /// The price of a million tokens of questions.
    pub price_input: Option<f64>,
    /// The price of a million tokens of answers.
    pub price_output: Option<f64>,
    /// The most tokens that one question shows of the repository.
    pub context_tokens: Option<i64>,
    /// The longest answer, in tokens.
    pub answer_tokens: Option<i64>,
    /// How long one request may take, in milliseconds.
    pub timeout_ms: Option<i64>,
    /// Whether a change that passes is cross-checked with a second one, where that is possible.
    pub cross_check: Option<bool>,
}

/// The chat model as it is named, and what it may spend in a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelConfig {
    /// The URL before `/chat/completions`; none means that there is no model.
    pub url: Option<String>,
    /// The model, as its provider names it.
    pub name: Option<String>,
    /// The key, if one was given.
    #[serde(skip)]
    pub key: Option<Secret>,
    /// The environment variable that holds the key.
    pub key_env: Option<String>,
    /// The most requests of a run.
    pub max_calls: u64,
    /// The most tokens of a run, in and out together.
    pub max_tokens: u64,
    /// The most that a run may cost; without limit where it is absent.
    pub max_cost: Option<f64>,
    /// The price of a million tokens of questions.
    pub price_input: f64,
    /// The price of a million tokens of answers.
    pub price_output: f64,
    /// The most tokens that one question shows of the repository.
    pub context_tokens: u64,
    /// The longest answer, in tokens.
    pub answer_tokens: u64,
    /// How long one request may take, in milliseconds.
    pub timeout_ms: u64,
    /// Whether a change that passes is cross-checked with a second one, where that is possible.
    pub cross_check: bool,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            url: None,
            name: None,
            key: None,
            key_env: None,
            max_calls: 40,
            max_tokens: 400_000,
            max_cost: None,
            price_input: 0.0,
            price_output: 0.0,
            context_tokens: 24_000,
            answer_tokens: 8_000,
            timeout_ms: 300_000,
            cross_check: true,
        }
    }
}

impl ModelConfig {
    pub(super) fn apply(&mut self, origin: &str, layer: &ModelLayer) -> Result<(), ConfigError> {
        let take = |mine: &mut Option<String>, theirs: &Option<String>| {
            if let Some(text) = theirs.as_ref().filter(|text| !text.trim().is_empty()) {
                *mine = Some(text.trim().to_owned());
            }
        };
        take(&mut self.url, &layer.url);
        take(&mut self.name, &layer.name);
        take(&mut self.key_env, &layer.key_env);
        if let Some(key) = layer.key.as_ref().filter(|key| !key.expose().trim().is_empty()) {
            self.key = Some(key.clone());
        }
        for (mine, theirs, setting, min, max) in [
            (&mut self.max_calls, layer.max_calls, "model.max_calls", 0, 100_000),
            (&mut self.max_tokens, layer.max_tokens, "model.max_tokens", 0, 10_000_000_000),
            (
                &mut self.context_tokens,
                layer.context_tokens,
                "model.context_tokens",
                500,
                2_000_000,
            ),
            (&mut self.answer_tokens, layer.answer_tokens, "model.answer_tokens", 100, 1_000_000),
            (&mut self.timeout_ms, layer.timeout_ms, "model.timeout_ms", 1, super::MAX_TIMEOUT_MS),
        ] {
            if let Some(value) = theirs {
                *mine = in_range(origin, setting, value, min, max)?;
            }
        }
        self.cross_check = layer.cross_check.unwrap_or(self.cross_check);
        let money = |value: Option<f64>, setting: &str| match value {
            Some(value) if !value.is_finite() || value < 0.0 => Err(ConfigError::Value {
                origin: origin.to_owned(),
                setting: setting.to_owned(),
                problem: format!("is {value}; it must be a number from 0 up"),
            }),
            value => Ok(value),
        };
        self.max_cost = money(layer.max_cost, "model.max_cost")?.or(self.max_cost);
        self.price_input =
            money(layer.price_input, "model.price_input")?.unwrap_or(self.price_input);
        self.price_output =
            money(layer.price_output, "model.price_output")?.unwrap_or(self.price_output);
        Ok(())
    }

    /// Refuses half of a model, and a limit of cost that could never be reached.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |setting: &str, problem: &str| {
            Err(ConfigError::Value {
                origin: "model".to_owned(),
                setting: setting.to_owned(),
                problem: problem.to_owned(),
            })
        };
        match (&self.url, &self.name) {
            (Some(_), None) => wrong(
                "model.name",
                "is missing: a model needs ASTRA_MODEL_URL and ASTRA_MODEL, or url and name in [model]",
            ),
            (None, Some(_)) => wrong(
                "model.url",
                "is missing: a model needs ASTRA_MODEL_URL (such as http://localhost:11434/v1) and ASTRA_MODEL, or url and name in [model]",
            ),
            (Some(_), Some(_))
                if self.max_cost.is_some() && self.price_input + self.price_output <= 0.0 =>
            {
                wrong(
                    "model.max_cost",
                    "is set, and no price is: set price_input and price_output in [model], for a million tokens",
                )
            }
            _ => Ok(()),
        }
    }

    /// What a run may spend.
    #[must_use]
    pub fn budget(&self) -> Budget {
        let budget = Budget::default().with_calls(self.max_calls).with_tokens(self.max_tokens);
        match self.max_cost {
            Some(cost) => budget.with_cost(cost),
            None => budget,
        }
    }

    /// What tokens cost.
    #[must_use]
    pub fn price(&self) -> Price {
        Price { input: self.price_input, output: self.price_output }
    }
}

impl Config {
    /// A repository's layer without what it says of a model; its limits are taken over where they are lower.
    pub(super) fn without_model(
        &mut self,
        origin: &str,
        layer: &ConfigLayer,
    ) -> Result<ConfigLayer, ConfigError> {
        let said = &layer.model;
        let mut theirs = ModelConfig::default();
        theirs.apply(
            origin,
            &ModelLayer { url: None, name: None, key: None, key_env: None, ..said.clone() },
        )?;
        let mine = &mut self.model;
        if said.max_calls.is_some() {
            mine.max_calls = mine.max_calls.min(theirs.max_calls);
        }
        if said.max_tokens.is_some() {
            mine.max_tokens = mine.max_tokens.min(theirs.max_tokens);
        }
        let names = [
            ("url", said.url.is_some()),
            ("name", said.name.is_some()),
            ("key", said.key.is_some()),
            ("key_env", said.key_env.is_some()),
            ("max_cost", said.max_cost.is_some()),
            ("price_input", said.price_input.is_some()),
            ("price_output", said.price_output.is_some()),
            ("context_tokens", said.context_tokens.is_some()),
            ("answer_tokens", said.answer_tokens.is_some()),
            ("timeout_ms", said.timeout_ms.is_some()),
            ("cross_check", said.cross_check.is_some()),
        ];
        let ignored: Vec<&str> =
            names.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
        if !ignored.is_empty() {
            self.notes.push(format!(
                "{origin} says something about the model, which is yours to say: ignored are {} (set them in your own config.toml or the environment)",
                ignored.join(", ")
            ));
        }
        Ok(ConfigLayer { model: ModelLayer::default(), ..layer.clone() })
    }
}

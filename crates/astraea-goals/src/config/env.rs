//! The `ASTRA_*` variables.

use super::{ConfigError, ConfigLayer};

/// The variables that set something here, each with what it sets.
pub(crate) const VARIABLES: [(&str, &str); 18] = [
    ("ASTRA_TIMEOUT_MS", "goal.timeout_ms and tool.timeout_ms"),
    ("ASTRA_RETRY_TOKENS", "goal.retry_tokens"),
    ("ASTRA_CONCURRENCY", "goal.concurrency and tool.concurrency"),
    ("ASTRA_REPLANS", "goal.replans"),
    ("ASTRA_ALLOW", "paths.allow, separated by commas"),
    ("ASTRA_FORBID", "paths.forbid, separated by commas"),
    ("ASTRA_MAX_FILE_BYTES", "paths.max_file_bytes"),
    ("ASTRA_SHELL", "commands.shell"),
    ("ASTRA_NETWORK", "commands.network"),
    ("ASTRA_HOSTS", "commands.hosts, separated by commas"),
    ("ASTRA_TEST_COMMAND", "tests.command, separated by blanks"),
    ("ASTRA_REDACT_PII", "redact.pii"),
    ("ASTRA_MODEL_URL", "model.url"),
    ("ASTRA_MODEL", "model.name"),
    ("ASTRA_MODEL_KEY", "model.key"),
    ("ASTRA_MODEL_MAX_CALLS", "model.max_calls"),
    ("ASTRA_MODEL_MAX_TOKENS", "model.max_tokens"),
    ("ASTRA_MODEL_MAX_COST", "model.max_cost"),
];

/// Notes about `ASTRA_*` variables that set nothing, such as a misspelled one.
pub(crate) fn unknown_variables<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let known = |name: &str| VARIABLES.iter().any(|(known, _)| *known == name);
    let nearest = |name: &str| {
        VARIABLES
            .iter()
            .map(|(known, _)| (strsim::damerau_levenshtein(name, known), *known))
            .filter(|(distance, _)| *distance <= 4)
            .min()
    };
    names
        .into_iter()
        .filter(|name| name.starts_with("ASTRA_") && !known(name))
        .filter_map(|name| {
            let (_, meant) = nearest(name)?;
            Some(format!("the variable {name} sets nothing; did you mean {meant}?"))
        })
        .collect()
}

impl ConfigLayer {
    /// Reads the `ASTRA_*` variables out of `vars`; others are left alone.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for a variable that is no number or no boolean where one is meant.
    pub fn from_env<'a>(
        vars: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ConfigError> {
        let mut layer = Self::default();
        for (name, value) in vars {
            match name {
                "ASTRA_TIMEOUT_MS" => {
                    let ms = Some(number(name, value)?);
                    (layer.goal.timeout_ms, layer.tool.timeout_ms) = (ms, ms);
                }
                "ASTRA_RETRY_TOKENS" => layer.goal.retry_tokens = Some(number(name, value)?),
                "ASTRA_CONCURRENCY" => {
                    let tasks = Some(number(name, value)?);
                    (layer.goal.concurrency, layer.tool.concurrency) = (tasks, tasks);
                }
                "ASTRA_REPLANS" => layer.goal.replans = Some(number(name, value)?),
                "ASTRA_ALLOW" => layer.paths.allow = Some(list(value)),
                "ASTRA_FORBID" => layer.paths.forbid = Some(list(value)),
                "ASTRA_MAX_FILE_BYTES" => layer.paths.max_file_bytes = Some(number(name, value)?),
                "ASTRA_SHELL" => layer.commands.shell = Some(boolean(name, value)?),
                "ASTRA_NETWORK" => layer.commands.network = Some(boolean(name, value)?),
                "ASTRA_HOSTS" => layer.commands.hosts = Some(list(value)),
                "ASTRA_TEST_COMMAND" => {
                    let words = value.split_whitespace().map(str::to_owned).collect();
                    layer.tests.command = Some(words);
                }
                "ASTRA_REDACT_PII" => layer.redact.pii = Some(boolean(name, value)?),
                "ASTRA_MODEL_URL" => layer.model.url = filled(value),
                "ASTRA_MODEL" => layer.model.name = filled(value),
                "ASTRA_MODEL_KEY" => layer.model.key = filled(value).map(super::Secret::new),
                "ASTRA_MODEL_MAX_CALLS" => layer.model.max_calls = Some(number(name, value)?),
                "ASTRA_MODEL_MAX_TOKENS" => layer.model.max_tokens = Some(number(name, value)?),
                "ASTRA_MODEL_MAX_COST" => {
                    let cost = value.trim().parse().map_err(|_| wrong(name, value, "a number"))?;
                    layer.model.max_cost = Some(cost);
                }
                _ => {}
            }
        }
        Ok(layer)
    }
}

/// The value, unless it is blank.
fn filled(value: &str) -> Option<String> {
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

fn number(name: &str, value: &str) -> Result<i64, ConfigError> {
    value.trim().parse().map_err(|_| wrong(name, value, "a whole number"))
}

fn boolean(name: &str, value: &str) -> Result<bool, ConfigError> {
    match value.trim().to_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" | "" => Ok(false),
        _ => Err(wrong(name, value, "true or false")),
    }
}

fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

fn wrong(name: &str, value: &str, expected: &str) -> ConfigError {
    ConfigError::Value {
        origin: "environment".to_owned(),
        setting: name.to_owned(),
        problem: format!("is `{value}`; it must be {expected}"),
    }
}

//! How a layer changes the settings below it: freely, or only towards less.

use astraea_sandbox::Hosts;

use crate::lower::{ACTIONS, OBSERVE};

use super::{CommandsLayer, Config, ConfigError, ConfigLayer, GoalLayer, Limits, MAX_TIMEOUT_MS};

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

impl Config {
    /// Applies a layer that may say anything.
    pub(super) fn apply(&mut self, origin: &str, layer: &ConfigLayer) -> Result<(), ConfigError> {
        if let Some(allow) = &layer.paths.allow {
            self.allow = allow.clone();
        }
        self.forbid_more(layer);
        if let Some(bytes) = layer.paths.max_file_bytes {
            self.max_file_bytes =
                in_range(origin, "paths.max_file_bytes", bytes, 1, 100 * 1024 * 1024)?;
        }
        apply_limits(origin, "goal", &mut self.goal, &layer.goal)?;
        apply_limits(origin, "tool", &mut self.tool, &layer.tool)?;
        let CommandsLayer { shell, docker, network, hosts, no_sandbox } = &layer.commands;
        self.shell = shell.unwrap_or(self.shell);
        self.docker = docker.unwrap_or(self.docker);
        self.network = network.unwrap_or(self.network);
        if let Some(hosts) = hosts {
            Hosts::parse(hosts).map_err(|error| ConfigError::Value {
                origin: origin.to_owned(),
                setting: "commands.hosts".to_owned(),
                problem: format!("cannot be used: {error}"),
            })?;
            self.hosts = hosts.clone();
        }
        self.no_sandbox = no_sandbox.unwrap_or(self.no_sandbox);
        if let Some(command) = &layer.tests.command {
            if command.first().is_none_or(|program| program.trim().is_empty()) {
                return Err(ConfigError::Value {
                    origin: origin.to_owned(),
                    setting: "tests.command".to_owned(),
                    problem: "is empty; give an argument vector such as [\"python3\", \"-m\", \"pytest\"]"
                        .to_owned(),
                });
            }
            self.test_command = Some(command.clone());
        }
        if let Some(methods) = &layer.methods {
            self.methods = methods.clone();
        }
        if let Some(rules) = &layer.rules {
            self.rules = rules.clone();
        }
        for (name, executor) in layer.executors.iter().flatten() {
            let problem = if ACTIONS.contains(&name.as_str()) || name == OBSERVE {
                Some("is the name of an action that is there already; choose another".to_owned())
            } else if !is_name(name) {
                Some(
                    "is no name for an action; use small letters, digits and underscores"
                        .to_owned(),
                )
            } else if executor.command.first().is_none_or(|program| program.trim().is_empty()) {
                Some("has no command; give an argument vector".to_owned())
            } else {
                None
            };
            if let Some(problem) = problem {
                return Err(ConfigError::Value {
                    origin: origin.to_owned(),
                    setting: format!("executors.{name}"),
                    problem,
                });
            }
            self.executors.insert(name.clone(), executor.clone());
        }
        self.redact_pii = layer.redact.pii.unwrap_or(self.redact_pii);
        self.git.apply(origin, &layer.git)?;
        self.model.apply(origin, &layer.model)
    }

    /// Applies only what a layer takes away; the rest becomes a note.
    pub(super) fn narrow(&mut self, origin: &str, layer: &ConfigLayer) -> Result<(), ConfigError> {
        let mut full = self.clone();
        full.apply(origin, layer)?;
        let mut held_back = Vec::new();

        self.forbid_more(layer);
        if let Some(allow) = &layer.paths.allow {
            if self.allow.is_empty() {
                self.allow = allow.clone();
            } else {
                let (inside, outside): (Vec<_>, Vec<_>) =
                    allow.iter().cloned().partition(|glob| is_within(glob, &self.allow));
                if inside.is_empty() {
                    return Err(ConfigError::Value {
                        origin: origin.to_owned(),
                        setting: "paths.allow".to_owned(),
                        problem: format!(
                            "names nothing that your own settings allow ({})",
                            self.allow.join(", ")
                        ),
                    });
                }
                self.allow = inside;
                if !outside.is_empty() {
                    held_back.push("paths.allow");
                }
            }
        }
        let mut smaller = |mine: &mut u64, theirs: u64, name: &'static str| {
            if theirs > *mine {
                held_back.push(name);
            }
            *mine = theirs.min(*mine);
        };
        smaller(&mut self.max_file_bytes, full.max_file_bytes, "paths.max_file_bytes");
        for (mine, theirs, name) in [
            (&mut self.goal, &full.goal, "goal limits"),
            (&mut self.tool, &full.tool, "tool limits"),
        ] {
            smaller(&mut mine.timeout_ms, theirs.timeout_ms, name);
            let (mut tokens, mut tasks, mut replans) =
                (u64::from(mine.retry_tokens), mine.concurrency as u64, u64::from(mine.replans));
            smaller(&mut tokens, u64::from(theirs.retry_tokens), name);
            smaller(&mut tasks, theirs.concurrency as u64, name);
            smaller(&mut replans, u64::from(theirs.replans), name);
            mine.retry_tokens = u32::try_from(tokens).unwrap_or(mine.retry_tokens);
            mine.concurrency = usize::try_from(tasks).unwrap_or(mine.concurrency);
            mine.replans = u32::try_from(replans).unwrap_or(mine.replans);
        }
        for (mine, theirs, name) in [
            (&mut self.shell, full.shell, "commands.shell"),
            (&mut self.docker, full.docker, "commands.docker"),
            (&mut self.network, full.network, "commands.network"),
        ] {
            if theirs && !*mine {
                held_back.push(name);
            }
            *mine = *mine && theirs;
        }
        if let Some(hosts) = &layer.commands.hosts {
            // Each was read above.
            let parsed = |hosts: &[String]| Hosts::parse(hosts).unwrap_or_default();
            let mine = parsed(&self.hosts);
            let (inside, outside): (Vec<_>, Vec<_>) = hosts
                .iter()
                .cloned()
                .partition(|host| parsed(std::slice::from_ref(host)).within(&mine));
            self.hosts = inside;
            if !outside.is_empty() {
                held_back.push("commands.hosts");
            }
        }
        if full.redact_pii {
            self.redact_pii = true;
        } else if self.redact_pii {
            held_back.push("redact.pii");
        }
        if full.test_command != self.test_command {
            held_back.push("tests.command");
        }
        if full.methods != self.methods {
            held_back.push("methods");
        }
        if full.rules != self.rules {
            held_back.push("rules");
        }
        if full.executors != self.executors {
            held_back.push("executors");
        }

        held_back.dedup();
        if !held_back.is_empty() {
            self.notes.push(format!(
                "{origin} asks for more than an untrusted repository may have; held back: {} \
                 (`astra trust` lifts this)",
                held_back.join(", ")
            ));
        }
        Ok(())
    }

    fn forbid_more(&mut self, layer: &ConfigLayer) {
        for glob in layer.paths.forbid.iter().flatten() {
            if !self.forbid.contains(glob) {
                self.forbid.push(glob.clone());
            }
        }
    }
}

fn apply_limits(
    origin: &str,
    table: &str,
    limits: &mut Limits,
    layer: &GoalLayer,
) -> Result<(), ConfigError> {
    let name = |field: &str| format!("{table}.{field}");
    if let Some(ms) = layer.timeout_ms {
        limits.timeout_ms = in_range(origin, &name("timeout_ms"), ms, 1, MAX_TIMEOUT_MS)?;
    }
    if let Some(tokens) = layer.retry_tokens {
        let tokens = in_range(origin, &name("retry_tokens"), tokens, 0, 10_000)?;
        limits.retry_tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
    }
    if let Some(tasks) = layer.concurrency {
        let tasks = in_range(origin, &name("concurrency"), tasks, 1, 1024)?;
        limits.concurrency = usize::try_from(tasks).unwrap_or(1);
    }
    if let Some(replans) = layer.replans {
        let replans = in_range(origin, &name("replans"), replans, 0, 100)?;
        limits.replans = u32::try_from(replans).unwrap_or(0);
    }
    Ok(())
}

pub(super) fn in_range(
    origin: &str,
    setting: &str,
    value: i64,
    min: u64,
    max: u64,
) -> Result<u64, ConfigError> {
    u64::try_from(value).ok().filter(|v| (min..=max).contains(v)).ok_or_else(|| {
        ConfigError::Value {
            origin: origin.to_owned(),
            setting: setting.to_owned(),
            problem: format!("is {value}; it must be from {min} to {max}"),
        }
    })
}

/// Whether `glob` names only what one of `outer` names: the same glob, or one below `dir/**`.
fn is_within(glob: &str, outer: &[String]) -> bool {
    outer.iter().any(|o| {
        o == glob
            || o == "**"
            || o.strip_suffix("/**").is_some_and(|dir| {
                let plain = !dir.contains(['*', '?', '[', '{']);
                let dots = glob.split('/').any(|part| part == "..");
                plain && !dots && glob.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
            })
    })
}

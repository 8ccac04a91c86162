//! `[git]`: where results are pushed, and as whom.
//!
//! Named by the user's own file, never by a repository: a token goes there.

use std::collections::BTreeMap;

use astraea_executors::publish::{ForgeKind, ForgeOptions, PublishOptions, Token};
use serde::{Deserialize, Serialize};

use super::{Config, ConfigError, ConfigLayer};

/// `[git]` as a file writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GitLayer {
    /// The remote that results are pushed to; `origin`.
    pub remote: Option<String>,
    /// The branch that pull requests are to be merged into; the project's default branch.
    pub into: Option<String>,
    /// Whether `astra run` pushes the branch of a goal that is achieved, without being asked each time.
    pub push: Option<bool>,
    /// Whether it opens a pull request for it too.
    pub pull_request: Option<bool>,
    /// The forge, where the remote's URL does not tell it.
    pub forge: Option<ForgeLayer>,
}

/// `[git.forge]`: a GitHub or GitLab.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ForgeLayer {
    /// `github` or `gitlab`.
    pub kind: ForgeKind,
    /// The URL of its API: `https://git.example.com/api/v3` (GitHub), `https://git.example.com/api/v4` (GitLab).
    pub api: String,
    /// The host of the remotes that it serves; pushes there by https use the token too.
    pub host: Option<String>,
    /// The project, `owner/name`, where the remote's URL does not tell it.
    pub project: Option<String>,
    /// The environment variable that holds the token; `GITHUB_TOKEN` or `GITLAB_TOKEN`.
    pub token_env: Option<String>,
}

/// Where results are pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GitConfig {
    /// The remote.
    pub remote: String,
    /// The branch that pull requests are to be merged into; absent: the project's default branch.
    pub into: Option<String>,
    /// Whether `astra run` pushes what is achieved.
    pub push: bool,
    /// Whether it opens a pull request for it too.
    pub pull_request: bool,
    /// The forge, if one is named.
    pub forge: Option<ForgeLayer>,
}

impl Default for GitConfig {
    fn default() -> Self {
        Self {
            remote: "origin".to_owned(),
            into: None,
            push: false,
            pull_request: false,
            forge: None,
        }
    }
}

/// The variables that hold a token unless another is named, in this order.
fn variables(kind: ForgeKind) -> &'static [&'static str] {
    match kind {
        ForgeKind::GitHub => &["GITHUB_TOKEN", "GH_TOKEN"],
        _ => &["GITLAB_TOKEN"],
    }
}

impl GitConfig {
    pub(super) fn apply(&mut self, origin: &str, layer: &GitLayer) -> Result<(), ConfigError> {
        for (mine, theirs, setting) in [
            (&mut self.remote, &layer.remote, "git.remote"),
            (self.into.get_or_insert_default(), &layer.into, "git.into"),
        ] {
            let Some(text) = theirs else { continue };
            if text.trim().is_empty() || text.starts_with('-') {
                return Err(ConfigError::Value {
                    origin: origin.to_owned(),
                    setting: setting.to_owned(),
                    problem: format!("is `{text}`, which is no name"),
                });
            }
            text.trim().clone_into(mine);
        }
        self.into = self.into.take().filter(|into| !into.is_empty());
        self.push = layer.push.unwrap_or(self.push);
        self.pull_request = layer.pull_request.unwrap_or(self.pull_request);
        if layer.forge.is_some() {
            self.forge.clone_from(&layer.forge);
        }
        Ok(())
    }

    /// Where to publish and as whom; tokens come out of `env`.
    pub(crate) fn options(&self, env: &BTreeMap<String, String>) -> PublishOptions {
        let token = |names: &[&str]| {
            let named = names.iter().filter_map(|name| env.get(*name)).map(|text| text.trim());
            named.into_iter().find(|text| !text.is_empty()).map(Token::new)
        };
        let mut options = PublishOptions::default().with_remote(&self.remote).with_env(env.clone());
        if let Some(forge) = &self.forge {
            let token = match &forge.token_env {
                Some(name) => token(&[name]),
                None => token(variables(forge.kind)),
            };
            let mut own = ForgeOptions::new(forge.kind, &forge.api).with_token(token);
            own.project.clone_from(&forge.project);
            if let Some(host) = &forge.host {
                own = own.with_host(host);
            }
            options = options.with_forge(own);
        }
        for forge in [ForgeOptions::github(), ForgeOptions::gitlab()] {
            let token = token(variables(forge.kind));
            options = options.with_forge(forge.with_token(token));
        }
        options
    }

    /// Values that are masked in everything that is recorded: the token of a variable whose name does not show it.
    pub(crate) fn secret<'e>(&self, env: &'e BTreeMap<String, String>) -> Option<&'e str> {
        let name = self.forge.as_ref()?.token_env.as_ref()?;
        env.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }
}

impl Config {
    /// A repository's layer without what it says of pushing, which is the user's to say.
    pub(super) fn without_git(&mut self, origin: &str, layer: &ConfigLayer) -> ConfigLayer {
        if layer.git != GitLayer::default() {
            self.notes.push(format!(
                "{origin} says something about pushing ([git]), which is yours to say, in your own config.toml: ignored"
            ));
        }
        ConfigLayer { git: GitLayer::default(), ..layer.clone() }
    }
}

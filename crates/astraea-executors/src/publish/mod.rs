//! Publishing a delivered branch: a push to a remote, and a pull request. Only what a person asks for.
//!
//! ```text
//! branch ──ls-remote──▶ what the remote has ──▶ commits besides the one that was delivered? ask
//!        ──push──────▶ refs/heads/BRANCH there, never with force
//!        ──REST──────▶ the pull request that is open for it, or a new one
//! ```
//! Each step can be done again: what is there already is found and told.

mod forge;
mod git;
mod place;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use astraea_code_access::Repository;
use astraea_engine::CancellationToken;
use astraea_redact::Redactor;
use astraea_sandbox::Sandbox;
use serde::Serialize;

use crate::Error;
use crate::workspace::blocking;

pub use forge::{ForgeKind, ForgeOptions, Opened, PullRequest};
pub use place::Token;

use forge::Forge;
use git::{Git, lies_in};
use place::{Place, Transport};

/// Where to publish, and as whom.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PublishOptions {
    /// The remote, by its name in the repository. `origin`.
    pub remote: String,
    /// Forges, those that come first preferred; a remote is served by the one of its host.
    pub forges: Vec<ForgeOptions>,
    /// Whether commits of the user's that the remote does not have may be taken along. Off: they were not asked for.
    pub with_my_commits: bool,
    /// The user's environment: how the network and ssh are reached.
    pub env: BTreeMap<String, String>,
}

impl Default for PublishOptions {
    fn default() -> Self {
        Self {
            remote: "origin".to_owned(),
            forges: Vec::new(),
            with_my_commits: false,
            env: BTreeMap::new(),
        }
    }
}

impl PublishOptions {
    /// Sets the remote.
    #[must_use]
    pub fn with_remote(mut self, remote: impl Into<String>) -> Self {
        self.remote = remote.into();
        self
    }

    /// Adds a forge after those that are there.
    #[must_use]
    pub fn with_forge(mut self, forge: ForgeOptions) -> Self {
        self.forges.push(forge);
        self
    }

    /// Lets commits of the user's be taken along.
    #[must_use]
    pub fn with_my_commits(mut self, along: bool) -> Self {
        self.with_my_commits = along;
        self
    }

    /// Sets the environment.
    #[must_use]
    pub fn with_env(mut self, env: BTreeMap<String, String>) -> Self {
        self.env = env;
        self
    }
}

/// What a push did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Pushed {
    /// The remote.
    pub remote: String,
    /// Its URL, without a password.
    pub url: String,
    /// The branch, here and there.
    pub branch: String,
    /// The commit at its tip.
    pub commit: String,
    /// How many commits the remote did not have.
    pub commits: usize,
    /// Whether it had the branch already: nothing was sent then.
    pub was_there: bool,
}

/// Pushes branches of one repository and opens pull requests for them.
#[derive(Debug)]
pub struct Publisher {
    repo: Arc<Repository>,
    sandbox: Arc<Sandbox>,
    redactor: Redactor,
    options: PublishOptions,
}

impl Publisher {
    /// A publisher; nothing is sent yet. That a person asked for it is the caller's to know.
    pub fn new(
        repo: Arc<Repository>,
        sandbox: Arc<Sandbox>,
        redactor: Redactor,
        options: PublishOptions,
    ) -> Self {
        Self { repo, sandbox, redactor, options }
    }

    /// Pushes a local branch to a branch of the same name.
    ///
    /// `ours` are the commits that are on record as delivered on this branch: a tip that is none of them is the user's
    /// work, and counts as such.
    ///
    /// # Errors
    /// [`Error::TakesAlong`] where commits of the user's would go with it; [`Error::Remote`] where the remote cannot be
    /// used or refuses; [`Error::Access`] where there is no such branch or remote.
    ///
    /// # Cancel safety
    /// Dropped, it may have pushed or not; done again, it finds out.
    pub async fn push(
        &self,
        branch: &str,
        ours: &[&str],
        cancel: &CancellationToken,
    ) -> Result<Pushed, Error> {
        let place = self.place()?;
        let store = self.repo.object_store();
        let git = Git { publisher: self, place: &place, store: &store, login: self.login(&place) };
        let refs = git.refs(cancel).await?;
        let (repo, name) = (self.repo.clone(), branch.to_owned());
        let known: Vec<String> = refs.iter().map(|(id, _)| id.clone()).collect();
        let (commit, commits) = blocking(move || {
            let tip = repo.branch_tip(&name)?;
            Ok((tip.to_string(), repo.commits_beyond(tip, &known)?))
        })
        .await?;
        let full = format!("refs/heads/{branch}");
        let was_there = refs.iter().any(|(id, name)| *id == commit && *name == full);
        if !was_there {
            let yours = commits.saturating_sub(usize::from(ours.contains(&commit.as_str())));
            if yours > 0 && !self.options.with_my_commits {
                let remote = self.options.remote.clone();
                return Err(Error::TakesAlong { commits: yours, remote });
            }
            git.push(&commit, branch, cancel).await?;
        }
        Ok(Pushed {
            remote: self.options.remote.clone(),
            url: place.url.clone(),
            branch: branch.to_owned(),
            commit,
            commits,
            was_there,
        })
    }

    /// Opens a pull request for a branch that was pushed, or finds the one that is open.
    ///
    /// Title and text are masked before they are sent.
    ///
    /// # Errors
    /// [`Error::Forge`] where no forge serves the remote, there is no token, or it refuses.
    ///
    /// # Cancel safety
    /// Dropped, it may have opened one or not; done again, it finds out.
    pub async fn pull_request(&self, branch: &str, wanted: &PullRequest) -> Result<Opened, Error> {
        let place = self.place()?;
        let Some(forge) = self.forge(&place) else {
            return Err(Error::Forge {
                host: if place.host.is_empty() { place.url } else { place.host },
                reason: "it is neither GitHub nor GitLab as far as is known here; name its API in [git.forge] of your config.toml"
                    .to_owned(),
            });
        };
        let project = forge.project.clone().unwrap_or(place.project);
        if !project.contains('/') {
            return Err(Error::Forge {
                host: place.host,
                reason: "the remote's URL tells no project; name it (`owner/name`) as `project` in [git.forge]"
                    .to_owned(),
            });
        }
        let clean = |text: &str| self.redactor.redact(text).into_owned();
        let wanted = PullRequest {
            title: clean(&wanted.title),
            body: clean(&wanted.body),
            ..wanted.clone()
        };
        Forge::new(forge, project)?.open(branch, &wanted).await
    }

    /// Where the remote lies.
    fn place(&self) -> Result<Place, Error> {
        let remote = &self.options.remote;
        let url = self.repo.push_url(remote)?;
        let wrong = |reason| Error::Remote { url: remote.clone(), reason };
        let mut place = Place::parse(&url).map_err(wrong)?;
        if let Some(path) = place.path() {
            let root = self.repo.root();
            let path = normal(&root.join(path));
            if lies_in(&path, root) {
                return Err(wrong(
                    "it lies inside the checkout, where anything may have written it".to_owned(),
                ));
            }
            place.url = path.to_string_lossy().into_owned();
        }
        Ok(place)
    }

    fn forge(&self, place: &Place) -> Option<&ForgeOptions> {
        let forges = &self.options.forges;
        let serves = |forge: &&ForgeOptions| forge.host.as_deref() == Some(place.host.as_str());
        forges
            .iter()
            .find(|forge| !place.host.is_empty() && serves(forge))
            .or_else(|| forges.iter().find(|forge| forge.host.is_none()))
    }

    /// User and password for https: the URL's own, else the token of the forge that serves this very host.
    fn login(&self, place: &Place) -> Option<(String, Token)> {
        if !matches!(place.transport, Transport::Https | Transport::Http) {
            return None;
        }
        if let Some(login) = &place.login {
            return Some(login.clone());
        }
        let forge = self.forge(place).filter(|forge| forge.host.is_some())?;
        let user = match forge.kind {
            ForgeKind::GitHub => "x-access-token",
            ForgeKind::GitLab => "oauth2",
        };
        Some((user.to_owned(), forge.token.clone()?))
    }

    /// A text without secrets, this password among them.
    fn clean(&self, text: &str, password: Option<&Token>) -> String {
        let text = match password {
            Some(password) => text.replace(password.expose(), "[secret]"),
            None => text.to_owned(),
        };
        self.redactor.redact(&text).into_owned()
    }
}

/// A path without `.` and `..`, by its names alone.
fn normal(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

//! Pull requests by the REST APIs of GitHub (version 2022-11-28) and GitLab (v4).

use std::fmt;
use std::time::Duration;

use reqwest::{Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::place::{Token, is_loopback};
use crate::Error;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 4 << 20;

/// Whose API it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ForgeKind {
    /// github.com or GitHub Enterprise.
    GitHub,
    /// gitlab.com or a GitLab of one's own, where it is called a merge request.
    GitLab,
}

impl fmt::Display for ForgeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
        })
    }
}

/// Where pull requests are opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForgeOptions {
    /// Whose API it is.
    pub kind: ForgeKind,
    /// The URL before `/repos` or `/projects`: `https://api.github.com`, `https://gitlab.com/api/v4`. Take it from
    /// the user, never from a repository: the token goes there.
    pub api: String,
    /// The host of the remotes that it serves, with the port if the URL has one: pushes there by https use the token
    /// too. Without it the remote may lie anywhere, and the token serves the API alone.
    pub host: Option<String>,
    /// The project, `owner/name`, where the remote's URL does not tell it.
    pub project: Option<String>,
    /// What the user proves to be the user with.
    pub token: Option<Token>,
}

impl ForgeOptions {
    /// A forge by its API's URL.
    pub fn new(kind: ForgeKind, api: impl Into<String>) -> Self {
        Self { kind, api: api.into(), host: None, project: None, token: None }
    }

    /// github.com.
    #[must_use]
    pub fn github() -> Self {
        Self::new(ForgeKind::GitHub, "https://api.github.com").with_host("github.com")
    }

    /// gitlab.com.
    #[must_use]
    pub fn gitlab() -> Self {
        Self::new(ForgeKind::GitLab, "https://gitlab.com/api/v4").with_host("gitlab.com")
    }

    /// Sets the host of the remotes that it serves.
    #[must_use]
    pub fn with_host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into().to_ascii_lowercase());
        self
    }

    /// Sets the project.
    #[must_use]
    pub fn with_project(mut self, project: impl Into<String>) -> Self {
        self.project = Some(project.into());
        self
    }

    /// Sets the token.
    #[must_use]
    pub fn with_token(mut self, token: Option<Token>) -> Self {
        self.token = token;
        self
    }
}

/// What a pull request says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PullRequest {
    /// Its title, one line.
    pub title: String,
    /// Its text, Markdown.
    pub body: String,
    /// Whether it is opened as a draft.
    pub draft: bool,
    /// The branch that it is to be merged into; the project's default branch when absent.
    pub into: Option<String>,
}

impl PullRequest {
    /// A request with this title.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Sets the text.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    /// Opens it as a draft, or not.
    #[must_use]
    pub fn with_draft(mut self, draft: bool) -> Self {
        self.draft = draft;
        self
    }

    /// Sets the branch that it is to be merged into.
    #[must_use]
    pub fn with_into(mut self, branch: Option<String>) -> Self {
        self.into = branch;
        self
    }
}

/// A pull request that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Opened {
    /// The page of it.
    pub url: String,
    /// Its number.
    pub number: u64,
    /// The branch that it is to be merged into.
    pub into: String,
    /// Whether it was open already: nothing was sent then.
    pub was_open: bool,
}

/// A project on a forge.
pub(super) struct Forge<'a> {
    options: &'a ForgeOptions,
    token: &'a Token,
    project: String,
    http: reqwest::Client,
}

impl<'a> Forge<'a> {
    pub(super) fn new(options: &'a ForgeOptions, project: String) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Forge { host: host(&options.api), reason };
        let Some(token) = &options.token else {
            let name = match options.kind {
                ForgeKind::GitHub => "GITHUB_TOKEN",
                ForgeKind::GitLab => "GITLAB_TOKEN",
            };
            return Err(wrong(format!(
                "there is no token; set {name} in the environment, or name another variable as `token_env` in [git.forge]"
            )));
        };
        let url = reqwest::Url::parse(&options.api)
            .map_err(|error| wrong(format!("the API's address is no URL: {error}")))?;
        let local = url.host_str().is_some_and(|host| is_loopback(&format!("{host}:0")));
        if url.scheme() != "https" && !(url.scheme() == "http" && local) {
            return Err(wrong("the API's address must begin with https://".to_owned()));
        }
        // An error means that somebody in this process has chosen a provider already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(20))
            .timeout(Duration::from_secs(60))
            // A redirect would carry the token elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("astraea-executors/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| wrong(format!("cannot make an HTTP client: {error}")))?;
        Ok(Self { options, token, project, http })
    }

    /// Opens a pull request for a branch of this project, or finds the one that is open.
    pub(super) async fn open(&self, branch: &str, wanted: &PullRequest) -> Result<Opened, Error> {
        let into = match &wanted.into {
            Some(into) => into.clone(),
            None => {
                let project = self.call(Method::GET, "", &[], None).await?;
                let text = project["default_branch"].as_str().filter(|name| !name.is_empty());
                text.ok_or_else(|| self.wrong("it names no default branch".to_owned()))?.to_owned()
            }
        };
        let owner = self.project.split('/').next().unwrap_or_default();
        let (list, create, query, body) = match self.options.kind {
            ForgeKind::GitHub => (
                "/pulls",
                "/pulls",
                vec![
                    ("state", "open".to_owned()),
                    ("head", format!("{owner}:{branch}")),
                    ("base", into.clone()),
                ],
                json!({
                    "title": wanted.title, "body": wanted.body, "head": branch, "base": into,
                    "draft": wanted.draft,
                }),
            ),
            ForgeKind::GitLab => (
                "/merge_requests",
                "/merge_requests",
                vec![
                    ("state", "opened".to_owned()),
                    ("source_branch", branch.to_owned()),
                    ("target_branch", into.clone()),
                ],
                json!({
                    "title": if wanted.draft { format!("Draft: {}", wanted.title) } else { wanted.title.clone() },
                    "description": wanted.body, "source_branch": branch, "target_branch": into,
                    "remove_source_branch": true,
                }),
            ),
        };
        let open = self.call(Method::GET, list, &query, None).await?;
        if let Some(first) = open.as_array().and_then(|all| all.first()) {
            return self.opened(first, into, true);
        }
        let made = self.call(Method::POST, create, &[], Some(body)).await?;
        self.opened(&made, into, false)
    }

    fn opened(&self, value: &Value, into: String, was_open: bool) -> Result<Opened, Error> {
        let (url, number) = match self.options.kind {
            ForgeKind::GitHub => (&value["html_url"], &value["number"]),
            ForgeKind::GitLab => (&value["web_url"], &value["iid"]),
        };
        match (url.as_str(), number.as_u64()) {
            (Some(url), Some(number)) => {
                let url: String = url.chars().filter(|c| !c.is_control()).take(500).collect();
                Ok(Opened { url, number, into, was_open })
            }
            _ => Err(self.wrong("its answer describes no pull request".to_owned())),
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<Value>,
    ) -> Result<Value, Error> {
        let api = self.options.api.trim_end_matches('/');
        let project = match self.options.kind {
            ForgeKind::GitHub => {
                format!(
                    "repos/{}",
                    self.project.split('/').map(escaped).collect::<Vec<_>>().join("/")
                )
            }
            ForgeKind::GitLab => format!("projects/{}", escaped(&self.project)),
        };
        let mut address = format!("{api}/{project}{path}");
        for (at, (name, value)) in query.iter().enumerate() {
            address.push_str(&format!(
                "{}{name}={}",
                if at == 0 { '?' } else { '&' },
                escaped(value)
            ));
        }
        let mut request = self.http.request(method, &address);
        request = match self.options.kind {
            ForgeKind::GitHub => request
                .bearer_auth(self.token.expose())
                .header(header::ACCEPT, "application/vnd.github+json")
                .header("X-GitHub-Api-Version", "2022-11-28"),
            ForgeKind::GitLab => request
                .header("PRIVATE-TOKEN", self.token.expose())
                .header(header::ACCEPT, "application/json"),
        };
        if let Some(body) = body {
            request =
                request.header(header::CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let mut response = request.send().await.map_err(|error| self.network(&error))?;
        let status = response.status();
        let wait = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.network(&error))? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err(self.wrong("its answer is too long".to_owned()));
            }
            bytes.extend_from_slice(&chunk);
        }
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() {
            return Ok(value);
        }
        Err(self.wrong(refusal(status, &value, wait.as_deref())))
    }

    fn network(&self, error: &reqwest::Error) -> Error {
        let mut message = String::new();
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = cause {
            message = error.to_string();
            cause = error.source();
        }
        self.wrong(format!("it cannot be reached: {message}"))
    }

    fn wrong(&self, reason: String) -> Error {
        let reason = reason.replace(self.token.expose(), "[secret]");
        Error::Forge { host: host(&self.options.api), reason }
    }
}

/// A refusal in words: what the server says, and what to do.
fn refusal(status: StatusCode, value: &Value, wait: Option<&str>) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut take = |value: &Value| match value {
        Value::String(text) => said.push(text.clone()),
        Value::Array(many) => said.extend(many.iter().filter_map(Value::as_str).map(str::to_owned)),
        _ => {}
    };
    take(&value["message"]);
    take(&value["error"]);
    for error in value["errors"].as_array().into_iter().flatten() {
        take(&error["message"]);
    }
    let said: String = said.join("; ").chars().filter(|c| !c.is_control()).take(300).collect();
    let hint = match status.as_u16() {
        _ if wait.is_some() => {
            let wait: String = wait.unwrap_or_default().chars().take(40).collect();
            format!("; try again in {wait} seconds")
        }
        401 => "; the token is not valid, or has run out".to_owned(),
        403 => "; the token may not do this: it needs to write pull requests".to_owned(),
        404 => "; there is no such project, or the token may not see it".to_owned(),
        300..=399 => "; the project has moved: set the remote's URL anew".to_owned(),
        _ => String::new(),
    };
    let gap = if said.is_empty() { "" } else { ": " };
    format!("it answered {}{gap}{said}{hint}", status.as_u16())
}

/// The host of an API's address, for messages: an address may hold a password.
fn host(api: &str) -> String {
    let rest = api.split_once("://").map_or(api, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

/// A text as part of a path or query (RFC 3986: everything but the unreserved characters).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_the_server_said_and_what_to_do() {
        let value = json!({ "message": "Validation Failed", "errors": [{ "message": "A pull request already exists" }] });
        assert_eq!(
            refusal(StatusCode::UNPROCESSABLE_ENTITY, &value, None),
            "it answered 422: Validation Failed; A pull request already exists"
        );
        assert_eq!(
            refusal(StatusCode::UNAUTHORIZED, &Value::Null, None),
            "it answered 401; the token is not valid, or has run out"
        );
        assert_eq!(
            refusal(StatusCode::FORBIDDEN, &json!({"message": "rate"}), Some("30")),
            "it answered 403: rate; try again in 30 seconds"
        );
    }

    #[test]
    fn names_cannot_leave_their_place_in_an_address() {
        assert_eq!(escaped("group/sub project?x"), "group%2Fsub%20project%3Fx");
        assert_eq!(host("https://me:pw@h.example:8/api?x"), "h.example:8");
    }
}

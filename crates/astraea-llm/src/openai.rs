//! OpenAI-compatible chat completions over HTTP.
//!
//! One protocol, many servers: OpenAI, Ollama, llama.cpp, vLLM. The answer is streamed as server-sent events; a server
//! that answers with one JSON object is understood too.

mod http_date;
mod stream;
mod wire;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use reqwest::{StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use crate::{ChatRequest, LlmError, Provider, Reply, Sink};

/// The longest answer that is accepted, in bytes of the protocol.
const MAX_ANSWER: usize = 16 << 20;
/// The longest error message that is kept, in bytes.
const MAX_MESSAGE: usize = 500;

/// Where the server is and how it is asked.
#[derive(Clone)]
#[non_exhaustive]
pub struct OpenAiOptions {
    /// The URL before `/chat/completions`, such as `http://localhost:11434/v1`. Take it from the user, never from a
    /// repository.
    pub base_url: String,
    /// The model.
    pub model: String,
    /// The key, where the server wants one.
    pub api_key: Option<SecretString>,
    /// How long a connection may take; 10 s unless set.
    pub connect_timeout: Duration,
    /// How long the server may be silent; 120 s unless set.
    pub idle_timeout: Duration,
}

impl OpenAiOptions {
    /// A model of a server.
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            model: model.into(),
            api_key: None,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(120),
        }
    }

    /// Sets the key.
    #[must_use]
    pub fn with_api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(SecretString::from(key.into()));
        self
    }

    /// Sets how long the server may be silent.
    #[must_use]
    pub fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }
}

impl fmt::Debug for OpenAiOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiOptions")
            .field("base_url", &self.base_url)
            .field("model", &self.model)
            .field("api_key", &self.api_key.as_ref().map(|_| "[secret]"))
            .finish_non_exhaustive()
    }
}

/// A model behind an OpenAI-compatible server.
#[derive(Debug)]
pub struct OpenAi {
    options: OpenAiOptions,
    url: reqwest::Url,
    http: reqwest::Client,
}

impl OpenAi {
    /// A provider; nothing is sent yet.
    ///
    /// # Errors
    /// [`LlmError::Config`] when the URL is none, or no HTTP client can be made.
    pub fn new(options: OpenAiOptions) -> Result<Self, LlmError> {
        let config = |message: String| LlmError::Config { message };
        let base = options.base_url.trim_end_matches('/');
        let url = reqwest::Url::parse(&format!("{base}/chat/completions"))
            .map_err(|error| config(format!("`{base}` is not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(config(format!("`{base}` is not an http or https URL with a host")));
        }
        if options.model.is_empty() {
            return Err(config("name a model".into()));
        }
        // An error means that somebody in this process has chosen a provider already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(options.connect_timeout)
            .read_timeout(options.idle_timeout)
            // A redirect would carry the key elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("astraea-llm/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| config(format!("cannot make an HTTP client: {error}")))?;
        Ok(Self { options, url, http })
    }

    async fn exchange(&self, request: &ChatRequest, sink: Sink<'_>) -> Result<Reply, LlmError> {
        let body = serde_json::to_vec(&wire::Request::new(&self.options.model, request)).map_err(
            |error| LlmError::Protocol {
                message: format!("the request cannot be written: {error}"),
            },
        )?;
        let mut post = self
            .http
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "text/event-stream, application/json");
        if let Some(key) = &self.options.api_key {
            post = post.bearer_auth(key.expose_secret());
        }
        let sent = body.len();
        let response = post.body(body).send().await.map_err(|error| self.network(&error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(refusal(status, response).await);
        }
        let kind = response
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        let mut reply = if kind.starts_with("text/event-stream") {
            stream::read(response, sink, MAX_ANSWER, |error| self.network(error)).await?
        } else {
            let bytes =
                bounded(response, MAX_ANSWER).await.map_err(|error| self.network(&error))?;
            stream::whole(&bytes.ok_or(LlmError::TooLong { max: MAX_ANSWER })?, sink)?
        };
        if !reply.usage.reported {
            let answered = reply.text.len()
                + reply.calls.iter().map(|call| call.arguments.to_string().len()).sum::<usize>();
            reply.usage.input = (sent / 4) as u64;
            reply.usage.output = (answered / 4) as u64;
        }
        Ok(reply)
    }

    fn network(&self, error: &reqwest::Error) -> LlmError {
        // The whole chain of causes, without the URL: a user's URL may hold a key.
        let mut message = String::new();
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = cause {
            message = error.to_string();
            cause = error.source();
        }
        let url = self.url.host_str().unwrap_or_default().to_owned();
        LlmError::Network { url, message }
    }
}

#[async_trait]
impl Provider for OpenAi {
    fn model(&self) -> &str {
        &self.options.model
    }

    async fn chat(
        &self,
        request: &ChatRequest,
        sink: Sink<'_>,
        cancel: &CancellationToken,
    ) -> Result<Reply, LlmError> {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(LlmError::Cancelled),
            reply = self.exchange(request, sink) => reply,
        }
    }
}

/// The error that an answer other than 2xx means.
async fn refusal(status: StatusCode, response: reqwest::Response) -> LlmError {
    let retry_after = http_date::retry_after(response.headers());
    let body = bounded(response, 64 << 10).await.ok().flatten().unwrap_or_default();
    let message = wire::error_message(&body, MAX_MESSAGE);
    let status = status.as_u16();
    match status {
        401 | 403 => LlmError::Unauthorized { status, message },
        408 | 409 | 425 | 429 | 500..=599 => LlmError::Overloaded { status, message, retry_after },
        _ => LlmError::Refused { status, message },
    }
}

/// Reads a body of at most `max` bytes; nothing if it is longer.
async fn bounded(
    mut response: reqwest::Response,
    max: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > max {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

//! The server: what it listens on, what it shares, and its routes.

use std::{net::SocketAddr, sync::Arc};

use astraea_goals::{Astra, Envelope};
use astraea_persona::{Persona, Runs};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{any, get, post},
};
use tokio::{net::TcpListener, sync::broadcast};
use tokio_util::sync::CancellationToken;

use crate::{
    ServerError, Token, changes, chat, completions, events, goals, graphs,
    guard::{guard, is_ours},
    health, openapi, page,
    peer::Peer,
    problem::Problem,
};

/// The largest request body, in bytes.
const MAX_BODY: usize = 1 << 20;
/// Events that a slow listener may lag behind before it reads from the journal alone.
const BACKLOG: usize = 1024;

/// Where and how a server listens.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerOptions {
    /// The address; 127.0.0.1 unless set.
    pub host: String,
    /// The port; 8000 unless set, 0 for any.
    pub port: u16,
    /// Names besides loopback that a request's `Host` may have.
    pub names: Vec<String>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self { host: "127.0.0.1".into(), port: 8000, names: Vec::new() }
    }
}

impl ServerOptions {
    /// Sets the address.
    #[must_use]
    pub fn with_host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// Sets the port.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Adds a name that a request's `Host` may have.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }
}

/// What every request sees.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) astra: Arc<Astra>,
    pub(crate) persona: Persona,
    pub(crate) runs: Runs,
    pub(crate) token: Token,
    /// Wakes those who wait for events of runs that go on here.
    pub(crate) news: broadcast::Sender<Envelope>,
    pub(crate) stop: CancellationToken,
    names: Arc<[String]>,
}

impl Shared {
    pub(crate) fn is_our_host(&self, host: &str) -> bool {
        is_ours(host, &self.names)
    }

    /// Runs what reads the database, away from the workers.
    pub(crate) async fn blocking<T: Send + 'static, E: Into<Problem> + Send + 'static>(
        &self,
        work: impl FnOnce(&Astra) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem> {
        let astra = self.astra.clone();
        tokio::task::spawn_blocking(move || work(&astra))
            .await
            .map_err(|error| Problem::internal(error.to_string()))?
            .map_err(Into::into)
    }
}

/// A server that is bound and not yet running.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    shared: Shared,
}

impl Server {
    /// Binds the address. The runs are those that the persona's tools were given.
    ///
    /// # Errors
    /// [`ServerError::Bind`], [`ServerError::Token`].
    pub async fn bind(
        astra: Arc<Astra>,
        persona: Persona,
        runs: Runs,
        options: ServerOptions,
    ) -> Result<Self, ServerError> {
        let token = Token::of(&astra)?;
        let bind = |error: std::io::Error| ServerError::Bind {
            address: format!("{}:{}", options.host, options.port),
            message: error.to_string(),
        };
        let listener =
            TcpListener::bind((options.host.as_str(), options.port)).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let news = broadcast::Sender::new(BACKLOG);
        let stop = CancellationToken::new();
        let names = options.names.into();
        Ok(Self {
            listener,
            address,
            shared: Shared { astra, persona, runs, token, news, stop, names },
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `stop`; then runs that go on are stopped in order, so that they can be resumed.
    ///
    /// # Errors
    /// [`ServerError::Io`].
    pub async fn run(self, stop: CancellationToken) -> Result<(), ServerError> {
        let shared = self.shared;
        // Finding the sandbox takes some tens of milliseconds; nobody's first request should wait for it.
        let astra = shared.astra.clone();
        let _ = tokio::task::spawn_blocking(move || astra.sandbox().tier()).await;
        let service = routes(shared.clone()).into_make_service_with_connect_info::<Peer>();
        let (inner, outer) = (shared.stop.clone(), stop);
        let runs = shared.runs.clone();
        axum::serve(self.listener, service)
            .with_graceful_shutdown(async move {
                outer.cancelled().await;
                inner.cancel();
                for run in runs.alive() {
                    let _ = runs.cancel(&run);
                }
            })
            .await
            .map_err(|error| ServerError::Io { message: error.to_string() })
    }
}

/// Every route, behind the guard.
fn routes(shared: Shared) -> Router {
    let graph = "/api/v1/taskgraphs/{id}";
    Router::new()
        .route("/", get(page::index))
        .route("/app.js", get(page::script))
        .route("/style.css", get(page::style))
        .route("/openapi.json", get(|| async { axum::Json(openapi()) }))
        .route("/health", get(health::health))
        .route("/api/chat", post(chat::chat))
        .route("/api/persona/chat", post(chat::chat))
        .route("/v1/chat/completions", post(completions::complete))
        .route("/v1/models", get(completions::models))
        .route("/v1/goals", get(goals::list).post(goals::create))
        .route("/v1/goals/prioritized", get(goals::prioritized))
        .route("/v1/goals/{id}", get(goals::get).patch(goals::patch))
        .route("/v1/goals/{id}/adopt", post(goals::adopt))
        .route("/v1/goals/{id}/abandon", post(goals::abandon))
        .route("/v1/runs", get(graphs::runs))
        .route("/v1/runs/{run}", get(graphs::run))
        .route("/v1/runs/{run}/cancel", post(graphs::cancel))
        .route("/v1/changes", get(changes::list))
        .route("/v1/changes/{id}/approve", post(changes::approve))
        .route("/v1/changes/{id}/reject", post(changes::reject))
        .route("/api/v1/taskgraphs", get(graphs::list))
        .route(graph, get(graphs::get))
        .route(&format!("{graph}/tasks"), get(graphs::tasks))
        .route(&format!("{graph}/tasks/{{tid}}"), get(graphs::task))
        .route(&format!("{graph}/tasks/{{tid}}/dependencies"), get(graphs::dependencies))
        .route(&format!("{graph}/tasks/{{tid}}/reliability"), get(graphs::reliability))
        .route(&format!("{graph}/{{view}}"), get(graphs::view))
        .route("/api/v1/events", get(events::sse))
        .route("/api/v1/events/ws", any(events::socket))
        .fallback(|| async {
            Problem::missing("there is nothing here; /openapi.json lists what there is")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

//! The server: what it listens on, what it shares, and its routes.

use std::{net::SocketAddr, sync::Arc};

use astraea_goals::{Astra, Envelope};
use astraea_persona::{Persona, Runs};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware,
    routing::{any, get, post},
};
use tokio::{
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore, broadcast},
};
use tokio_util::sync::CancellationToken;

use crate::{
    ServerError, Token, changes, chat, completions, conversations, events, goals, graphs,
    guard::{guard, is_ours},
    health, openapi, page,
    peer::Peer,
    problem::Problem,
    runs,
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
    /// Messages that are answered at once; 512 unless set. More are told to come back later.
    pub max_chats: usize,
    /// Clients that listen to events at once; 256 unless set.
    pub max_listeners: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 8000,
            names: Vec::new(),
            max_chats: 512,
            max_listeners: 256,
        }
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

    /// Sets how many messages are answered, and how many clients listen to events, at once.
    #[must_use]
    pub fn with_limits(mut self, chats: usize, listeners: usize) -> Self {
        (self.max_chats, self.max_listeners) = (chats, listeners);
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
    /// Messages that are answered at once, and clients that listen to events.
    chats: Arc<Semaphore>,
    listeners: Arc<Semaphore>,
    names: Arc<[String]>,
}

impl Shared {
    pub(crate) fn is_our_host(&self, host: &str) -> bool {
        is_ours(host, &self.names)
    }

    /// A place among the messages that are answered at once.
    pub(crate) fn chat_place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        busy(&self.chats, "messages are answered")
    }

    /// A place among those who listen to events.
    pub(crate) fn listener_place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        busy(&self.listeners, "clients listen")
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

fn busy(places: &Arc<Semaphore>, what: &str) -> Result<OwnedSemaphorePermit, Problem> {
    places.clone().try_acquire_owned().map_err(|_| {
        let detail = format!("as many {what} as may at once: try again later");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
    })
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
            shared: Shared {
                astra,
                persona,
                runs,
                token,
                news,
                stop,
                chats: Arc::new(Semaphore::new(options.max_chats)),
                listeners: Arc::new(Semaphore::new(options.max_listeners)),
                names,
            },
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
        .route("/api/conversations/{id}", get(conversations::get))
        .route("/v1/chat/completions", post(completions::complete))
        .route("/v1/models", get(completions::models))
        .route("/v1/goals", get(goals::list).post(goals::create))
        .route("/v1/goals/prioritized", get(goals::prioritized))
        .route("/v1/goals/{id}", get(goals::get).patch(goals::patch))
        .route("/v1/goals/{id}/adopt", post(goals::adopt))
        .route("/v1/goals/{id}/abandon", post(goals::abandon))
        .route("/v1/runs", get(runs::list))
        .route("/v1/runs/{run}", get(runs::get))
        .route("/v1/runs/{run}/cancel", post(runs::cancel))
        .route("/v1/runs/{run}/resume", post(runs::resume))
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

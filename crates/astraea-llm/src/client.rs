//! What most callers use: a provider with retries, a budget, redaction, and tool calls that are checked.

use std::{fmt, sync::Arc, time::Duration};

use astraea_redact::Redactor;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    Budget, ChatRequest, Delta, LlmError, Message, Meter, Price, Provider, Reply, RetryOptions,
    Sink, Spent, ToolCall, Toolbox, tool_calls_in_text,
};

/// How a client behaves.
#[derive(Clone)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Retries of requests that may go through later.
    pub retry: RetryOptions,
    /// What may be spent by this client; without limit unless set.
    pub budget: Budget,
    /// The price, for the cost.
    pub price: Price,
    /// How long one request may take; 300 s unless set.
    pub timeout: Duration,
    /// How often a model is told that its tool call is not valid; once unless set.
    pub corrective_turns: u32,
    /// Masks secrets in everything that is sent.
    pub redactor: Redactor,
}

impl ClientOptions {
    /// Defaults, with this redactor: there is no default for what must not leave the machine.
    #[must_use]
    pub fn new(redactor: Redactor) -> Self {
        Self {
            retry: RetryOptions::default(),
            budget: Budget::default(),
            price: Price::default(),
            timeout: Duration::from_secs(300),
            corrective_turns: 1,
            redactor,
        }
    }

    /// Sets the budget.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Sets the retries.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryOptions) -> Self {
        self.retry = retry;
        self
    }

    /// Sets the price.
    #[must_use]
    pub fn with_price(mut self, price: Price) -> Self {
        self.price = price;
        self
    }

    /// Sets how long one request may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("retry", &self.retry)
            .field("budget", &self.budget)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A provider with retries, a budget, redaction, and tool calls that are checked. Cheap to clone; clones share the meter.
#[derive(Debug, Clone)]
pub struct Client {
    provider: Arc<dyn Provider>,
    options: Arc<ClientOptions>,
    meter: Arc<Meter>,
}

impl Client {
    /// A client for `provider`.
    #[must_use]
    pub fn new(provider: Arc<dyn Provider>, options: ClientOptions) -> Self {
        let meter = Arc::new(Meter::new(options.budget, options.price));
        Self { provider, options: Arc::new(options), meter }
    }

    /// The same provider and options with a budget of its own, for one goal or one conversation.
    #[must_use]
    pub fn with_own_budget(&self, budget: Budget) -> Self {
        Self { meter: Arc::new(Meter::new(budget, self.options.price)), ..self.clone() }
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &str {
        self.provider.model()
    }

    /// What was spent.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.meter.spent()
    }

    /// Asks the model and returns its whole answer.
    ///
    /// # Errors
    /// As [`chat_with`](Self::chat_with).
    ///
    /// # Cancel safety
    /// Dropping the future gives the request up; what was sent is counted.
    pub async fn chat(
        &self,
        request: &ChatRequest,
        cancel: &CancellationToken,
    ) -> Result<Reply, LlmError> {
        self.chat_with(request, &mut |_| {}, cancel).await
    }

    /// Asks the model and shows its answer as it arrives.
    ///
    /// Every call in the reply names a tool of the request and has arguments that follow its schema: a model that gets it
    /// wrong is told so, once, and asked again.
    ///
    /// # Errors
    /// Those of the provider when its retries are used up; [`LlmError::Budget`] when the budget is;
    /// [`LlmError::BadToolCall`] when the model does not get a call right.
    ///
    /// # Cancel safety
    /// As [`chat`](Self::chat).
    pub async fn chat_with(
        &self,
        request: &ChatRequest,
        sink: Sink<'_>,
        cancel: &CancellationToken,
    ) -> Result<Reply, LlmError> {
        let toolbox = Toolbox::new(&request.tools)?;
        let mut request = self.redacted(request);
        let mut turns_left = self.options.corrective_turns;
        loop {
            let mut reply = self.send(&request, sink, cancel).await?;
            if reply.calls.is_empty() && !request.tools.is_empty() {
                let names: Vec<_> = toolbox.names().collect();
                (reply.text, reply.calls) = tool_calls_in_text(&reply.text, &names);
            }
            distinct(&mut reply.calls);
            let problems: Vec<_> =
                reply.calls.iter().map(|call| toolbox.check(call).err()).collect();
            let Some(first) = problems.iter().flatten().next().cloned() else { return Ok(reply) };
            if turns_left == 0 {
                return Err(LlmError::BadToolCall { problem: first });
            }
            turns_left -= 1;
            warn!(problem = first, "the model's tool call is not valid; it is told so");
            sink(Delta::Restart);
            request.messages.push(reply.to_message());
            for (call, problem) in reply.calls.iter().zip(problems) {
                let text = problem.map_or_else(
                    || "not carried out, because another call of the same turn is not valid; call it again".to_owned(),
                    |problem| format!("not carried out: {problem}. Call it again with valid arguments."),
                );
                request.messages.push(Message::tool(&call.id, text));
            }
        }
    }

    /// One request, sent again while that may help.
    async fn send(
        &self,
        request: &ChatRequest,
        sink: Sink<'_>,
        cancel: &CancellationToken,
    ) -> Result<Reply, LlmError> {
        let mut number = 0;
        loop {
            self.meter.admit()?;
            let answered = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(LlmError::Cancelled),
                answered = tokio::time::timeout(self.options.timeout, self.provider.chat(request, sink, cancel)) => answered,
            };
            let error = match answered {
                Ok(Ok(reply)) => {
                    self.meter.record(reply.usage);
                    debug!(model = reply.model, usage = ?reply.usage, "the model answered");
                    return Ok(reply);
                }
                Ok(Err(error)) => error,
                Err(_) => LlmError::TimedOut { after: self.options.timeout },
            };
            let Some(delay) = self.options.retry.delay(&error, number) else { return Err(error) };
            warn!(%error, ?delay, "the model did not answer; the request is sent again");
            sink(Delta::Restart);
            number += 1;
            tokio::select! {
                () = cancel.cancelled() => return Err(LlmError::Cancelled),
                () = tokio::time::sleep(delay) => {}
            }
        }
    }

    fn redacted(&self, request: &ChatRequest) -> ChatRequest {
        let mut request = request.clone();
        for message in &mut request.messages {
            let masked = self.options.redactor.redact(message.text()).into_owned();
            *message.text_mut() = masked;
            if let Message::Assistant { calls, .. } = message {
                calls
                    .iter_mut()
                    .for_each(|call| self.options.redactor.redact_json(&mut call.arguments));
            }
        }
        request
    }
}

/// Gives calls that share an id, or have none, ids of their own.
fn distinct(calls: &mut [ToolCall]) {
    let mut seen = std::collections::BTreeSet::new();
    for (number, call) in calls.iter_mut().enumerate() {
        if call.id.is_empty() || !seen.insert(call.id.clone()) {
            call.id = format!("call_{number}");
            seen.insert(call.id.clone());
        }
    }
}

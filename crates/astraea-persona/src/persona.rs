//! The conversation: a message comes in, tools run, an answer goes out.

use std::{fmt, sync::Arc};

use astraea_goals::Envelope;
use astraea_llm::{Budget, ChatRequest, Client, Delta, LlmError, Message, Spent, ToolCall};
use astraea_redact::Redactor;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    Conversation, ConversationStore, PersonaError, RunInfo, Toolset, Turn, TurnState,
    notebook::Notebook,
    prompt::SYSTEM,
    rules::{self, Intent},
    tools::{CallContext, ToolAnswer},
};

/// How a persona behaves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PersonaOptions {
    /// Turns of the conversation that the model gets whole; 6 unless set.
    pub turns: usize,
    /// Rounds of tool calls in one answer; 5 unless set.
    pub rounds: usize,
    /// What one answer may cost.
    pub budget: Budget,
    /// The longest message, in bytes; 64 KiB unless set.
    pub max_message: usize,
}

impl Default for PersonaOptions {
    fn default() -> Self {
        Self {
            turns: 6,
            rounds: 5,
            budget: Budget::default().with_calls(30),
            max_message: 64 << 10,
        }
    }
}

/// A message.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Question {
    /// What is said.
    pub message: String,
    /// The conversation that it belongs to; absent begins one.
    pub conversation_id: Option<String>,
    /// Stops the answer and, in order, what its tools do.
    pub cancel: CancellationToken,
    /// Gets the events of the runs.
    pub events: Option<mpsc::UnboundedSender<Envelope>>,
    /// Gets the pieces of the answer.
    pub pieces: Option<mpsc::UnboundedSender<Delta>>,
}

impl Question {
    /// A message that begins a conversation.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// Says which conversation it belongs to.
    #[must_use]
    pub fn in_conversation(mut self, id: impl Into<String>) -> Self {
        self.conversation_id = Some(id.into());
        self
    }
}

/// What was answered, after the tools have run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The conversation.
    pub conversation_id: String,
    /// The words.
    pub text: String,
    /// The runs of goals that were carried out for it.
    pub runs: Vec<RunInfo>,
    /// The tools that were called.
    pub tools: Vec<String>,
    /// Whether fixed rules answered, because no model is configured.
    pub rule_based: bool,
    /// What the model used for its words; what it used to write code is in the runs' results.
    pub spent: Spent,
}

/// A persona. Cheap to clone; clones share conversations and tools.
#[derive(Clone)]
pub struct Persona {
    model: Option<Client>,
    tools: Toolset,
    notebook: Notebook,
    redactor: Redactor,
    options: Arc<PersonaOptions>,
}

impl fmt::Debug for Persona {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Persona")
            .field("model", &self.model.as_ref().map(Client::model))
            .field("tools", &self.tools)
            .finish_non_exhaustive()
    }
}

impl Persona {
    /// A persona with these tools; without a model it follows [`rules`](crate::rules).
    #[must_use]
    pub fn new(
        model: Option<Client>,
        tools: Toolset,
        store: Arc<dyn ConversationStore>,
        redactor: Redactor,
    ) -> Self {
        Self { model, tools, notebook: Notebook::new(store), redactor, options: Arc::default() }
    }

    /// Sets the options.
    #[must_use]
    pub fn with_options(mut self, options: PersonaOptions) -> Self {
        self.options = Arc::new(options);
        self
    }

    /// Whether a model talks, rather than the rules.
    #[must_use]
    pub fn has_model(&self) -> bool {
        self.model.is_some()
    }

    /// Begins a conversation and keeps it, empty; returns its id.
    ///
    /// # Errors
    /// [`PersonaError::Store`].
    pub async fn begin(&self) -> Result<String, PersonaError> {
        self.notebook.begin().await
    }

    /// Answers a message. The answer comes after the tools have run.
    ///
    /// # Errors
    /// [`PersonaError`]: the message or the conversation is not acceptable, or the model did not answer. What tools did
    /// until then is done, and in the ledger.
    ///
    /// # Cancel safety
    /// Not cancel safe: cancel through the question, which stops the tools in order.
    pub async fn chat(&self, question: Question) -> Result<Answer, PersonaError> {
        let message = question.message.trim();
        if message.is_empty() {
            return Err(PersonaError::EmptyMessage);
        }
        if message.len() > self.options.max_message {
            return Err(PersonaError::MessageTooLong {
                bytes: message.len(),
                max: self.options.max_message,
            });
        }
        let turn = Turn {
            message: self.redactor.redact(message).into_owned(),
            state: TurnState::Pending,
            ..Turn::default()
        };
        let (conversation, page) =
            self.notebook.begin_turn(question.conversation_id.as_deref(), turn).await?;
        let (events, noted) = page.note_runs(question.events.clone());
        let cx = CallContext { cancel: question.cancel.clone(), events: Some(events) };
        let mut said = Said::default();
        let answered = match &self.model {
            Some(model) => self.ask(model, &conversation, message, &question, &cx, &mut said).await,
            None => Ok(self.follow_rules(message, &cx, &mut said).await),
        };
        drop(cx);
        let _ = noted.await;
        // Also when the model failed: what was done is part of the conversation.
        let (text, state) = match &answered {
            Ok(text) => (text.clone(), TurnState::Answered),
            Err(error) => (format!("(no answer: {error})"), TurnState::Failed),
        };
        let text = self.redactor.redact(&text).into_owned();
        let tools = said.tools.clone();
        let runs: Vec<_> = said.runs.iter().map(|run| run.run.clone()).collect();
        page.close(move |turn| {
            (turn.answer, turn.state, turn.tools, turn.runs) = (text, state, tools, runs);
        })
        .await?;
        let text = answered?;
        Ok(Answer {
            conversation_id: conversation.id,
            text,
            runs: said.runs,
            tools: said.tools,
            rule_based: self.model.is_none(),
            spent: said.spent,
        })
    }

    /// A conversation as it is kept.
    ///
    /// # Errors
    /// [`PersonaError::BadConversationId`], [`PersonaError::NoSuchConversation`], [`PersonaError::Store`].
    pub async fn conversation(&self, id: &str) -> Result<Conversation, PersonaError> {
        self.notebook.read(id).await
    }

    async fn ask(
        &self,
        model: &Client,
        conversation: &Conversation,
        message: &str,
        question: &Question,
        cx: &CallContext,
        said: &mut Said,
    ) -> Result<String, PersonaError> {
        let model = model.with_own_budget(self.options.budget);
        let answered = self.talk(&model, conversation, message, question, cx, said).await;
        said.spent = model.spent();
        answered
    }

    async fn talk(
        &self,
        model: &Client,
        conversation: &Conversation,
        message: &str,
        question: &Question,
        cx: &CallContext,
        said: &mut Said,
    ) -> Result<String, PersonaError> {
        let mut messages = vec![Message::system(SYSTEM)];
        messages.extend(conversation.messages(self.options.turns));
        messages.push(Message::user(message));
        let mut sink = |delta: Delta| {
            if let Some(pieces) = &question.pieces {
                let _ = pieces.send(delta);
            }
        };
        for round in 0..self.options.rounds {
            let request = ChatRequest::new(messages.clone()).with_tools(self.tools.tools());
            let reply = model.chat_with(&request, &mut sink, &question.cancel).await?;
            if reply.calls.is_empty() {
                return Ok(grounded(reply.text, said));
            }
            debug!(round, calls = reply.calls.len(), "the model calls tools");
            messages.push(reply.to_message());
            for call in &reply.calls {
                let answer = self.call(cx, call, said).await;
                messages.push(Message::tool(&call.id, answer.text));
            }
        }
        warn!(rounds = self.options.rounds, "the model still calls tools; it is asked for words");
        messages.push(Message::system(
            "No further tool can be called in this answer. Say in words what was done.",
        ));
        let last = ChatRequest::new(messages);
        match model.chat_with(&last, &mut sink, &question.cancel).await {
            Ok(reply) => Ok(grounded(reply.text, said)),
            // It cannot stop calling tools: what they did is told all the same.
            Err(LlmError::BadToolCall { .. }) => Ok(grounded(
                "(the model calls one tool after the other and says nothing)".to_owned(),
                said,
            )),
            Err(error) => Err(error.into()),
        }
    }

    async fn follow_rules(&self, message: &str, cx: &CallContext, said: &mut Said) -> String {
        let (name, arguments) = match rules::intent(message) {
            Intent::Execute(arguments) => ("execute_goal", arguments),
            Intent::Plan(arguments) => ("plan_goal", arguments),
            Intent::ListGoals => ("list_goals", serde_json::json!({})),
            Intent::Unknown => return format!("{}\n\n{}", rules::HELP, rules::NOTICE),
        };
        let call = ToolCall { id: "rule".into(), name: name.into(), arguments };
        let answer = self.call(cx, &call, said).await;
        format!("{}\n\n{}", answer.text.trim_end(), rules::NOTICE)
    }

    async fn call(&self, cx: &CallContext, call: &ToolCall, said: &mut Said) -> ToolAnswer {
        let answer = self.tools.call(cx, call).await;
        said.tools.push(call.name.clone());
        said.runs.extend(answer.runs.iter().cloned());
        answer
    }
}

/// What happened while an answer was found.
#[derive(Debug, Default)]
struct Said {
    tools: Vec<String>,
    runs: Vec<RunInfo>,
    spent: Spent,
}

/// The model's words with the facts under them: whatever it says, a reader sees how each goal ended.
fn grounded(text: String, said: &Said) -> String {
    let mut text = if text.trim().is_empty() && said.runs.is_empty() {
        "(the model gave no answer)".to_owned()
    } else {
        text
    };
    for run in &said.runs {
        let outcome = run.outcome.as_deref().unwrap_or("unknown");
        let status = if run.success { "succeeded" } else { "not achieved" };
        let branch =
            run.branch.as_deref().map(|branch| format!(", branch {branch}")).unwrap_or_default();
        let files = if run.files.is_empty() {
            String::new()
        } else {
            format!(", files {}", run.files.join(", "))
        };
        let held = if run.held.is_empty() {
            String::new()
        } else {
            let changes = run.held.join(", ");
            format!(
                "; what it changes in tests waits for a person's word: astra changes ({changes})"
            )
        };
        text.push_str(&format!("\n\n[run {}: {status} ({outcome}){branch}{files}{held}]", run.run));
    }
    text
}

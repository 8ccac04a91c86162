//! A conversation about one task: questions, answers, what they cost, and why there is no answer.

use std::sync::Arc;

use astraea_engine::{ErrorClass, ExecutorError, Failure, Outcome, Output, TaskContext};
use astraea_llm::{ChatRequest, Finish, LlmError, Message};
use serde_json::{Value, json};

use super::Model;
use super::answers::{self, Record};
use crate::workspace::blocking;
use crate::{Error, Workspace};

/// Why a task of a model ended without an answer.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something of ours failed.
    Error(Error),
    /// The model did not answer.
    Model(LlmError),
    /// There is no model.
    NoModel,
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl Stop {
    /// As what a task answers; `so_far` is what there is to show.
    pub(super) fn into_outcome(
        self,
        ws: &Workspace,
        so_far: Value,
    ) -> Result<Outcome, ExecutorError> {
        const AGAIN: &str = "`astra resume` goes on from here";
        let (class, message) = match self {
            Self::Error(error) => return error.into_outcome(),
            Self::NoModel => (
                ErrorClass::Provider,
                format!(
                    "no model is configured: set ASTRA_MODEL_URL and ASTRA_MODEL, or [model] in your own config.toml; {AGAIN}"
                ),
            ),
            Self::Model(LlmError::Cancelled) => return Error::Cancelled.into_outcome(),
            Self::Model(error @ LlmError::Budget { .. }) => (
                ErrorClass::Budget,
                format!("{error}; {AGAIN}, `--max-calls` and `--max-tokens` give more"),
            ),
            Self::Model(error @ LlmError::TooLong { .. }) => {
                (ErrorClass::NoPatch, error.to_string())
            }
            Self::Model(error @ LlmError::Config { .. }) => {
                (ErrorClass::ConfigError, error.to_string())
            }
            Self::Model(error) => {
                let wait = error.retry_after().map_or(String::new(), |wait| {
                    format!("; it asks to wait {} s", wait.as_secs())
                });
                (ErrorClass::Provider, format!("{error}{wait}; {AGAIN}"))
            }
        };
        let message = ws.redactor().redact(&message).into_owned();
        Ok(Outcome::Failed(Failure::new(class, message).with_output(Output::of(so_far))))
    }
}

/// One task's conversation.
#[derive(Debug)]
pub(super) struct Talk {
    ws: Arc<Workspace>,
    cx: TaskContext,
    model: Model,
    messages: Vec<Message>,
    /// Questions so far.
    round: u32,
    /// How freely it answers; the provider's default unless set.
    temperature: Option<f32>,
    records: Vec<Record>,
}

/// Where the rounds of a second conversation about the same task begin.
const BESIDE: u32 = 100;
/// How freely the second answers, so that it is not the first once more.
const FREELY: f32 = 0.8;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) text: String,
    /// Whether it reached its longest length, so that its end is missing.
    pub(super) cut: bool,
}

impl Talk {
    /// A conversation that begins with these instructions.
    ///
    /// # Errors
    /// [`Stop::NoModel`].
    pub(super) fn new(ws: &Arc<Workspace>, cx: &TaskContext, rules: String) -> Result<Self, Stop> {
        let model = ws.options().model.clone().ok_or(Stop::NoModel)?;
        let messages = vec![Message::system(rules)];
        Ok(Self {
            ws: ws.clone(),
            cx: cx.clone(),
            model,
            messages,
            round: 0,
            temperature: None,
            records: Vec::new(),
        })
    }

    /// A second conversation about the same task, which knows nothing of the first.
    ///
    /// # Errors
    /// [`Stop::NoModel`].
    pub(super) fn beside(
        ws: &Arc<Workspace>,
        cx: &TaskContext,
        rules: String,
    ) -> Result<Self, Stop> {
        Ok(Self { round: BESIDE, temperature: Some(FREELY), ..Self::new(ws, cx, rules)? })
    }

    /// Adds what another conversation cost.
    pub(super) fn charge(&mut self, other: Self) {
        self.records.extend(other.records);
    }

    /// Asks, and adds question and answer to the conversation.
    ///
    /// # Errors
    /// [`Stop`], with the conversation as it was.
    pub(super) async fn ask(&mut self, question: String) -> Result<Answer, Stop> {
        let round = self.round + 1;
        let mut messages = self.messages.clone();
        messages.push(Message::user(question));
        let (ws, cx) = (self.ws.clone(), self.cx.clone());
        let known = blocking(move || answers::find(&ws, &cx, round)).await?;
        let (record, text) = match known {
            Some(known) => known,
            None => self.pay(round, messages.clone()).await?,
        };
        self.round = round;
        messages.push(Message::assistant(text.clone()));
        self.messages = messages;
        let cut = record.finish == Finish::Length;
        self.records.push(record);
        Ok(Answer { text, cut })
    }

    /// How long the answer may be. A question that would use the rest of the budget up by itself is not sent.
    fn room(&self, messages: &[Message]) -> Result<u32, LlmError> {
        let wanted = self.model.answer_tokens;
        let Some(limit) = self.model.most_tokens else { return Ok(wanted) };
        let spent = self.model.client.spent();
        let bytes: usize = messages.iter().map(|message| message.text().len()).sum();
        let used = spent.input + spent.output + (bytes / 4) as u64;
        match limit.checked_sub(used).filter(|left| *left > 0) {
            Some(left) => Ok(wanted.min(u32::try_from(left).unwrap_or(u32::MAX))),
            None => Err(LlmError::Budget {
                what: "tokens",
                spent: format!(
                    "{} and a question of about {}",
                    spent.input + spent.output,
                    bytes / 4
                ),
                limit: limit.to_string(),
            }),
        }
    }

    async fn pay(&self, round: u32, messages: Vec<Message>) -> Result<(Record, String), Stop> {
        let name = self.model.client.model().to_owned();
        self.cx.progress(&format!("asking {name} ({round})"));
        let most = self.room(&messages).map_err(Stop::Model)?;
        let mut request = ChatRequest::new(messages).with_max_tokens(most);
        request.temperature = self.temperature;
        let reply = self.model.client.chat(&request, &self.cx.cancel).await.map_err(Stop::Model)?;
        let asked: String = request
            .messages
            .iter()
            .map(|message| format!("{}\n\n", self.ws.redactor().redact(message.text())))
            .collect();
        let (ws, cx, text) = (self.ws.clone(), self.cx.clone(), reply.text);
        let (usage, finish) = (reply.usage, reply.finish);
        let model = if reply.model.is_empty() { name } else { reply.model };
        let kept = blocking(move || -> Result<_, Error> {
            let record = Record {
                asked: ws.repo().put_blob(asked.as_bytes())?,
                answered: ws.repo().put_blob(text.as_bytes())?,
                model,
                usage,
                finish,
            };
            answers::keep(&ws, &cx, round, &record)?;
            Ok((record, text))
        });
        Ok(kept.await?)
    }

    /// What it cost so far, for the output: ids and counts, no texts.
    pub(super) fn account(&self) -> Value {
        let sum = |of: fn(&Record) -> u64| self.records.iter().map(of).sum::<u64>();
        json!({
            "name": self.records.last().map_or(self.model.client.model(), |last| &last.model),
            "calls": self.records.len(),
            "input": sum(|record| record.usage.input),
            "output": sum(|record| record.usage.output),
            "estimated": self.records.iter().any(|record| !record.usage.reported),
            "rounds": self.records.iter().map(|record| {
                json!({ "asked": record.asked, "answered": record.answered })
            }).collect::<Vec<_>>(),
        })
    }

    /// How often it may be told what is wrong.
    pub(super) fn repair_rounds(&self) -> u32 {
        self.model.repair_rounds
    }

    /// Whether a change that passes is to be cross-checked.
    pub(super) fn cross_checks(&self) -> bool {
        self.model.cross_check
    }

    /// The most that it may be shown at first, in bytes.
    pub(super) fn context_bytes(&self) -> usize {
        self.model.context_tokens.saturating_mul(4)
    }
}

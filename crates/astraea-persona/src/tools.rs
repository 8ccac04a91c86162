//! What a tool is, and the tools on offer.

mod code;
mod execute;
mod goals;

use std::{collections::BTreeMap, fmt, sync::Arc};

use astraea_goals::Envelope;
use astraea_llm::{Tool, ToolCall, Toolbox};
use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::RunInfo;

pub use code::code_tools;
pub use goals::{change_tool, goal_tools};

/// What a tool that needs a repository says when there is none.
const NOT_AVAILABLE: &str = "not available: code access is not configured";
/// The longest answer of a tool that goes to a model, in bytes.
const MAX_ANSWER: usize = 48 << 10;

/// What a tool knows of the conversation it is called in.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CallContext {
    /// Stops what the tool does, in order.
    pub cancel: CancellationToken,
    /// Gets the events of the runs that the tool starts.
    pub events: Option<mpsc::UnboundedSender<Envelope>>,
}

/// What a tool says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolAnswer {
    /// For the model.
    pub text: String,
    /// The runs that it carried out.
    pub runs: Vec<RunInfo>,
    /// Whether it did not do what was asked; the text says why.
    pub refused: bool,
}

impl ToolAnswer {
    /// An answer that is text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A refusal, with its reason.
    pub fn refusal(text: impl Into<String>) -> Self {
        Self { text: text.into(), refused: true, ..Self::default() }
    }
}

/// A tool that a persona may call.
///
/// # Contract
/// - **A refusal is an answer.** What goes wrong is said in the text, for the model to read; a tool never panics.
/// - **Arguments are checked.** They follow the schema of [`tool`](Self::tool) when `call` is reached.
///
/// # Cancel safety
/// The caller cancels through the context and waits; it does not drop the future of a tool that acts.
#[async_trait]
pub trait ToolHandler: fmt::Debug + Send + Sync {
    /// Name, description and schema.
    fn tool(&self) -> Tool;

    /// Does it.
    async fn call(&self, cx: &CallContext, arguments: Value) -> ToolAnswer;
}

/// The tools on offer, by name. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Toolset(BTreeMap<String, Arc<dyn ToolHandler>>);

impl Toolset {
    /// No tools.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tool; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, tool: Arc<dyn ToolHandler>) -> Self {
        self.0.insert(tool.tool().name, tool);
        self
    }

    /// Adds tools.
    #[must_use]
    pub fn with_all(self, tools: impl IntoIterator<Item = Arc<dyn ToolHandler>>) -> Self {
        tools.into_iter().fold(self, Self::with)
    }

    /// What a model is told of them.
    #[must_use]
    pub fn tools(&self) -> Vec<Tool> {
        self.0.values().map(|handler| handler.tool()).collect()
    }

    /// Checks that there is such a tool and that the arguments are what it takes.
    ///
    /// # Errors
    /// What is wrong, in words that help to mend it.
    pub fn check(&self, call: &ToolCall) -> Result<(), String> {
        let Some(handler) = self.0.get(&call.name) else {
            let names: Vec<_> = self.0.keys().map(String::as_str).collect();
            let names = names.join(", ");
            return Err(format!("there is no tool `{}`; there are: {names}", call.name));
        };
        let toolbox = Toolbox::new(&[handler.tool()]).map_err(|error| error.to_string())?;
        toolbox.check(call)
    }

    /// Checks a call's arguments and carries it out. What is wrong with it is the answer.
    pub async fn call(&self, cx: &CallContext, call: &ToolCall) -> ToolAnswer {
        let handler = match (self.check(call), self.0.get(&call.name)) {
            (Ok(()), Some(handler)) => handler,
            (Err(problem), _) => {
                return ToolAnswer::refusal(format!("not carried out: {problem}"));
            }
            (Ok(()), None) => return ToolAnswer::refusal("not carried out"),
        };
        let mut answer = handler.call(cx, call.arguments.clone()).await;
        shorten(&mut answer.text);
        answer
    }
}

fn shorten(text: &mut String) {
    if text.len() > MAX_ANSWER {
        let end = (0..=MAX_ANSWER).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        let left_out = text.len() - end;
        text.truncate(end);
        text.push_str(&format!("\n[… {left_out} more bytes]"));
    }
}

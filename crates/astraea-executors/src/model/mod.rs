//! What a chat model does here: it writes, and the tests decide.
//!
//! The model sees text and answers with text. What it proposes goes through the policy and the edit builder of
//! `astraea-code-access` like anybody's edits; it can neither run a command nor change a test that was there before:
//! such a change is held apart for a person ([`guard`]). Every answer is kept as a blob before it is used ([`answers`]), so
//! that a run that is resumed does not pay for it again.

mod answers;
mod context;
mod cross;
mod design;
mod guard;
mod job;
mod make;
mod measure;
mod prompt;
mod talk;
mod write_code;

use std::sync::Arc;

use astraea_code_access::Repository;
use astraea_engine::{Executor, Registry};
use astraea_llm::Client;

use crate::{Error, Workspace};

/// A chat model, and how much it is shown and asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Model {
    /// The client; its meter is the budget of the run.
    pub client: Client,
    /// The most that it is shown in one request, in tokens of four bytes. 24 000.
    pub context_tokens: usize,
    /// The longest answer, in tokens. 8 000.
    pub answer_tokens: u32,
    /// The most tokens of the run, in and out together: a question that would go beyond it is not sent. Without limit
    /// unless set.
    pub most_tokens: Option<u64>,
    /// Whether a change that passes is cross-checked, where that is possible: a second one is asked for, and both are run on
    /// generated inputs. On.
    pub cross_check: bool,
    /// How often it is told what is wrong with its change before another way is looked for. 2.
    pub repair_rounds: u32,
}

impl Model {
    /// A model with the defaults.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            context_tokens: 24_000,
            answer_tokens: 8_000,
            most_tokens: None,
            cross_check: true,
            repair_rounds: 2,
        }
    }

    /// The name of the folder below `answers` of the state directory that keeps a run's answers.
    #[must_use]
    pub fn folder(run: &str) -> String {
        answers::folder_name(run)
    }

    /// Throws away the answers that were kept for a run, once it has ended for good. Their texts stay as blobs, whose ids
    /// are in the journal.
    ///
    /// # Errors
    /// When the state directory cannot be changed.
    pub fn forget(repo: &Repository, run: &str) -> Result<(), Error> {
        answers::forget(repo, run)
    }

    /// Sets the most that it is shown in one request, in tokens of four bytes.
    #[must_use]
    pub fn with_context_tokens(mut self, tokens: usize) -> Self {
        self.context_tokens = tokens;
        self
    }

    /// Bounds the tokens of the run, in and out together.
    #[must_use]
    pub fn with_most_tokens(mut self, tokens: u64) -> Self {
        self.most_tokens = Some(tokens);
        self
    }

    /// Sets whether a change that passes is cross-checked.
    #[must_use]
    pub fn with_cross_check(mut self, on: bool) -> Self {
        self.cross_check = on;
        self
    }

    /// Sets the longest answer, in tokens.
    #[must_use]
    pub fn with_answer_tokens(mut self, tokens: u32) -> Self {
        self.answer_tokens = tokens;
        self
    }
}

/// Adds the executors of a model. Without a model in the options they refuse and say how to name one.
pub(crate) fn register(registry: Registry, ws: &Arc<Workspace>) -> Registry {
    let code = |kind| -> Arc<dyn Executor> { write_code::executor(ws.clone(), kind) };
    registry
        .with("write_code", code(write_code::Kind::Change))
        .with("write_file", code(write_code::Kind::File))
        .with("fix_issues", code(write_code::Kind::Fix))
        .with("design_implementation", design::executor(ws.clone()))
}

//! What was said, kept.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use astraea_code_access::Repository;
use astraea_llm::Message;
use serde::{Deserialize, Serialize};

use crate::PersonaError;

/// Characters of an earlier turn that go into the summary.
const SUMMARY_CHARS: usize = 120;
/// Earlier turns that the summary names.
const SUMMARY_TURNS: usize = 20;

/// Where a turn stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TurnState {
    /// It is being answered.
    Pending,
    /// It was answered.
    #[default]
    Answered,
    /// There is no answer: the model failed.
    Failed,
    /// The process that should have answered is gone. What a goal did is kept; the run can be resumed.
    Interrupted,
}

/// What a person said, what was answered, and what was done in between.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The message.
    pub message: String,
    /// The answer, after the tools have run; empty until then.
    pub answer: String,
    /// Where it stands.
    #[serde(default)]
    pub state: TurnState,
    /// The tools that were called, in order.
    #[serde(default)]
    pub tools: Vec<String>,
    /// The runs that were carried out.
    #[serde(default)]
    pub runs: Vec<String>,
}

/// A conversation: its turns, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Its id.
    pub id: String,
    /// Its turns.
    pub turns: Vec<Turn>,
}

impl Conversation {
    /// A new conversation with an id that nobody can guess.
    ///
    /// # Errors
    /// [`PersonaError::Store`] when the system has no random numbers.
    pub fn begin() -> Result<Self, PersonaError> {
        let mut bytes = [0; 12];
        getrandom::fill(&mut bytes)
            .map_err(|error| PersonaError::Store { message: error.to_string() })?;
        Ok(Self { id: format!("c-{}", hex::encode(bytes)), turns: Vec::new() })
    }

    /// The conversation as a model reads it: the last `last` turns whole, the earlier ones in a summary.
    #[must_use]
    pub fn messages(&self, last: usize) -> Vec<Message> {
        let (earlier, recent) = self.turns.split_at(self.turns.len().saturating_sub(last));
        let mut messages = Vec::new();
        if !earlier.is_empty() {
            let left_out = earlier.len().saturating_sub(SUMMARY_TURNS);
            let mut summary = String::from("Earlier in this conversation:\n");
            if left_out > 0 {
                summary.push_str(&format!("({left_out} turns before that)\n"));
            }
            for turn in &earlier[left_out..] {
                let tools = if turn.tools.is_empty() {
                    String::new()
                } else {
                    format!(" [{}]", turn.tools.join(", "))
                };
                summary.push_str(&format!(
                    "- user: {}; you{tools}: {}\n",
                    brief(&turn.message),
                    brief(&turn.answer)
                ));
            }
            messages.push(Message::system(summary));
        }
        for turn in recent {
            messages.push(Message::user(&turn.message));
            let answer = match turn.state {
                TurnState::Pending | TurnState::Interrupted => "(not answered)",
                _ => &turn.answer,
            };
            messages.push(Message::assistant(answer));
        }
        messages
    }
}

/// The beginning of a text, on one line.
fn brief(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SUMMARY_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Where conversations are kept.
///
/// # Contract
/// - `save` is all or nothing; a conversation that was loaded and saved by two at once keeps one of the two.
/// - What is kept was redacted before.
pub trait ConversationStore: fmt::Debug + Send + Sync {
    /// The conversation, if there is one.
    ///
    /// # Errors
    /// [`PersonaError::BadConversationId`], [`PersonaError::Store`].
    fn load(&self, id: &str) -> Result<Option<Conversation>, PersonaError>;

    /// Keeps the conversation.
    ///
    /// # Errors
    /// [`PersonaError::Store`].
    fn save(&self, conversation: &Conversation) -> Result<(), PersonaError>;
}

/// Keeps conversations in memory: they are gone with the process.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, Conversation>>);

impl ConversationStore for MemoryStore {
    fn load(&self, id: &str) -> Result<Option<Conversation>, PersonaError> {
        checked(id)?;
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned())
    }

    fn save(&self, conversation: &Conversation) -> Result<(), PersonaError> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(conversation.id.clone(), conversation.clone());
        Ok(())
    }
}

/// Keeps each conversation as one file in the repository's state directory.
#[derive(Debug)]
pub struct FileStore(Arc<Repository>);

impl FileStore {
    /// A store beside the repository's other state.
    #[must_use]
    pub fn new(repository: Arc<Repository>) -> Self {
        Self(repository)
    }
}

impl ConversationStore for FileStore {
    fn load(&self, id: &str) -> Result<Option<Conversation>, PersonaError> {
        checked(id)?;
        let store = |message: String| PersonaError::Store { message };
        let bytes = self.0.state().read(&name(id)).map_err(|error| store(error.to_string()))?;
        bytes
            .map(|bytes| serde_json::from_slice(&bytes).map_err(|error| store(error.to_string())))
            .transpose()
    }

    fn save(&self, conversation: &Conversation) -> Result<(), PersonaError> {
        checked(&conversation.id)?;
        let store = |message: String| PersonaError::Store { message };
        let bytes = serde_json::to_vec(conversation).map_err(|error| store(error.to_string()))?;
        self.0
            .state()
            .write_atomic(&name(&conversation.id), &bytes)
            .map_err(|error| store(error.to_string()))
    }
}

fn name(id: &str) -> String {
    format!("conversations/{id}.json")
}

/// An id becomes the name of a file, so it is made of letters, digits and dashes.
fn checked(id: &str) -> Result<(), PersonaError> {
    let plain = id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if plain && (1..=64).contains(&id.len()) {
        Ok(())
    } else {
        Err(PersonaError::BadConversationId { id: id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_last_turns_are_whole_and_the_earlier_ones_summed_up() {
        let turn = |n: usize| Turn {
            message: format!("message {n}"),
            answer: format!("answer {n}"),
            tools: if n == 0 { vec!["execute_goal".into()] } else { Vec::new() },
            ..Turn::default()
        };
        let conversation = Conversation { id: "c-1".into(), turns: (0..4).map(turn).collect() };
        let messages: Vec<_> =
            conversation.messages(2).iter().map(|message| message.text().to_owned()).collect();
        expect![[r#"
            Earlier in this conversation:
            - user: message 0; you [execute_goal]: answer 0
            - user: message 1; you: answer 1

            message 2
            answer 2
            message 3
            answer 3"#]]
        .assert_eq(&messages.join("\n"));
    }

    #[test]
    fn an_id_is_never_a_path() {
        let store = MemoryStore::default();
        for id in ["", "../x", "a/b", "a.b", &"x".repeat(65)] {
            assert!(matches!(store.load(id), Err(PersonaError::BadConversationId { .. })), "{id}");
        }
        assert!(store.load(&Conversation::begin().unwrap().id).unwrap().is_none());
    }
}

//! What keeps a message from being answered.

use astraea_llm::LlmError;

/// Why a message was not answered. A tool that fails is no error: its answer says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PersonaError {
    /// The message is empty.
    #[error("the message is empty: say what should be done")]
    EmptyMessage,
    /// The message is longer than is accepted.
    #[error("the message has {bytes} bytes, more than the {max} that are accepted: shorten it")]
    MessageTooLong {
        /// Its length.
        bytes: usize,
        /// The longest accepted.
        max: usize,
    },
    /// The id of the conversation is not one of ours.
    #[error("`{id}` is no id of a conversation: leave it out to begin one")]
    BadConversationId {
        /// What was given.
        id: String,
    },
    /// There is no such conversation.
    #[error("there is no conversation `{id}`: leave it out to begin one")]
    NoSuchConversation {
        /// What was given.
        id: String,
    },
    /// The conversation has as many turns as are kept.
    #[error("the conversation has {turns} turns, as many as are kept: begin another one")]
    ConversationFull {
        /// Its turns.
        turns: usize,
    },
    /// The model did not answer.
    #[error(transparent)]
    Model(#[from] LlmError),
    /// The conversation could not be read or written.
    #[error("the conversation could not be kept: {message}")]
    Store {
        /// Why.
        message: String,
    },
}

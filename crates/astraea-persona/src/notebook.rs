//! Writes conversations down while they go on: each message before it is answered, each run as it begins.
//!
//! Changes of one conversation are made one after the other, so that two messages at once both stay; the files are written away from
//! the workers of the runtime.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use astraea_goals::Envelope;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{Conversation, ConversationStore, PersonaError, Turn, TurnState};

/// Turns that a conversation may have.
const MAX_TURNS: usize = 500;

/// The store, and which turns are being answered here.
#[derive(Debug, Clone)]
pub(crate) struct Notebook {
    store: Arc<dyn ConversationStore>,
    writing: Arc<tokio::sync::Mutex<()>>,
    open: Arc<Mutex<BTreeSet<(String, usize)>>>,
}

impl Notebook {
    pub(crate) fn new(store: Arc<dyn ConversationStore>) -> Self {
        Self { store, writing: Arc::default(), open: Arc::default() }
    }

    /// An empty conversation; returns its id.
    pub(crate) async fn begin(&self) -> Result<String, PersonaError> {
        let conversation = Conversation::begin()?;
        let id = conversation.id.clone();
        self.away(move |store| store.save(&conversation)).await?;
        Ok(id)
    }

    /// A conversation as it is kept. A turn that nobody answers any more is said to be interrupted.
    pub(crate) async fn read(&self, id: &str) -> Result<Conversation, PersonaError> {
        let wanted = id.to_owned();
        let found = self.away(move |store| load(store, &wanted)).await;
        let mut conversation = found?;
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, turn) in conversation.turns.iter_mut().enumerate() {
            if turn.state == TurnState::Pending && !open.contains(&(conversation.id.clone(), at)) {
                turn.state = TurnState::Interrupted;
            }
        }
        Ok(conversation)
    }

    /// Writes a message down. Returns the conversation as it was before it, and the page of the turn.
    pub(crate) async fn begin_turn(
        &self,
        id: Option<&str>,
        turn: Turn,
    ) -> Result<(Conversation, Page), PersonaError> {
        let _one = self.writing.lock().await;
        let id = id.map(str::to_owned);
        let saved = self.away(move |store| {
            let mut conversation = match &id {
                Some(id) => load(store, id)?,
                None => Conversation::begin()?,
            };
            let turns = conversation.turns.len();
            if turns >= MAX_TURNS {
                return Err(PersonaError::ConversationFull { turns });
            }
            conversation.turns.push(turn);
            store.save(&conversation)?;
            conversation.turns.pop();
            Ok(conversation)
        });
        let conversation = saved.await?;
        let key = (conversation.id.clone(), conversation.turns.len());
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        Ok((conversation, Page { notebook: self.clone(), key }))
    }

    async fn away<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn ConversationStore) -> Result<T, PersonaError> + Send + 'static,
    ) -> Result<T, PersonaError> {
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || work(&*store)).await;
        done.map_err(|error| PersonaError::Store { message: error.to_string() })?
    }
}

fn load(store: &dyn ConversationStore, id: &str) -> Result<Conversation, PersonaError> {
    store.load(id)?.ok_or_else(|| PersonaError::NoSuchConversation { id: id.to_owned() })
}

/// One turn that is being answered.
#[derive(Debug)]
pub(crate) struct Page {
    notebook: Notebook,
    key: (String, usize),
}

impl Page {
    /// A sender of events that passes them on to `to` and writes each run down as it begins. The task ends with the last sender.
    pub(crate) fn note_runs(
        &self,
        to: Option<mpsc::UnboundedSender<Envelope>>,
    ) -> (mpsc::UnboundedSender<Envelope>, JoinHandle<()>) {
        let (sender, mut receiver) = mpsc::unbounded_channel::<Envelope>();
        let (notebook, key) = (self.notebook.clone(), self.key.clone());
        let task = tokio::spawn(async move {
            let mut last = None;
            while let Some(event) = receiver.recv().await {
                let begun = event.run.clone().filter(|_| event.run != last);
                if let Some(to) = &to {
                    // A listener that went away does not stop the work.
                    let _ = to.send(event);
                }
                if let Some(run) = begun {
                    last = Some(run.clone());
                    let noted = notebook.change(&key, move |turn| {
                        turn.tools.push("execute_goal".to_owned());
                        turn.runs.push(run);
                    });
                    if let Err(error) = noted.await {
                        tracing::warn!(%error, "the run is not in the conversation yet");
                    }
                }
            }
        });
        (sender, task)
    }

    /// Writes the end of the turn down.
    pub(crate) async fn close(
        self,
        change: impl FnOnce(&mut Turn) + Send + 'static,
    ) -> Result<(), PersonaError> {
        self.notebook.change(&self.key, change).await
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.notebook.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Notebook {
    async fn change(
        &self,
        (id, at): &(String, usize),
        change: impl FnOnce(&mut Turn) + Send + 'static,
    ) -> Result<(), PersonaError> {
        let _one = self.writing.lock().await;
        let (id, at) = (id.clone(), *at);
        self.away(move |store| {
            let mut conversation = load(store, &id)?;
            if let Some(turn) = conversation.turns.get_mut(at) {
                change(turn);
            }
            store.save(&conversation)
        })
        .await
    }
}

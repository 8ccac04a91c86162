//! A problem with every variable bound, and a heuristic search on it.

mod build;
mod certain;
mod heuristic;
mod intern;
mod layers;
mod oracle;
mod progress;
mod reach;
mod replay;

use crate::cond::Cond;
use crate::model::{Method, Model};

pub(crate) use build::{Ground, build};
pub(crate) use oracle::consult;
pub(crate) use progress::{Progress, Progression};
pub(crate) use replay::replay;

/// What is to be carried out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) top: &'a Method,
    pub(crate) goal: Option<&'a (Cond, usize)>,
    /// Whether the problem is totally ordered as it stands; if not, it is solved in the order in which subtasks are declared.
    pub(crate) ordered: bool,
}

impl Asked<'_> {
    /// Whether only facts and types decide, no numbers and nothing that the program answers.
    pub(crate) fn is_plain(&self, model: &Model) -> bool {
        !model.numeric
            && self.goal.is_none_or(|(goal, _)| goal.is_plain())
            && self.top.query(self.ordered).parts().0.iter().all(Cond::is_plain)
    }
}

/// Asks now and then whether to stop: because of the time, or because of the memory. Once it said so, it says so again.
pub(crate) struct Stop<'a> {
    ask: &'a dyn Fn() -> bool,
    /// Bytes.
    memory: usize,
    ticks: u32,
    stopped: bool,
    full: bool,
}

impl<'a> Stop<'a> {
    pub(crate) fn new(ask: &'a dyn Fn() -> bool, memory: usize) -> Self {
        Self { ask, memory, ticks: 0, stopped: false, full: false }
    }

    /// Whether to stop, given the bytes in use.
    pub(crate) fn now(&mut self, bytes: usize) -> bool {
        self.ticks = self.ticks.wrapping_add(1);
        self.full |= bytes > self.memory;
        self.stopped |= self.full || (self.ticks.is_multiple_of(256) && (self.ask)());
        self.stopped
    }

    /// Whether memory was the reason.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// Whether to stop, before something long.
    pub(crate) fn soon(&mut self) -> bool {
        self.stopped |= (self.ask)();
        self.stopped
    }
}

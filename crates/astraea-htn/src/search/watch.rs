//! Telling an observer what happens, and counting what fails. None of this runs in a search that nobody watches.

use rustc_hash::FxHashMap;

use super::node::ROOT;
use super::{Frame, Search};
use crate::cond::Cond;
use crate::model::Action;
use crate::objects::Obj;
use crate::observe::Event;
use crate::store::NONE;

/// How often each condition stood in the way.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Task of the action, and which part of its precondition.
    pub(crate) actions: FxHashMap<(u32, usize), u64>,
    /// Method, and which part of its query: its number, and the condition where no source wrote it.
    pub(crate) methods: FxHashMap<(u32, u16), (u64, Option<Cond>)>,
}

impl Search<'_> {
    #[cold]
    fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(observer) = self.options.observer {
            observer.event(&event());
        }
    }

    pub(super) fn tell_refined(&self, node: u32) {
        if node == ROOT {
            return;
        }
        self.tell(|| {
            let this = &self.nodes[node as usize];
            let method = self.method(this.method);
            let values = self.node_binding(node).iter();
            let values = values.map(|o| self.objects.word(*o));
            Event::Refined {
                task: self.atom(node),
                method: method.name.clone(),
                binding: method.vars.iter().cloned().zip(values).collect(),
                depth: this.depth as usize,
                steps: self.steps.len(),
            }
        });
    }

    pub(super) fn tell_executed(&self, node: u32) {
        self.tell(|| Event::Executed { step: self.atom(node), steps: self.steps.len() });
    }

    pub(super) fn tell_failed(&self, node: u32) {
        if node != ROOT {
            self.tell(|| Event::Failed { task: self.atom(node), steps: self.steps.len() });
        }
    }

    pub(super) fn tell_backtracked(&self, frame: &Frame) {
        self.tell(|| Event::Backtracked { steps: frame.steps as usize });
    }

    pub(super) fn tell_repeated(&self) {
        self.tell(|| Event::Repeated { steps: self.steps.len() });
    }

    pub(super) fn tell_deepened(&self) {
        self.tell(|| Event::Deepened { limit: self.idle_limit as usize });
    }

    pub(super) fn tell_completed(&self, accepted: bool) {
        self.tell(|| Event::Completed { steps: self.steps.len(), accepted });
    }

    /// Notes which part of its precondition kept an action from being executed.
    pub(super) fn count_refused(&mut self, task: u32, action: &Action, binding: &mut [Obj]) {
        let (store, objects) = (&self.store, self.objects);
        let Some(tally) = &mut self.tally else { return };
        let part = action.parts.iter().position(|p| !p.eval(store, objects, binding));
        *tally.actions.entry((task, part.unwrap_or(0))).or_default() += 1;
    }

    /// Notes which part of its precondition kept a method from being chosen.
    pub(super) fn count_blocked(&mut self, node: u32, id: u32, first: usize) {
        if self.tally.is_none() || node == ROOT {
            return;
        }
        let method = self.method(id);
        let query = method.query(self.ordered);
        if !self.bind_head(node, method, first) {
            return;
        }
        let bound: Vec<bool> = self.bindings[first..].iter().map(|b| *b != NONE).collect();
        let mut binding = self.bindings[first..].to_vec();
        let stuck = query.stuck(&self.store, self.objects, &mut binding, &bound);
        let (Some(stuck), Some(tally)) = (stuck, &mut self.tally) else { return };
        let key = (id, stuck.part.unwrap_or(u16::MAX));
        let entry = tally.methods.entry(key).or_insert((0, stuck.cond));
        entry.0 += 1;
    }
}

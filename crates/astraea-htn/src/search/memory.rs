//! Memory that is handed from one search to the next.

use rustc_hash::FxHashMap;

use super::node::{Node, Undo};
use super::{Frame, Mark, Search};
use crate::objects::Obj;
use crate::store::{FactId, Store, Walk};

/// What searches need memory for; kept in the model from one search to the next, because small searches would spend most of their time in
/// getting it.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(super) store: Store,
    pub(super) nodes: Vec<Node>,
    pub(super) words: Vec<u32>,
    pub(super) frontier: Vec<u32>,
    pub(super) trail: Vec<FactId>,
    pub(super) undo: Vec<Undo>,
    pub(super) steps: Vec<u32>,
    pub(super) frames: Vec<Frame>,
    pub(super) bindings: Vec<Obj>,
    pub(super) cursors: Vec<Walk>,
    pub(super) visited: FxHashMap<(u64, u64), Mark>,
    pub(super) scratch: Vec<Obj>,
    pub(super) deepest: Vec<u32>,
}

/// A search that looked at more situations than this gives its memory back.
const KEEP: usize = 4096;

impl Drop for Search<'_> {
    fn drop(&mut self) {
        use std::mem::take;
        if self.visited.capacity() > KEEP || self.nodes.capacity() > KEEP {
            return;
        }
        let mut memory = Memory {
            store: take(&mut self.store),
            nodes: take(&mut self.nodes),
            words: take(&mut self.words),
            frontier: take(&mut self.frontier),
            trail: take(&mut self.trail),
            undo: take(&mut self.undo),
            steps: take(&mut self.steps),
            frames: take(&mut self.frames),
            bindings: take(&mut self.bindings),
            cursors: take(&mut self.cursors),
            visited: take(&mut self.visited),
            scratch: take(&mut self.scratch),
            deepest: take(&mut self.deepest.words),
        };
        memory.nodes.clear();
        memory.words.clear();
        memory.frontier.clear();
        memory.trail.clear();
        memory.undo.clear();
        memory.steps.clear();
        memory.frames.clear();
        memory.bindings.clear();
        memory.cursors.clear();
        memory.visited.clear();
        memory.scratch.clear();
        memory.deepest.clear();
        if let Ok(mut kept) = self.model.memory.try_lock() {
            *kept = Some(Box::new(memory));
        }
    }
}

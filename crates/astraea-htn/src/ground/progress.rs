//! Best-first progression: execute or refine the first remaining task, always where the estimate is lowest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Stop;
use super::build::{Ground, Literal};
use super::heuristic::Heuristic;
use super::intern::Interner;
use crate::store::NONE;

/// How a search ended, or paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The methods and actions (as `None`) in order.
    Found(Vec<Option<u32>>),
    /// Nothing is left to try.
    Exhausted,
    /// Time or memory.
    Stopped,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    parent: u32,
    /// What led here: a method, or [`NONE`] for an action.
    by: u32,
    state: u32,
    /// The remaining tasks: a cell of `cells`, or [`NONE`].
    rest: u32,
    depth: u32,
}

/// A search in progress.
#[derive(Debug)]
pub(crate) struct Progression<'a> {
    ground: &'a Ground,
    heuristic: Heuristic,
    states: Interner,
    /// Task and the cell after it.
    cells: Interner,
    seen: Interner,
    nodes: Vec<Node>,
    open: BinaryHeap<Reverse<(u32, u32, u32)>>,
    bits: Vec<u32>,
    tasks: Vec<u32>,
}

impl<'a> Progression<'a> {
    pub(crate) fn new(ground: &'a Ground) -> Self {
        let mut bits = vec![0; ground.facts.div_ceil(32).max(1)];
        for f in &ground.init {
            bits[*f as usize / 32] |= 1 << (f % 32);
        }
        let mut search = Self {
            ground,
            heuristic: Heuristic::new(ground),
            states: Interner::default(),
            cells: Interner::default(),
            seen: Interner::default(),
            nodes: Vec::new(),
            open: BinaryHeap::new(),
            bits: Vec::new(),
            tasks: Vec::new(),
        };
        let state = search.states.intern(&bits).0;
        let rest = search.cells.intern(&[ground.root, NONE]).0;
        search.nodes.push(Node { parent: NONE, by: NONE, state, rest, depth: 0 });
        search.open.push(Reverse((0, 0, 0)));
        search
    }

    /// Bytes in use, roughly.
    fn bytes(&self) -> usize {
        self.states.bytes()
            + self.cells.bytes()
            + self.seen.bytes()
            + self.nodes.capacity() * size_of::<Node>()
            + self.open.capacity() * 12
            + self.heuristic.bytes()
    }

    fn holds(&self, literals: &[Literal], state: u32) -> bool {
        let bits = self.states.get(state);
        literals.iter().all(|l| {
            let fact = l / 2;
            (bits[fact as usize / 32] >> (fact % 32) & 1 == 1) == (l % 2 == 0)
        })
    }

    /// Searches on.
    pub(crate) fn run(&mut self, stop: &mut Stop<'_>) -> Progress {
        let mut children: Vec<(u32, u32, u32)> = Vec::new();
        while let Some(Reverse((_, _, id))) = self.open.pop() {
            let mut at = id;
            // As long as there is only one way to go on, go it without a look at the queue.
            loop {
                if stop.now(self.bytes()) || self.states.is_full() {
                    self.open.push(Reverse((0, 0, at)));
                    return Progress::Stopped;
                }
                let node = self.nodes[at as usize];
                if node.rest == NONE {
                    if self.holds(&self.ground.goal, node.state) {
                        return Progress::Found(self.path(at));
                    }
                    break;
                }
                self.children(node, &mut children);
                if let [(by, state, rest)] = children[..] {
                    let Some(child) = self.push(at, by, state, rest) else { break };
                    at = child;
                    continue;
                }
                let mut paused = false;
                for (by, state, rest) in children.drain(..) {
                    let Some(child) = self.push(at, by, state, rest) else { continue };
                    if let Some(h) = if paused { Some(0) } else { self.estimate(child) } {
                        self.open.push(Reverse((h, child, child)));
                    }
                    // What is left when time is up goes on as if it were promising; estimates may take long.
                    paused |= stop.soon();
                }
                break;
            }
        }
        Progress::Exhausted
    }

    /// The ways to go on: by what, to which state, with what remaining.
    fn children(&mut self, node: Node, into: &mut Vec<(u32, u32, u32)>) {
        into.clear();
        let ground = self.ground;
        let [task, rest] = self.cells.get(node.rest)[..] else { return };
        let task = &ground.tasks[task as usize];
        if task.action {
            if self.holds(&task.pre, node.state) {
                self.bits.clear();
                self.bits.extend_from_slice(self.states.get(node.state));
                for f in &task.delete {
                    self.bits[*f as usize / 32] &= !(1 << (f % 32));
                }
                for f in &task.add {
                    self.bits[*f as usize / 32] |= 1 << (f % 32);
                }
                let state = self.states.intern(&self.bits).0;
                into.push((NONE, state, rest));
            }
            return;
        }
        for m in &task.methods {
            let method = &ground.methods[*m as usize];
            if self.holds(&method.pre, node.state) && self.ahead(&method.subs, node.state) {
                let mut rest = rest;
                for sub in method.subs.iter().rev() {
                    rest = self.cells.intern(&[*sub, rest]).0;
                }
                into.push((*m, node.state, rest));
            }
        }
    }

    /// Whether the first subtask, where it is an action, can be executed.
    fn ahead(&self, subs: &[u32], state: u32) -> bool {
        subs.first().is_none_or(|t| {
            let task = &self.ground.tasks[*t as usize];
            !task.action || self.holds(&task.pre, state)
        })
    }

    /// A new node, if its situation is new.
    fn push(&mut self, parent: u32, by: u32, state: u32, rest: u32) -> Option<u32> {
        if !self.seen.intern(&[state, rest]).1 {
            return None;
        }
        let depth = self.nodes[parent as usize].depth + 1;
        self.nodes.push(Node { parent, by, state, rest, depth });
        Some(self.nodes.len() as u32 - 1)
    }

    fn estimate(&mut self, node: u32) -> Option<u32> {
        let Node { state, mut rest, .. } = self.nodes[node as usize];
        self.tasks.clear();
        while let [task, next] = if rest == NONE { &[][..] } else { self.cells.get(rest) } {
            self.tasks.push(*task);
            rest = *next;
        }
        self.heuristic.estimate(self.states.get(state), &self.tasks, self.ground)
    }

    fn path(&self, mut node: u32) -> Vec<Option<u32>> {
        let mut path = Vec::new();
        while self.nodes[node as usize].parent != NONE {
            let Node { parent, by, .. } = self.nodes[node as usize];
            path.push((by != NONE).then_some(by));
            node = parent;
        }
        path.reverse();
        path
    }
}

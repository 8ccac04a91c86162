//! Which ready task comes first, and which of them may start now.
//!
//! Ready tasks stand in one ordered queue for each *class* (action and lock set). Each action keeps the heads of its
//! classes in order, and one set keeps the heads of the actions that have room. A class whose lock is taken is parked
//! behind the set that holds it and looked at again when that is free. So a transition costs a few ordered-set
//! operations, however many tasks are ready.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BTreeSet},
};

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use crate::{
    Task, TaskId,
    locks::{LockIx, Locks},
};

/// A number whose order is total; the graph lets no NaN in.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Number(f64);

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// The place of a ready task: priority high, deadline early, cost low, id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    priority: Reverse<Number>,
    deadline: u64,
    cost: Number,
    pub(crate) id: TaskId,
    pub(crate) node: NodeIndex,
}

impl Key {
    pub(crate) fn new(task: &Task, node: NodeIndex) -> Self {
        Self {
            // Adding zero makes -0 and 0 one number.
            priority: Reverse(Number(task.priority + 0.0)),
            deadline: task.deadline_ms.unwrap_or(u64::MAX),
            cost: Number(task.cost + 0.0),
            id: task.id.clone(),
            node,
        }
    }
}

pub(crate) type ClassIx = u32;
type ActionIx = u32;

#[derive(Clone, Debug)]
struct Class {
    action: ActionIx,
    lock: LockIx,
    queue: BTreeSet<Key>,
    /// What stands for it in its action's heads.
    shown: Option<Key>,
    parked: bool,
}

#[derive(Clone, Debug)]
struct Action {
    cap: Option<usize>,
    limit: Option<usize>,
    running: usize,
    heads: BTreeSet<(Key, ClassIx)>,
    /// What stands for it in the heads of all.
    shown: Option<Key>,
}

impl Action {
    fn allowed(&self) -> usize {
        self.cap.unwrap_or(usize::MAX).min(self.limit.unwrap_or(usize::MAX))
    }
}

/// Why a ready task may not start now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    MaxParallel(usize),
    Held,
    Cap(usize),
    Lock(LockIx),
}

#[derive(Clone, Debug)]
pub(crate) struct Queue {
    max_parallel: usize,
    caps: BTreeMap<String, usize>,
    running: usize,
    pub(crate) locks: Locks,
    actions: Vec<Action>,
    action_index: FxHashMap<String, ActionIx>,
    classes: Vec<Class>,
    class_index: FxHashMap<(ActionIx, LockIx), ClassIx>,
    heads: BTreeSet<(Key, ActionIx)>,
}

impl Queue {
    pub(crate) fn new(max_parallel: usize, caps: BTreeMap<String, usize>) -> Self {
        Self {
            max_parallel,
            caps,
            running: 0,
            locks: Locks::default(),
            actions: Vec::new(),
            action_index: FxHashMap::default(),
            classes: Vec::new(),
            class_index: FxHashMap::default(),
            heads: BTreeSet::new(),
        }
    }

    fn action(&mut self, name: &str) -> ActionIx {
        if let Some(&ix) = self.action_index.get(name) {
            return ix;
        }
        let ix = self.actions.len() as ActionIx;
        self.actions.push(Action {
            cap: self.caps.get(name).copied(),
            limit: None,
            running: 0,
            heads: BTreeSet::new(),
            shown: None,
        });
        self.action_index.insert(name.to_owned(), ix);
        ix
    }

    /// The class of a task.
    pub(crate) fn class(&mut self, task: &Task) -> ClassIx {
        let action = self.action(&task.action);
        let lock = self.locks.intern(task);
        let next = self.classes.len() as ClassIx;
        let ix = *self.class_index.entry((action, lock)).or_insert(next);
        if ix == next {
            self.classes.push(Class {
                action,
                lock,
                queue: BTreeSet::new(),
                shown: None,
                parked: false,
            });
        }
        ix
    }

    pub(crate) fn lock_of(&self, class: ClassIx) -> LockIx {
        self.classes[class as usize].lock
    }

    pub(crate) fn push(&mut self, class: ClassIx, key: Key) {
        self.classes[class as usize].queue.insert(key);
        self.show_class(class);
    }

    pub(crate) fn remove(&mut self, class: ClassIx, key: &Key) {
        self.classes[class as usize].queue.remove(key);
        self.show_class(class);
    }

    /// A limit for an action on top of its cap.
    pub(crate) fn limit(&mut self, action: &str, limit: Option<usize>) {
        let ix = self.action(action);
        self.actions[ix as usize].limit = limit;
        self.show_action(ix);
    }

    /// The first task that may start now.
    pub(crate) fn first_startable(&mut self) -> Option<NodeIndex> {
        if self.running >= self.max_parallel {
            return None;
        }
        loop {
            let (_, action) = self.heads.first()?;
            let (key, class) = self.actions[*action as usize].heads.first()?;
            let (node, class) = (key.node, *class);
            let Some(obstacle) = self.locks.obstacle(self.classes[class as usize].lock) else {
                return Some(node);
            };
            self.classes[class as usize].parked = true;
            self.locks.wait_for(obstacle, class);
            self.show_class(class);
        }
    }

    /// What keeps tasks of a class from starting now.
    pub(crate) fn obstacle(&self, class: ClassIx) -> Option<Obstacle> {
        let class = &self.classes[class as usize];
        let action = &self.actions[class.action as usize];
        if action.limit == Some(0) {
            return Some(Obstacle::Held);
        }
        if let Some(lock) = self.locks.obstacle(class.lock) {
            return Some(Obstacle::Lock(lock));
        }
        if action.running >= action.allowed() {
            return Some(Obstacle::Cap(action.allowed()));
        }
        (self.running >= self.max_parallel).then_some(Obstacle::MaxParallel(self.max_parallel))
    }

    /// A task leaves the queue and holds its slot and lock.
    pub(crate) fn start(&mut self, class: ClassIx, key: &Key) {
        let Class { action, lock, .. } = self.classes[class as usize];
        self.running += 1;
        self.actions[action as usize].running += 1;
        self.locks.acquire(lock);
        self.remove(class, key);
        self.show_action(action);
    }

    /// A running task gives its slot and lock back.
    pub(crate) fn finish(&mut self, class: ClassIx) {
        let Class { action, lock, .. } = self.classes[class as usize];
        self.running = self.running.saturating_sub(1);
        let entry = &mut self.actions[action as usize];
        entry.running = entry.running.saturating_sub(1);
        for woken in self.locks.release(lock) {
            self.classes[woken as usize].parked = false;
            self.show_class(woken);
        }
        self.show_action(action);
    }

    /// All ready tasks in order.
    pub(crate) fn in_order(&self) -> Vec<&Key> {
        let mut keys: Vec<&Key> = self.classes.iter().flat_map(|class| &class.queue).collect();
        keys.sort_unstable();
        keys
    }

    fn show_class(&mut self, ix: ClassIx) {
        let class = &mut self.classes[ix as usize];
        let head = if class.parked { None } else { class.queue.first() };
        if class.shown.as_ref() == head {
            return;
        }
        let head = head.cloned();
        let action = class.action;
        let heads = &mut self.actions[action as usize].heads;
        if let Some(old) = class.shown.take() {
            heads.remove(&(old, ix));
        }
        if let Some(new) = &head {
            heads.insert((new.clone(), ix));
        }
        class.shown = head;
        self.show_action(action);
    }

    fn show_action(&mut self, ix: ActionIx) {
        let action = &mut self.actions[ix as usize];
        let head = if action.running < action.allowed() { action.heads.first() } else { None };
        let head = head.map(|(key, _)| key);
        if action.shown.as_ref() == head {
            return;
        }
        let head = head.cloned();
        if let Some(old) = action.shown.take() {
            self.heads.remove(&(old, ix));
        }
        if let Some(new) = &head {
            self.heads.insert((new.clone(), ix));
        }
        action.shown = head;
    }
}

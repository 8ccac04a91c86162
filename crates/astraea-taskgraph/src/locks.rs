//! Which tasks must not run beside each other: sets of globs that are read and written, kept once each.

use rustc_hash::FxHashMap;

use crate::{Task, glob::Glob};

/// A set of globs; equal sets have equal numbers. 0 reads and writes nothing.
pub(crate) type LockIx = u32;

#[derive(Clone, Debug)]
struct LockSet {
    reads: Vec<Glob>,
    writes: Vec<Glob>,
    running: u32,
    /// Classes that wait for this set to be free.
    waiters: Vec<u32>,
}

#[derive(Clone, Debug)]
pub(crate) struct Locks {
    sets: Vec<LockSet>,
    index: FxHashMap<(Vec<String>, Vec<String>), LockIx>,
    /// Sets with a running task, 0 excepted.
    held: Vec<LockIx>,
}

impl Default for Locks {
    fn default() -> Self {
        let empty =
            LockSet { reads: Vec::new(), writes: Vec::new(), running: 0, waiters: Vec::new() };
        Self { sets: vec![empty], index: FxHashMap::default(), held: Vec::new() }
    }
}

impl Locks {
    pub(crate) fn intern(&mut self, task: &Task) -> LockIx {
        if task.reads.is_empty() && task.writes.is_empty() {
            return 0;
        }
        let mut key = (task.reads.clone(), task.writes.clone());
        for globs in [&mut key.0, &mut key.1] {
            globs.sort_unstable();
            globs.dedup();
        }
        if let Some(&ix) = self.index.get(&key) {
            return ix;
        }
        let compile = |globs: &[String]| globs.iter().map(|glob| Glob::new(glob)).collect();
        let ix = self.sets.len() as LockIx;
        self.sets.push(LockSet {
            reads: compile(&key.0),
            writes: compile(&key.1),
            running: 0,
            waiters: Vec::new(),
        });
        self.index.insert(key, ix);
        ix
    }

    /// Whether tasks of the two sets must not run together.
    pub(crate) fn conflict(&self, a: LockIx, b: LockIx) -> bool {
        if a == 0 || b == 0 {
            return false;
        }
        let (x, y) = (&self.sets[a as usize], &self.sets[b as usize]);
        if a == b && !x.writes.is_empty() {
            return true;
        }
        let any =
            |one: &[Glob], two: &[Glob]| one.iter().any(|g| two.iter().any(|h| g.overlaps(h)));
        any(&x.writes, &y.writes) || any(&x.writes, &y.reads) || any(&x.reads, &y.writes)
    }

    /// A held set that stands in the way of `set`.
    pub(crate) fn obstacle(&self, set: LockIx) -> Option<LockIx> {
        if set == 0 {
            return None;
        }
        self.held.iter().copied().find(|&held| self.conflict(held, set))
    }

    pub(crate) fn wait_for(&mut self, set: LockIx, class: u32) {
        self.sets[set as usize].waiters.push(class);
    }

    pub(crate) fn acquire(&mut self, set: LockIx) {
        if set == 0 {
            return;
        }
        let entry = &mut self.sets[set as usize];
        entry.running += 1;
        if entry.running == 1 {
            self.held.push(set);
        }
    }

    /// Frees the set once; the classes that may look again.
    pub(crate) fn release(&mut self, set: LockIx) -> Vec<u32> {
        if set == 0 {
            return Vec::new();
        }
        let entry = &mut self.sets[set as usize];
        entry.running = entry.running.saturating_sub(1);
        if entry.running > 0 {
            return Vec::new();
        }
        let woken = std::mem::take(&mut entry.waiters);
        self.held.retain(|&held| held != set);
        woken
    }
}

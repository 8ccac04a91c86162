//! Facts, indexed by predicate and by each argument, with changes that can be taken back.
//!
//! A fact gets a number when it is first seen and keeps it. Whether it holds is one bit, so a change and its undoing are one flip each, and a
//! cursor into an index list stays valid across both.

use rustc_hash::FxHashMap;

use crate::objects::Obj;

pub(crate) const NONE: u32 = u32::MAX;

/// Number of a fact.
pub(crate) type FactId = u32;

#[derive(Debug, Clone, Copy)]
struct Fact {
    pred: u32,
    args: u32,
    arity: u32,
    /// The next fact of the same predicate.
    next: u32,
    holds: bool,
    key: u64,
}

/// A list of facts, chained through them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain {
    pub(crate) first: u32,
    last: u32,
    pub(crate) len: u32,
}

const EMPTY: Chain = Chain { first: NONE, last: NONE, len: 0 };

/// Where a walk through a chain stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk {
    pub(crate) at: u32,
    /// The argument whose chain is followed; `NONE` for the chain of the predicate.
    pub(crate) by: u32,
}

/// All facts ever seen and which of them hold.
#[derive(Debug, Default)]
pub(crate) struct Store {
    facts: Vec<Fact>,
    args: Vec<Obj>,
    /// Beside each argument, the next fact with the same object there.
    links: Vec<u32>,
    by_pred: Vec<Chain>,
    by_arg: FxHashMap<u64, Chain>,
    /// Open addressing over fact numbers.
    slots: Vec<u32>,
    /// Combined key of the facts that hold, and of the numbers.
    pub(crate) hash: u64,
    /// The values of numeric functions, each beside the number that its name and arguments have as a "fact"; NaN where there is none.
    values: Vec<f64>,
    /// The values before each change.
    value_trail: Vec<(FactId, f64)>,
}

pub(crate) fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

pub(crate) fn hash_term(symbol: u32, args: &[Obj]) -> u64 {
    // Each step is a bijection of what it takes in, so short terms do not meet; the last one spreads the bits.
    let mut h = u64::from(symbol).wrapping_add(0x9e37_79b9_7f4a_7c15);
    for arg in args {
        h = (h.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ u64::from(*arg)).rotate_left(29);
    }
    mix(h.wrapping_add(args.len() as u64))
}

/// Comparing a few numbers by hand is quicker than a call.
#[inline]
fn same(a: &[Obj], b: &[Obj]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b)
}

fn arg_key(pred: u32, pos: usize, obj: Obj) -> u64 {
    (u64::from(obj) << 32) ^ (u64::from(pred) << 6) ^ pos as u64
}

impl Clone for Store {
    fn clone(&self) -> Self {
        let mut store = Self::default();
        store.clone_from(self);
        store
    }

    /// Reuses the memory of the old one: a search begins with this.
    fn clone_from(&mut self, other: &Self) {
        self.facts.clone_from(&other.facts);
        self.args.clone_from(&other.args);
        self.links.clone_from(&other.links);
        self.by_pred.clone_from(&other.by_pred);
        self.by_arg.clone_from(&other.by_arg);
        self.slots.clone_from(&other.slots);
        self.hash = other.hash;
        self.values.clone_from(&other.values);
        self.value_trail.clear();
    }
}

/// The part of the state's key that a value is.
fn value_key(key: u64, value: f64) -> u64 {
    if value.is_nan() { 0 } else { mix(key ^ value.to_bits().rotate_left(23)) }
}

impl Store {
    pub(crate) fn new(predicates: usize) -> Self {
        Self {
            facts: Vec::new(),
            args: Vec::new(),
            links: Vec::new(),
            by_pred: vec![EMPTY; predicates],
            by_arg: FxHashMap::default(),
            slots: vec![NONE; 64],
            hash: 0,
            values: Vec::new(),
            value_trail: Vec::new(),
        }
    }

    /// The value of a numeric function.
    pub(crate) fn number(&self, function: u32, args: &[Obj]) -> Option<f64> {
        self.find(function, args).and_then(|id| self.number_of(id))
    }

    pub(crate) fn number_of(&self, id: FactId) -> Option<f64> {
        self.values.get(id as usize).copied().filter(|v| !v.is_nan())
    }

    /// Gives a numeric function a value.
    pub(crate) fn set_number(&mut self, id: FactId, value: f64) {
        if self.values.len() <= id as usize {
            self.values.resize(id as usize + 1, f64::NAN);
        }
        // Both zeros are one value.
        let value = value + 0.0;
        let old = std::mem::replace(&mut self.values[id as usize], value);
        self.value_trail.push((id, old));
        let key = self.facts[id as usize].key;
        self.hash ^= value_key(key, old) ^ value_key(key, value);
    }

    /// How many changes of numbers can be taken back.
    #[inline]
    pub(crate) fn changed_numbers(&self) -> usize {
        self.value_trail.len()
    }

    /// Takes changes of numbers back, down to this many.
    pub(crate) fn take_numbers_back(&mut self, to: usize) {
        while self.value_trail.len() > to {
            let Some((id, old)) = self.value_trail.pop() else { break };
            let value = std::mem::replace(&mut self.values[id as usize], old);
            let key = self.facts[id as usize].key;
            self.hash ^= value_key(key, old) ^ value_key(key, value);
        }
    }

    /// All functions that have a value.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = (FactId, f64)> + '_ {
        let ids = 0..self.values.len() as u32;
        ids.filter_map(|id| self.number_of(id).map(|v| (id, v)))
    }

    /// The number of a fact, if it was ever seen.
    #[inline]
    pub(crate) fn find(&self, pred: u32, args: &[Obj]) -> Option<FactId> {
        self.find_key(hash_term(pred, args), pred, args)
    }

    #[inline]
    fn find_key(&self, key: u64, pred: u32, args: &[Obj]) -> Option<FactId> {
        let mask = self.slots.len() - 1;
        let mut i = key as usize & mask;
        loop {
            let id = self.slots[i];
            if id == NONE {
                return None;
            }
            let fact = &self.facts[id as usize];
            if fact.key == key && fact.pred == pred && same(self.args(id), args) {
                return Some(id);
            }
            i = (i + 1) & mask;
        }
    }

    /// The number of a fact, given now if it has none.
    pub(crate) fn intern(&mut self, pred: u32, args: &[Obj]) -> FactId {
        let key = hash_term(pred, args);
        if let Some(id) = self.find_key(key, pred, args) {
            return id;
        }
        let id = self.facts.len() as u32;
        let at = self.args.len() as u32;
        let fact = Fact { pred, args: at, arity: args.len() as u32, next: NONE, holds: false, key };
        self.facts.push(fact);
        self.args.extend_from_slice(args);
        self.links.resize(self.args.len(), NONE);
        let chain = &mut self.by_pred[pred as usize];
        if chain.len == 0 {
            chain.first = id;
        } else {
            self.facts[chain.last as usize].next = id;
        }
        chain.last = id;
        chain.len += 1;
        for (pos, obj) in args.iter().enumerate() {
            let chain = self.by_arg.entry(arg_key(pred, pos, *obj)).or_insert(EMPTY);
            if chain.len == 0 {
                chain.first = id;
            } else {
                let link = self.facts[chain.last as usize].args as usize + pos;
                self.links[link] = id;
            }
            chain.last = id;
            chain.len += 1;
        }
        if (self.facts.len() + 1) * 2 > self.slots.len() {
            self.slots = vec![NONE; self.slots.len() * 4];
            for i in 0..self.facts.len() {
                self.place(i as u32);
            }
        } else {
            self.place(id);
        }
        id
    }

    fn place(&mut self, id: FactId) {
        let mask = self.slots.len() - 1;
        let mut i = self.facts[id as usize].key as usize & mask;
        while self.slots[i] != NONE {
            i = (i + 1) & mask;
        }
        self.slots[i] = id;
    }

    #[inline]
    pub(crate) fn args(&self, id: FactId) -> &[Obj] {
        let fact = &self.facts[id as usize];
        &self.args[fact.args as usize..(fact.args + fact.arity) as usize]
    }

    pub(crate) fn pred(&self, id: FactId) -> u32 {
        self.facts[id as usize].pred
    }

    #[inline]
    pub(crate) fn holds_id(&self, id: FactId) -> bool {
        self.facts[id as usize].holds
    }

    #[inline]
    pub(crate) fn holds(&self, pred: u32, args: &[Obj]) -> bool {
        self.find(pred, args).is_some_and(|id| self.holds_id(id))
    }

    /// Makes a fact true that was false, or the reverse.
    #[inline]
    pub(crate) fn flip(&mut self, id: FactId) {
        let fact = &mut self.facts[id as usize];
        fact.holds = !fact.holds;
        self.hash ^= fact.key;
    }

    /// How many facts were ever seen.
    pub(crate) fn count(&self) -> usize {
        self.facts.len()
    }

    /// All facts of a predicate.
    pub(crate) fn of_pred(&self, pred: u32) -> Chain {
        self.by_pred[pred as usize]
    }

    /// The facts of a predicate with this object at this place.
    #[inline]
    pub(crate) fn of_arg(&self, pred: u32, pos: usize, obj: Obj) -> Chain {
        self.by_arg.get(&arg_key(pred, pos, obj)).copied().unwrap_or(EMPTY)
    }

    /// The fact after the one where a walk stands.
    #[inline]
    pub(crate) fn after(&self, walk: Walk) -> u32 {
        let fact = &self.facts[walk.at as usize];
        if walk.by == NONE { fact.next } else { self.links[(fact.args + walk.by) as usize] }
    }

    /// The facts that hold.
    pub(crate) fn iter(&self) -> impl Iterator<Item = FactId> + '_ {
        (0..self.facts.len() as u32).filter(|id| self.holds_id(*id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(store: &Store, first: u32, by: u32) -> Vec<u32> {
        let mut list = Vec::new();
        let mut at = first;
        while at != NONE {
            list.push(at);
            at = store.after(Walk { at, by });
        }
        list
    }

    #[test]
    fn facts_are_found_by_predicate_and_by_argument() {
        let mut store = Store::new(2);
        for i in 0..100 {
            let id = store.intern(0, &[i % 10, i]);
            assert_eq!(store.intern(0, &[i % 10, i]), id);
            store.flip(id);
        }
        store.intern(1, &[3]);
        assert_eq!(chain(&store, store.of_pred(0).first, NONE).len(), 100);
        let found = chain(&store, store.of_arg(0, 0, 3).first, 0);
        assert_eq!(found.len(), 10);
        assert!(found.iter().all(|id| store.args(*id)[0] == 3));
        assert!(store.holds(0, &[3, 43]) && !store.holds(1, &[3]) && !store.holds(0, &[4, 43]));
        assert_eq!(store.of_arg(0, 1, 777).len, 0);
    }

    #[test]
    fn a_change_taken_back_leaves_no_trace() {
        let mut store = Store::new(1);
        let id = store.intern(0, &[]);
        let before = store.hash;
        store.flip(id);
        assert_ne!(store.hash, before);
        store.flip(id);
        assert_eq!((store.hash, store.holds_id(id)), (before, false));
    }
}

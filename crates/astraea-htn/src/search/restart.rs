//! Beginning again in another order.
//!
//! Depth first, an unlucky early choice can keep a search busy for ever, where another order of methods and facts finds a plan at once. So the search is
//! begun again and again with another order, each time with as many steps as the sequence of Luby, Sinclair and Zuckerman ("Optimal speedup of Las Vegas
//! algorithms", 1993) says. The orders are pseudo-random with fixed seeds: the same problem leads to the same plan.

use super::Search;
use crate::store::{Store, mix};

/// The `i`-th number (from 1) of the sequence 1 1 2 1 1 2 4 1 1 2 …
pub(crate) fn luby(mut i: u64) -> u64 {
    loop {
        let whole = (i + 1).next_power_of_two();
        if i + 1 == whole {
            return whole / 2;
        }
        i -= whole / 2 - 1;
    }
}

impl Search<'_> {
    /// Begins again from the same start with the order of methods and facts that belongs to the number.
    pub(crate) fn vary(&mut self, start: &Store, seed: u64) {
        let mut rng = mix(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut next = |below: usize| {
            rng = rng.wrapping_add(0x9e37_79b9_7f4a_7c15);
            (mix(rng) % below.max(1) as u64) as usize
        };
        self.orders = self
            .model
            .tasks
            .iter()
            .map(|task| {
                let mut order = task.declared.clone();
                for i in (1..order.len()).rev() {
                    order.swap(i, next(i + 1));
                }
                order.into()
            })
            .collect();
        let mut facts: Vec<u32> = start.iter().collect();
        for i in (1..facts.len()).rev() {
            facts.swap(i, next(i + 1));
        }
        let mut store = Store::new(self.model.predicates.len());
        for fact in facts {
            let id = store.intern(start.pred(fact), start.args(fact));
            store.flip(id);
        }
        self.store = store;
        self.words.clear();
        self.trail.clear();
        self.undo.clear();
        self.steps.clear();
        self.frames.clear();
        self.bindings.clear();
        self.cursors.clear();
        self.visited.clear();
        self.idle_limit = 0;
        self.idle_hit = false;
        self.depth_hit = false;
        self.begin();
    }

    /// Lets the search spend so many more steps before it stops at [`Limit::Steps`](crate::error::Limit::Steps); `false` where the options allow none.
    pub(crate) fn allow(&mut self, steps: u64) -> bool {
        self.max_steps = self.spent.saturating_add(steps).min(self.options.max_steps);
        self.max_steps > self.spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_doubles_slowly() {
        let first: Vec<u64> = (1..16).map(luby).collect();
        assert_eq!(first, [1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1, 1, 2, 4, 8]);
    }
}

//! Which calls become tests: few, short, and each for a mutant that no other notices.

use std::collections::{BTreeMap, BTreeSet};

/// A call that could become a test.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct Case {
    pub(super) id: u32,
    /// The function or class it calls.
    pub(super) target: String,
    /// How much there is to read; the smaller the better.
    pub(super) size: usize,
}

/// Greedy set cover (Chvátal 1979, with reading length as the cost): at most `most` cases that together kill what all of
/// them kill, where that many suffice; each kills a mutant that none chosen before it does.
pub(super) fn choose(
    cases: &[Case],
    kills: &BTreeMap<u32, BTreeSet<u32>>,
    noticed: &BTreeSet<u32>,
    most: usize,
) -> Vec<u32> {
    // mutant → cases that kill it
    let mut open: BTreeMap<u32, &BTreeSet<u32>> = kills
        .iter()
        .filter(|(mutant, by)| !by.is_empty() && !noticed.contains(mutant))
        .map(|(mutant, by)| (*mutant, by))
        .collect();
    let mut chosen = Vec::new();
    while !open.is_empty() && chosen.len() < most {
        let mut gain: BTreeMap<u32, usize> = BTreeMap::new();
        for by in open.values() {
            for case in *by {
                *gain.entry(*case).or_default() += 1;
            }
        }
        let best = cases.iter().filter_map(|case| Some((gain.get(&case.id)?, case))).max_by(
            |(a, one), (b, other)| {
                a.cmp(b).then(other.size.cmp(&one.size)).then(other.id.cmp(&one.id))
            },
        );
        let Some((_, best)) = best else { break };
        chosen.push(best.id);
        open.retain(|_, by| !by.contains(&best.id));
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_chosen_kills_all_that_can_be_killed_and_nothing_chosen_is_idle(
            matrix in proptest::collection::btree_map(0..40_u32, proptest::collection::btree_set(0..12_u32, 0..5), 0..40),
            noticed in proptest::collection::btree_set(0..40_u32, 0..8),
            sizes in proptest::collection::vec(1..90_usize, 12),
        ) {
            let cases: Vec<Case> = sizes
                .iter()
                .enumerate()
                .map(|(id, size)| Case { id: id as u32, target: "f".into(), size: *size })
                .collect();
            let chosen: BTreeSet<u32> = choose(&cases, &matrix, &noticed, 100).into_iter().collect();
            let killed = |by: &BTreeSet<u32>| by.iter().any(|case| chosen.contains(case));
            for (mutant, by) in &matrix {
                prop_assert!(noticed.contains(mutant) || by.is_empty() || killed(by));
            }
            for case in &chosen {
                prop_assert!(matrix.iter().any(|(m, by)| !noticed.contains(m) && by.contains(case)));
            }
            prop_assert!(choose(&cases, &matrix, &noticed, 2).len() <= 2);
        }
    }
}

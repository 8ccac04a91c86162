//! Orderings as positions.

use crate::ast::{Name, Network};

/// The orderings of a network as positions of subtasks.
pub(super) fn pairs(network: &Network) -> Vec<(usize, usize)> {
    if network.ordered {
        return (1..network.subtasks.len()).map(|i| (i - 1, i)).collect();
    }
    let place =
        |label: &Name| network.subtasks.iter().position(|s| s.label.as_ref() == Some(label));
    network.ordering.iter().filter_map(|(a, b)| place(a).zip(place(b))).collect()
}

/// The positions in an order that keeps the pairs; those on a cycle come last.
pub(super) fn sorted(count: usize, pairs: &[(usize, usize)]) -> Vec<usize> {
    let mut waits = vec![0usize; count];
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (a, b) in pairs.iter().filter(|(a, b)| *a < count && *b < count) {
        waits[*b] += 1;
        next[*a].push(*b);
    }
    let mut order: Vec<usize> = (0..count).filter(|i| waits[*i] == 0).collect();
    let mut at = 0;
    while at < order.len() {
        for b in &next[order[at]] {
            waits[*b] -= 1;
            if waits[*b] == 0 {
                order.push(*b);
            }
        }
        at += 1;
    }
    order.extend((0..count).filter(|i| waits[*i] > 0));
    order
}

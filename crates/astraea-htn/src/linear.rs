//! A partially ordered domain in one total order.
//!
//! Most plans of a partially ordered problem can also be had where every method's subtasks are put in one order (Behnke, Höller, Speck and Biundo have
//! studied when; their planner won the partially ordered track of the planning competition of 2023 in this way). There, more is known of what a subtask
//! needs, and nothing interleaves. That there is no plan in this order says nothing about the others.

use std::sync::Arc;

use crate::ast;
use crate::compile::compile;
use crate::model::Model;
use crate::network::Network;

impl Model {
    /// The domain with the subtasks of each method in one order; positions of tasks, methods and predicates are the same.
    pub(crate) fn linear(&self) -> Option<&Arc<Self>> {
        let make = || {
            let mut domain = self.ast.clone();
            for method in &mut domain.methods {
                put_in_order(&mut method.network);
            }
            compile(domain, &[]).ok().map(Arc::new)
        };
        self.linear.get_or_init(make).as_ref()
    }
}

impl Network {
    /// The same tasks one after the other.
    pub(crate) fn linear(&self) -> Option<Self> {
        let order = in_order(self.tasks.len(), &self.before)?;
        let before = order.windows(2).map(|pair| (pair[0], pair[1])).collect();
        Some(Self { before, ..self.clone() })
    }
}

fn put_in_order(network: &mut ast::Network) {
    if network.ordered {
        return;
    }
    let place =
        |label: &ast::Name| network.subtasks.iter().position(|s| s.label.as_ref() == Some(label));
    let pairs = network.ordering.iter().filter_map(|(a, b)| place(a).zip(place(b)));
    let pairs: Vec<(usize, usize)> = pairs.collect();
    let Some(order) = in_order(network.subtasks.len(), &pairs) else { return };
    let label = |i: usize| ast::Name::new(format!("s{i}"));
    for (i, sub) in network.subtasks.iter_mut().enumerate() {
        sub.label = Some(label(i));
    }
    network.ordering = order.windows(2).map(|pair| (label(pair[0]), label(pair[1]))).collect();
}

/// The numbers below `count` in an order that keeps the pairs and otherwise the one in which they were declared; none where the pairs form a cycle.
fn in_order(count: usize, pairs: &[(usize, usize)]) -> Option<Vec<usize>> {
    let mut waits = vec![0usize; count];
    let mut next = vec![Vec::new(); count];
    for (a, b) in pairs {
        next[*a].push(*b);
        waits[*b] += 1;
    }
    let mut free: std::collections::BTreeSet<usize> =
        (0..count).filter(|i| waits[*i] == 0).collect();
    let mut order = Vec::with_capacity(count);
    while let Some(first) = free.pop_first() {
        order.push(first);
        for later in &next[first] {
            waits[*later] -= 1;
            if waits[*later] == 0 {
                free.insert(*later);
            }
        }
    }
    (order.len() == count).then_some(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_order_decides_where_nothing_else_does() {
        assert_eq!(in_order(4, &[(3, 0)]), Some(vec![1, 2, 3, 0]));
        assert_eq!(in_order(2, &[(0, 1), (1, 0)]), None);
        assert_eq!(in_order(0, &[]), Some(vec![]));
    }
}

//! The order of subtasks.

use rustc_hash::FxHashMap;

use super::{Scope, twice};
use crate::ast;
use crate::diagnostic::Diagnostic;
use crate::model::Sub;
use crate::syntax::did_you_mean;

/// Puts the orderings into the subtasks and sorts these; a cycle is an error.
pub(super) fn order(
    network: &ast::Network,
    subs: &mut [Sub],
    scope: &mut Scope<'_, '_>,
) -> Option<Vec<u16>> {
    let count = subs.len();
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    if network.ordered {
        pairs.extend((1..count).map(|i| (i - 1, i)));
    }
    let label = |s: &ast::Subtask| s.label.as_ref().map(ast::Name::key);
    let mut labels = FxHashMap::default();
    for (i, sub) in network.subtasks.iter().enumerate() {
        if let Some(key) = label(sub)
            && labels.insert(key, i).is_some()
            && let Some(name) = &sub.label
        {
            scope.errors.push(twice("label", name));
        }
    }
    let mut fine = true;
    for (a, b) in &network.ordering {
        let mut find = |name: &ast::Name| {
            let found = labels.get(&name.key()).copied();
            if found.is_none() {
                let known = network.subtasks.iter().filter_map(|s| s.label.as_ref());
                let mut d =
                    Diagnostic::error(format!("no subtask is labelled `{name}`"), name.span);
                d.help = did_you_mean(&name.text, known.map(|n| n.text.as_str()))
                    .or_else(|| Some("label it: `(label (task …))`".to_owned()));
                scope.errors.push(d);
                fine = false;
            }
            found
        };
        if let (Some(a), Some(b)) = (find(a), find(b)) {
            pairs.push((a, b));
        }
    }
    if !fine {
        return None;
    }
    match link(subs, pairs) {
        Ok(backwards) => Some(backwards),
        Err(stuck) => {
            let term = &network.subtasks[stuck[0]].term;
            let pair = network.ordering.iter().find(|(a, b)| {
                [a, b].iter().all(|n| labels.get(&n.key()).is_some_and(|i| stuck.contains(i)))
            });
            let span = pair.map_or(term.name.span, |(a, b)| a.span.to(b.span));
            scope.errors.push(
                Diagnostic::error("the ordering of the subtasks is cyclic", span)
                    .label(format!("`{}` would have to come before itself", term.name))
                    .help("remove one of the orderings on the cycle"),
            );
            None
        }
    }
}

/// Enters the orderings and gives the subtasks from last to first; where there is a cycle, the subtasks that cannot be placed.
pub(crate) fn link(
    subs: &mut [Sub],
    mut pairs: Vec<(usize, usize)>,
) -> Result<Vec<u16>, Vec<usize>> {
    if subs.len() == 1 && pairs.is_empty() {
        return Ok(vec![0]);
    }
    pairs.sort_unstable();
    pairs.dedup();
    for (a, b) in &pairs {
        subs[*a].next.push(*b as u16);
        subs[*b].waits += 1;
    }
    let mut waits: Vec<u16> = subs.iter().map(|s| s.waits).collect();
    let mut sorted: Vec<u16> = Vec::with_capacity(subs.len());
    sorted.extend((0..subs.len()).filter(|i| waits[*i] == 0).map(|i| i as u16));
    let mut at = 0;
    while at < sorted.len() {
        for next in &subs[usize::from(sorted[at])].next {
            waits[usize::from(*next)] -= 1;
            if waits[usize::from(*next)] == 0 {
                sorted.push(*next);
            }
        }
        at += 1;
    }
    if sorted.len() < subs.len() {
        return Err((0..subs.len()).filter(|i| waits[*i] > 0).collect());
    }
    sorted.reverse();
    Ok(sorted)
}

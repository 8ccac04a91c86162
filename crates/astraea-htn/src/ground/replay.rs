//! From the decisions of a ground search to a [`Plan`].

use super::Asked;
use super::build::Ground;
use super::reach::{Reached, method_of};
use crate::atom::Atom;
use crate::model::Model;
use crate::objects::{Obj, Objects};
use crate::plan::{Done, Node, Plan, Step};

/// Repeats the decisions and notes the decomposition.
pub(crate) fn replay(
    model: &Model,
    objects: &Objects,
    asked: &Asked<'_>,
    ground: &Ground,
    path: &[Option<u32>],
) -> Plan {
    let mut plan = Plan::default();
    // The remaining tasks, the next one last, each with its place in the tree; the root has none.
    let mut stack: Vec<Option<usize>> = vec![None];
    let name = |o: &Obj| objects.word(*o);
    for decision in path {
        let Some(place) = stack.pop() else { break };
        let Some(m) = decision else {
            let Some(node) = place else { continue };
            let task = plan.tree[node].task.clone();
            let parent = plan.tree[node].parent.map(|p| &plan.tree[p].done);
            let method = match parent {
                Some(Done::Method { method, .. }) => Some(method.clone()),
                _ => None,
            };
            plan.tree[node].done = Done::Step { step: plan.steps.len() };
            plan.steps.push(Step { action: task.name, args: task.args, method, node });
            continue;
        };
        let words = ground.reached.methods.get(ground.methods[*m as usize].source);
        let (id, values) = (words[0], &words[1..]);
        let method = method_of(model, asked, id);
        let first = plan.tree.len();
        for sub in &method.subs {
            let task = Atom {
                name: model.tasks[sub.task as usize].name.clone(),
                args: sub.args.iter().map(|a| name(&a.value(values))).collect(),
            };
            plan.tree.push(Node { task, parent: place, done: Done::Step { step: 0 } });
        }
        let children: Vec<usize> = (first..plan.tree.len()).collect();
        stack.extend(method.backwards.iter().map(|i| Some(first + usize::from(*i))));
        match place {
            None => plan.roots = children,
            Some(node) => {
                debug_assert_ne!(id, Reached::TOP);
                plan.cost += method.cost.unwrap_or(0.0);
                let binding = method.vars.iter().cloned().zip(values.iter().map(name)).collect();
                plan.tree[node].done = Done::Method {
                    method: method.name.clone(),
                    binding,
                    children: children.into(),
                    at: plan.steps.len(),
                };
            }
        }
    }
    plan
}

//! From a finished search to a [`Plan`].

use super::Search;
use super::node::ROOT;
use crate::atom::Atom;
use crate::plan::{Done, Node, Plan, Step};

impl Search<'_> {
    pub(super) fn atom(&self, node: u32) -> Atom {
        let task = &self.model.tasks[self.nodes[node as usize].task as usize];
        let args = self.node_args(node).iter().map(|o| self.objects.word(*o));
        Atom { name: task.name.clone(), args: args.collect() }
    }

    pub(super) fn extract_steps(&self) -> Vec<Step> {
        self.steps
            .iter()
            .map(|&node| {
                let Atom { name, args } = self.atom(node);
                let parent = self.nodes[node as usize].parent;
                let method =
                    (parent != ROOT).then(|| self.method(self.nodes[parent as usize].method));
                let method = method.map(|m| m.name.clone());
                Step { action: name, args, method, node: node as usize - 1 }
            })
            .collect()
    }

    /// The plan that was just found; its action costs are still to be filled in.
    pub(crate) fn plan(&self) -> Plan {
        let mut place = vec![0; self.nodes.len()];
        for (step, node) in self.steps.iter().enumerate() {
            place[*node as usize] = step;
        }
        let mut cost = 0.0;
        let mut tree = Vec::with_capacity(self.nodes.len() - 1);
        for id in 1..self.nodes.len() as u32 {
            let node = &self.nodes[id as usize];
            let done = if self.is_action(id) {
                Done::Step { step: place[id as usize] }
            } else {
                let method = self.method(node.method);
                cost += method.cost.unwrap_or(0.0);
                let names = method.vars.iter().cloned();
                let values = self.node_binding(id).iter().map(|o| self.objects.word(*o));
                let first = node.first_child as usize - 1;
                Done::Method {
                    method: method.name.clone(),
                    binding: names.zip(values).collect(),
                    children: (first..first + method.subs.len()).collect(),
                    at: node.at as usize,
                }
            };
            let parent = (node.parent != ROOT).then(|| node.parent as usize - 1);
            tree.push(Node { task: self.atom(id), parent, done });
        }
        let roots = (0..self.top.subs.len()).collect();
        Plan { steps: self.extract_steps(), tree, roots, cost, action_cost: 0.0 }
    }
}

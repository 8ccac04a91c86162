//! How far a search came, for those who ask why there is no plan.

use super::node::ROOT;
use super::{Frame, Search};
use crate::objects::Obj;

/// The furthest point at which nothing more could be done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deepest {
    /// The steps up to there.
    pub(crate) steps: Vec<(u32, Vec<Obj>)>,
    /// The tasks from a root to the one that failed.
    pub(crate) chain: Vec<Link>,
    depth: u32,
}

/// A task on the way to the deepest point.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) task: u32,
    pub(crate) args: Vec<Obj>,
    /// The method chosen for it; `None` for the last.
    pub(crate) method: Option<u32>,
    /// How many steps were executed then.
    pub(crate) at: usize,
}

impl Search<'_> {
    /// Notes where a frame without alternatives stood, if that is further than before.
    pub(super) fn note_deepest(&mut self, frame: &Frame) {
        let Some(&node) = self.frontier.get(frame.end as usize - 1) else { return };
        let depth = self.nodes[node as usize].depth;
        let known = &self.deepest;
        if !known.chain.is_empty() && (self.steps.len(), depth) <= (known.steps.len(), known.depth)
        {
            return;
        }
        let term = |n: u32| (self.nodes[n as usize].task, self.node_args(n).to_vec());
        let steps = self.steps.iter().map(|n| term(*n)).collect();
        let mut chain = Vec::new();
        let mut up = node;
        while up != ROOT {
            let (task, args) = term(up);
            let this = &self.nodes[up as usize];
            let (method, at) = if up == node {
                (None, self.steps.len())
            } else {
                (Some(this.method), this.at as usize)
            };
            chain.push(Link { task, args, method, at });
            up = this.parent;
        }
        chain.reverse();
        self.deepest = Deepest { steps, chain, depth };
    }
}

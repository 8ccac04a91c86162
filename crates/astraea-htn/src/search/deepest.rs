//! How far a search came, for those who ask why there is no plan.

use super::Search;
use super::node::ROOT;
use crate::objects::Obj;
use crate::store::NONE;

/// The furthest point at which nothing more could be done, packed into words: it is written often and read at most once.
#[derive(Debug, Default)]
pub(crate) struct Deepest {
    /// First the steps, each as task, number of arguments, arguments; then the tasks from the one that failed up to a root, with method and moment behind.
    pub(super) words: Vec<u32>,
    pub(super) steps: u32,
    pub(super) depth: u32,
    pub(super) noted: bool,
}

/// The steps up to a point.
pub(crate) type Steps = Vec<(u32, Vec<Obj>)>;

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
    /// Notes where nothing could be done for a task, if that is further than before.
    pub(super) fn note_deepest(&mut self, node: u32) {
        let depth = self.nodes[node as usize].depth;
        let steps = self.steps.len() as u32;
        let known = &self.deepest;
        if known.noted && (steps, depth) <= (known.steps, known.depth) {
            return;
        }
        let mut words = std::mem::take(&mut self.deepest.words);
        words.clear();
        for &step in &self.steps {
            self.pack(step, &mut words);
        }
        let mut up = node;
        while up != ROOT {
            self.pack(up, &mut words);
            let this = &self.nodes[up as usize];
            words.extend(if up == node { [NONE, steps] } else { [this.method, this.at] });
            up = this.parent;
        }
        self.deepest = Deepest { words, steps, depth, noted: true };
    }

    fn pack(&self, node: u32, words: &mut Vec<u32>) {
        let this = &self.nodes[node as usize];
        words.extend([this.task, this.arity]);
        words.extend_from_slice(self.node_args(node));
    }
}

impl Deepest {
    /// The steps up to the point, and the tasks from a root to the one that failed.
    pub(crate) fn unpack(&self) -> (Steps, Vec<Link>) {
        let mut words = self.words.iter().copied();
        let mut steps = Vec::with_capacity(self.steps as usize);
        let mut chain = Vec::new();
        while let (Some(task), Some(count)) = (words.next(), words.next()) {
            let args = words.by_ref().take(count as usize).collect();
            if steps.len() < self.steps as usize {
                steps.push((task, args));
            } else if let (Some(method), Some(at)) = (words.next(), words.next()) {
                let method = (method != NONE).then_some(method);
                chain.push(Link { task, args, method, at: at as usize });
            }
        }
        chain.reverse();
        (steps, chain)
    }
}

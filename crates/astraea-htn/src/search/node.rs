//! Tasks of the decomposition tree, and how a change to them is undone.

use crate::store::NONE;

/// The node above the tasks asked for.
pub(super) const ROOT: u32 = 0;
/// The method that "refines" the root into them.
pub(super) const TOP: u32 = u32::MAX - 1;

/// A task of the tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(super) task: u32,
    /// Where its arguments begin in the pool.
    pub(super) args: u32,
    pub(super) arity: u32,
    pub(super) parent: u32,
    /// Which of the parent's subtasks it is.
    pub(super) index: u16,
    /// Siblings that must be finished first.
    pub(super) waits: u16,
    pub(super) depth: u32,
    /// The method chosen, and where its binding begins in the pool.
    pub(super) method: u32,
    pub(super) binding: u32,
    pub(super) first_child: u32,
    /// Children that are not finished.
    pub(super) open: u32,
    /// Steps executed when the method was chosen.
    pub(super) at: u32,
    /// Key of the state when the method was chosen.
    pub(super) state: u64,
    /// Key of the task with its arguments.
    pub(super) term: u64,
    /// Key of what comes after it.
    pub(super) after: u64,
    /// Key of it and what comes after it.
    pub(super) hash: u64,
}

impl Node {
    pub(super) fn root() -> Self {
        Self {
            task: NONE,
            args: 0,
            arity: 0,
            parent: NONE,
            index: 0,
            waits: 0,
            depth: 0,
            method: NONE,
            binding: 0,
            first_child: 1,
            open: 0,
            at: 0,
            state: 0,
            term: 0,
            after: 0,
            hash: 0,
        }
    }
}

/// How to take back one change to the network.
#[derive(Debug, Clone, Copy)]
pub(super) enum Undo {
    /// A node waits for one more.
    Waits(u32),
    /// A node has one more unfinished child.
    Open(u32),
    /// Take the node at this place out of the frontier.
    Inserted(u32),
    /// Put the node back at this place of the frontier.
    Removed(u32, u32),
}

//! The search: depth first through tasks, methods and bindings, with every choice taken back when it fails.
//!
//! A situation is a state with the network of tasks that remain. A [`Frame`] is a situation whose alternatives are being tried; the frames form an
//! explicit stack. Applying an alternative changes state and network in place and notes on two trails how to undo that. The network is the
//! decomposition tree itself: each node counts the siblings it waits for and its unfinished children, and those that wait for nothing are the frontier,
//! so that partially ordered networks need no other machinery.
//!
//! A situation that was met before is not tried again: either it failed, or it is being tried further up and leads back to itself. Recursion
//! that adds tasks without changing the state is held back by a bound that grows when nothing else is left.

mod apply;
mod deepest;
mod extract;
mod memory;
mod node;
mod request;
mod restart;
mod watch;

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use crate::cond::Cond;
use crate::error::Limit;
use crate::model::{Arg, Method, Model};
use crate::objects::{Obj, Objects};
use crate::options::{MethodOrder, Options};
use crate::store::{FactId, NONE, Store, Walk, hash_term, mix};

pub(crate) use apply::change;
use deepest::Deepest;
pub(crate) use memory::Memory;
use node::{Node, ROOT, TOP, Undo};
pub(crate) use request::{Request, Rules, as_method, resolve_args, resolve_task};
pub(crate) use restart::luby;
pub(crate) use watch::Tally;

/// What a search ends with.
#[derive(Debug)]
pub(crate) enum End {
    /// A plan; it can be taken from the search as long as that is not moved on.
    Found,
    /// Everything was tried.
    Exhausted,
    /// A limit came first.
    Stopped(Limit),
}

/// What is known about a situation.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// The frame that is trying it; [`NONE`] once it failed.
    frame: u32,
    /// Steps executed before it.
    steps: u32,
}

/// A situation whose alternatives are being tried, and how to get back to it.
#[derive(Debug, Clone, Copy)]
struct Frame {
    nodes: u32,
    words: u32,
    trail: u32,
    undo: u32,
    steps: u32,
    bindings: u32,
    cursors: u32,
    /// Changes of numbers.
    values: u32,
    /// The task of the frontier being tried, and the end of those to try.
    pos: u32,
    end: u32,
    /// Which of its methods.
    method: u32,
    /// Whether the task, and the method's query, have been begun.
    begun: bool,
    running: bool,
    /// Whether any alternative could be applied.
    fruitful: bool,
    remaining: u64,
    key: (u64, u64),
    /// The lowest frame to which something below led back.
    low: u32,
    /// Plans seen when the frame was made.
    seen: u64,
}

/// A search in progress.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    model: &'a Model,
    objects: &'a Objects,
    options: &'a Options<'a>,
    rules: &'a Rules,
    top: &'a Method,
    ordered: bool,
    goal: Option<&'a (Cond, usize)>,
    pub(crate) store: Store,
    nodes: Vec<Node>,
    /// Arguments and bindings of the nodes.
    words: Vec<u32>,
    frontier: Vec<u32>,
    trail: Vec<FactId>,
    undo: Vec<Undo>,
    steps: Vec<u32>,
    /// Sum over the tasks that remain.
    remaining: u64,
    frames: Vec<Frame>,
    bindings: Vec<Obj>,
    cursors: Vec<Walk>,
    visited: FxHashMap<(u64, u64), Mark>,
    /// More than one plan may be looked at, so a situation that led to a plan is not a failure.
    many: bool,
    spent: u64,
    /// When to ask again whether to stop.
    next_look: u64,
    plans_seen: u64,
    idle_limit: u32,
    idle_hit: bool,
    depth_hit: bool,
    pub(crate) rejected: u64,
    pub(crate) deepest: Deepest,
    scratch: Vec<Obj>,
    /// Counts which conditions failed, for those who ask why there is no plan.
    pub(crate) tally: Option<Box<Tally>>,
    /// Another order of the methods of each task, while there is one.
    orders: Vec<Box<[u32]>>,
    max_steps: u64,
}

impl<'a> Search<'a> {
    pub(crate) fn new(
        model: &'a Model,
        objects: &'a Objects,
        start: &Store,
        request: &'a Request,
        options: &'a Options<'a>,
        many: bool,
    ) -> Self {
        let rules = &request.rules;
        let many = many || options.accept.is_some() || !rules.plans.is_empty();
        let mut memory =
            model.memory.try_lock().map(|mut m| m.take()).ok().flatten().unwrap_or_default();
        memory.store.clone_from(start);
        let mut search = Self {
            model,
            objects,
            options,
            rules,
            top: &request.top,
            ordered: request.ordered,
            goal: request.goal.as_ref(),
            store: memory.store,
            nodes: memory.nodes,
            words: memory.words,
            frontier: memory.frontier,
            trail: memory.trail,
            undo: memory.undo,
            steps: memory.steps,
            remaining: 0,
            frames: memory.frames,
            bindings: memory.bindings,
            cursors: memory.cursors,
            visited: memory.visited,
            many,
            spent: 0,
            next_look: 0,
            plans_seen: 0,
            idle_limit: 0,
            idle_hit: false,
            depth_hit: false,
            rejected: 0,
            deepest: Deepest { words: memory.deepest, ..Deepest::default() },
            scratch: memory.scratch,
            tally: None,
            orders: Vec::new(),
            max_steps: options.max_steps,
        };
        search.begin();
        search
    }

    fn begin(&mut self) {
        self.nodes.clear();
        self.words.clear();
        self.frontier.clear();
        self.nodes.push(Node::root());
        self.frontier.push(ROOT);
        self.remaining = 0;
        self.push_frame((0, 0));
    }

    fn push_frame(&mut self, key: (u64, u64)) {
        let neutral = if self.frontier.len() > 1 {
            self.frontier
                .iter()
                .position(|n| self.model.tasks[self.nodes[*n as usize].task as usize].neutral)
        } else {
            None
        };
        let (pos, end) = neutral.map_or((0, self.frontier.len()), |p| (p, p + 1));
        self.frames.push(Frame {
            nodes: self.nodes.len() as u32,
            words: self.words.len() as u32,
            trail: self.trail.len() as u32,
            undo: self.undo.len() as u32,
            steps: self.steps.len() as u32,
            bindings: self.bindings.len() as u32,
            cursors: self.cursors.len() as u32,
            values: self.store.changed_numbers() as u32,
            pos: pos as u32,
            end: end as u32,
            method: 0,
            begun: false,
            running: false,
            fruitful: false,
            remaining: self.remaining,
            key,
            low: NONE,
            seen: self.plans_seen,
        });
    }

    /// Goes on to the next plan.
    pub(crate) fn run(&mut self) -> End {
        // Nobody who does not watch pays for the events.
        if self.options.observer.is_some() || self.tally.is_some() {
            self.search::<true>()
        } else {
            self.search::<false>()
        }
    }

    fn search<const WATCHED: bool>(&mut self) -> End {
        loop {
            if self.frames.is_empty() {
                if !self.idle_hit {
                    return if self.depth_hit {
                        End::Stopped(Limit::Depth)
                    } else {
                        End::Exhausted
                    };
                }
                // Only recursion without progress is left: allow more of it.
                self.idle_limit = (self.idle_limit * 2).max(1);
                self.idle_hit = false;
                self.depth_hit = false;
                self.visited.clear();
                if WATCHED {
                    self.tell_deepened();
                }
                self.begin();
            }
            if self.spent >= self.max_steps {
                return End::Stopped(Limit::Steps);
            }
            if self.spent >= self.next_look {
                self.next_look = self.spent + 256;
                if self.options.stop.is_some_and(|stop| stop()) {
                    return End::Stopped(Limit::Stopped);
                }
            }
            self.spent += 1;
            if self.advance::<WATCHED>() {
                return End::Found;
            }
        }
    }

    /// Tries the next alternative of the topmost frame; whether that completed a plan.
    fn advance<const WATCHED: bool>(&mut self) -> bool {
        let depth = self.frames.len() - 1;
        let mut frame = self.frames[depth];
        if WATCHED && frame.fruitful {
            self.tell_backtracked(&frame);
        }
        self.restore(&frame);
        while frame.pos < frame.end {
            let node = self.frontier[frame.pos as usize];
            let applied = if self.is_action(node) {
                !std::mem::replace(&mut frame.begun, true)
                    && self.execute::<WATCHED>(node, frame.pos)
            } else {
                self.refine::<WATCHED>(node, &mut frame)
            };
            if applied {
                frame.fruitful = true;
                self.frames[depth] = frame;
                return (WATCHED || self.run_ahead()) && self.enter::<WATCHED>(depth);
            }
            if WATCHED {
                self.tell_failed(node);
            }
            frame.pos += 1;
            frame.method = 0;
            frame.begun = false;
            frame.running = false;
        }
        self.leave(&frame);
        false
    }

    /// Executes actions as long as one is all that can be done: there is nothing to choose, so no frame is needed to come back to. Says `false` at a dead end.
    fn run_ahead(&mut self) -> bool {
        while let [node] = self.frontier[..]
            && self.is_action(node)
        {
            self.spent += 1;
            if !self.execute::<false>(node, 0) {
                self.note_deepest(node);
                return false;
            }
        }
        true
    }

    /// The topmost frame has no alternative left.
    fn leave(&mut self, frame: &Frame) {
        if !frame.fruitful
            && let Some(&node) = self.frontier.get(frame.end as usize - 1)
        {
            self.note_deepest(node);
        }
        self.frames.pop();
        self.bindings.truncate(frame.bindings as usize);
        self.cursors.truncate(frame.cursors as usize);
        let depth = self.frames.len() as u32;
        if self.many {
            // It failed for good only if no plan went through it and nothing below was cut because it led back to a frame further up.
            if self.plans_seen == frame.seen && frame.low >= depth {
                if let Some(mark) = self.visited.get_mut(&frame.key) {
                    mark.frame = NONE;
                }
            } else {
                self.visited.remove(&frame.key);
            }
            if let Some(parent) = self.frames.last_mut()
                && frame.low < depth
            {
                parent.low = parent.low.min(frame.low);
            }
        }
    }

    /// Looks at the situation that an alternative led to; whether it is a plan.
    fn enter<const WATCHED: bool>(&mut self, parent: usize) -> bool {
        if self.frontier.is_empty() {
            let wanted = self.finished();
            if WATCHED {
                self.tell_completed(wanted);
            }
            return wanted;
        }
        let mut network = self.remaining.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for node in &self.frontier {
            network = network.wrapping_add(mix(self.nodes[*node as usize].hash));
        }
        let key = (self.store.hash, network);
        let steps = self.steps.len() as u32;
        let limited = self.options.max_plan_length.is_some();
        let mark = Mark { frame: self.frames.len() as u32, steps };
        match self.visited.entry(key) {
            Entry::Vacant(slot) => {
                slot.insert(mark);
            }
            // With a bound on the length, fewer steps on the way are a reason to try again.
            Entry::Occupied(mut slot) if limited && slot.get().steps > steps => {
                slot.insert(mark);
            }
            Entry::Occupied(slot) => {
                if slot.get().frame != NONE {
                    let low = slot.get().frame;
                    let frame = &mut self.frames[parent];
                    frame.low = frame.low.min(low);
                }
                if WATCHED {
                    self.tell_repeated();
                }
                return false;
            }
        }
        self.push_frame(key);
        false
    }

    /// All tasks are done: does the goal hold, and is this plan wanted?
    fn finished(&mut self) -> bool {
        if let Some((goal, slots)) = self.goal {
            let mut binding = vec![0; *slots];
            binding[..self.top.vars.len()].copy_from_slice(self.node_binding(ROOT));
            if !goal.eval(&self.store, self.objects, &mut binding) {
                self.rejected += 1;
                return false;
            }
        }
        self.plans_seen += 1;
        let same = |plan: &Vec<(u32, Vec<Obj>)>| {
            plan.len() == self.steps.len()
                && plan.iter().zip(&self.steps).all(|((task, args), node)| {
                    let node = *node as usize;
                    self.nodes[node].task == *task && self.node_args(node as u32) == &args[..]
                })
        };
        let wanted = !self.rules.plans.iter().any(same)
            && self.options.accept.is_none_or(|accept| accept(&self.extract_steps()));
        if !wanted {
            self.rejected += 1;
        }
        wanted
    }

    fn is_action(&self, node: u32) -> bool {
        node != ROOT && self.model.tasks[self.nodes[node as usize].task as usize].action.is_some()
    }

    fn method(&self, id: u32) -> &'a Method {
        if id == TOP { self.top } else { &self.model.methods[id as usize] }
    }

    /// The methods of a task in the order asked for.
    fn methods(&self, task: u32) -> &[u32] {
        if task == NONE {
            return &[TOP];
        }
        if let Some(order) = self.orders.get(task as usize) {
            return order;
        }
        let task = &self.model.tasks[task as usize];
        match self.options.method_order {
            MethodOrder::Cheapest => &task.cheapest,
            MethodOrder::Declared => &task.declared,
        }
    }

    /// Applies the next method and binding of a compound task.
    fn refine<const WATCHED: bool>(&mut self, node: u32, frame: &mut Frame) -> bool {
        if !frame.begun {
            frame.begun = true;
            if !self.may_refine(node) {
                return false;
            }
        }
        let task = self.nodes[node as usize].task;
        while let Some(&id) = self.methods(task).get(frame.method as usize) {
            let method = self.method(id);
            let first = frame.bindings as usize;
            let cursor = frame.cursors as usize;
            let begin = !frame.running;
            if begin {
                self.spent += 1;
                if self.is_ruled_out(node, id) || !self.bind_head(node, method, first) {
                    frame.method += 1;
                    continue;
                }
                self.cursors.truncate(cursor);
                self.cursors.resize(
                    cursor + method.query(self.ordered).cursors(),
                    Walk { at: NONE, by: NONE },
                );
                frame.running = true;
            }
            let mut resume = !begin;
            while method.query(self.ordered).next(
                &self.store,
                self.objects,
                &mut self.bindings[first..],
                &mut self.cursors[cursor..],
                resume,
            ) {
                resume = true;
                if self.is_binding_ruled_out(id, first) {
                    continue;
                }
                self.expand(node, id, frame.pos, first);
                if WATCHED {
                    self.tell_refined(node);
                }
                return true;
            }
            if WATCHED && !resume {
                self.count_blocked(node, id, first);
            }
            frame.running = false;
            frame.method += 1;
        }
        false
    }

    fn bind_head(&mut self, node: u32, method: &Method, first: usize) -> bool {
        self.bindings.truncate(first);
        self.bindings.resize(first + method.query(self.ordered).slots, NONE);
        if node == ROOT {
            return true;
        }
        let start = self.nodes[node as usize].args as usize;
        for (i, arg) in method.head.iter().enumerate() {
            let value = self.words[start + i];
            match arg {
                Arg::Obj(obj) if *obj != value => return false,
                Arg::Obj(_) => {}
                Arg::Var(slot) => {
                    let into = &mut self.bindings[first + usize::from(*slot)];
                    if *into != NONE && *into != value {
                        return false;
                    }
                    *into = value;
                }
            }
        }
        true
    }

    fn is_binding_ruled_out(&self, method: u32, first: usize) -> bool {
        self.rules.bindings.iter().any(|(m, values)| {
            *m == method && values.iter().all(|(slot, obj)| self.bindings[first + slot] == *obj)
        })
    }

    fn is_ruled_out(&self, node: u32, method: u32) -> bool {
        self.rules.methods.iter().any(|(m, args)| {
            *m == method && args.as_ref().is_none_or(|args| self.node_args(node) == &args[..])
        })
    }

    /// Whether refining the task is not just the same task over again, nor too deep.
    fn may_refine(&mut self, node: u32) -> bool {
        if node == ROOT {
            return true;
        }
        let this = self.nodes[node as usize];
        if this.depth > self.options.max_depth {
            self.depth_hit = true;
            return false;
        }
        let mut same = 0;
        let mut up = this.parent;
        while up != ROOT {
            let above = &self.nodes[up as usize];
            if above.state != self.store.hash {
                break;
            }
            if above.term == this.term {
                same += 1;
                if same > self.idle_limit {
                    self.idle_hit = true;
                    return false;
                }
            }
            up = above.parent;
        }
        true
    }
}

/// The key of a task with its arguments.
fn term_key(task: u32, args: &[Obj]) -> u64 {
    hash_term(task ^ 0x5bd1_e995, args)
}

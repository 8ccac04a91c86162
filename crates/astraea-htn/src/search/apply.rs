//! Executing an action, refining a task, finishing a node, and taking all of that back.

use super::node::{Node, ROOT, TOP, Undo};
use super::{Frame, Search, term_key};
use crate::cond::{for_each_choice, with_values};
use crate::model::Action;
use crate::number::{assign, number_changes};
use crate::objects::{Obj, Objects};
use crate::store::{FactId, NONE, Store, mix};

impl Search<'_> {
    pub(super) fn node_args(&self, node: u32) -> &[Obj] {
        let node = &self.nodes[node as usize];
        &self.words[node.args as usize..(node.args + node.arity) as usize]
    }

    /// What the variables of the node's method stand for.
    pub(super) fn node_binding(&self, node: u32) -> &[Obj] {
        let node = &self.nodes[node as usize];
        let count = self.method(node.method).vars.len();
        &self.words[node.binding as usize..node.binding as usize + count]
    }

    /// Goes back to the situation of the frame.
    pub(super) fn restore(&mut self, frame: &Frame) {
        while self.undo.len() > frame.undo as usize {
            match self.undo.pop() {
                Some(Undo::Waits(node)) => self.nodes[node as usize].waits += 1,
                Some(Undo::Open(node)) => self.nodes[node as usize].open += 1,
                Some(Undo::Inserted(pos)) => self.take_out(pos),
                Some(Undo::Removed(pos, node)) => self.put_in(pos, node),
                None => break,
            }
        }
        while self.trail.len() > frame.trail as usize {
            if let Some(fact) = self.trail.pop() {
                self.store.flip(fact);
            }
        }
        if self.store.changed_numbers() > frame.values as usize {
            self.store.take_numbers_back(frame.values as usize);
        }
        self.nodes.truncate(frame.nodes as usize);
        self.words.truncate(frame.words as usize);
        self.steps.truncate(frame.steps as usize);
        self.remaining = frame.remaining;
    }

    /// The frontier mostly holds one task, and then nothing has to be moved.
    #[inline]
    fn take_out(&mut self, pos: u32) {
        if pos as usize + 1 == self.frontier.len() {
            self.frontier.pop();
        } else {
            self.frontier.remove(pos as usize);
        }
    }

    #[inline]
    fn put_in(&mut self, pos: u32, node: u32) {
        if pos as usize == self.frontier.len() {
            self.frontier.push(node);
        } else {
            self.frontier.insert(pos as usize, node);
        }
    }

    /// Executes an action if its precondition holds and no rule forbids it.
    pub(super) fn execute<const WATCHED: bool>(&mut self, node: u32, pos: u32) -> bool {
        let model = self.model;
        let task = self.nodes[node as usize].task;
        let Some(action) = model.tasks[task as usize].action else { return false };
        let action = &model.actions[action as usize];
        if self.rules.actions.contains(&task)
            || self.options.max_plan_length.is_some_and(|max| self.steps.len() >= max)
            || self
                .rules
                .steps
                .iter()
                .any(|(t, args)| *t == task && self.node_args(node) == &args[..])
        {
            return false;
        }
        let mut binding = std::mem::take(&mut self.scratch);
        binding.clear();
        binding.extend_from_slice(self.node_args(node));
        binding.resize(action.slots, NONE);
        let holds = action.parts.iter().all(|p| p.eval(&self.store, self.objects, &mut binding));
        if WATCHED {
            if holds {
                self.tell_executed(node);
            } else {
                self.count_refused(task, action, &mut binding);
            }
        }
        if holds {
            change(action, &mut self.store, self.objects, &mut binding, &mut self.trail);
            self.steps.push(node);
            self.remaining = self.remaining.wrapping_sub(mix(self.nodes[node as usize].term));
            self.take_out(pos);
            self.undo.push(Undo::Removed(pos, node));
            self.finish(node, pos);
        }
        self.scratch = binding;
        holds
    }

    /// Puts the subtasks of a method in the place of a task.
    pub(super) fn expand(&mut self, node: u32, id: u32, pos: u32, binding: usize) {
        let method = self.method(id);
        let words = self.words.len() as u32;
        self.words.extend_from_slice(&self.bindings[binding..binding + method.vars.len()]);
        let first = self.nodes.len() as u32;
        let (after, depth) = {
            let this = &mut self.nodes[node as usize];
            this.method = id;
            this.binding = words;
            this.first_child = first;
            this.open = method.subs.len() as u32;
            this.at = self.steps.len() as u32;
            this.state = self.store.hash;
            (this.after, this.depth)
        };
        if node != ROOT {
            self.remaining = self.remaining.wrapping_sub(mix(self.nodes[node as usize].term));
        }
        for (index, sub) in method.subs.iter().enumerate() {
            let args = self.words.len() as u32;
            let values = sub.args.iter().map(|a| a.value(&self.bindings[binding..]));
            self.words.extend(values);
            let term = term_key(sub.task, &self.words[args as usize..]);
            self.remaining = self.remaining.wrapping_add(mix(term));
            self.nodes.push(Node {
                task: sub.task,
                args,
                arity: sub.args.len() as u32,
                parent: node,
                index: index as u16,
                waits: sub.waits,
                depth: depth + u32::from(id != TOP),
                term,
                ..Node::root()
            });
        }
        for index in &method.backwards {
            let next = &method.subs[usize::from(*index)].next;
            let after = if next.is_empty() {
                after
            } else {
                next.iter().fold(0u64, |sum, n| {
                    let sibling = &self.nodes[first as usize + usize::from(*n)];
                    sum.wrapping_add(mix(sibling.hash))
                })
            };
            let child = &mut self.nodes[first as usize + usize::from(*index)];
            child.after = after;
            child.hash = mix(child.term ^ after.rotate_left(17).wrapping_mul(3));
        }
        self.take_out(pos);
        self.undo.push(Undo::Removed(pos, node));
        let mut at = pos;
        for (index, sub) in method.subs.iter().enumerate() {
            if sub.waits == 0 {
                self.put_in(at, first + index as u32);
                self.undo.push(Undo::Inserted(at));
                at += 1;
            }
        }
        if method.subs.is_empty() {
            self.finish(node, pos);
        }
    }

    /// The node is done: those that waited for it may begin, and its parent may be done too.
    fn finish(&mut self, mut node: u32, pos: u32) {
        let mut at = pos;
        while node != ROOT {
            let this = self.nodes[node as usize];
            let parent = this.parent as usize;
            let first = self.nodes[parent].first_child;
            let method = self.method(self.nodes[parent].method);
            for next in &method.subs[usize::from(this.index)].next {
                let sibling = first + u32::from(*next);
                self.nodes[sibling as usize].waits -= 1;
                self.undo.push(Undo::Waits(sibling));
                if self.nodes[sibling as usize].waits == 0 {
                    self.put_in(at, sibling);
                    self.undo.push(Undo::Inserted(at));
                    at += 1;
                }
            }
            self.nodes[parent].open -= 1;
            self.undo.push(Undo::Open(parent as u32));
            if self.nodes[parent].open > 0 {
                break;
            }
            node = parent as u32;
        }
    }
}

/// Applies the effects of an action; the facts that changed go on the trail, the numbers on that of the store.
pub(crate) fn change(
    action: &Action,
    store: &mut Store,
    objects: &Objects,
    binding: &mut [Obj],
    trail: &mut Vec<FactId>,
) {
    if !action.numbers.is_empty() {
        // Amounts and conditions see the state before the action.
        let numbers = number_changes(action, store, objects, binding);
        change_facts(action, store, objects, binding, trail);
        for (id, how, amount) in numbers {
            if let Some(value) = assign(how, store.number_of(id), amount) {
                store.set_number(id, value);
            }
        }
        return;
    }
    change_facts(action, store, objects, binding, trail);
}

fn change_facts(
    action: &Action,
    store: &mut Store,
    objects: &Objects,
    binding: &mut [Obj],
    trail: &mut Vec<FactId>,
) {
    if action.plain {
        for c in &action.changes {
            if c.add {
                let fact = with_values(&c.args, binding, |args| store.intern(c.pred, args));
                if !store.holds_id(fact) {
                    store.flip(fact);
                    trail.push(fact);
                }
            } else if let Some(fact) =
                with_values(&c.args, binding, |args| store.find(c.pred, args))
                && store.holds_id(fact)
            {
                store.flip(fact);
                trail.push(fact);
            }
        }
        return;
    }
    // Conditions see the state before the action, so the changes are gathered first.
    let mut gathered: Vec<(bool, u32, Vec<Obj>)> = Vec::new();
    for c in &action.changes {
        for_each_choice(&c.forall, objects, binding, |binding| {
            if c.when.as_ref().is_none_or(|w| w.eval(store, objects, binding)) {
                let args = c.args.iter().map(|a| a.value(binding)).collect();
                gathered.push((c.add, c.pred, args));
            }
            false
        });
    }
    for (add, pred, args) in gathered {
        let fact = store.intern(pred, &args);
        if store.holds_id(fact) != add {
            store.flip(fact);
            trail.push(fact);
        }
    }
}

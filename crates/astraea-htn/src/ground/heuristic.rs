//! How far it still is: a relaxed plan for the remaining tasks.
//!
//! Every task becomes a fact, "done". An action makes its effects true and itself done; a method makes its task done once its precondition and its
//! subtasks are. Nothing becomes false. This is the relaxed composition of Höller, Bercher, Behnke and Biundo ("A generic method to guide HTN
//! progression search with classical heuristics", ICAPS 2018), with the additive heuristic choosing the supporters and the number of distinct
//! operators of the relaxed plan as the estimate.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::build::Ground;

const FAR: u32 = u32::MAX;

/// The relaxed problem, with room for its evaluation.
#[derive(Debug)]
pub(crate) struct Heuristic {
    /// For each operator its preconditions and what it makes true, as ranges of `words`.
    ops: Vec<Op>,
    words: Vec<u32>,
    /// For each fact the operators that need it.
    users: Vec<Vec<u32>>,
    /// Number of the fact "does not hold", where something asks for it.
    negative: Vec<u32>,
    /// Operators of each task.
    of_task: Vec<Vec<u32>>,
    done: u32,
    facts: usize,
    goal: Vec<u32>,
    cost: Vec<u32>,
    supporter: Vec<u32>,
    left: Vec<u32>,
    sum: Vec<u32>,
    stamp: Vec<u32>,
    wanted: Vec<u32>,
    now: u32,
    heap: BinaryHeap<Reverse<(u32, u32)>>,
    stack: Vec<u32>,
    free: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Op {
    pre: u32,
    adds: u32,
    end: u32,
}

impl Heuristic {
    pub(crate) fn new(ground: &Ground) -> Self {
        let mut negative = vec![FAR; ground.facts];
        let mut count = ground.facts as u32;
        let lists =
            ground.tasks.iter().map(|t| &t.pre).chain(ground.methods.iter().map(|m| &m.pre));
        for literal in lists.chain([&ground.goal]).flatten().filter(|l| *l % 2 == 1) {
            let slot = &mut negative[(literal / 2) as usize];
            if *slot == FAR {
                *slot = count;
                count += 1;
            }
        }
        let done = count;
        let total = count as usize + ground.tasks.len();
        let mut h = Self {
            ops: Vec::new(),
            words: Vec::new(),
            users: vec![Vec::new(); total],
            negative,
            of_task: vec![Vec::new(); ground.tasks.len()],
            done,
            facts: ground.facts,
            goal: Vec::new(),
            cost: vec![FAR; total],
            supporter: vec![FAR; total],
            left: Vec::new(),
            sum: Vec::new(),
            stamp: Vec::new(),
            wanted: vec![0; ground.tasks.len().max(total)],
            now: 0,
            heap: BinaryHeap::new(),
            stack: Vec::new(),
            free: Vec::new(),
        };
        h.goal = ground.goal.iter().map(|l| h.prop(*l)).collect();
        for (t, task) in ground.tasks.iter().enumerate() {
            if task.action {
                let pre: Vec<u32> = task.pre.iter().map(|l| h.prop(*l)).collect();
                let mut adds: Vec<u32> = task.add.to_vec();
                let gone = task.delete.iter().map(|f| h.negative[*f as usize]);
                adds.extend(gone.filter(|f| *f != FAR));
                adds.push(done + t as u32);
                h.push(t, pre, &adds);
            }
            for m in &task.methods {
                let method = &ground.methods[*m as usize];
                let mut pre: Vec<u32> = method.pre.iter().map(|l| h.prop(*l)).collect();
                pre.extend(method.subs.iter().map(|s| done + s));
                pre.sort_unstable();
                pre.dedup();
                h.push(t, pre, &[done + t as u32]);
            }
        }
        h.left = vec![0; h.ops.len()];
        h.sum = vec![0; h.ops.len()];
        h.stamp = vec![0; h.ops.len()];
        h
    }

    /// Bytes that it takes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.words.len() * 8 + self.ops.len() * 32 + self.users.len() * 40
    }

    fn prop(&self, literal: u32) -> u32 {
        let fact = literal / 2;
        if literal.is_multiple_of(2) { fact } else { self.negative[fact as usize] }
    }

    fn push(&mut self, task: usize, pre: Vec<u32>, adds: &[u32]) {
        let id = self.ops.len() as u32;
        let start = self.words.len() as u32;
        for p in &pre {
            self.users[*p as usize].push(id);
        }
        self.words.extend(&pre);
        let middle = self.words.len() as u32;
        self.words.extend(adds);
        self.ops.push(Op { pre: start, adds: middle, end: self.words.len() as u32 });
        self.of_task[task].push(id);
    }

    /// The estimate for a state and the tasks that remain; `None` where they cannot all be done.
    pub(crate) fn estimate(
        &mut self,
        state: &[u32],
        tasks: &[u32],
        ground: &Ground,
    ) -> Option<u32> {
        self.now += 1;
        let now = self.now;
        self.cost.fill(FAR);
        self.heap.clear();
        self.free.clear();
        // Only what can still come up may help.
        self.stack.clear();
        for t in tasks {
            if self.wanted[*t as usize] != now {
                self.wanted[*t as usize] = now;
                self.stack.push(*t);
            }
        }
        while let Some(t) = self.stack.pop() {
            for op in &self.of_task[t as usize] {
                let id = *op as usize;
                self.stamp[id] = now;
                self.left[id] = self.ops[id].adds - self.ops[id].pre;
                self.sum[id] = 1;
                if self.left[id] == 0 {
                    self.free.push(*op);
                }
            }
            for m in &ground.tasks[t as usize].methods {
                for sub in &ground.methods[*m as usize].subs {
                    if self.wanted[*sub as usize] != now {
                        self.wanted[*sub as usize] = now;
                        self.stack.push(*sub);
                    }
                }
            }
        }
        for fact in 0..self.facts {
            let holds = state[fact / 32] >> (fact % 32) & 1 == 1;
            let prop = if holds { fact as u32 } else { self.negative[fact] };
            if prop != FAR {
                self.cost[prop as usize] = 0;
                self.supporter[prop as usize] = FAR;
                self.heap.push(Reverse((0, prop)));
            }
        }
        for op in std::mem::take(&mut self.free) {
            self.fire(op);
        }
        while let Some(Reverse((cost, prop))) = self.heap.pop() {
            if cost > self.cost[prop as usize] {
                continue;
            }
            for i in 0..self.users[prop as usize].len() {
                let op = self.users[prop as usize][i];
                let id = op as usize;
                if self.stamp[id] != now {
                    continue;
                }
                self.sum[id] = self.sum[id].saturating_add(cost);
                self.left[id] -= 1;
                if self.left[id] == 0 {
                    self.fire(op);
                }
            }
        }
        self.relaxed_plan(tasks)
    }

    fn fire(&mut self, op: u32) {
        let Op { adds, end, .. } = self.ops[op as usize];
        let cost = self.sum[op as usize].min(FAR - 1);
        for i in adds..end {
            let prop = self.words[i as usize];
            if cost < self.cost[prop as usize] {
                self.cost[prop as usize] = cost;
                self.supporter[prop as usize] = op;
                self.heap.push(Reverse((cost, prop)));
            }
        }
    }

    /// Counts the operators that the remaining tasks and the goal need, each once, and a task that remains several times as often as it does.
    fn relaxed_plan(&mut self, tasks: &[u32]) -> Option<u32> {
        self.stack.clear();
        let mut count = 0u32;
        let wanted = tasks.iter().map(|t| self.done + t).chain(self.goal.iter().copied());
        for prop in wanted {
            if self.cost[prop as usize] == FAR {
                return None;
            }
            self.stack.push(prop);
        }
        count += tasks.len() as u32;
        // The stamp of an operator in the plan is taken away, so that it counts once.
        while let Some(prop) = self.stack.pop() {
            let op = self.supporter[prop as usize];
            if op == FAR || self.cost[prop as usize] == 0 || self.stamp[op as usize] != self.now {
                continue;
            }
            self.stamp[op as usize] = 0;
            count += 1;
            let Op { pre, adds, .. } = self.ops[op as usize];
            self.stack.extend_from_slice(&self.words[pre as usize..adds as usize]);
        }
        Some(count)
    }
}

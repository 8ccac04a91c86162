//! What is certain, and what is possible, about a ground task before it is refined.
//!
//! For every task: which facts may change while it is carried out, what every way to carry it out needs at the start, and what holds after every one of
//! them. These inferred preconditions and effects follow Olz, Biundo and Bercher ("Revealing hidden preconditions and effects of compound HTN planning
//! tasks", AAAI 2021), for totally ordered networks.

use rustc_hash::FxHashMap;

use super::build::{Ground, Literal};

/// Lists are not kept longer than this; a shorter list says less but nothing wrong.
const MOST: usize = 96;
/// Words of all bit sets together; beyond it everything counts as possible.
const MAX_WORDS: usize = 24 << 20;
/// How much work may go into what is certain.
const MAX_WORK: usize = 40 << 20;

/// What is known about the tasks and methods of a ground problem.
#[derive(Debug, Default)]
pub(crate) struct Certain {
    /// For each task its set in `may`.
    class: Vec<u32>,
    words: usize,
    /// Literals that may become true, one bit set a class.
    may: Vec<u64>,
    pre: Vec<Vec<Literal>>,
    post: Vec<Vec<Literal>>,
    /// For each method what it needs at the start.
    method_pre: Vec<Vec<Literal>>,
}

impl Certain {
    /// Looks at every task; `None` where that would take too much memory.
    pub(crate) fn new(ground: &Ground) -> Option<Self> {
        let (class, order) = components(ground);
        let words = (2 * ground.facts).div_ceil(64).max(1);
        let classes = order.len();
        if classes.saturating_mul(words) > MAX_WORDS {
            return None;
        }
        let mut certain = Self { class, words, may: vec![0; classes * words], ..Self::default() };
        for members in &order {
            certain.possible(ground, members);
        }
        certain.pre = vec![Vec::new(); ground.tasks.len()];
        certain.post = vec![Vec::new(); ground.tasks.len()];
        certain.method_pre = ground.methods.iter().map(|m| m.pre.to_vec()).collect();
        let mut work = 0;
        for members in &order {
            certain.settle(ground, members, &mut work);
        }
        Some(certain)
    }

    /// Whether the literal may become true while the task is carried out.
    pub(crate) fn may(&self, task: u32, literal: Literal) -> bool {
        self.set(task)[literal as usize / 64] >> (literal % 64) & 1 == 1
    }

    /// Calls `f` with every literal that may become true.
    pub(crate) fn each_possible(&self, task: u32, mut f: impl FnMut(Literal)) {
        for (i, word) in self.set(task).iter().enumerate() {
            let mut word = *word;
            while word != 0 {
                f((i * 64) as u32 + word.trailing_zeros());
                word &= word - 1;
            }
        }
    }

    /// What every way to carry out the task needs at the start.
    pub(crate) fn pre(&self, task: u32) -> &[Literal] {
        &self.pre[task as usize]
    }

    /// What holds after every way to carry out the task.
    pub(crate) fn post(&self, task: u32) -> &[Literal] {
        &self.post[task as usize]
    }

    /// What the method needs at the start.
    pub(crate) fn method_pre(&self, method: u32) -> &[Literal] {
        &self.method_pre[method as usize]
    }

    fn set(&self, task: u32) -> &[u64] {
        let at = self.class[task as usize] as usize * self.words;
        &self.may[at..at + self.words]
    }

    fn possible(&mut self, ground: &Ground, members: &[u32]) {
        let own = self.class[members[0] as usize] as usize;
        // Components come after those below them, so the others' sets are complete.
        let mut below: Vec<usize> = Vec::new();
        for t in members {
            let task = &ground.tasks[*t as usize];
            for (list, negative) in [(&task.add, 0), (&task.delete, 1)] {
                for fact in list {
                    let bit = 2 * fact + negative;
                    self.may[own * self.words + bit as usize / 64] |= 1 << (bit % 64);
                }
            }
            for m in &task.methods {
                let subs = &ground.methods[*m as usize].subs;
                below.extend(subs.iter().map(|s| self.class[*s as usize] as usize));
            }
        }
        below.sort_unstable();
        below.dedup();
        for class in below.into_iter().filter(|c| *c != own) {
            for w in 0..self.words {
                self.may[own * self.words + w] |= self.may[class * self.words + w];
            }
        }
    }

    /// The largest lists that agree with themselves, for tasks that lead back to each other.
    fn settle(&mut self, ground: &Ground, members: &[u32], work: &mut usize) {
        let mut known: Vec<Option<(Vec<Literal>, Vec<Literal>)>> = vec![None; members.len()];
        for (slot, t) in known.iter_mut().zip(members) {
            let task = &ground.tasks[*t as usize];
            if task.action {
                *slot = Some((task.pre.to_vec(), after_action(ground, *t)));
            }
        }
        let places: FxHashMap<u32, usize> =
            members.iter().enumerate().map(|(i, t)| (*t, i)).collect();
        loop {
            let mut changed = false;
            for (i, t) in members.iter().enumerate() {
                let task = &ground.tasks[*t as usize];
                if task.action {
                    continue;
                }
                let mut both: Option<(Vec<Literal>, Vec<Literal>)> = None;
                for m in &task.methods {
                    let look = |sub: u32| match places.get(&sub) {
                        Some(k) => known[*k].as_ref().map(|(a, b)| (&a[..], &b[..])),
                        None => Some((self.pre(sub), self.post(sub))),
                    };
                    let Some((pre, post)) = self.through(ground, *m, look, work) else { continue };
                    both = Some(match both {
                        None => (pre, post),
                        Some((a, b)) => (common(&a, &pre), common(&b, &post)),
                    });
                }
                let Some((mut pre, mut post)) = both else { continue };
                if let Some((a, b)) = &known[i] {
                    (pre, post) = (common(a, &pre), common(b, &post));
                    if pre.len() == a.len() && post.len() == b.len() {
                        continue;
                    }
                }
                changed = true;
                known[i] = Some((pre, post));
            }
            if *work > MAX_WORK {
                // Nothing is certain then; that is never wrong.
                for (slot, t) in known.iter_mut().zip(members) {
                    if !ground.tasks[*t as usize].action {
                        *slot = None;
                    }
                }
                break;
            }
            if !changed {
                break;
            }
        }
        for (slot, t) in known.into_iter().zip(members) {
            let (mut pre, mut post) = slot.unwrap_or_default();
            pre.truncate(MOST);
            post.truncate(MOST);
            self.pre[*t as usize] = pre;
            self.post[*t as usize] = post;
        }
        for t in members {
            for m in &ground.tasks[*t as usize].methods {
                let look = |sub: u32| Some((self.pre(sub), self.post(sub)));
                if *work <= MAX_WORK
                    && let Some((pre, _)) = self.through(ground, *m, look, work)
                {
                    self.method_pre[*m as usize] = pre;
                }
            }
        }
    }

    /// What a method needs and leaves, given that of its subtasks; `None` where a subtask is not known yet.
    fn through<'a>(
        &self,
        ground: &Ground,
        method: u32,
        look: impl Fn(u32) -> Option<(&'a [Literal], &'a [Literal])>,
        work: &mut usize,
    ) -> Option<(Vec<Literal>, Vec<Literal>)> {
        let method = &ground.methods[method as usize];
        let mut pre = method.pre.to_vec();
        let mut now = pre.clone();
        for (i, sub) in method.subs.iter().enumerate() {
            let (needs, leaves) = look(*sub)?;
            *work += 4 + needs.len() + leaves.len() + now.len();
            for l in needs {
                let open = |s: &u32| self.may(*s, *l) || self.may(*s, *l ^ 1);
                if !pre.contains(l) && pre.len() < MOST && !method.subs[..i].iter().any(open) {
                    pre.push(*l);
                }
                if !now.contains(l) {
                    now.push(*l);
                }
            }
            now.retain(|l| !self.may(*sub, l ^ 1));
            for l in leaves {
                if !now.contains(l) {
                    now.push(*l);
                }
            }
        }
        pre.sort_unstable();
        now.sort_unstable();
        Some((pre, now))
    }
}

fn after_action(ground: &Ground, task: u32) -> Vec<Literal> {
    let task = &ground.tasks[task as usize];
    let mut list: Vec<Literal> = task.add.iter().map(|f| 2 * f).collect();
    list.extend(task.delete.iter().map(|f| 2 * f + 1));
    let kept = task.pre.iter().filter(|l| !list.contains(&(*l ^ 1))).copied().collect::<Vec<_>>();
    list.extend(kept);
    list.sort_unstable();
    list.dedup();
    list
}

/// What is in both sorted lists.
fn common(a: &[Literal], b: &[Literal]) -> Vec<Literal> {
    a.iter().filter(|l| b.binary_search(l).is_ok()).copied().collect()
}

/// The strongly connected components of the tasks, each after those that it leads to (Tarjan 1972): for each task the number of its own, and the lists.
fn components(ground: &Ground) -> (Vec<u32>, Vec<Vec<u32>>) {
    const NEW: u32 = u32::MAX;
    let count = ground.tasks.len();
    let next: Vec<Vec<u32>> = ground
        .tasks
        .iter()
        .map(|t| {
            let subs = t.methods.iter().flat_map(|m| ground.methods[*m as usize].subs.iter());
            let mut list: Vec<u32> = subs.copied().collect();
            list.sort_unstable();
            list.dedup();
            list
        })
        .collect();
    let (mut index, mut low) = (vec![NEW; count], vec![0; count]);
    let mut class = vec![NEW; count];
    let mut order: Vec<Vec<u32>> = Vec::new();
    let (mut stack, mut calls): (Vec<u32>, Vec<(u32, usize)>) = (Vec::new(), Vec::new());
    let mut clock = 0;
    for start in 0..count as u32 {
        if index[start as usize] != NEW {
            continue;
        }
        calls.push((start, 0));
        while let Some((t, at)) = calls.pop() {
            let i = t as usize;
            if at == 0 {
                index[i] = clock;
                low[i] = clock;
                clock += 1;
                stack.push(t);
            } else {
                low[i] = low[i].min(low[next[i][at - 1] as usize]);
            }
            let mut k = at;
            while let Some(&sub) = next[i].get(k) {
                let s = sub as usize;
                if index[s] == NEW {
                    break;
                }
                if class[s] == NEW {
                    low[i] = low[i].min(index[s]);
                }
                k += 1;
            }
            if let Some(&sub) = next[i].get(k) {
                calls.push((t, k + 1));
                calls.push((sub, 0));
                continue;
            }
            if low[i] == index[i] {
                let mut members = Vec::new();
                while let Some(top) = stack.pop() {
                    class[top as usize] = order.len() as u32;
                    members.push(top);
                    if top == t {
                        break;
                    }
                }
                order.push(members);
            }
        }
    }
    (class, order)
}

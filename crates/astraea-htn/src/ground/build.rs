//! From what can come up to numbered facts, tasks, methods and actions.

use rustc_hash::FxHashMap;

use super::reach::{Reached, method_of, reach};
use super::{Asked, Stop};
use crate::cond::{Cond, for_each_choice};
use crate::model::Model;
use crate::objects::{Obj, Objects};
use crate::store::{FactId, NONE, Store};

/// A fact and the value wanted: `2 * fact`, and one more where it must not hold.
pub(crate) type Literal = u32;

/// A method with every variable bound.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroundMethod {
    pub(crate) pre: Box<[Literal]>,
    /// Subtasks in the order of execution.
    pub(crate) subs: Box<[u32]>,
    /// Its number among what was reached.
    pub(crate) source: u32,
}

/// A task with every variable bound.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroundTask {
    pub(crate) action: bool,
    pub(crate) pre: Box<[Literal]>,
    pub(crate) add: Box<[u32]>,
    pub(crate) delete: Box<[u32]>,
    pub(crate) methods: Vec<u32>,
    /// The task and its arguments, as a fact of what was reached.
    pub(crate) source: FactId,
}

/// A problem with every variable bound.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) facts: usize,
    pub(crate) init: Vec<u32>,
    pub(crate) tasks: Vec<GroundTask>,
    pub(crate) methods: Vec<GroundMethod>,
    /// The task that stands for all that was asked.
    pub(crate) root: u32,
    pub(crate) goal: Box<[Literal]>,
    pub(crate) reached: Reached,
}

/// Why there is no ground problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Time or memory.
    Limit,
    /// A condition that this form does not have.
    Unsupported,
    /// Nothing can be carried out at all.
    Impossible,
}

struct Builder<'a> {
    model: &'a Model,
    objects: &'a Objects,
    start: &'a Store,
    reached: Reached,
    /// Facts that some reached action deletes.
    deleted: Vec<bool>,
}

/// Makes the ground problem.
pub(crate) fn build(
    model: &Model,
    objects: &Objects,
    start: &Store,
    asked: &Asked<'_>,
    stop: &mut Stop<'_>,
) -> Result<Ground, Why> {
    if !asked.is_plain(model) {
        return Err(Why::Unsupported);
    }
    let conditional = |a: &crate::model::Action| a.changes.iter().any(|c| c.when.is_some());
    if model.actions.iter().any(conditional) || (asked.goal.is_some() && !asked.top.vars.is_empty())
    {
        return Err(Why::Unsupported);
    }
    let reached = reach(model, objects, start, asked, stop).ok_or(Why::Limit)?;
    let deleted = vec![false; reached.store.count()];
    let mut builder = Builder { model, objects, start, reached, deleted };
    builder.note_deletions();
    builder.finish(asked, stop)
}

impl Builder<'_> {
    fn action_of(&self, fact: FactId) -> Option<u32> {
        let task = self.reached.store.pred(fact) - self.reached.predicates;
        self.model.tasks.get(task as usize)?.action
    }

    fn effects(&self, fact: FactId, add: bool, f: &mut dyn FnMut(FactId)) {
        let Some(id) = self.action_of(fact) else { return };
        let action = &self.model.actions[id as usize];
        let mut binding = self.reached.store.args(fact).to_vec();
        binding.resize(action.slots.max(binding.len()), NONE);
        for change in action.changes.iter().filter(|c| c.add == add) {
            for_each_choice(&change.forall, self.objects, &mut binding, |binding| {
                let args: Vec<Obj> = change.args.iter().map(|a| a.value(binding)).collect();
                if let Some(fact) = self.reached.store.find(change.pred, &args) {
                    f(fact);
                }
                false
            });
        }
    }

    fn note_deletions(&mut self) {
        let mut all = Vec::new();
        for fact in &self.reached.actions {
            self.effects(*fact, false, &mut |fact| all.push(fact));
        }
        for fact in all {
            self.deleted[fact as usize] = true;
        }
    }

    /// Adds the literals that make the condition `want`; `false` where that is impossible.
    fn literals(
        &self,
        cond: &Cond,
        binding: &mut [Obj],
        want: bool,
        into: &mut Vec<Literal>,
    ) -> Result<bool, Why> {
        Ok(match cond {
            Cond::Atom(pred, args) => {
                let args: Vec<Obj> = args.iter().map(|a| a.value(binding)).collect();
                let now = self.start.holds(*pred, &args);
                match self.reached.store.find(*pred, &args) {
                    Some(fact) if self.reached.store.holds_id(fact) => {
                        if now && !self.deleted[fact as usize] {
                            want
                        } else {
                            into.push(2 * fact + u32::from(!want));
                            true
                        }
                    }
                    _ => !want,
                }
            }
            Cond::Equal(a, b) => (a.value(binding) == b.value(binding)) == want,
            Cond::Sort(arg, ty) => self.objects.fits(arg.value(binding), ty) == want,
            Cond::Compare(..) | Cond::Known(_) | Cond::Ask(..) => return Err(Why::Unsupported),
            Cond::Not(part) => self.literals(part, binding, !want, into)?,
            Cond::And(parts) | Cond::Or(parts) => {
                if matches!(cond, Cond::And(_)) == want {
                    for part in parts {
                        if !self.literals(part, binding, want, into)? {
                            return Ok(false);
                        }
                    }
                    return Ok(true);
                }
                let mut either = Either::default();
                for part in parts {
                    let mut list = Vec::new();
                    let can = self.literals(part, binding, want, &mut list)?;
                    either.note(can, list);
                }
                either.end(into)?
            }
            Cond::Forall(vars, body) | Cond::Exists(vars, body) => {
                let all = matches!(cond, Cond::Forall(..)) == want;
                let mut result = Ok(true);
                let mut either = Either::default();
                for_each_choice(vars, self.objects, binding, |binding| {
                    let mut list = Vec::new();
                    match self.literals(body, binding, want, &mut list) {
                        Ok(can) if all => {
                            into.append(&mut list);
                            result = Ok(can);
                        }
                        Ok(can) => either.note(can, list),
                        Err(why) => result = Err(why),
                    }
                    result != Ok(true)
                });
                if all || result.is_err() { result? } else { either.end(into)? }
            }
        })
    }

    fn all(&self, parts: &[Cond], binding: &mut [Obj]) -> Result<Option<Vec<Literal>>, Why> {
        let mut list = Vec::new();
        for part in parts {
            if !self.literals(part, binding, true, &mut list)? {
                return Ok(None);
            }
        }
        list.sort_unstable();
        list.dedup();
        Ok(Some(list))
    }

    fn finish(self, asked: &Asked<'_>, stop: &mut Stop<'_>) -> Result<Ground, Why> {
        let store = &self.reached.store;
        let predicates = self.reached.predicates;
        // Everything first under the numbers of what was reached.
        let mut tasks: FxHashMap<FactId, GroundTask> = FxHashMap::default();
        for &fact in &self.reached.actions {
            let Some(id) = self.action_of(fact) else { continue };
            let action = &self.model.actions[id as usize];
            let mut binding = store.args(fact).to_vec();
            binding.resize(action.slots.max(binding.len()), NONE);
            let Some(pre) = self.all(&action.parts, &mut binding)? else { continue };
            let (mut add, mut delete) = (Vec::new(), Vec::new());
            self.effects(fact, true, &mut |f| add.push(f));
            self.effects(fact, false, &mut |f| delete.push(f));
            delete.retain(|f| !add.contains(f));
            let (add, delete) = (add.into(), delete.into());
            let methods = Vec::new();
            let pre = pre.into();
            tasks
                .insert(fact, GroundTask { action: true, pre, add, delete, methods, source: fact });
        }
        let parts: Vec<Vec<Cond>> =
            self.model.methods.iter().map(|m| m.query(asked.ordered).parts().0).collect();
        let top_parts = asked.top.query(asked.ordered).parts().0;
        let mut methods: Vec<(FactId, GroundMethod)> = Vec::new();
        let mut bytes = 0;
        let owners = owners(self.model);
        for source in 0..self.reached.methods.len() as u32 {
            let words = self.reached.methods.get(source);
            let (id, values) = (words[0], &words[1..]);
            let method = method_of(self.model, asked, id);
            let (task, head, own) = if id == Reached::TOP {
                (self.model.tasks.len() as u32, Vec::new(), &top_parts)
            } else {
                let head = method.head.iter().map(|a| a.value(values)).collect();
                (owners[id as usize], head, &parts[id as usize])
            };
            let mut binding = values.to_vec();
            binding.resize(method.query(asked.ordered).slots.max(values.len()), NONE);
            let Some(pre) = self.all(own, &mut binding)? else { continue };
            let subs = method.backwards.iter().rev().map(|i| {
                let sub = &method.subs[usize::from(*i)];
                let args: Vec<Obj> = sub.args.iter().map(|a| a.value(values)).collect();
                store.find(predicates + sub.task, &args).unwrap_or(NONE)
            });
            let subs: Box<[u32]> = subs.collect();
            let Some(owner) = store.find(predicates + task, &head) else { continue };
            bytes += 64 + 4 * (pre.len() + subs.len());
            methods.push((owner, GroundMethod { pre: pre.into(), subs, source }));
            if stop.now(self.reached.methods.bytes() + bytes) {
                return Err(Why::Limit);
            }
        }
        let root = store.find(predicates + self.model.tasks.len() as u32, &[]).unwrap_or(NONE);
        let goal = match asked.goal {
            Some((goal, slots)) => self
                .all(std::slice::from_ref(goal), &mut vec![NONE; *slots])?
                .ok_or(Why::Impossible)?,
            None => Vec::new(),
        };
        let (tasks, methods, root) = prune(tasks, methods, root).ok_or(Why::Impossible)?;
        let init =
            self.start.iter().filter_map(|id| store.find(self.start.pred(id), self.start.args(id)));
        let init = init.collect();
        let mut ground = Ground {
            facts: 0,
            init,
            tasks,
            methods,
            root,
            goal: goal.into(),
            reached: self.reached,
        };
        ground.number();
        Ok(ground)
    }
}

/// Alternatives of which one has to do.
#[derive(Default)]
struct Either {
    sure: bool,
    lists: Vec<Vec<Literal>>,
}

impl Either {
    fn note(&mut self, can: bool, list: Vec<Literal>) {
        self.sure |= can && list.is_empty();
        if can && !self.lists.contains(&list) {
            self.lists.push(list);
        }
    }

    fn end(self, into: &mut Vec<Literal>) -> Result<bool, Why> {
        if self.sure {
            return Ok(true);
        }
        let mut lists = self.lists.into_iter();
        match (lists.next(), lists.next()) {
            (None, _) => Ok(false),
            (Some(list), None) => {
                into.extend(list);
                Ok(true)
            }
            _ => Err(Why::Unsupported),
        }
    }
}

fn owners(model: &Model) -> Vec<u32> {
    let mut owners = vec![0; model.methods.len()];
    for (t, task) in model.tasks.iter().enumerate() {
        for m in &task.declared {
            owners[*m as usize] = t as u32;
        }
    }
    owners
}

/// Leaves out tasks that cannot be carried out, methods with such a subtask, and what is not asked for then; numbers the rest.
fn prune(
    mut tasks: FxHashMap<FactId, GroundTask>,
    methods: Vec<(FactId, GroundMethod)>,
    root: FactId,
) -> Option<(Vec<GroundTask>, Vec<GroundMethod>, u32)> {
    let mut waits: Vec<usize> = Vec::with_capacity(methods.len());
    let mut users: FxHashMap<FactId, Vec<u32>> = FxHashMap::default();
    let mut alive: Vec<FactId> = tasks.keys().copied().collect();
    alive.sort_unstable();
    for (m, (owner, method)) in methods.iter().enumerate() {
        waits.push(method.subs.len());
        for sub in &method.subs {
            users.entry(*sub).or_default().push(m as u32);
        }
        let entry = tasks.entry(*owner).or_default();
        entry.source = *owner;
        if method.subs.is_empty() {
            if entry.methods.is_empty() {
                alive.push(*owner);
            }
            entry.methods.push(m as u32);
        }
    }
    while let Some(task) = alive.pop() {
        for m in users.get(&task).into_iter().flatten() {
            waits[*m as usize] -= 1;
            if waits[*m as usize] == 0 {
                let owner = methods[*m as usize].0;
                let entry = tasks.entry(owner).or_default();
                if entry.methods.is_empty() {
                    alive.push(owner);
                }
                entry.methods.push(*m);
            }
        }
    }
    let usable = |t: &GroundTask| t.action || !t.methods.is_empty();
    if !tasks.get(&root).is_some_and(usable) {
        return None;
    }
    let mut numbers: FxHashMap<FactId, u32> = FxHashMap::default();
    let mut order = vec![root];
    numbers.insert(root, 0);
    let mut next = 0;
    let mut kept = Vec::new();
    let mut out = Vec::new();
    while let Some(&fact) = order.get(next) {
        next += 1;
        let mut task = tasks.remove(&fact).unwrap_or_default();
        task.methods.sort_unstable();
        for m in &mut task.methods {
            let mut method = methods[*m as usize].1.clone();
            for sub in &mut method.subs {
                *sub = *numbers.entry(*sub).or_insert_with(|| {
                    order.push(*sub);
                    order.len() as u32 - 1
                });
            }
            *m = kept.len() as u32;
            kept.push(method);
        }
        out.push(task);
    }
    Some((out, kept, 0))
}

impl Ground {
    /// Gives numbers without gaps to the facts that something asks for.
    fn number(&mut self) {
        let mut map: FxHashMap<FactId, u32> = FxHashMap::default();
        let mut renumber = |list: &mut [Literal]| {
            for l in list {
                let next = map.len() as u32;
                *l = 2 * *map.entry(*l / 2).or_insert(next) + *l % 2;
            }
        };
        for task in &mut self.tasks {
            renumber(&mut task.pre);
        }
        for method in &mut self.methods {
            renumber(&mut method.pre);
        }
        renumber(&mut self.goal);
        let known = |list: &[FactId]| list.iter().filter_map(|f| map.get(f).copied()).collect();
        for task in &mut self.tasks {
            task.add = known(&task.add);
            task.delete = known(&task.delete);
        }
        let init: Box<[u32]> = known(&self.init);
        self.init = init.into();
        self.facts = map.len();
    }
}

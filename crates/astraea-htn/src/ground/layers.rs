//! The tree of all decompositions as clauses, grown leaf by leaf.
//!
//! A node of the tree is a place in the order of execution, with the tasks that may stand there; at most one does. Refining a node gives it children,
//! one for each subtask of its longest method. Between two leaves there is a state. Of it only those facts get new variables that the leaf before may change,
//! the others are the same variables (or constants) as before. A task that is not refined yet counts with what is certain and possible about it, so every
//! clause stays right when the tree grows. The tree is that of Behnke, Höller and Biundo ("totSAT", AAAI 2018) and of Schreiber ("Lilotane", JAIR 2021);
//! refining only what a model asks for follows Quenard, Pellier and Fiorino ("SibylSat", ECAI 2024).

use std::rc::Rc;

use batsat::Lit;
use rustc_hash::FxHashMap;

use super::build::{Ground, Literal};
use super::certain::Certain;

/// A place in the order of execution.
#[derive(Debug)]
pub(super) struct Place {
    /// The tasks that may stand here, each with its variable.
    pub(super) tasks: Vec<(u32, Lit)>,
    /// The variables of the facts before and after.
    before: Rc<[Lit]>,
    after: Rc<[Lit]>,
    /// The methods that may refine them, once there are children.
    pub(super) methods: Vec<(u32, Lit)>,
    pub(super) children: Vec<u32>,
    /// Assumed where no compound task may stand here.
    pub(super) closed: Option<Lit>,
}

/// The tree and the clauses so far.
pub(super) struct Layers<'a, S> {
    pub(super) ground: &'a Ground,
    certain: &'a Certain,
    pub(super) solver: S,
    pub(super) places: Vec<Place>,
    /// Those without children, in order.
    pub(super) leaves: Vec<u32>,
    yes: Lit,
    /// Literals in all clauses.
    pub(super) size: usize,
    /// Words in all states.
    pub(super) words: usize,
    /// For each literal the tasks that may make it true, while a place is encoded.
    makers: Vec<Vec<Lit>>,
    touched: Vec<Literal>,
    clause: Vec<Lit>,
}

/// How many pairs of a task and a change may be written out for one place; beyond it the place says less.
const MOST_CHANGES: usize = 400_000;

impl<'a, S: batsat::SolverInterface> Layers<'a, S> {
    pub(super) fn new(ground: &'a Ground, certain: &'a Certain, mut solver: S) -> Self {
        let yes = Lit::new(solver.new_var_default(), true);
        solver.add_clause_reuse(&mut vec![yes]);
        let mut before = vec![!yes; ground.facts];
        for fact in &ground.init {
            before[*fact as usize] = yes;
        }
        let mut layers = Self {
            ground,
            certain,
            solver,
            places: Vec::new(),
            leaves: vec![0],
            yes,
            size: 0,
            words: 0,
            makers: vec![Vec::new(); 2 * ground.facts],
            touched: Vec::new(),
            clause: Vec::new(),
        };
        layers.add_place(vec![(ground.root, yes)], before.into(), &|_| None);
        let after = Rc::clone(&layers.places[0].after);
        for l in &ground.goal {
            layers.add(&[layers.value(&after, *l)]);
        }
        layers
    }

    fn value(&self, state: &[Lit], literal: Literal) -> Lit {
        let fact = state[literal as usize / 2];
        if literal.is_multiple_of(2) { fact } else { !fact }
    }

    fn add(&mut self, lits: &[Lit]) {
        if lits.contains(&self.yes) {
            return;
        }
        self.clause.clear();
        self.clause.extend(lits.iter().filter(|l| **l != !self.yes));
        self.size += self.clause.len() + 2;
        self.solver.add_clause_reuse(&mut self.clause);
    }

    fn fresh(&mut self) -> Lit {
        Lit::new(self.solver.new_var_default(), true)
    }

    /// Makes a place: what its tasks need, change, and leave alone. `fixed` gives the variable of a fact after it where that exists already.
    fn add_place(
        &mut self,
        tasks: Vec<(u32, Lit)>,
        before: Rc<[Lit]>,
        fixed: &dyn Fn(u32) -> Option<Lit>,
    ) -> u32 {
        let ground = self.ground;
        let certain = self.certain;
        let compound = |t: u32| !ground.tasks[t as usize].action;
        let mut pairs = 0;
        for (task, _) in &tasks {
            if compound(*task) {
                certain.each_possible(*task, |_| pairs += 1);
            }
        }
        // Where there are too many, compound tasks are only told from no compound task.
        let loose = pairs > MOST_CHANGES;
        let any = if loose {
            let any = self.fresh();
            for (_, lit) in tasks.iter().filter(|(t, _)| compound(*t)) {
                self.add(&[!*lit, any]);
            }
            let mut some = vec![!any];
            some.extend(tasks.iter().filter(|(t, _)| compound(*t)).map(|t| t.1));
            self.add(&some);
            Some(any)
        } else {
            None
        };
        let mut makers = std::mem::take(&mut self.makers);
        let mut touched = std::mem::take(&mut self.touched);
        for (task, lit) in &tasks {
            let lit = any.filter(|_| compound(*task)).unwrap_or(*lit);
            certain.each_possible(*task, |l| {
                let list = &mut makers[l as usize];
                if list.is_empty() {
                    touched.push(l);
                }
                if list.last() != Some(&lit) {
                    list.push(lit);
                }
            });
        }
        touched.sort_unstable();
        let mut after: Option<Vec<Lit>> = None;
        for l in &touched {
            let old = self.value(&before, *l);
            if old == self.yes {
                continue;
            }
            let fact = *l / 2;
            let state = after.get_or_insert_with(|| before.to_vec());
            if state[fact as usize] == before[fact as usize] {
                state[fact as usize] = match fixed(fact) {
                    Some(lit) => lit,
                    None => Lit::new(self.solver.new_var_default(), true),
                };
            }
        }
        if let Some(state) = &after {
            self.words += state.len();
            let mut clause = Vec::new();
            for l in &touched {
                let old = self.value(&before, *l);
                if old != self.yes {
                    clause.clear();
                    clause.extend([old, !self.value(state, *l)]);
                    clause.extend_from_slice(&makers[*l as usize]);
                    self.add(&clause);
                }
                // The fact may only become true here: then it does not become false.
                if makers[(*l ^ 1) as usize].is_empty() && old != !self.yes {
                    self.add(&[!old, self.value(state, *l)]);
                }
            }
        }
        for l in touched.drain(..) {
            makers[l as usize].clear();
        }
        self.makers = makers;
        self.touched = touched;
        let after: Rc<[Lit]> = after.map_or_else(|| Rc::clone(&before), Into::into);
        for (task, lit) in &tasks {
            for l in self.certain.pre(*task) {
                self.add(&[!*lit, self.value(&before, *l)]);
            }
            for l in self.certain.post(*task) {
                self.add(&[!*lit, self.value(&after, *l)]);
            }
        }
        let open: Vec<Lit> = tasks.iter().filter(|t| compound(t.0)).map(|t| t.1).collect();
        let closed = if open.is_empty() {
            None
        } else if let Some(any) = any {
            Some(!any)
        } else {
            let closed = self.fresh();
            for lit in open {
                self.add(&[!closed, !lit]);
            }
            Some(closed)
        };
        self.places.push(Place {
            tasks,
            before,
            after,
            methods: Vec::new(),
            children: Vec::new(),
            closed,
        });
        self.places.len() as u32 - 1
    }

    /// Whether a list of literals is known to be impossible.
    fn refuted(&self, state: &[Lit], list: &[Literal]) -> bool {
        list.iter().any(|l| self.value(state, *l) == !self.yes)
    }

    /// Gives a leaf children.
    pub(super) fn refine(&mut self, place: u32) {
        let ground = self.ground;
        let certain = self.certain;
        let this = &self.places[place as usize];
        let (before, after) = (Rc::clone(&this.before), Rc::clone(&this.after));
        let tasks = this.tasks.clone();
        let mut choices: Vec<Lit> = Vec::new();
        let mut methods: Vec<(u32, Lit)> = Vec::new();
        // For each child the tasks that may stand there, with what brings them.
        let mut below: Vec<FxHashMap<u32, Vec<Lit>>> = vec![FxHashMap::default()];
        for (t, lit) in &tasks {
            let task = &ground.tasks[*t as usize];
            if task.action {
                choices.push(*lit);
                below[0].entry(*t).or_default().push(*lit);
                continue;
            }
            let usable: Vec<u32> = task
                .methods
                .iter()
                .copied()
                .filter(|m| !self.refuted(&before, certain.method_pre(*m)))
                .collect();
            let mut some = vec![!*lit];
            let only = usable.len() == 1;
            for m in usable {
                let own = if only { *lit } else { self.fresh() };
                if !only {
                    self.add(&[!own, *lit]);
                }
                some.push(own);
                for l in certain.method_pre(m) {
                    self.add(&[!own, self.value(&before, *l)]);
                }
                methods.push((m, own));
                choices.push(own);
                let subs = &ground.methods[m as usize].subs;
                while below.len() < subs.len() {
                    below.push(FxHashMap::default());
                }
                for (sub, list) in subs.iter().zip(&mut below) {
                    list.entry(*sub).or_default().push(own);
                }
            }
            if !only {
                self.add(&some);
            }
        }
        self.at_most_one(&choices);
        // The last child that may change a fact leaves it as it is after the whole.
        let mut last: FxHashMap<u32, usize> = FxHashMap::default();
        for (i, list) in below.iter().enumerate() {
            let mut seen = vec![false; ground.facts];
            for t in list.keys() {
                certain.each_possible(*t, |l| seen[l as usize / 2] = true);
            }
            for (fact, _) in seen.iter().enumerate().filter(|(_, s)| **s) {
                last.insert(fact as u32, i);
            }
        }
        let mut state = before;
        let mut children = Vec::with_capacity(below.len());
        for (i, list) in below.into_iter().enumerate() {
            let mut list: Vec<(u32, Vec<Lit>)> = list.into_iter().collect();
            list.sort_unstable_by_key(|(t, _)| *t);
            let mut here: Vec<(u32, Lit)> = Vec::with_capacity(list.len());
            let mut several = false;
            for (t, from) in list {
                if self.refuted(&state, certain.pre(t)) {
                    for lit in from {
                        self.add(&[!lit]);
                    }
                    continue;
                }
                let lit = if let [one] = from[..] {
                    one
                } else {
                    several = true;
                    let lit = self.fresh();
                    let mut clause = vec![!lit];
                    for one in from {
                        self.add(&[!one, lit]);
                        clause.push(one);
                    }
                    self.add(&clause);
                    lit
                };
                here.push((t, lit));
            }
            if several {
                let lits: Vec<Lit> = here.iter().map(|(_, l)| *l).collect();
                self.at_most_one(&lits);
            }
            let fixed = |fact: u32| (last.get(&fact) == Some(&i)).then(|| after[fact as usize]);
            let child = self.add_place(here, Rc::clone(&state), &fixed);
            state = Rc::clone(&self.places[child as usize].after);
            children.push(child);
        }
        for fact in 0..ground.facts {
            let (a, b) = (state[fact], after[fact]);
            if a != b {
                self.add(&[!a, b]);
                self.add(&[a, !b]);
            }
        }
        let this = &mut self.places[place as usize];
        this.methods = methods;
        this.children = children;
        self.words = self.words.saturating_sub(this.after.len());
    }

    /// Says that no two are true: in pairs where they are few, else as a grid whose rows and columns are told apart (Chen 2010).
    fn at_most_one(&mut self, lits: &[Lit]) {
        if lits.len() <= 5 {
            for (i, a) in lits.iter().enumerate() {
                for b in &lits[i + 1..] {
                    self.add(&[!*a, !*b]);
                }
            }
            return;
        }
        let width = (1..).find(|w| w * w >= lits.len()).unwrap_or(1);
        let rows: Vec<Lit> = (0..lits.len().div_ceil(width)).map(|_| self.fresh()).collect();
        let columns: Vec<Lit> = (0..width).map(|_| self.fresh()).collect();
        for (i, lit) in lits.iter().enumerate() {
            self.add(&[!*lit, rows[i / width]]);
            self.add(&[!*lit, columns[i % width]]);
        }
        self.at_most_one(&rows);
        self.at_most_one(&columns);
    }
}

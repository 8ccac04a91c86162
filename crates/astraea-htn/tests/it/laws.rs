//! Laws, on random domains.

use astraea_htn::ast::{Amount, Assignment, Comparison, Domain, Effect, Formula, Name, Operator};
use astraea_htn::{
    ActionBuilder, Atom, CompiledDomain, DomainBuilder, Error, MethodBuilder, Network, Options,
    Source, parse_domain,
};
use proptest::prelude::*;

/// A random small domain over propositions, tasks, actions with one parameter, and two objects.
#[derive(Debug, Clone)]
struct Small {
    /// For each action: needs, needs not, adds, deletes (each a proposition).
    actions: Vec<[Option<u8>; 4]>,
    /// For each method: task, needs, subtasks (below 4 a task, above an action), ordered.
    methods: Vec<(u8, Option<u8>, Vec<u8>, bool)>,
    init: Vec<u8>,
    asked: Vec<u8>,
    goal: Option<u8>,
    numbers: Option<Numbers>,
}

/// At least so much is needed; so much is added (or, where `false`, set).
type Counting = (Option<i8>, Option<(bool, i8)>);

/// What some domains have beside that: a counter that begins at `start`. In turn, actions need at least so much of it and change it, and methods need at most so
/// much.
#[derive(Debug, Clone)]
struct Numbers {
    start: i8,
    actions: Vec<Counting>,
    methods: Vec<Option<i8>>,
}

fn numbers() -> impl Strategy<Value = Numbers> {
    let amount = || proptest::option::weighted(0.6, -2..4i8);
    let action = (amount(), proptest::option::weighted(0.8, (any::<bool>(), -2..3i8)));
    let actions = proptest::collection::vec(action, 1..4);
    let methods = proptest::collection::vec(amount(), 1..4);
    (-1..3i8, actions, methods).prop_map(|(start, actions, methods)| Numbers {
        start,
        actions,
        methods,
    })
}

/// The counter compares with a number.
fn counter(how: Comparison, n: i8) -> Formula {
    Formula::compare(Amount::of("n"), how, f64::from(n))
}

const TASKS: u8 = 3;
const FACTS: u8 = 4;

fn small() -> impl Strategy<Value = Small> {
    let fact = || proptest::option::weighted(0.5, 0..FACTS * 2);
    let action = [fact(), fact(), fact(), fact()];
    let actions = proptest::collection::vec(action, 1..4);
    let method = (
        0..TASKS,
        proptest::option::weighted(0.4, 0..FACTS),
        proptest::collection::vec(0..TASKS + 6, 0..4),
        any::<bool>(),
    );
    let methods = proptest::collection::vec(method, 1..6);
    let init = proptest::collection::vec(0..FACTS * 2, 0..4);
    let asked = proptest::collection::vec(0..TASKS, 1..3);
    let goal = proptest::option::weighted(0.3, 0..FACTS * 2);
    let numbers = proptest::option::weighted(0.4, numbers());
    (actions, methods, init, asked, goal, numbers).prop_map(
        |(actions, methods, init, asked, goal, numbers)| Small {
            actions,
            methods,
            init,
            asked,
            goal,
            numbers,
        },
    )
}

/// The fact `n`: a predicate of one argument; the upper half is about the second object.
fn fact(n: u8, arg: &str) -> Atom {
    Atom::new(format!("f{}", n % FACTS), [if n < FACTS { arg } else { "y" }])
}

impl Small {
    fn build(&self) -> (CompiledDomain, astraea_htn::State, Network) {
        let mut b = DomainBuilder::new("small").subtype("thing", "object");
        b = b.constant("x", "thing").constant("y", "thing");
        if self.numbers.is_some() {
            b = b.function("n", []);
        }
        for f in 0..FACTS {
            b = b.predicate(&format!("f{f}"), [("?a", "thing")]);
        }
        for t in 0..TASKS {
            b = b.task(&format!("t{t}"), [("?a", "thing")]);
        }
        for (i, [needs, not, adds, deletes]) in self.actions.iter().enumerate() {
            let mut a = ActionBuilder::new(&format!("a{i}")).param("?a", "thing");
            if let Some(f) = needs {
                a = a.needs(Formula::fact(fact(*f, "?a")));
            }
            if let Some(f) = not {
                a = a.needs(Formula::no_fact(fact(*f, "?a")));
            }
            if let Some(f) = adds {
                a = a.adds(fact(*f, "?a"));
            }
            if let Some(f) = deletes {
                a = a.deletes(fact(*f, "?a"));
            }
            if let Some((least, change)) = self.numbers.as_ref().map(|n| n.action(i)) {
                if let Some(least) = least {
                    a = a.needs(counter(Comparison::AtLeast, least));
                }
                if let Some((adds, amount)) = change {
                    let how = if adds { Assignment::Increase } else { Assignment::Assign };
                    a = a.changes(how, "n", f64::from(amount));
                }
            }
            b = b.action(a);
        }
        for (i, (task, needs, subs, ordered)) in self.methods.iter().enumerate() {
            let mut m =
                MethodBuilder::new(&format!("m{i}")).param("?a", "thing").param("?b", "thing");
            m = m.task(Atom::new(format!("t{task}"), ["?a"]));
            if let Some(f) = needs {
                m = m.needs(Formula::fact(Atom::new(format!("f{f}"), ["?b"])));
            }
            if let Some(most) = self.numbers.as_ref().and_then(|n| n.method(i)) {
                m = m.needs(counter(Comparison::AtMost, most));
            }
            let subs: Vec<Atom> = subs.iter().map(|s| self.sub(*s)).collect();
            m = if *ordered { m.ordered(subs) } else { m.partially_ordered(subs, &[]) };
            b = b.method(m);
        }
        let domain = b.build().unwrap();
        let mut state = domain.state();
        if let Some(numbers) = &self.numbers {
            state.set_number("n", f64::from(numbers.start)).unwrap();
        }
        for f in &self.init {
            state.add(fact(*f, "x")).unwrap();
        }
        let mut tasks =
            Network::unordered(self.asked.iter().map(|t| Atom::new(format!("t{t}"), ["x"])));
        if let Some(goal) = self.goal {
            tasks = tasks.with_goal(Formula::fact(fact(goal, "x")));
        }
        (domain, state, tasks)
    }

    fn sub(&self, n: u8) -> Atom {
        let args = [if n.is_multiple_of(2) { "?a" } else { "?b" }];
        if n < TASKS {
            Atom::new(format!("t{n}"), args)
        } else {
            Atom::new(format!("a{}", usize::from(n) % self.actions.len()), args)
        }
    }
}

impl Numbers {
    fn action(&self, i: usize) -> Counting {
        self.actions[i % self.actions.len()]
    }

    fn method(&self, i: usize) -> Option<i8> {
        self.methods[i % self.methods.len()]
    }
}

/// A planner that knows nothing but the rules: it rewrites networks of ground tasks, breadth first, up to a bound on
/// the number of situations and on the size of the network.
mod brute {
    use super::*;
    use std::collections::{BTreeSet, VecDeque};

    /// The facts that hold, and the counter.
    type Facts = (BTreeSet<Atom>, i64);
    /// A remaining task and the identities of those it waits for.
    type Item = (u32, Atom, Vec<u32>);

    /// Whether there is a plan: `None` where the bound was reached before that was known.
    pub(super) fn solvable(small: &Small) -> Option<bool> {
        let start = small.numbers.as_ref().map_or(0, |n| i64::from(n.start));
        let init: Facts = (small.init.iter().map(|f| fact(*f, "x")).collect(), start);
        let start: Vec<Item> = small
            .asked
            .iter()
            .enumerate()
            .map(|(i, t)| (i as u32, Atom::new(format!("t{t}"), ["x"]), Vec::new()))
            .collect();
        let mut queue = VecDeque::from([(init, start, 100u32)]);
        let mut cut = false;
        let mut looked = 0;
        while let Some((facts, items, next)) = queue.pop_front() {
            looked += 1;
            if looked > 4000 {
                return None;
            }
            if items.is_empty() {
                if small.goal.is_none_or(|g| facts.0.contains(&fact(g, "x"))) {
                    return Some(true);
                }
                continue;
            }
            if items.len() > 6 {
                cut = true;
                continue;
            }
            for (i, (id, task, waits)) in items.iter().enumerate() {
                if !waits.is_empty() {
                    continue;
                }
                for (facts, subs) in ways(small, &facts, task) {
                    let ids: Vec<u32> = (0..subs.0.len() as u32).map(|k| next + k).collect();
                    let mut rest: Vec<Item> = items.clone();
                    rest.remove(i);
                    for (_, _, waits) in &mut rest {
                        if waits.contains(id) {
                            waits.retain(|w| w != id);
                            waits.extend(&ids);
                        }
                    }
                    for (k, sub) in subs.0.into_iter().enumerate() {
                        let before = if subs.1 && k > 0 { vec![ids[k - 1]] } else { Vec::new() };
                        rest.push((ids[k], sub, before));
                    }
                    let next = next + ids.len() as u32;
                    queue.push_back((facts, rest, next));
                }
            }
        }
        if cut { None } else { Some(false) }
    }

    /// What can be done with a task at once: the facts after it and the subtasks left.
    fn ways(small: &Small, facts: &Facts, task: &Atom) -> Vec<(Facts, (Vec<Atom>, bool))> {
        let number: usize = task.name[1..].parse().unwrap();
        let arg = task.args[0].as_str();
        if task.name.starts_with('a') {
            let [needs, not, adds, deletes] = small.actions[number];
            let has = |f: Option<u8>| f.map(|f| facts.0.contains(&fact(f, arg)));
            let (least, change) = small.numbers.as_ref().map_or((None, None), |n| n.action(number));
            if least.is_some_and(|least| facts.1 < i64::from(least)) {
                return Vec::new();
            }
            if has(needs) == Some(false) || has(not) == Some(true) {
                return Vec::new();
            }
            let mut facts = facts.clone();
            deletes.map(|f| facts.0.remove(&fact(f, arg)));
            adds.map(|f| facts.0.insert(fact(f, arg)));
            if let Some((adds, amount)) = change {
                facts.1 = i64::from(amount) + if adds { facts.1 } else { 0 };
            }
            return vec![(facts, (Vec::new(), true))];
        }
        let mut found = Vec::new();
        for (i, (of, needs, subs, ordered)) in small.methods.iter().enumerate() {
            let most = small.numbers.as_ref().and_then(|n| n.method(i));
            if usize::from(*of) != number || most.is_some_and(|most| facts.1 > i64::from(most)) {
                continue;
            }
            for b in ["x", "y"] {
                if needs.is_some_and(|f| !facts.0.contains(&Atom::new(format!("f{f}"), [b]))) {
                    continue;
                }
                let ground = subs.iter().map(|s| {
                    let sub = small.sub(*s);
                    let value = if sub.args[0] == "?a" { arg } else { b };
                    Atom::new(sub.name, [value])
                });
                found.push((facts.clone(), (ground.collect(), *ordered)));
            }
        }
        found
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn plans_verify_and_no_plan_means_none(small in small()) {
        let (domain, state, tasks) = small.build();
        let options = Options::default().with_max_steps(30_000);
        match domain.plan(&state, &tasks, &options) {
            Ok(plan) => {
                prop_assert_eq!(domain.verify(&state, &tasks, &plan), Ok(()));
                prop_assert_ne!(brute::solvable(&small), Some(false));
                // What is said about a plan holds for it.
                let length = plan.steps.len();
                let bounded = Options::default().with_max_steps(30_000).with_max_plan_length(length);
                prop_assert!(domain.plan(&state, &tasks, &bounded).is_ok());
                if length > 0 {
                    let shorter = bounded.clone().with_max_plan_length(length - 1);
                    if let Ok(plan) = domain.plan(&state, &tasks, &shorter) {
                        prop_assert!(plan.steps.len() < length);
                        prop_assert_eq!(domain.verify(&state, &tasks, &plan), Ok(()));
                    }
                }
                for edge in domain.dependencies(&state, &plan) {
                    prop_assert!(edge.before < edge.after && edge.after < length);
                }
            }
            Err(Error::NoPlan { .. }) => {
                prop_assert_ne!(brute::solvable(&small), Some(true));
                let explanation = domain.explain(&state, &tasks, &options).unwrap();
                prop_assert!(explanation.failure.is_some());
            }
            Err(Error::Stopped { .. }) => {}
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    /// What the text of a plan leaves out is found again, whatever the order of the tasks.
    #[test]
    fn plans_read_back_from_text_verify(small in small()) {
        let (domain, state, tasks) = small.build();
        let options = Options::default().with_max_steps(5_000);
        if let Ok(plan) = domain.plan(&state, &tasks, &options) {
            let read = domain.read_plan(&state, &tasks, &plan.to_ipc()).unwrap();
            prop_assert_eq!(domain.verify(&state, &tasks, &read), Ok(()));
            prop_assert_eq!(read.steps.len(), plan.steps.len());
        }
    }

    /// Wherever a plan is broken off, what is left can be carried out from there.
    #[test]
    fn what_is_left_of_a_plan_can_be_done(small in small(), cut in 0..4usize) {
        let (domain, state, tasks) = small.build();
        let options = Options::default().with_max_steps(5_000);
        let Ok(plan) = domain.plan(&state, &tasks, &options) else { return Ok(()) };
        let done = cut.min(plan.steps.len());
        let rest = domain.remaining(&tasks, &plan, done, 0);
        // The steps before the cut, then the rest: together they are a plan for both.
        let mut whole = Network::ordered(plan.steps[..done].iter().map(|s| s.atom()));
        let shift = whole.tasks.len();
        whole.before.extend((0..rest.tasks.len()).filter(|_| shift > 0).map(|i| (shift - 1, shift + i)));
        whole.before.extend(rest.before.iter().map(|(a, b)| (a + shift, b + shift)));
        whole.tasks.extend(rest.tasks.iter().cloned());
        whole.goal.clone_from(&rest.goal);
        match domain.plan(&state, &whole, &Options::default().with_max_steps(30_000)) {
            Ok(again) => prop_assert_eq!(domain.verify(&state, &whole, &again), Ok(())),
            Err(Error::NoPlan { .. }) => prop_assert!(false, "{} of {}", rest, plan),
            Err(_) => {}
        }
    }

    #[test]
    fn what_the_searches_in_turn_say_holds(small in small(), lifted in proptest::bool::ANY, share in 0..400u32, costs in proptest::bool::ANY) {
        let (domain, state, tasks) = small.build();
        let mut ast = domain.ast().clone();
        for (i, method) in ast.methods.iter_mut().enumerate().filter(|_| costs) {
            method.cost = Some((i % 3) as f64 / 4.0);
        }
        let domain = CompiledDomain::compile(ast).unwrap();
        // One step of the lifted search is never enough, so without it the others have to find the plan. A clock that advances when it is looked at
        // ends their turns at all sorts of points.
        let options = Options::default().with_max_steps(if lifted { 30_000 } else { 1 });
        let ticks = std::cell::Cell::new(0);
        let elapsed = || {
            ticks.set(ticks.get() + 1);
            std::time::Duration::from_millis(ticks.get())
        };
        let time = std::time::Duration::from_millis(u64::from(share));
        // Half of the time there is as much of it for a shorter plan as for the first, many looks long.
        let shorten = f64::from(share % 2) * 1e6;
        let budget = astraea_htn::Budget { elapsed: &elapsed, time, memory: 1 << 20, shorten };
        match domain.solve(&state, &tasks, &options, &budget) {
            Ok(plan) => {
                prop_assert_eq!(domain.verify(&state, &tasks, &plan), Ok(()));
                prop_assert_ne!(brute::solvable(&small), Some(false));
            }
            Err(Error::NoPlan { .. }) => prop_assert_ne!(brute::solvable(&small), Some(true)),
            Err(Error::Stopped { .. }) => {}
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn several_plans_differ_and_verify(small in small()) {
        let (domain, state, tasks) = small.build();
        let options = Options::default().with_max_steps(5_000);
        if let Ok(plans) = domain.plans(&state, &tasks, &options, 5) {
            for (i, plan) in plans.iter().enumerate() {
                prop_assert_eq!(domain.verify(&state, &tasks, plan), Ok(()));
                let steps = |p: &astraea_htn::Plan| p.steps.iter().map(|s| s.atom()).collect::<Vec<_>>();
                prop_assert!(plans[..i].iter().all(|p| steps(p) != steps(plan)));
            }
        }
    }

    #[test]
    fn what_is_printed_parses_to_the_same(small in small(), cost in proptest::option::of(0.0..=1.0f64)) {
        let (domain, ..) = small.build();
        let mut ast = domain.ast().clone();
        ast.methods[0].cost = cost;
        check_print(&ast)?;
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[()a-z?:=<; -]{0,80}") {
        let _ = CompiledDomain::from_hddl(&text);
        let wrapped = format!("(define (domain d) (:predicates (p ?a)) (:task t :parameters ()) {text})");
        let _ = CompiledDomain::from_hddl(&wrapped);
    }

    #[test]
    fn formulas_survive_printing(formula in formula(), effect in number_effect()) {
        let (domain, ..) = crate::support::rounds();
        let mut ast = domain.ast().clone();
        ast.methods[0].precondition = formula.clone();
        ast.actions[0].precondition = formula.clone();
        ast.methods[0].network.constraints = formula.clone();
        ast.functions = tally_functions();
        ast.actions[1].effect = Effect::When(Box::new(formula), Box::new(effect));
        check_print(&ast)?;
    }
}

fn check_print(ast: &Domain) -> Result<(), TestCaseError> {
    let text = ast.to_string();
    match parse_domain(Source { name: "printed", text: &text }) {
        Ok(again) => prop_assert_eq!(&again, ast),
        Err(report) => prop_assert!(false, "{}", report),
    }
    Ok(())
}

fn formula() -> impl Strategy<Value = Formula> {
    let leaf = prop_oneof![
        Just(Formula::fact("dirty ?a")),
        Just(Formula::fact("door ?a ?b")),
        Just(Formula::same("?a", "?b")),
        (amount(), comparison(), amount()).prop_map(|(a, how, b)| compare(a, how, b)),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(Formula::negated),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Formula::And),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Formula::Or),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| Formula::Imply(Box::new(a), Box::new(b))),
            inner.clone().prop_map(|f| Formula::for_all([("?x", "room"), ("?y", "")], f)),
            inner.prop_map(|f| Formula::some([("?z", "robot")], f)),
        ]
    })
}

fn tally_functions() -> Vec<astraea_htn::ast::Signature> {
    vec![astraea_htn::ast::Signature { name: Name::new("total"), params: Vec::new() }]
}

fn comparison() -> impl Strategy<Value = Comparison> {
    use Comparison::{AtLeast, AtMost, Equal, Greater, Less};
    prop_oneof![Just(Less), Just(AtMost), Just(Equal), Just(AtLeast), Just(Greater)]
}

/// Two bare numbers are told apart from two objects by nothing, so `(= 1 2)` is not made.
fn compare(a: Amount, how: Comparison, b: Amount) -> Formula {
    match (&a, how, &b) {
        (Amount::Number(_), Comparison::Equal, Amount::Number(_)) => Formula::same("?a", "?b"),
        _ => Formula::Compare(how, a, b),
    }
}

fn amount() -> impl Strategy<Value = Amount> {
    use Operator::{Divide, Minus, Plus, Times};
    let leaf = prop_oneof![
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Amount::Number),
        Just(Amount::of("total")),
    ];
    let how = prop_oneof![Just(Plus), Just(Minus), Just(Times), Just(Divide)];
    leaf.prop_recursive(3, 8, 2, move |inner| {
        (inner.clone(), how.clone(), inner).prop_map(|(a, how, b)| a.then(how, b))
    })
}

fn number_effect() -> impl Strategy<Value = Effect> {
    use Assignment::{Assign, Decrease, Increase, ScaleDown, ScaleUp};
    let how =
        prop_oneof![Just(Assign), Just(Increase), Just(Decrease), Just(ScaleUp), Just(ScaleDown)];
    let target = || astraea_htn::ast::Term { name: Name::new("total"), args: Vec::new() };
    (how, amount()).prop_map(move |(how, amount)| Effect::Number(how, target(), amount))
}

//! Plans: their forms, replanning, partial order, effects.

use astraea_htn::{Atom, Limit, Network, Options, Plan, RuledOut};
use expect_test::expect;

use crate::support::{check, compile, rounds, steps};

fn tea() -> astraea_htn::CompiledDomain {
    compile(
        "(define (domain tea) (:types cup) (:predicates (hot) (full ?c - cup)) (:functions (total-cost) - number (weight ?c - cup) - number)
           (:task serve :parameters (?c - cup))
           (:method m :parameters (?c - cup) :task (serve ?c) :cost 0.25 :ordered-subtasks (and (boil) (pour ?c)))
           (:action boil :effect (and (hot) (increase (total-cost) 2)))
           (:action pour :parameters (?c - cup) :precondition (hot) :effect (and (full ?c) (increase (total-cost) (weight ?c)))))",
    )
}

#[test]
fn forms() {
    let domain = tea();
    let text = "(define (problem p) (:domain tea) (:objects mug - cup) (:htn :ordered-subtasks (serve mug))
        (:init (= (weight mug) 1.5) (= (total-cost) 0)))";
    let problem = domain.problem(astraea_htn::Source { name: "p", text }).unwrap();
    let plan = domain.plan(&problem.state, &problem.tasks, &Options::default()).unwrap();
    assert_eq!((plan.cost, plan.action_cost), (0.25, 3.5));
    expect![[r#"
        ==>
        0 boil
        1 pour mug
        root 2
        2 serve mug -> m 0 1
        <==
    "#]]
    .assert_eq(&plan.to_ipc());
    expect![[r#"
        (serve mug) by m
        ├─ (boil) [step 0]
        └─ (pour mug) [step 1]
    "#]]
    .assert_eq(&plan.to_tree());
    expect![[r#"
        digraph plan {
          node [fontname="monospace"];
          n0 [shape=ellipse, label="(serve mug)\nm"];
          n0 -> n1;
          n0 -> n2;
          n1 [shape=box, label="0: (boil)"];
          n2 [shape=box, label="1: (pour mug)"];
        }
    "#]]
    .assert_eq(&plan.to_dot());
    expect![[r#"
        0: (boil) by m
        1: (pour mug) by m
    "#]]
    .assert_eq(&plan.to_string());
    assert_eq!(serde_json::from_value::<Plan>(plan.to_json()).unwrap(), plan);
}

#[test]
fn the_same_way_never_twice() {
    let (domain, mut state, tasks) = rounds();
    state.add("door b c").unwrap();
    let mut ruled_out = RuledOut::default();
    let mut seen = Vec::new();
    loop {
        let options = Options::default().with_ruled_out(ruled_out.clone());
        let plan = match domain.plan(&state, &tasks, &options) {
            Ok(plan) => plan,
            Err(error) => {
                assert!(error.to_string().contains("rejected"), "{error}");
                break;
            }
        };
        domain.verify(&state, &tasks, &plan).unwrap();
        let steps: Vec<Atom> = plan.steps.iter().map(|s| s.atom()).collect();
        assert!(!seen.contains(&steps));
        seen.push(steps.clone());
        ruled_out.plans.push(steps);
    }
    assert_eq!(seen.len(), 2);
    let plans = domain.plans(&state, &tasks, &Options::default(), 10).unwrap();
    let plans: Vec<Vec<Atom>> =
        plans.iter().map(|p| p.steps.iter().map(|s| s.atom()).collect()).collect();
    assert_eq!(plans, seen);
}

#[test]
fn methods_and_steps_ruled_out() {
    let (domain, mut state, tasks) = rounds();
    state.add("door b c").unwrap();
    let plan = |ruled_out| {
        let options = Options::default().with_ruled_out(ruled_out);
        steps(&domain.plan(&state, &tasks, &options))
    };
    let first = "(move rob hall a) (sweep rob a) (report rob a) (move rob a b)";
    assert!(plan(RuledOut::default()).starts_with(first));
    let step = RuledOut { steps: vec!["move rob a b".into()], ..RuledOut::default() };
    assert!(plan(step).contains("(move rob a c)"));
    let some = (String::from("clean_room"), Some(vec!["rob".into(), "b".into()]));
    assert!(plan(RuledOut { methods: vec![some], ..RuledOut::default() }).starts_with("no plan"));
    let nothing = (String::from("step"), Some(vec!["rob".into(), "nowhere".into()]));
    assert!(plan(RuledOut { methods: vec![nothing], ..RuledOut::default() }).starts_with(first));
    let typo = RuledOut { methods: vec![("stepp".into(), None)], ..RuledOut::default() };
    assert!(plan(typo).contains("did you mean `step`"));
}

#[test]
fn limits() {
    let (domain, state, tasks) = rounds();
    let plan = |options: Options<'_>| domain.plan(&state, &tasks, &options).unwrap_err();
    let limit = |error| match error {
        astraea_htn::Error::Stopped { limit } => limit,
        other => panic!("{other}"),
    };
    assert_eq!(limit(plan(Options::default().with_max_steps(5))), Limit::Steps);
    assert_eq!(limit(plan(Options::default().with_stop(&|| true))), Limit::Stopped);
    let shallow = Options { max_depth: 1, ..Options::default() };
    assert_eq!(limit(plan(shallow)), Limit::Depth);
}

#[test]
fn tasks_that_interleave() {
    // Neither task can be done without a step of the other in between.
    let domain = compile(
        "(define (domain d) (:predicates (a1) (b1) (a2)) (:task left :parameters ()) (:task right :parameters ())
           (:method l :parameters () :task (left) :ordered-subtasks (and (one) (three)))
           (:method r :parameters () :task (right) :ordered-subtasks (and (two) (four)))
           (:action one :effect (a1)) (:action two :precondition (a1) :effect (b1))
           (:action three :precondition (b1) :effect (a2)) (:action four :precondition (a2)))",
    );
    let state = domain.state();
    let tasks = Network::unordered(["right", "left"]);
    let plan = domain.plan(&state, &tasks, &Options::default()).unwrap();
    domain.verify(&state, &tasks, &plan).unwrap();
    assert_eq!(steps(&Ok(plan)), "(one) (two) (three) (four)");
    let ordered = Network::ordered(["right", "left"]);
    assert!(domain.plan(&state, &ordered, &Options::default()).is_err());
    let mut cyclic = tasks.clone();
    cyclic.before = vec![(0, 1), (1, 0)];
    let error = domain.plan(&state, &cyclic, &Options::default()).unwrap_err();
    assert!(error.to_string().contains("before itself"), "{error}");
    cyclic.before = vec![(0, 7)];
    assert!(domain.plan(&state, &cyclic, &Options::default()).is_err());
}

#[test]
fn a_partial_order_inside_a_method() {
    let domain = compile(
        "(define (domain d) (:predicates (p) (q)) (:task t :parameters ())
           (:method m :parameters () :task (t)
             :subtasks (and (t1 (needs_q)) (t2 (makes_p)) (t3 (p_to_q)) (t4 (last)))
             :ordering (and (< t2 t3) (< t1 t4) (< t3 t4)))
           (:action needs_q :precondition (q)) (:action makes_p :effect (p))
           (:action p_to_q :precondition (p) :effect (and (q) (not (p)))) (:action last))",
    );
    assert_eq!(check(&domain, &domain.state(), "t"), "(makes_p) (p_to_q) (needs_q) (last)");
}

#[test]
fn rich_conditions_and_effects() {
    let domain = compile(
        "(define (domain d) (:types block - object table - object) (:constants x y z - block top - table)
           (:predicates (red ?b - block) (on ?b - block ?t - object) (painted) (moved ?b - block))
           (:task t :parameters (?b - block))
           (:method m :parameters (?b - block ?o - object) :task (t ?b)
             :precondition (and (or (red ?b) (on ?b top)) (imply (red ?b) (exists (?c - block) (and (red ?c) (not (= ?c ?b)))))
               (forall (?c - block) (or (red ?c) (on ?c ?o))))
             :constraints (and (not (= ?b z)) (sortof ?o - table))
             :ordered-subtasks (and (paint) (finish ?b)))
           (:action paint :effect (and (painted) (forall (?b - block) (when (not (red ?b)) (and (red ?b) (moved ?b))))))
           (:action finish :parameters (?b - block) :precondition (forall (?c - block) (red ?c))
             :effect (and (not (red ?b)) (red ?b) (when (red ?b) (not (painted))))))",
    );
    let mut state = domain.state();
    for fact in ["red x", "on y top", "on z top"] {
        state.add(fact).unwrap();
    }
    assert_eq!(check(&domain, &state, "t y"), "(paint) (finish y)");
    assert!(check(&domain, &state, "t x").starts_with("no plan"));
    assert!(check(&domain, &state, "t z").starts_with("no plan"));
    state.add("red z").unwrap();
    assert_eq!(check(&domain, &state, "t x"), "(paint) (finish x)");
}

#[test]
fn tasks_without_arguments_that_fit() {
    let (domain, mut state, _) = rounds();
    let plan = |state: &astraea_htn::State, task: &str| check(&domain, state, task);
    assert!(plan(&state, "tour").contains("takes 1 arguments, not 0"));
    assert!(plan(&state, "tour hall").contains("`hall` is not a `robot`"));
    assert!(plan(&state, "tour bob").contains("unknown object `bob`; did you mean `rob`?"));
    assert_eq!(
        state.add("dirt a").unwrap_err().to_string(),
        "unknown predicate `dirt`; did you mean `dirty`?"
    );
    assert!(state.add("dirty a b").is_err());
    assert!(state.add_object("x", "rooom").is_err());
    assert_eq!(state.facts().len(), 8);
    assert!(!state.holds("nothing at all"));
}

/// A counter in unary that must be walked to the end: the lifted search gets one step, so the ground one finds the plan.
#[test]
fn the_ground_search_finds_a_plan_that_verifies() {
    let domain = astraea_htn::CompiledDomain::from_hddl(
        "(define (domain walk)
          (:types place)
          (:predicates (at ?p - place) (next ?p ?q - place) (wet ?p - place))
          (:task go :parameters (?to - place))
          (:method there :parameters (?to - place) :task (go ?to)
            :precondition (at ?to) :ordered-subtasks ())
          (:method onward :parameters (?to ?p ?q - place) :task (go ?to)
            :precondition (and (at ?p) (next ?p ?q))
            :ordered-subtasks (and (step ?p ?q) (go ?to)))
          (:action step :parameters (?p ?q - place)
            :precondition (and (at ?p) (next ?p ?q) (not (wet ?q)))
            :effect (and (not (at ?p)) (at ?q))))",
    )
    .unwrap();
    let text = "(define (problem w) (:domain walk) (:objects a b c d - place)
        (:htn :ordered-subtasks (go d))
        (:init (at a) (next a b) (wet b) (next a c) (next c d) (next d a)) (:goal (not (at a))))";
    let problem = domain.problem(astraea_htn::Source { name: "w", text }).unwrap();
    let elapsed = || std::time::Duration::ZERO;
    let time = std::time::Duration::from_secs(1);
    let budget = astraea_htn::Budget { elapsed: &elapsed, time, memory: 1 << 24, shorten: 0.0 };
    let options = Options::default().with_max_steps(1);
    let plan = domain.solve(&problem.state, &problem.tasks, &options, &budget).unwrap();
    domain.verify(&problem.state, &problem.tasks, &plan).unwrap();
    assert_eq!(plan.steps.len(), 2);
    assert_eq!(plan.to_ipc().lines().nth(1), Some("0 step a c"));
    let drown = domain.solve(&problem.state, &Network::ordered(["go b"]), &options, &budget);
    assert!(drown.is_err());
}

/// Declared first, `spoil` is taken again and again, and only the last task notices: depth first there are 2^30 ways to fail.
#[test]
fn another_order_of_the_methods_finds_what_the_declared_one_hides() {
    let domain = astraea_htn::CompiledDomain::from_hddl(
        "(define (domain cook)
          (:types dish)
          (:predicates (good ?d - dish) (bad ?d - dish))
          (:task make :parameters (?d - dish))
          (:method spoil :parameters (?d - dish) :task (make ?d) :ordered-subtasks (burn ?d))
          (:method care :parameters (?d - dish) :task (make ?d) :ordered-subtasks (bake ?d))
          (:action burn :parameters (?d - dish) :effect (bad ?d))
          (:action bake :parameters (?d - dish) :effect (good ?d))
          (:action serve :precondition (forall (?d - dish) (good ?d))))",
    )
    .unwrap();
    let mut state = domain.state();
    let dishes: Vec<String> = (0..30).map(|i| format!("d{i}")).collect();
    for dish in &dishes {
        state.add_object(dish.as_str(), "dish").unwrap();
    }
    let tasks = dishes.iter().map(|d| format!("make {d}")).chain(["serve".to_owned()]);
    let tasks = Network::ordered(tasks.collect::<Vec<_>>().iter().map(String::as_str));
    // A clock that advances when it is looked at; without memory nothing can be made ground.
    let ticks = std::cell::Cell::new(0);
    let elapsed = || {
        ticks.set(ticks.get() + 1);
        std::time::Duration::from_millis(ticks.get())
    };
    let time = std::time::Duration::from_secs(2);
    let budget = astraea_htn::Budget { elapsed: &elapsed, time, memory: 0, shorten: 0.0 };
    let options = Options::default().with_max_steps(u64::MAX);
    let plan = domain.solve(&state, &tasks, &options, &budget).unwrap();
    domain.verify(&state, &tasks, &plan).unwrap();
    assert_eq!(plan.steps.len(), 31);
    let stop = || elapsed() > 2 * time;
    let alone = domain.plan(&state, &tasks, &options.with_stop(&stop));
    assert!(matches!(alone, Err(astraea_htn::Error::Stopped { .. })));
}

/// Where a parcel lies is known before the van has driven there: driving moves vans, not parcels.
#[test]
fn what_is_needed_later_is_known_by_the_types_of_what_changes() {
    let domain = astraea_htn::CompiledDomain::from_hddl(
        "(define (domain post)
          (:types van parcel - thing place)
          (:predicates (at ?t - thing ?p - place) (in ?x - parcel ?v - van))
          (:task fetch :parameters (?x - parcel))
          (:method fetch :parameters (?x - parcel ?v - van ?p - place) :task (fetch ?x)
            :ordered-subtasks (and (drive ?v ?p) (load ?v ?x ?p)))
          (:action drive :parameters (?v - van ?to - place)
            :effect (and (forall (?p - place) (not (at ?v ?p))) (at ?v ?to)))
          (:action load :parameters (?v - van ?x - parcel ?p - place)
            :precondition (and (at ?v ?p) (at ?x ?p)) :effect (and (in ?x ?v) (not (at ?x ?p)))))",
    )
    .unwrap();
    let mut state = domain.state();
    for i in 0..200 {
        state.add_object(format!("p{i}").as_str(), "place").unwrap();
    }
    state.add_object("v", "van").unwrap();
    state.add_object("x", "parcel").unwrap();
    state.add("at x p199").unwrap();
    let tasks = Network::ordered(["fetch x"]);
    let few = Options::default().with_max_steps(20);
    let plan = domain.plan(&state, &tasks, &few).unwrap();
    assert_eq!(plan.to_ipc().lines().nth(1), Some("0 drive v p199"));
    // A thing that is both may be moved by driving, so nothing is taken for granted.
    state.add_object("v", "parcel").unwrap();
    state.add("at v p0").unwrap();
    assert!(domain.plan(&state, &tasks, &few).is_err());
    let plan = domain.plan(&state, &Network::ordered(["fetch v"]), &Options::default()).unwrap();
    domain.verify(&state, &Network::ordered(["fetch v"]), &plan).unwrap();
}

/// Depth first goes round the ring the long way; without memory nothing is made ground, so only planning a task again can take the short one.
#[test]
fn a_detour_is_cut_short() {
    let domain = astraea_htn::CompiledDomain::from_hddl(
        "(define (domain ring)
          (:types place)
          (:predicates (at ?p - place) (next ?p ?q - place))
          (:task go :parameters (?to - place))
          (:task tour)
          (:method tour :task (tour) :ordered-subtasks (and (go p7) (go p0) (go p7)))
          (:method there :parameters (?to - place) :task (go ?to) :precondition (at ?to) :ordered-subtasks ())
          (:method onward :parameters (?to ?p ?q - place) :task (go ?to)
            :precondition (and (at ?p) (next ?p ?q)) :ordered-subtasks (and (step ?p ?q) (go ?to)))
          (:constants p0 p7 - place)
          (:action step :parameters (?p ?q - place) :precondition (and (at ?p) (next ?p ?q))
            :effect (and (not (at ?p)) (at ?q))))",
    )
    .unwrap();
    let mut state = domain.state();
    for i in 1..7 {
        state.add_object(format!("p{i}").as_str(), "place").unwrap();
    }
    for i in 0..8 {
        state.add(format!("next p{i} p{}", (i + 1) % 8).as_str()).unwrap();
        state.add(format!("next p{i} p{}", (i + 7) % 8).as_str()).unwrap();
    }
    state.add("at p0").unwrap();
    let tasks = Network::task("tour");
    let elapsed = || std::time::Duration::from_millis(1);
    let time = std::time::Duration::from_secs(1);
    let solve = |shorten: f64| {
        let budget = astraea_htn::Budget { elapsed: &elapsed, time, memory: 0, shorten };
        let plan = domain.solve(&state, &tasks, &Options::default(), &budget).unwrap();
        domain.verify(&state, &tasks, &plan).unwrap();
        plan.steps.len()
    };
    assert!(solve(0.0) > 12);
    assert_eq!(solve(1.0), 3);
}

#[test]
fn methods_ruled_out_for_some_values() {
    let (domain, mut state, tasks) = rounds();
    state.add("door b c").unwrap();
    let plan = |method: &str, values: &[(&str, &str)]| {
        let values = values.iter().map(|(v, o)| ((*v).to_owned(), (*o).to_owned())).collect();
        let bindings = vec![(method.to_owned(), values)];
        let ruled_out = RuledOut { bindings, ..RuledOut::default() };
        steps(&domain.plan(&state, &tasks, &Options::default().with_ruled_out(ruled_out)))
    };
    let (a_b, a_c) = ("(move rob a b)", "(move rob a c)");
    assert!(plan("step", &[]).starts_with("no plan"));
    assert!(plan("step", &[("?from", "a"), ("?to", "b")]).contains(a_c));
    assert!(plan("TOUR_ALL", &[("?B", "b")]).contains(a_c));
    assert!(plan("tour_all", &[("?b", "c")]).contains(a_b));
    assert!(plan("tour_all", &[("?b", "nowhere")]).contains(a_b));
    assert!(
        plan("tour_all", &[("?bb", "b")]).contains("unknown variable `?bb of method tour_all`")
    );
}

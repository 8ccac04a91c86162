//! Numeric fluents: what is asked of them, how they change, and what the verifier makes of it.

use astraea_htn::ast::{Amount, Assignment, Comparison, Formula, Operator};
use astraea_htn::{
    ActionBuilder, Budget, CompiledDomain, DomainBuilder, Error, FaultKind, MethodBuilder, Network,
    Options, Source, parse_domain,
};
use expect_test::expect;

use crate::support::{check, compile, steps};

/// A truck that has to fill up on the way.
const TRUCK: &str = "(define (domain truck) (:types place)
  (:predicates (at ?p - place) (pump ?p - place))
  (:functions (fuel) (tank) (km ?p ?q - place) - number (total-cost) - number)
  (:task travel :parameters (?to - place))
  (:method there :parameters (?to - place) :task (travel ?to) :precondition (at ?to) :ordered-subtasks ())
  (:method leg :parameters (?p ?q ?to - place) :task (travel ?to) :cost 0.2
    :precondition (and (at ?p) (not (at ?to)) (>= (fuel) (km ?p ?q)))
    :ordered-subtasks (and (drive ?p ?q) (travel ?to)))
  (:method fill :parameters (?p ?to - place) :task (travel ?to) :cost 0.5
    :precondition (and (at ?p) (pump ?p) (< (fuel) (tank)))
    :ordered-subtasks (and (refuel ?p) (travel ?to)))
  (:action drive :parameters (?p ?q - place) :precondition (and (at ?p) (>= (fuel) (km ?p ?q)))
    :effect (and (not (at ?p)) (at ?q) (decrease (fuel) (km ?p ?q)) (increase (total-cost) (km ?p ?q))))
  (:action refuel :parameters (?p - place) :precondition (pump ?p)
    :effect (and (increase (total-cost) (* 2 (- (tank) (fuel)))) (assign (fuel) (tank)))))";

fn road(domain: &CompiledDomain, fuel: f64) -> astraea_htn::State {
    let mut state = domain.state();
    for place in ["a", "b", "c"] {
        state.add_object(place, "place").unwrap();
    }
    for fact in ["at a", "pump b"] {
        state.add(fact).unwrap();
    }
    for (function, value) in [("fuel", fuel), ("tank", 10.0), ("km a b", 4.0), ("km b c", 7.0)] {
        state.set_number(function, value).unwrap();
    }
    state
}

#[test]
fn a_plan_that_has_to_count() {
    let domain = compile(TRUCK);
    let state = road(&domain, 5.5);
    let tasks = Network::task("travel c");
    let plan = domain.plan(&state, &tasks, &Options::default()).unwrap();
    domain.verify(&state, &tasks, &plan).unwrap();
    assert_eq!(steps(&Ok(plan.clone())), "(drive a b) (refuel b) (drive b c)");
    // Four kilometres, 8.5 litres at two each, seven kilometres.
    assert_eq!(plan.action_cost, 4.0 + 17.0 + 7.0);
    assert_eq!(check(&domain, &road(&domain, 11.0), "travel c"), "(drive a b) (drive b c)");
    let error = check(&domain, &road(&domain, 3.0), "travel c");
    assert!(error.starts_with("no plan"), "{error}");
    assert!(
        error.contains("blocked by (>= (fuel) (km a a)): (fuel) is 3, (km a a) is not known"),
        "{error}"
    );
    // What is wrong with a plan shows in the numbers alone.
    let fault = domain.verify(&road(&domain, 3.0), &tasks, &plan).unwrap_err();
    assert_eq!(fault.kind, FaultKind::MethodPrecondition);
    assert!(fault.what.starts_with("(>= (fuel) (km a b)) does not hold"), "{}", fault.what);
    let mut dear = plan.clone();
    dear.action_cost += 1.0;
    assert_eq!(domain.verify(&state, &tasks, &dear).unwrap_err().kind, FaultKind::Cost);
    let read = domain.read_plan(&state, &tasks, &plan.to_ipc()).unwrap();
    domain.verify(&state, &tasks, &read).unwrap();
    assert_eq!(read.action_cost, plan.action_cost);
}

#[test]
fn only_the_lifted_search_counts() {
    let domain = compile(TRUCK);
    let state = road(&domain, 5.5);
    let tasks = Network::task("travel c");
    let elapsed = || std::time::Duration::ZERO;
    let time = std::time::Duration::from_secs(1);
    let budget = Budget { elapsed: &elapsed, time, memory: 1 << 24, shorten: 4.0 };
    let plan = domain.solve(&state, &tasks, &Options::default(), &budget).unwrap();
    domain.verify(&state, &tasks, &plan).unwrap();
    // The ground searches would find a plan that forgets the fuel: they must not be asked.
    let few = Options::default().with_max_steps(1);
    assert!(matches!(domain.solve(&state, &tasks, &few, &budget), Err(Error::Stopped { .. })));
    let goal =
        tasks.clone().with_goal(Formula::compare(Amount::of("fuel"), Comparison::Greater, 100.0));
    assert!(domain.solve(&state, &goal, &few, &budget).is_err());
}

#[test]
fn goals_and_constraints_may_ask_numbers() {
    let domain = compile(TRUCK);
    let text = "(define (problem p) (:domain truck) (:objects a b c - place)
        (:htn :parameters (?x - place) :ordered-subtasks (travel ?x) :constraints (> (km a ?x) 3))
        (:init (at a) (pump b) (= (fuel) 9) (= (tank) 10) (= (km a b) 4) (= (km a c) 2))
        (:goal (and (= (fuel) 5) (not (< (fuel) (- 10 5))))))";
    let problem = domain.problem(Source { name: "p", text }).unwrap();
    assert_eq!(problem.state.number("km a b"), Some(4.0));
    assert_eq!(problem.state.number("km b a"), None);
    let plan = domain.plan(&problem.state, &problem.tasks, &Options::default()).unwrap();
    domain.verify(&problem.state, &problem.tasks, &plan).unwrap();
    assert_eq!(steps(&Ok(plan)), "(drive a b)");
}

#[test]
fn changes_see_the_state_before_and_follow_each_other() {
    let domain = compile(
        "(define (domain d) (:types n) (:constants x y - n) (:predicates (p) (big ?n - n))
           (:functions (f ?n - n) (g))
           (:action swap :effect (and (assign (f x) (f y)) (assign (f y) (f x)) (p)))
           (:action twice :effect (and (increase (g) 1) (increase (g) (g)) (scale-up (g) 3) (scale-down (g) 2)))
           (:action each :effect (forall (?n - n) (when (> (f ?n) 4) (and (big ?n) (decrease (f ?n) 1)))))
           (:action halve :effect (scale-down (g) (f x))))",
    );
    let state = || {
        domain
            .state()
            .with_number("f x", 7.0)
            .unwrap()
            .with_number("f y", 2.0)
            .unwrap()
            .with_number("g", 5.0)
            .unwrap()
    };
    let run = |state: &astraea_htn::State, task: &str, goal: &str| {
        let text = format!(
            "(define (problem p) (:domain d) (:htn :ordered-subtasks ({task})) (:init) (:goal {goal}))"
        );
        let tasks = domain.problem(Source { name: "p", text: &text }).unwrap().tasks;
        match domain.plan(state, &tasks, &Options::default()) {
            Ok(plan) => domain.verify(state, &tasks, &plan).unwrap(),
            Err(error) => panic!("{error}"),
        }
    };
    run(&state(), "swap", "(and (= (f x) 2) (= (f y) 7))");
    // 5 + 1 + 5, times 3, by 2.
    run(&state(), "twice", "(= (g) 16.5)");
    run(&state(), "each", "(and (= (f x) 6) (= (f y) 2) (big x) (not (big y)))");
    // A number that is not known, or a division by zero, stops the action.
    let unknown = check(&domain, &domain.state(), "twice");
    assert!(unknown.contains("a number that its effect needs is not known"), "{unknown}");
    let zero = state().with_number("f x", 0.0).unwrap();
    assert!(check(&domain, &zero, "halve").starts_with("no plan"));
    assert_eq!(check(&domain, &domain.state(), "each"), "(each)");
    let (tasks, plan) = (
        Network::task("halve"),
        domain.plan(&state(), &Network::task("halve"), &Options::default()).unwrap(),
    );
    let fault = domain.verify(&zero, &tasks, &plan).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "step 0: (g) cannot be worked out, so (halve) cannot be executed"
    );
}

#[test]
fn a_state_is_another_when_a_number_is() {
    // Counting down changes no fact: the search must not take the second situation for the first.
    let domain = compile(
        "(define (domain d) (:predicates (p)) (:functions (n)) (:task down :parameters ())
           (:method more :parameters () :task (down) :precondition (> (n) 0) :ordered-subtasks (and (tick) (down)))
           (:method end :parameters () :task (down) :precondition (= (n) 0) :ordered-subtasks ())
           (:action tick :effect (decrease (n) 1)))",
    );
    let plan = |n: f64| check(&domain, &domain.state().with_number("n", n).unwrap(), "down");
    assert_eq!(plan(3.0), "(tick) (tick) (tick)");
    assert_eq!(plan(0.0), "");
    assert_eq!(plan(-0.0), "");
    assert!(plan(2.5).starts_with("no plan"), "{}", plan(2.5));
}

#[test]
fn steps_that_share_a_number_keep_their_order() {
    let domain = compile(
        "(define (domain d) (:predicates (p)) (:functions (n) (m)) (:task t :parameters ())
           (:method all :parameters () :task (t) :ordered-subtasks (and (add) (other) (ask) (take)))
           (:action add :effect (increase (n) 1)) (:action other :effect (increase (m) 1))
           (:action ask :precondition (> (n) 0)) (:action take :effect (decrease (n) 1)))",
    );
    let state = domain.state().with_number("n", 0.0).unwrap().with_number("m", 0.0).unwrap();
    let plan = domain.plan(&state, &Network::task("t"), &Options::default()).unwrap();
    let edges: Vec<String> = domain
        .dependencies(&state, &plan)
        .iter()
        .map(|d| format!("{}-{} {} {:?}", d.before, d.after, d.fact, d.why))
        .collect();
    let pairs: std::collections::BTreeSet<&str> =
        edges.iter().filter_map(|e| e.split(' ').next()).collect();
    assert_eq!(pairs.into_iter().collect::<Vec<_>>(), ["0-2", "0-3", "2-3"], "{edges:?}");
}

#[test]
fn errors() {
    let error = |condition: &str, effect: &str| {
        let text = format!(
            "(define (domain d) (:predicates (p)) (:functions (fuel ?x) (total-cost))
  (:action a :parameters (?x) :precondition {condition} :effect {effect}))"
        );
        match CompiledDomain::from_hddl(&text) {
            Ok(_) => "fine".to_owned(),
            Err(error) => error.to_string(),
        }
    };
    assert_eq!(error("(<= (- (fuel ?x)) (+ 1 2 3))", "(scale-up (fuel ?x) -1.5e2)"), "fine");
    expect![[r#"
        error: unknown function `fule`
         --> domain.hddl:2:49
          |
        2 |   (:action a :parameters (?x) :precondition (> (fule ?x) 1) :effect ()))
          |                                                 ^^^^
          |
          = help: did you mean `fuel`?"#]]
    .assert_eq(&error("(> (fule ?x) 1)", "()"));
    for (condition, effect, part) in [
        ("(> (fuel) 1)", "()", "takes 1 argument, not 0"),
        ("(> fuel 1)", "()", "`fuel` is not a number"),
        ("(> (fuel ?x))", "()", "wrong number of parts"),
        ("(> (/ 1 2 3) 1)", "()", "`/` with 3 numbers"),
        ("(> (*) 1)", "()", "`*` with 0 numbers"),
        ("()", "(increase (fuel ?x) much)", "`much` is not a number"),
        ("()", "(increase (fuel ?x) 1e999)", "`1e999` is not a number"),
        ("()", "(assign (fuel ?x))", "wrong number of parts"),
        ("()", "(assign (weight ?x) 1)", "unknown function `weight`"),
    ] {
        let error = error(condition, effect);
        assert!(error.contains(part), "{part} in {error}");
    }
    let domain = compile(
        "(define (domain d) (:predicates (p)) (:functions (total-cost)) (:action a :effect (increase (total-cost) 1)))",
    );
    let goal = Formula::compare(Amount::of("total-cost"), Comparison::Less, 3.0);
    let asked = Network::task("a").with_goal(goal);
    let error = domain.plan(&domain.state(), &asked, &Options::default()).unwrap_err().to_string();
    assert!(error.contains("only adds `total-cost` up"), "{error}");
    let mut state = domain.state();
    assert!(matches!(state.set_number("total-cost", f64::NAN), Err(Error::OutOfRange { .. })));
    assert!(state.set_number("totl-cost", 1.0).unwrap_err().to_string().contains("did you mean"));
}

#[test]
fn numbers_from_rust_and_back_from_text() {
    let domain = DomainBuilder::new("shop")
        .function("money", [])
        .function("price", [("?x", "")])
        .constant("tea", "object")
        .predicate("have", [("?x", "")])
        .task("get", [("?x", "")])
        .action(
            ActionBuilder::new("buy")
                .param("?x", "")
                .needs(Formula::compare(
                    Amount::of("money"),
                    Comparison::AtLeast,
                    Amount::of("price ?x").then(Operator::Times, 2.0),
                ))
                .adds("have ?x")
                .changes(Assignment::Decrease, "money", Amount::of("price ?x")),
        )
        .method(MethodBuilder::new("shopping").param("?x", "").task("get ?x").ordered(["buy ?x"]))
        .build()
        .unwrap();
    let state = domain.state().with_number("price tea", 2.0).unwrap();
    let rich = state.clone().with_number("money", 4.0).unwrap();
    assert_eq!(check(&domain, &rich, "get tea"), "(buy tea)");
    let poor = check(&domain, &state.with_number("money", 3.5).unwrap(), "get tea");
    assert!(poor.contains("(money) is 3.5, (price tea) is 2"), "{poor}");
    let text = domain.ast().to_string();
    assert_eq!(&parse_domain(Source { name: "d", text: &text }).unwrap(), domain.ast());
}

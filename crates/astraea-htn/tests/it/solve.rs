//! The searches in turn, where they could go wrong together.

use std::cell::Cell;
use std::time::Duration;

use astraea_htn::{Budget, CompiledDomain, Error, Options, Plan, Problem, Source};

use crate::support::compile;

fn problem(domain: &CompiledDomain, htn: &str, init: &str) -> Problem {
    let text = format!("(define (problem p) (:domain d) (:htn {htn}) (:init {init}))");
    domain.problem(Source { name: "p", text: &text }).unwrap()
}

/// Solves with so many looks at the clock before time is up; what comes out has to stand before the verifier.
fn solve(domain: &CompiledDomain, problem: &Problem, looks: u64) -> Result<Plan, Error> {
    let ticks = Cell::new(0);
    let elapsed = || {
        ticks.set(ticks.get() + 1);
        Duration::from_millis(ticks.get())
    };
    let time = Duration::from_millis(looks);
    let budget = Budget { elapsed: &elapsed, time, memory: 1 << 24, shorten: 1e6 };
    let options = Options::default().with_max_steps(u64::MAX);
    let plan = domain.solve(&problem.state, &problem.tasks, &options, &budget)?;
    domain.verify(&problem.state, &problem.tasks, &plan).unwrap();
    Ok(plan)
}

const TWO_WAYS: &str = "(define (domain d)
  (:predicates (p))
  (:task a) (:task b)
  (:method long :task (a) :cost 0.1 :ordered-subtasks (and (set) (unset)))
  (:method short :task (a) :cost COST :ordered-subtasks (nop))
  (:method empty :task (b) :precondition (p) :ordered-subtasks ())
  (:action set :effect (p)) (:action unset :effect (not (p))) (:action nop))";

#[test]
fn a_shorter_way_keeps_the_sum_of_the_costs_and_is_not_dearer() {
    let cheap = compile(&TWO_WAYS.replace("COST", "0.1"));
    let plan = solve(&cheap, &problem(&cheap, ":ordered-subtasks (and (a) (a))", ""), 100_000);
    let plan = plan.unwrap();
    assert_eq!((plan.steps.len(), (plan.cost * 10.0).round() as i32), (2, 2));
    let dear = compile(&TWO_WAYS.replace("COST", "0.5"));
    let plan = solve(&dear, &problem(&dear, ":ordered-subtasks (and (a) (a))", ""), 100_000);
    assert_eq!(plan.unwrap().steps.len(), 4);
}

/// `b` has no steps and its precondition holds only between those of `a`.
#[test]
fn a_task_without_steps_keeps_its_place_between_those_of_another() {
    let domain = compile(&TWO_WAYS.replace("COST", "0.1"));
    let plan = solve(&domain, &problem(&domain, ":subtasks (and (a) (b))", ""), 100_000).unwrap();
    assert_eq!(plan.steps.len(), 2);
}

/// The number stands only in the constraints of the initial network, and a search that forgets numbers would find no plan.
#[test]
fn numbers_of_the_initial_network_are_not_forgotten() {
    let tasks: String = (0..18)
        .map(|i| {
            format!(
                "(:task c{i}) (:method z{i} :task (c{i}) :ordered-subtasks (a{i}))
                 (:method o{i} :task (c{i}) :ordered-subtasks (b{i}))
                 (:action a{i}) (:action b{i} :effect (o{i}))"
            )
        })
        .collect();
    let facts: String = (0..18).map(|i| format!("(o{i})")).collect();
    let asked: String = (0..18).map(|i| format!("(c{i})")).collect();
    let text = format!(
        "(define (domain d) (:predicates {facts}) (:functions (fuel)) {tasks}
          (:action fin :precondition (and {facts})))"
    );
    let domain = compile(&text);
    let htn = format!(":ordered-subtasks (and {asked} (fin)) :constraints (>= (fuel) 5)");
    let result = solve(&domain, &problem(&domain, &htn, "(= (fuel) 10)"), 300);
    assert!(!matches!(result, Err(Error::NoPlan { .. })), "{result:?}");
}

/// The effect may add a fact that its predicate does not declare; no variable may take a value of another type from it.
#[test]
fn a_fact_of_a_wider_type_binds_no_narrower_variable() {
    let domain = compile(
        "(define (domain d) (:types rock car)
          (:predicates (at ?x - car))
          (:task a) (:task b)
          (:method a1 :parameters (?o - object) :task (a) :ordered-subtasks (and (put ?o) (b)))
          (:method b1 :parameters (?c - car) :task (b) :precondition (at ?c) :ordered-subtasks (fin ?c))
          (:action put :parameters (?o - object) :effect (at ?o))
          (:action fin :parameters (?c - car)))",
    );
    let mut problem = problem(&domain, ":ordered-subtasks (and (a))", "");
    problem.state.add_object("stone", "rock").unwrap();
    problem.state.add_object("beetle", "car").unwrap();
    let plan = solve(&domain, &problem, 100_000).unwrap();
    assert_eq!(plan.steps[0].atom().to_string(), "(put beetle)");
}

#[test]
fn there_may_be_all_the_time_in_the_world() {
    let domain = compile(TWO_WAYS.replace("COST", "0.1").as_str());
    let problem = problem(&domain, ":ordered-subtasks (and (b))", "");
    let elapsed = || Duration::ZERO;
    let budget =
        Budget { elapsed: &elapsed, time: Duration::MAX, memory: 1 << 24, shorten: f64::INFINITY };
    for options in [Options::default(), Options::default().with_max_plan_length(3)] {
        let result = domain.solve(&problem.state, &problem.tasks, &options, &budget);
        assert!(matches!(result, Err(Error::NoPlan { .. })), "{result:?}");
    }
}

/// A chain of tasks, the callers first: what each may change is found without going through all of them again and again.
#[test]
fn a_deep_hierarchy_compiles_at_once() {
    let depth = 1500;
    let facts: String = (0..depth).map(|i| format!("(f{i})")).collect();
    let tasks: String = (0..depth)
        .map(|i| {
            let next = if i + 1 < depth { format!("(t{})", i + 1) } else { String::new() };
            format!(
                "(:task t{i}) (:method m{i} :task (t{i}) :ordered-subtasks (and (a{i}) {next}))
                 (:action a{i} :effect (f{i}))"
            )
        })
        .collect();
    let domain = compile(&format!("(define (domain d) (:predicates {facts}) {tasks})"));
    let problem = problem(&domain, ":ordered-subtasks (and (t0))", "");
    let plan = domain.plan(&problem.state, &problem.tasks, &Options::default()).unwrap();
    assert_eq!(plan.steps.len(), depth);
}

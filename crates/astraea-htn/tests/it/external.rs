//! Predicates that the program answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use astraea_htn::{Budget, CompiledDomain, Error, FaultKind, Network, Options};

use crate::support::{check, compile, steps};

const DOMAIN: &str = "(define (domain files) (:types file) (:predicates (open ?f - file) (newer ?a ?b - file) (ready ?f - file) (quiet))
  (:functions (size ?f - file))
  (:task update :parameters (?f - file))
  (:method from :parameters (?f ?g - file) :task (update ?f) :precondition (and (newer ?g ?f) (ready ?g))
    :ordered-subtasks (and (unlock ?g) (copy ?g ?f)))
  (:method skip :parameters (?f - file) :task (update ?f) :cost 0.9
    :precondition (forall (?g - file) (not (newer ?g ?f))) :ordered-subtasks ())
  (:action unlock :parameters (?f - file) :effect (open ?f))
  (:action copy :parameters (?g ?f - file) :precondition (and (ready ?g) (quiet)) :effect (not (open ?g))))";

fn files() -> (CompiledDomain, astraea_htn::State) {
    let domain = compile(DOMAIN);
    let mut state = domain.state().with_fact("quiet").unwrap();
    for name in ["a1", "b3", "c2"] {
        state.add_object(name, "file").unwrap();
    }
    let domain = domain
        .with_external("Newer", |args, _| args[0].as_bytes()[1] > args[1].as_bytes()[1])
        .unwrap()
        .with_external("ready", |args, now| {
            !args[0].starts_with('b') && now.number(format!("size {}", args[0])) != Some(0.0)
        })
        .unwrap();
    (domain, state)
}

#[test]
fn a_closure_is_asked_with_names() {
    let (domain, state) = files();
    assert_eq!(check(&domain, &state, "update a1"), "(unlock c2) (copy c2 a1)");
    assert_eq!(check(&domain, &state, "update b3"), "");
    // The closure sees numbers, too; with nothing newer that is ready there is no plan, and the reason names the predicate.
    let empty = state.clone().with_number("size c2", 0.0).unwrap();
    let error = check(&domain, &empty, "update a1");
    assert!(error.starts_with("no plan"), "{error}");
    assert!(error.contains("the program was asked, and says no"), "{error}");
}

#[test]
fn the_verifier_asks_too() {
    let (domain, state) = files();
    let tasks = Network::task("update a1");
    let plan = domain.plan(&state, &tasks, &Options::default()).unwrap();
    let text = plan.to_ipc();
    let read = domain.read_plan(&state, &tasks, &text).unwrap();
    domain.verify(&state, &tasks, &read).unwrap();
    let never = domain.with_external("ready", |_, _| false).unwrap();
    let fault = never.verify(&state, &tasks, &plan).unwrap_err();
    assert_eq!(fault.kind, FaultKind::MethodPrecondition);
    assert!(fault.what.contains("(ready c2)"), "{}", fault.what);
}

#[test]
fn the_state_of_the_moment_is_seen() {
    let domain = compile(DOMAIN);
    let mut state = domain.state().with_fact("quiet").unwrap();
    for name in ["a", "b"] {
        state.add_object(name, "file").unwrap();
    }
    // Ready is what is open, so the method may be chosen only once something opened it.
    let domain = domain.with_external("newer", |args, _| args == ["b", "a"]).unwrap();
    let domain =
        domain.with_external("ready", |args, now| now.holds(format!("open {}", args[0]))).unwrap();
    assert!(check(&domain, &state, "update a").starts_with("no plan"));
    let tasks = Network::ordered(["unlock b", "update a"]);
    let plan = domain.plan(&state, &tasks, &Options::default()).unwrap();
    domain.verify(&state, &tasks, &plan).unwrap();
    assert_eq!(steps(&Ok(plan.clone())), "(unlock b) (unlock b) (copy b a)");
    // The first step makes true what the closure looked at for the later ones.
    let edges = domain.dependencies(&state, &plan);
    assert!(edges.iter().any(|d| (d.before, d.after) == (0, 1)), "{edges:?}");
}

#[test]
fn only_the_lifted_search_asks() {
    let (domain, state) = files();
    let elapsed = || std::time::Duration::ZERO;
    let time = std::time::Duration::from_secs(1);
    let budget = Budget { elapsed: &elapsed, time, memory: 1 << 24, shorten: 4.0 };
    let tasks = Network::task("update a1");
    let plan = domain.solve(&state, &tasks, &Options::default(), &budget).unwrap();
    domain.verify(&state, &tasks, &plan).unwrap();
    let few = Options::default().with_max_steps(1);
    assert!(matches!(domain.solve(&state, &tasks, &few, &budget), Err(Error::Stopped { .. })));
}

#[test]
fn what_cannot_be_external() {
    let (domain, state) = files();
    let error = domain.with_external("redy", |_, _| true).unwrap_err().to_string();
    assert_eq!(error, "unknown predicate `redy`; did you mean `ready`?");
    let error = domain.with_external("open", |_, _| true).unwrap_err().to_string();
    assert!(
        error.contains("`open` is answered by the program, so no action can change it"),
        "{error}"
    );
    let mut own = domain.state();
    own.add_object("a1", "file").unwrap();
    let error = own.add("ready a1").unwrap_err().to_string();
    assert!(error.contains("answered by the program"), "{error}");
    let text = "(define (problem p) (:domain files) (:objects a - file) (:htn :tasks (update a)) (:init (ready a)))";
    let error = domain.problem(astraea_htn::Source { name: "p", text }).unwrap_err().to_string();
    assert!(error.contains("answered by the program"), "{error}");
    drop(state);
}

#[test]
fn a_closure_may_keep_what_it_needs() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let (domain, state) = files();
    let domain = domain
        .with_external("newer", move |_, _| {
            counter.fetch_add(1, Ordering::Relaxed);
            false
        })
        .unwrap();
    assert_eq!(check(&domain, &state, "update a1"), "");
    assert!(calls.load(Ordering::Relaxed) > 0);
}

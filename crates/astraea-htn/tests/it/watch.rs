//! Who watches a search, and who asks what failed most.

use std::cell::RefCell;

use astraea_htn::{Event, Network, Options};
use expect_test::expect;

use crate::support::{compile, rounds, steps};

#[test]
fn an_observer_is_told_everything() {
    let (domain, state, tasks) = rounds();
    let log = RefCell::new(Vec::new());
    let observer = |event: &Event| log.borrow_mut().push(format!("|{event}"));
    let options = Options::default().with_observer(&observer);
    let watched = domain.plan(&state, &tasks, &options).unwrap();
    assert_eq!(watched, domain.plan(&state, &tasks, &Options::default()).unwrap());
    let log = log.into_inner();
    assert_eq!(log.iter().filter(|l| l.contains("executed")).count(), 15);
    expect![[r#"
        |   0 (tour rob) by tour_all ?r=rob ?a=a ?b=b ?c=c
        |   0   (clean rob a) by clean_room ?r=rob ?p=a
        |   0     (visit rob a) by step ?r=rob ?from=hall ?to=a
        |   0 executed (move rob hall a)
        |   1 executed (sweep rob a)
        |   2 executed (report rob a)
        |   3   (clean rob b) by clean_room ?r=rob ?p=b
        |   3     (visit rob b) by step ?r=rob ?from=a ?to=b
        |   3 executed (move rob a b)
        |   4 executed (sweep rob b)
        |   5 executed (report rob b)
        |   6   (clean rob c) by clean_room ?r=rob ?p=c
        |   6 no way for (visit rob c)
        |   6 back to here
        |   6 no way for (clean rob c)
        |   5 back to here"#]]
    .assert_eq(&log[..16].join("\n"));
    expect![[r#"
        |   8 executed (report rob b)
        |   9 a plan"#]]
    .assert_eq(&log[log.len() - 2..].join("\n"));
}

#[test]
fn situations_met_again_and_deeper_recursion_are_told() {
    let domain = compile(
        "(define (domain d) (:predicates (p)) (:task t :parameters ())
           (:method round :parameters () :task (t) :ordered-subtasks (and (on) (off) (t)))
           (:method grow :parameters () :task (t) :ordered-subtasks (and (t) (off)))
           (:action on :effect (p)) (:action off :precondition (p) :effect (not (p))))",
    );
    let log = RefCell::new(Vec::new());
    let observer = |event: &Event| log.borrow_mut().push(event.clone());
    let options = Options::default().with_observer(&observer).with_max_steps(60);
    assert!(domain.plan(&domain.state(), &Network::task("t"), &options).is_err());
    let log = log.into_inner();
    assert!(log.contains(&Event::Repeated { steps: 2 }), "{log:?}");
    assert!(log.contains(&Event::Deepened { limit: 1 }), "{log:?}");
    assert!(log.iter().any(|e| matches!(e, Event::Failed { .. })), "{log:?}");
}

#[test]
fn what_failed_most_is_told() {
    let domain = compile(
        "(define (domain d) (:types box) (:predicates (sealed ?b - box) (key) (heavy ?b - box))
           (:task all :parameters ()) (:task unpack :parameters (?b - box))
           (:method some :parameters (?b - box) :task (all) :ordered-subtasks (and (unpack ?b) (shut)))
           (:method strong :parameters (?b - box) :task (unpack ?b) :precondition (not (heavy ?b)) :ordered-subtasks (lift ?b))
           (:method cut :parameters (?b - box) :task (unpack ?b) :cost 0.5 :ordered-subtasks (slit ?b))
           (:action lift :parameters (?b - box)) (:action slit :parameters (?b - box) :effect (sealed ?b))
           (:action shut :precondition (and (exists (?b - box) (sealed ?b)) (key))))",
    );
    let mut state = domain.state();
    for b in ["x", "y", "z"] {
        state.add_object(b, "box").unwrap();
    }
    state.add("heavy z").unwrap();
    let explanation = domain.explain(&state, &Network::task("all"), &Options::default()).unwrap();
    let told: Vec<String> = explanation.obstacles.iter().map(ToString::to_string).collect();
    expect!["(key), which a subtask needs (of method some): 1 time"].assert_eq(&told.join("\n"));
    assert!(explanation.to_string().contains("what stood in the way most often"));
}

#[test]
fn a_plan_from_elsewhere_is_explained() {
    let (domain, state, tasks) = rounds();
    let plan = domain.plan(&state, &tasks, &Options::default()).unwrap();
    let read = domain.read_plan(&state, &tasks, &plan.to_ipc()).unwrap();
    let explained = domain.explain_plan(&state, &tasks, &read, &Options::default()).unwrap();
    let own = domain.explain(&state, &tasks, &Options::default()).unwrap();
    assert_eq!(explained.to_string(), own.to_string());
    assert_eq!(steps(&Ok(explained.plan.unwrap())), steps(&Ok(plan)));
}

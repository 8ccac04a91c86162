//! Going on after a step failed.

use astraea_htn::{CompiledDomain, Error, Network, Options, Plan, RuledOut, State};

use crate::support::{compile, rounds, steps};

const TRIP: &str = "(define (domain trip) (:types way) (:constants road rail - way)
  (:predicates (packed) (ticket) (open ?w - way) (there) (fed))
  (:task holiday :parameters ()) (:task go :parameters ()) (:task prepare :parameters ())
  (:method all :parameters () :task (holiday)
    :subtasks (and (p (prepare)) (g (go)) (f (feed)) (l (lock))) :ordering (and (< p g) (< g l)))
  (:method pack_up :parameters () :task (prepare) :precondition (not (packed)) :ordered-subtasks (and (pack) (check)))
  (:method ready :parameters () :task (prepare) :cost 0.9 :precondition (packed) :ordered-subtasks (check))
  (:method by_rail :parameters () :task (go) :precondition (open rail) :ordered-subtasks (and (buy) (ride)))
  (:method by_road :parameters () :task (go) :cost 0.5 :precondition (open road) :ordered-subtasks (drive))
  (:action pack :effect (packed)) (:action check :precondition (packed))
  (:action feed :effect (fed)) (:action lock :precondition (there))
  (:action buy :effect (ticket)) (:action ride :precondition (and (ticket) (open rail)) :effect (there))
  (:action drive :precondition (open road) :effect (there)))";

fn trip() -> (CompiledDomain, State, Network, Plan) {
    let domain = compile(TRIP);
    let state = domain.state().with_fact("open road").unwrap().with_fact("open rail").unwrap();
    let tasks = Network::task("holiday").with_goal(astraea_htn::ast::Formula::fact("fed"));
    let plan = domain.plan(&state, &tasks, &Options::default()).unwrap();
    domain.verify(&state, &tasks, &plan).unwrap();
    assert_eq!(steps(&Ok(plan.clone())), "(pack) (check) (buy) (ride) (lock) (feed)");
    (domain, state, tasks, plan)
}

/// What is left after so many steps, with so many decisions given up.
fn left(done: usize, given_up: usize) -> String {
    let (domain, _, tasks, plan) = trip();
    let rest = domain.remaining(&tasks, &plan, done, given_up);
    format!("{rest} {:?}", rest.before)
}

#[test]
fn what_is_left() {
    assert_eq!(left(0, 0), "(holiday) []");
    // What was begun is split up: the order of its open parts stays.
    assert_eq!(left(1, 0), "(check) (go) (lock) (feed) [(0, 1), (1, 2)]");
    assert_eq!(left(2, 0), "(go) (lock) (feed) [(0, 1)]");
    assert_eq!(left(3, 0), "(ride) (lock) (feed) [(0, 1)]");
    assert_eq!(left(5, 0), "(feed) []");
    assert_eq!(left(6, 0), " []");
    // Decisions given up, from below.
    assert_eq!(left(3, 1), "(go) (lock) (feed) [(0, 1)]");
    assert_eq!(left(3, 2), "(holiday) []");
    assert_eq!(left(3, 99), "(holiday) []");
    assert_eq!(left(1, 1), "(prepare) (go) (lock) (feed) [(0, 1), (1, 2)]");
    assert_eq!(left(4, 1), "(holiday) []");
}

#[test]
fn as_few_decisions_as_possible_are_given_up() {
    let (domain, state, tasks, plan) = trip();
    // The first three steps were carried out, then the trains stopped.
    let mut now = state.with_fact("packed").unwrap().with_fact("ticket").unwrap();
    now.remove("open rail").unwrap();
    let again = domain.replan(&now, &tasks, &plan, 3, &Options::default()).unwrap();
    assert_eq!(again.given_up, 1);
    assert_eq!(steps(&Ok(again.plan.clone())), "(drive) (lock) (feed)");
    domain.verify(&now, &again.tasks, &again.plan).unwrap();
    // With the same world the step is tried again, unless it is ruled out.
    now.add("open rail").unwrap();
    let again = domain.replan(&now, &tasks, &plan, 3, &Options::default()).unwrap();
    assert_eq!((again.given_up, steps(&Ok(again.plan))), (0, "(ride) (lock) (feed)".to_owned()));
    for ruled_out in [
        RuledOut { steps: vec!["ride".into()], ..RuledOut::default() },
        RuledOut {
            methods: vec![("by_rail".into(), None)],
            steps: vec!["ride".into()],
            ..RuledOut::default()
        },
    ] {
        let options = Options::default().with_ruled_out(ruled_out);
        let again = domain.replan(&now, &tasks, &plan, 3, &options).unwrap();
        assert_eq!(
            (again.given_up, steps(&Ok(again.plan))),
            (1, "(drive) (lock) (feed)".to_owned())
        );
    }
    // A plan for what is left can be replanned itself.
    let first = domain.replan(&now, &tasks, &plan, 1, &Options::default()).unwrap();
    assert_eq!(steps(&Ok(first.plan.clone())), "(check) (buy) (ride) (lock) (feed)");
    now.remove("open rail").unwrap();
    let second = domain.replan(&now, &first.tasks, &first.plan, 2, &Options::default()).unwrap();
    assert_eq!(steps(&Ok(second.plan)), "(drive) (lock) (feed)");
}

#[test]
fn where_nothing_helps_it_is_said() {
    let (domain, state, tasks, plan) = trip();
    let mut now = state.with_fact("packed").unwrap();
    now.remove("open rail").unwrap();
    now.remove("open road").unwrap();
    let error = domain.replan(&now, &tasks, &plan, 3, &Options::default()).unwrap_err();
    assert!(matches!(error, Error::NoPlan { .. }), "{error}");
    assert!(error.to_string().contains("(open rail)"), "{error}");
    let stopped = Options::default().with_stop(&|| true);
    let error = domain.replan(&now, &tasks, &plan, 3, &stopped).unwrap_err();
    assert!(matches!(error, Error::Stopped { .. }), "{error}");
}

#[test]
fn every_point_of_a_plan_can_be_gone_on_from() {
    let (domain, state, tasks) = rounds();
    let plan = domain.plan(&state, &tasks, &Options::default()).unwrap();
    let mut now = state;
    for done in 0..=plan.steps.len() {
        let again = domain.replan(&now, &tasks, &plan, done, &Options::default()).unwrap();
        domain.verify(&now, &again.tasks, &again.plan).unwrap();
        let rest: Vec<String> = plan.steps[done..].iter().map(|s| s.atom().to_string()).collect();
        assert_eq!((again.given_up, steps(&Ok(again.plan))), (0, rest.join(" ")));
        let Some(step) = plan.steps.get(done) else { break };
        match (step.action.as_str(), step.args.as_slice()) {
            ("move", [robot, from, to]) => {
                now.remove(format!("at {robot} {from}")).unwrap();
                now.add(format!("at {robot} {to}")).unwrap();
            }
            ("sweep", [_, room]) => {
                now.remove(format!("dirty {room}")).unwrap();
            }
            (_, args) => {
                now.add(format!("done {}", args[1])).unwrap();
            }
        }
    }
}

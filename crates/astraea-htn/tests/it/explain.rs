//! The reasons.

use astraea_htn::{Network, Options, RuledOut, Verdict};
use expect_test::{Expect, expect};

use crate::support::{compile, rounds};

const CODING: &str = "(define (domain coding) (:types file)
  (:predicates (suspicious ?f - file) (runner) (model) (green) (lucky))
  (:task fix :parameters ()) (:task change :parameters (?f - file))
  (:method ask :parameters (?f - file) :task (fix) :cost 0.1
    :precondition (and (model) (suspicious ?f)) :ordered-subtasks (and (change ?f) (test)))
  (:method blind :parameters (?f - file) :task (fix) :cost 0.2
    :precondition (suspicious ?f) :ordered-subtasks (and (change ?f) (deploy)))
  (:method search :parameters (?f - file) :task (fix) :cost 0.3
    :precondition (suspicious ?f) :ordered-subtasks (and (change ?f) (test)))
  (:method scaffold :parameters () :task (fix) :cost 0.9 :ordered-subtasks ())
  (:method edit :parameters (?f - file) :task (change ?f) :ordered-subtasks (modify ?f))
  (:action modify :parameters (?f - file) :effect (when (lucky) (green)))
  (:action test :precondition (runner) :effect (green))
  (:action deploy :precondition (green)))";

fn explain(facts: &[&str], options: &Options<'_>, expected: &Expect) {
    let domain = compile(CODING);
    let mut state = domain.state().with_object("a.rs", "file").unwrap();
    for fact in facts {
        state.add(*fact).unwrap();
    }
    state.add_belief("model", 0.3).unwrap();
    let explanation = domain.explain(&state, &Network::task("fix"), options).unwrap();
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(serde_json::from_value::<astraea_htn::Explanation>(json).unwrap(), explanation);
    expected.assert_eq(&explanation.to_string());
}

#[test]
fn a_plan() {
    explain(
        &["suspicious a.rs", "runner"],
        &Options::default(),
        &expect![[r#"
        (fix) (after 0 steps)
          - ask (cost 0.1): blocked by (model): it is only believed with confidence 0.3, and 0.5 is needed
          - blind (cost 0.2): tried, but what it asks for could not be done
          - search (cost 0.3): taken
          - scaffold (cost 0.9): possible, but not needed
          (change a.rs) (after 0 steps)
            - edit: taken
    "#]],
    );
}

#[test]
fn a_method_ruled_out() {
    let ruled_out = RuledOut { methods: vec![("search".into(), None)], ..RuledOut::default() };
    let options = Options::default().with_ruled_out(ruled_out);
    explain(
        &["suspicious a.rs", "runner"],
        &options,
        &expect![[r#"
        (fix) (after 0 steps)
          - ask (cost 0.1): blocked by (model): it is only believed with confidence 0.3, and 0.5 is needed
          - blind (cost 0.2): tried, but what it asks for could not be done
          - search (cost 0.3): ruled out
          - scaffold (cost 0.9): taken
    "#]],
    );
}

#[test]
fn no_plan() {
    let ruled_out = RuledOut { methods: vec![("scaffold".into(), None)], ..RuledOut::default() };
    let options = Options::default().with_ruled_out(ruled_out);
    explain(
        &["suspicious a.rs"],
        &options,
        &expect![[r#"
            no plan: every way to carry out (fix) was tried and none works
            the furthest point was reached by
              (modify a.rs)
            (fix) (after 0 steps)
              - ask (cost 0.1): blocked by (model): it is only believed with confidence 0.3, and 0.5 is needed
              - blind (cost 0.2): came furthest, but could not be completed
              - search (cost 0.3): blocked by (runner): it is not a fact, and a subtask needs it
              - scaffold (cost 0.9): ruled out
              (deploy) (after 1 steps)
                ! (green): it is not a fact
            what stood in the way most often
              (green) (of action deploy): 1 time
              (model) (of method ask): 1 time
              (runner), which a subtask needs (of method search): 1 time
        "#]],
    );
    explain(
        &[],
        &options,
        &expect![[r#"
            no plan: every way to carry out (fix) was tried and none works
            (fix) (after 0 steps)
              - ask (cost 0.1): blocked by (model): it is only believed with confidence 0.3, and 0.5 is needed
              - blind (cost 0.2): blocked by (suspicious ?f): no fact matches it
              - search (cost 0.3): blocked by (runner): it is not a fact, and a subtask needs it
              - scaffold (cost 0.9): ruled out
            what stood in the way most often
              (model) (of method ask): 1 time
              (suspicious ?f) (of method blind): 1 time
              (runner), which a subtask needs (of method search): 1 time
        "#]],
    );
}

#[test]
fn the_binding_is_told() {
    let (domain, mut state, tasks) = rounds();
    state.remove("door c b").unwrap();
    let explanation = domain.explain(&state, &tasks, &Options::default()).unwrap();
    assert_eq!(explanation.plan, None);
    let last = explanation.met.last().unwrap();
    assert_eq!(last.at, 6);
    let Verdict::Blocked { failed, why, binding } = &last.candidates[0].verdict else {
        panic!("{last:?}");
    };
    assert_eq!((failed.as_str(), why.as_str()), ("(door b c)", "it is not a fact"));
    assert_eq!(binding[1], ("?from".to_owned(), "b".to_owned()));
}

#[test]
fn unknown_names_are_errors() {
    let (domain, state, _) = rounds();
    let explain = |task: &str| domain.explain(&state, &Network::task(task), &Options::default());
    assert!(explain("tuor rob").is_err());
    assert!(explain("tour").is_err());
    assert!(explain("tour hall").is_err());
}

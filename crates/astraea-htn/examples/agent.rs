//! A coding agent's small domain: a cheap way that does not apply here, one that fails, and a second plan after it.
//!
//! Run with `cargo run -p astraea-htn --example agent`.

use astraea_htn::{CompiledDomain, Error, Network, Options, RuledOut};

const DOMAIN: &str = r"
(define (domain coding)
  (:requirements :typing :hierarchy :method-preconditions :negative-preconditions)
  (:types file)
  (:predicates (suspicious ?f - file) (edited ?f - file) (tests_known) (model_available) (trusted_tests))
  (:task fix_bug :parameters ())
  (:task change :parameters (?f - file))
  (:method ask_model :parameters (?f - file)
    :task (fix_bug) :cost 0.2
    :precondition (and (model_available) (suspicious ?f))
    :ordered-subtasks (and (change ?f) (run_tests) (commit)))
  (:method search_repair :parameters (?f - file)
    :task (fix_bug) :cost 0.4
    :precondition (and (tests_known) (suspicious ?f))
    :ordered-subtasks (and (change ?f) (run_tests) (commit)))
  (:method edit_once :parameters (?f - file)
    :task (change ?f)
    :precondition (not (edited ?f))
    :ordered-subtasks (modify_code ?f))
  (:action modify_code :parameters (?f - file)
    :effect (edited ?f))
  (:action run_tests :precondition (tests_known) :effect (trusted_tests))
  (:action commit :precondition (trusted_tests)))
";

fn main() -> Result<(), Error> {
    let domain = CompiledDomain::from_hddl(DOMAIN)?;
    let state = domain
        .state()
        .with_object("src/parse.rs", "file")?
        .with_object("src/print.rs", "file")?
        .with_fact("suspicious src/parse.rs")?
        .with_fact("suspicious src/print.rs")?
        .with_fact("tests_known")?
        .with_belief("model_available", 0.3)?;
    let tasks = Network::task("fix_bug");

    let explanation = domain.explain(&state, &tasks, &Options::default())?;
    println!("{explanation}");
    let Some(plan) = explanation.plan else { return Ok(()) };
    domain.verify(&state, &tasks, &plan).expect("the planner's own plans are right");
    println!("{plan}\n{}", plan.to_tree());

    // The first step failed: never the same way again.
    let ruled_out = RuledOut { steps: vec![plan.steps[0].atom()], ..RuledOut::default() };
    let again = domain.plan(&state, &tasks, &Options::default().with_ruled_out(ruled_out))?;
    println!("after a failure of {}:\n{again}", plan.steps[0].atom());
    for dependency in domain.dependencies(&state, &again) {
        println!("{} before {}: {}", dependency.before, dependency.after, dependency.fact);
    }
    Ok(())
}

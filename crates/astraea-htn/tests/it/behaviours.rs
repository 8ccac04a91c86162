//! What the system that this one re-creates did, and what of it went wrong.

use astraea_htn::ast::Formula;
use astraea_htn::{
    ActionBuilder, CompiledDomain, DomainBuilder, Error, MethodBuilder, Network, Options,
};

use crate::support::{check, compile, rounds, steps};

fn refused(method: &str) -> String {
    let text = format!(
        "(define (domain d) (:predicates (p)) (:task t :parameters ()) (:action a :parameters ()) {method})"
    );
    CompiledDomain::from_hddl(&text).unwrap_err().to_string()
}

#[test]
fn behaviour_01_incomplete_methods_are_refused() {
    assert!(refused("(:method :task (t) :ordered-subtasks ())").contains("without a name"));
    assert!(refused("(:method m :ordered-subtasks ())").contains("which task"));
    assert!(refused("(:method m :task (t))").contains("no subtasks"));
    for cost in ["-0.1", "1.1", "NaN", "cheap"] {
        let error = refused(&format!("(:method m :task (t) :cost {cost} :ordered-subtasks (a))"));
        assert!(error.contains("between 0 and 1"), "{error}");
    }
    let build = |m: MethodBuilder| {
        let builder = DomainBuilder::new("d").task("t", []).action(ActionBuilder::new("a"));
        builder.method(m).build().unwrap_err().to_string()
    };
    assert!(build(MethodBuilder::new("").task("t").ordered(["a"])).contains("no name"));
    assert!(build(MethodBuilder::new("m").ordered(["a"])).contains("no task"));
    assert!(build(MethodBuilder::new("m").task("t")).contains("no subtasks"));
    for cost in [-0.5, 1.5, f64::NAN] {
        let m = MethodBuilder::new("m").task("t").ordered(["a"]).cost(cost);
        assert!(build(m).contains("between 0 and 1"));
    }
}

fn nested() -> CompiledDomain {
    DomainBuilder::new("nested")
        .task("implement", [])
        .task("fix", [])
        .action(ActionBuilder::new("create_file"))
        .action(ActionBuilder::new("modify_code"))
        .action(ActionBuilder::new("run_tests"))
        .method(MethodBuilder::new("full").task("implement").cost(0.5).ordered([
            "create_file",
            "fix",
            "run_tests",
        ]))
        .method(MethodBuilder::new("simple").task("fix").cost(0.3).ordered(["modify_code"]))
        .build()
        .unwrap()
}

#[test]
fn behaviour_02_nested_methods_flatten_in_order_and_costs_add_up() {
    let domain = nested();
    let plan =
        domain.plan(&domain.state(), &Network::task("implement"), &Options::default()).unwrap();
    assert_eq!(steps(&Ok(plan.clone())), "(create_file) (modify_code) (run_tests)");
    assert!((plan.cost - 0.8).abs() < 1e-12);
}

#[test]
fn behaviour_03_a_primitive_goal_is_one_step_of_cost_zero() {
    let domain = nested();
    let plan =
        domain.plan(&domain.state(), &Network::task("run_tests"), &Options::default()).unwrap();
    assert_eq!((plan.steps.len(), plan.cost), (1, 0.0));
    assert_eq!(plan.steps[0].method, None);
}

fn two_ways() -> CompiledDomain {
    compile(
        "(define (domain d) (:predicates (cheap_ok) (dear_ok)) (:task t :parameters ())
           (:method dear :parameters () :task (t) :cost 0.9 :precondition (dear_ok) :ordered-subtasks (slow))
           (:method cheap :parameters () :task (t) :cost 0.1 :precondition (cheap_ok) :ordered-subtasks (fast))
           (:action slow) (:action fast))",
    )
}

#[test]
fn behaviour_04_the_cheapest_applicable_method_wins() {
    let domain = two_ways();
    let state = domain.state().with_fact("dear_ok").unwrap();
    assert_eq!(check(&domain, &state, "t"), "(slow)");
    let state = state.with_fact("cheap_ok").unwrap();
    assert_eq!(check(&domain, &state, "t"), "(fast)");
}

#[test]
fn behaviour_05_a_false_fact_and_a_missing_fact_both_block() {
    let domain = two_ways();
    let missing = domain.state();
    let mut made_false = domain.state().with_fact("dear_ok").unwrap();
    made_false.remove("dear_ok").unwrap();
    for state in [missing, made_false] {
        let error = check(&domain, &state, "t");
        assert!(error.starts_with("no plan"), "{error}");
        assert!(error.contains("(dear_ok): it is not a fact"), "{error}");
    }
}

#[test]
fn behaviour_06_a_belief_of_09_holds_and_of_03_does_not() {
    let domain = two_ways();
    let strong = domain.state().with_belief("dear_ok", 0.9).unwrap();
    assert_eq!(check(&domain, &strong, "t"), "(slow)");
    let at_the_bound = domain.state().with_belief("dear_ok", 0.5).unwrap();
    assert_eq!(check(&domain, &at_the_bound, "t"), "(slow)");
    let weak = domain.state().with_belief("dear_ok", 0.3).unwrap();
    let error = check(&domain, &weak, "t");
    assert!(error.contains("believed with confidence 0.3"), "{error}");
    // What was observed stands above what is believed.
    let observed =
        domain.state().with_fact("dear_ok").unwrap().with_belief("dear_ok", 0.1).unwrap();
    assert_eq!(check(&domain, &observed, "t"), "(slow)");
    assert!(matches!(domain.state().with_belief("dear_ok", 1.5), Err(Error::OutOfRange { .. })));
}

#[test]
fn behaviour_07_an_unknown_compound_task_is_said() {
    let error = check(&nested(), &nested().state(), "implemnt");
    assert_eq!(error, "unknown task `implemnt`; did you mean `implement`?");
    let domain = DomainBuilder::new("d").task("t", []).build().unwrap();
    assert!(domain.warnings()[0].message.contains("no method refines"));
    let error = check(&domain, &domain.state(), "t");
    assert!(error.contains("no method refines it"), "{error}");
}

#[test]
fn behaviour_08_mutual_recursion_ends() {
    let domain = compile(
        "(define (domain d) (:predicates (p)) (:task ping :parameters ()) (:task pong :parameters ())
           (:method a :parameters () :task (ping) :ordered-subtasks (pong))
           (:method b :parameters () :task (pong) :ordered-subtasks (ping)))",
    );
    let error =
        domain.plan(&domain.state(), &Network::task("ping"), &Options::default()).unwrap_err();
    assert!(matches!(error, Error::NoPlan { .. }), "{error}");
}

#[test]
fn behaviour_08_recursion_that_grows_ends_too() {
    let domain = compile(
        "(define (domain d) (:predicates (p)) (:task grow :parameters ())
           (:method more :parameters () :task (grow) :ordered-subtasks (and (grow) (act)))
           (:method stop :parameters () :task (grow) :precondition (p) :ordered-subtasks ())
           (:action act))",
    );
    let tasks = Network::task("grow");
    let options = Options::default().with_max_steps(20_000);
    let error = domain.plan(&domain.state(), &tasks, &options).unwrap_err();
    assert!(matches!(error, Error::Stopped { .. }), "{error}");
    let state = domain.state().with_fact("p").unwrap();
    assert_eq!(check(&domain, &state, "grow"), "");
}

#[test]
fn behaviour_09_a_plan_constraint_rejects_a_plan_that_is_too_long() {
    let domain = compile(
        "(define (domain d) (:predicates (p)) (:task t :parameters ())
           (:method long :parameters () :task (t) :cost 0.1 :ordered-subtasks (and (a) (a) (a)))
           (:method short :parameters () :task (t) :cost 0.9 :ordered-subtasks (b))
           (:action a) (:action b))",
    );
    let plan =
        |options: Options<'_>| steps(&domain.plan(&domain.state(), &Network::task("t"), &options));
    assert_eq!(plan(Options::default()), "(a) (a) (a)");
    assert_eq!(plan(Options::default().with_max_plan_length(2)), "(b)");
    assert_eq!(plan(Options::default().with_forbidden_action("A")), "(b)");
    assert_eq!(plan(Options::default().with_accept(&|steps| steps.len() < 3)), "(b)");
    assert!(plan(Options::default().with_max_plan_length(0)).starts_with("no plan"));
    let both = Options::default().with_forbidden_action("a").with_forbidden_action("b");
    assert!(plan(both).contains("forbidden"));
    let typo = Options::default().with_forbidden_action("bb");
    assert!(plan(typo).contains("unknown action `bb`; did you mean `b`?"));
}

#[test]
fn behaviour_10_every_step_names_its_method() {
    let (domain, state, tasks) = rounds();
    let plan = domain.plan(&state, &tasks, &Options::default()).unwrap();
    let methods: Vec<&str> = plan.steps.iter().filter_map(|s| s.method.as_deref()).collect();
    assert_eq!(methods.len(), 9);
    assert_eq!(methods[..3], ["step", "clean_room", "clean_room"]);
}

#[test]
fn defect_06_steps_that_do_not_depend_on_each_other_are_not_chained() {
    let domain = DomainBuilder::new("d")
        .subtype("file", "object")
        .predicate("written", [("?f", "file")])
        .predicate("tested", [])
        .task("t", [])
        .constant("x", "file")
        .constant("y", "file")
        .action(ActionBuilder::new("write").param("?f", "file").adds("written ?f"))
        .action(
            ActionBuilder::new("test")
                .needs(Formula::for_all([("?f", "file")], Formula::fact("written ?f")))
                .adds("tested"),
        )
        .method(MethodBuilder::new("m").task("t").ordered(["write x", "write y", "test"]))
        .build()
        .unwrap();
    let plan = domain.plan(&domain.state(), &Network::task("t"), &Options::default()).unwrap();
    let pairs: Vec<(usize, usize)> =
        domain.dependencies(&domain.state(), &plan).iter().map(|d| (d.before, d.after)).collect();
    assert_eq!(pairs, [(0, 2), (1, 2)]);
}

#[test]
fn defect_08_a_dead_end_is_taken_back() {
    // The cheap method applies, but what it asks for cannot be done.
    let domain = compile(
        "(define (domain d) (:predicates (never)) (:task t :parameters ())
           (:method cheap :parameters () :task (t) :cost 0.1 :ordered-subtasks (and (a) (impossible)))
           (:method dear :parameters () :task (t) :cost 0.9 :ordered-subtasks (and (a) (b)))
           (:action a) (:action b) (:action impossible :precondition (never)))",
    );
    assert_eq!(check(&domain, &domain.state(), "t"), "(a) (b)");
    let (domain, state, _) = rounds();
    assert_eq!(
        check(&domain, &state, "tour rob"),
        "(move rob hall a) (sweep rob a) (report rob a) (move rob a c) (sweep rob c) (report rob c) \
         (move rob c b) (sweep rob b) (report rob b)"
    );
}

#[test]
fn defect_08_long_plans_come_back() {
    let mut builder = DomainBuilder::new("long").task("t", []);
    let names: Vec<String> = (0..5000).map(|i| format!("a{i}")).collect();
    for name in &names {
        builder = builder.action(ActionBuilder::new(name));
    }
    let method = MethodBuilder::new("m").task("t").ordered(names.iter().map(String::as_str));
    let domain = builder.method(method).build().unwrap();
    let plan = domain.plan(&domain.state(), &Network::task("t"), &Options::default()).unwrap();
    assert_eq!(plan.steps.len(), 5000);
    domain.verify(&domain.state(), &Network::task("t"), &plan).unwrap();
}

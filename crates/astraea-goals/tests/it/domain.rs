//! The coding domain and the user's own methods: behaviours 1 to 10 of the original, where they
//! touch it.

use astraea_goals::{CodingDomain, GoalError, MethodFile, classify};
use astraea_htn::{Done, Network, Options, Plan, State};

fn domain(extra: &str) -> Result<CodingDomain, GoalError> {
    let file = MethodFile { name: "mine.hddl".to_owned(), text: extra.to_owned() };
    CodingDomain::load(if extra.is_empty() { Vec::new() } else { vec![file] })
}

fn state(domain: &CodingDomain, facts: &[&str]) -> State {
    let mut state = domain.compiled().state();
    for fact in facts {
        state.add(*fact).unwrap();
    }
    state
}

fn plan(domain: &CodingDomain, facts: &[&str], goal: &str) -> Option<Plan> {
    let state = state(domain, facts);
    let tasks = Network::task(goal);
    let plan = domain.compiled().plan(&state, &tasks, &Options::default()).ok()?;
    domain.compiled().verify(&state, &tasks, &plan).unwrap();
    Some(plan)
}

/// The methods of a plan, a slash, its steps.
fn shape(plan: Option<Plan>) -> String {
    let Some(plan) = plan else { return "no plan".to_owned() };
    let methods = plan.tree.iter().filter_map(|node| match &node.done {
        Done::Method { method, .. } => Some(method.as_str()),
        Done::Step { .. } => None,
    });
    let steps: Vec<_> = plan.steps.iter().map(|step| step.action.as_str()).collect();
    format!("{} / {}", methods.collect::<Vec<_>>().join(" "), steps.join(" "))
}

const FAILING: [&str; 3] = ["(has_test_framework)", "(tests_failing)", "(repairer_available)"];
const GREEN: [&str; 2] = ["(has_test_framework)", "(tests_green)"];

fn with(base: &[&'static str], more: &[&'static str]) -> Vec<&'static str> {
    base.iter().chain(more).copied().collect()
}

#[test]
fn the_four_goals_are_there_and_keep_their_names() {
    let domain = domain("").unwrap();
    let mut goals = domain.goals().to_vec();
    goals.sort();
    assert_eq!(goals, ["add_tests", "fix_bug", "implement_feature", "refactor_code"]);
    assert!(domain.compiled().warnings().is_empty(), "{:?}", domain.compiled().warnings());
    let names: Vec<_> =
        domain.compiled().ast().methods.iter().map(|m| m.name.text.as_str()).collect();
    for name in ["implement_feature_full", "fix_bug_simple", "refactor_code_safe", "add_tests_only"]
    {
        assert!(names.contains(&name), "{name}");
    }
}

#[test]
fn each_goal_is_planned_by_what_is_there() {
    let d = domain("").unwrap();
    let check = |facts: &[&str], goal: &str, want: &str| {
        assert_eq!(shape(plan(&d, facts, goal)), want, "{goal} {facts:?}");
    };
    check(&FAILING, "fix_bug", "fix_bug_repair / repair run_tests commit");
    check(
        &with(&FAILING, &["(edit_given)"]),
        "fix_bug",
        "fix_bug_simple / modify_code run_tests commit",
    );
    check(&with(&FAILING, &["(failed repair)"]), "fix_bug", "no plan");
    check(
        &with(&FAILING, &["(failed repair)", "(fixer_available)"]),
        "fix_bug",
        "fix_bug_linter / apply_fixes run_tests commit",
    );
    check(&GREEN, "fix_bug", "no plan");
    check(&with(&FAILING, &["(tests_blocked)"]), "fix_bug", "no plan");
    check(
        &["(content_given)", "(test_content_given)", "(has_codebase)"],
        "implement_feature",
        "implement_feature_full / create_file create_file run_tests commit",
    );
    check(
        &["(language python)"],
        "implement_feature",
        "implement_feature_scaffold / scaffold run_tests commit",
    );
    check(
        &with(&GREEN, &["(edit_given)"]),
        "refactor_code",
        "refactor_code_safe / modify_code run_tests commit",
    );
    check(
        &with(&GREEN, &["(formatter_available)"]),
        "refactor_code",
        "refactor_code_format / format run_tests commit",
    );
    check(
        &with(&GREEN, &["(formatter_available)", "(rules_given)"]),
        "refactor_code",
        "refactor_code_rules_and_format / apply_rules format run_tests commit",
    );
    check(
        &with(&GREEN, &["(formatter_available)", "(failed write_code)"]),
        "refactor_code",
        "no plan",
    );
    check(&["(formatter_available)", "(no_tests)"], "refactor_code", "no plan");
    check(&["(content_given)"], "add_tests", "add_tests_only / create_file run_tests commit");
    check(
        &["(language python)", "(characteriser_available)"],
        "add_tests",
        "add_tests_characterise / characterise run_tests commit",
    );
    check(
        &["(language python)", "(characteriser_available)", "(failed characterise)"],
        "add_tests",
        "add_tests_scaffold / scaffold run_tests commit",
    );
    check(&["(language rust)"], "add_tests", "add_tests_scaffold / scaffold run_tests commit");
}

#[test]
fn a_model_takes_its_turn_where_one_is_there() {
    let d = domain("").unwrap();
    let check = |facts: &[&str], goal: &str, want: &str| {
        let facts: Vec<&str> = ["(model_available)"].iter().chain(facts).copied().collect();
        assert_eq!(shape(plan(&d, &facts, goal)), want, "{goal} {facts:?}");
    };
    // a search and the linter are cheaper; a model comes last
    check(&FAILING, "fix_bug", "fix_bug_repair / repair run_tests commit");
    check(
        &with(&FAILING, &["(failed repair)", "(fixer_available)"]),
        "fix_bug",
        "fix_bug_linter / apply_fixes run_tests commit",
    );
    check(
        &with(&FAILING, &["(failed repair)"]),
        "fix_bug",
        "fix_bug_model / write_code run_tests commit",
    );
    check(&with(&FAILING, &["(failed repair)", "(failed write_code)"]), "fix_bug", "no plan");
    check(&GREEN, "fix_bug", "no plan");
    check(
        &["(language python)"],
        "implement_feature",
        "implement_feature_model / design_implementation fix_issues run_tests commit",
    );
    check(
        &["(language python)", "(failed fix_issues)"],
        "implement_feature",
        "implement_feature_whole / write_code run_tests commit",
    );
    check(
        &["(language python)", "(failed fix_issues)", "(failed write_code)"],
        "implement_feature",
        "implement_feature_scaffold / scaffold run_tests commit",
    );
    check(
        &["(test_content_given)"],
        "implement_feature",
        "implement_feature_acceptance / create_file design_implementation fix_issues run_tests commit",
    );
    check(
        &["(content_given)", "(test_content_given)"],
        "implement_feature",
        "implement_feature_full / create_file create_file run_tests commit",
    );
    check(
        &with(&GREEN, &["(formatter_available)", "(instructions_given)"]),
        "refactor_code",
        "refactor_code_model / write_code run_tests commit",
    );
    check(
        &with(&GREEN, &["(formatter_available)"]),
        "refactor_code",
        "refactor_code_format / format run_tests commit",
    );
    check(&GREEN, "add_tests", "add_tests_model / write_code run_tests commit");
}

#[test]
fn behaviour_01_a_method_that_is_not_whole_is_refused_with_its_place() {
    for (text, word) in [
        ("(:method :parameters () :task (fix_bug) :ordered-subtasks (and (run_tests)))", "name"),
        ("(:method mine :parameters () :ordered-subtasks (and (run_tests)))", "task"),
        (
            "(:method mine :parameters () :task (fix_bug) :cost 1.5 :ordered-subtasks (and (run_tests)))",
            "cost",
        ),
        (
            "(:method mine :parameters () :task (fix_bug) :cost -1 :ordered-subtasks (and (run_tests)))",
            "cost",
        ),
        (
            "(:method mine :parameters () :task (nowhere) :ordered-subtasks (and (run_tests)))",
            "nowhere",
        ),
        (
            "(:method mine :parameters () :task (fix_bug) :ordered-subtasks (and (brew_tea)))",
            "brew_tea",
        ),
        ("(:action brew_tea :parameters () :precondition () :effect (tested))", "brew_tea"),
        ("(:method", "mine.hddl"),
    ] {
        let error = domain(&format!("(define (domain mine)\n  {text})")).expect_err(text);
        assert_eq!(error.exit_code(), 2);
        let message = error.to_string();
        assert!(message.contains(word) && message.contains("mine.hddl"), "{text}\n{message}");
    }
}

const NESTED: &str = "(define (domain mine)
  (:task release :parameters ())
  (:task tidy :parameters ())
  (:method release_all :parameters () :task (release) :cost 0.5
    :ordered-subtasks (and (tidy) (run_tests) (commit)))
  (:method tidy_by_format :parameters () :task (tidy) :cost 0.3
    :ordered-subtasks (and (format))))";

#[test]
fn behaviour_02_nested_methods_flatten_in_order_and_costs_add_up() {
    let d = domain(NESTED).unwrap();
    let found = plan(&d, &[], "release").unwrap();
    assert!((found.cost - 0.8).abs() < 1e-9, "{}", found.cost);
    assert_eq!(shape(Some(found)), "release_all tidy_by_format / format run_tests commit");
}

#[test]
fn behaviour_03_a_primitive_goal_is_one_step_of_cost_0() {
    let found = plan(&domain("").unwrap(), &[], "run_tests").unwrap();
    assert_eq!((found.steps.len(), found.cost), (1, 0.0));
}

#[test]
fn behaviour_04_the_cheapest_applicable_method_wins_over_a_cheaper_inapplicable_one() {
    let d = domain("").unwrap();
    // fix_bug_simple costs .4 and needs an edit; fix_bug_repair costs .5.
    assert!(shape(plan(&d, &FAILING, "fix_bug")).starts_with("fix_bug_repair"));
}

#[test]
fn behaviour_05_a_false_and_a_missing_fact_both_block() {
    let d = domain("").unwrap();
    let mut state = state(&d, &FAILING);
    assert!(state.holds("(tests_failing)"));
    state.remove("(tests_failing)").unwrap();
    let tasks = Network::task("fix_bug");
    assert!(d.compiled().plan(&state, &tasks, &Options::default()).is_err());
    assert_eq!(shape(plan(&d, &FAILING[..1], "fix_bug")), "no plan");
}

#[test]
fn behaviour_06_a_belief_of_09_holds_one_of_03_does_not() {
    let d = domain("").unwrap();
    for (confidence, works) in [(0.9, true), (0.3, false)] {
        let mut state = state(&d, &["(has_test_framework)", "(repairer_available)"]);
        state.add_belief("(tests_failing)", confidence).unwrap();
        let found = d.compiled().plan(&state, &Network::task("fix_bug"), &Options::default());
        assert_eq!(found.is_ok(), works, "{confidence}");
    }
}

#[test]
fn behaviour_07_an_unknown_task_is_said_to_be_unknown() {
    let d = domain("").unwrap();
    match classify("brew_coffee", d.goals()) {
        Err(error @ GoalError::UnknownGoal { .. }) => {
            assert_eq!(error.exit_code(), 3);
            assert!(error.to_string().contains("fix_bug"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn behaviour_08_mutual_recursion_ends() {
    let d = domain(
        "(define (domain mine)
           (:task ping :parameters ())
           (:task pong :parameters ())
           (:method to_pong :parameters () :task (ping) :ordered-subtasks (and (pong)))
           (:method to_ping :parameters () :task (pong) :ordered-subtasks (and (ping))))",
    )
    .unwrap();
    assert_eq!(shape(plan(&d, &[], "ping")), "no plan");
}

#[test]
fn behaviour_09_a_plan_that_is_too_long_is_rejected() {
    let d = domain(NESTED).unwrap();
    let options = Options::default().with_max_plan_length(2);
    assert!(d.compiled().plan(&state(&d, &[]), &Network::task("release"), &options).is_err());
}

#[test]
fn behaviour_10_every_step_names_its_method() {
    let d = domain(NESTED).unwrap();
    let found = plan(&d, &[], "release").unwrap();
    let methods: Vec<_> = found.steps.iter().map(|step| step.method.clone().unwrap()).collect();
    assert_eq!(methods, ["tidy_by_format", "release_all", "release_all"]);
}

#[test]
fn a_users_method_may_be_cheaper_than_ours() {
    let d = domain(
        "(define (domain mine)
           (:method fix_bug_by_format :parameters () :task (fix_bug) :cost 0.1
             :precondition (formatter_available)
             :ordered-subtasks (and (format) (run_tests) (commit))))",
    )
    .unwrap();
    let facts = with(&FAILING, &["(formatter_available)"]);
    assert!(shape(plan(&d, &facts, "fix_bug")).starts_with("fix_bug_by_format"));
    assert!(shape(plan(&d, &FAILING, "fix_bug")).starts_with("fix_bug_repair"));
}

//! What is planned, run, replanned and reported.

use super::*;

#[tokio::test]
async fn a_repaired_bug_is_five_commits_and_a_report() {
    let world = World::new("fix_bug");
    let mut result = world.run().await;
    assert_eq!((result.outcome, result.exit_code, result.success), (Outcome::Verified, 0, true));
    assert_eq!(result.methods_used, ["fix_bug_repair"]);
    assert_eq!(
        world.asked(),
        ["plan-1/observe", "plan-1/repair", "plan-1/run_tests", "plan-1/commit"]
    );
    assert_eq!(result.evidence.as_ref().unwrap().fixed, ["t::bad"]);
    let commits = world.journal.commits();
    assert!(commits <= 5, "{commits} journal commits");
    result.execution_time_ms = 172.46;
    expect![[r#"
        🎯 Goal Execution Complete

        GOAL: fix_bug: it is wrong
        STATUS: ✓ SUCCESS
        EXECUTION TIME: 172.5ms

        📊 TASKS:
          Total: 3
          Completed: 3
          Failed: 0

        ✓ COMPLETED TASKS:
          - repair (a.py)
          - run_tests
          - commit

        OUTCOME: verified — t::bad passes now and nothing got worse; other candidates and inputs agree; `astra apply` brings it into your checkout

        🧪 EVIDENCE: 2 of 2 tests pass (unittest, sandbox tier A)
          - t::bad: failed → passed

        🌿 BRANCH: astra/goal-00000000-000000 (c0ffee)
          - a.py

        RUN: run-1 · LEDGER: none · MODEL: none configured
    "#]]
    .assert_eq(&result.to_text());
    let types = world.types();
    for pair in [
        "goal_started",
        "graph_started",
        "task_started",
        "task_succeeded",
        "observed",
        "planned",
        "delivered",
        "goal_finished",
    ]
    .windows(2)
    {
        let at = |name: &str| {
            types.iter().position(|t| t == name).unwrap_or_else(|| panic!("{name} in {types:?}"))
        };
        assert!(at(pair[0]) < at(pair[1]), "{pair:?} in {types:?}");
    }
}

#[tokio::test]
async fn the_callers_edit_goes_first_and_a_failed_way_leads_to_another() {
    let world = World::new("fix_bug")
        .context(json!({ "file_path": "a.py", "search": "x", "replace": "y" }))
        .on("run_tests", |cx| {
            if cx.graph.as_str() == "plan-1" {
                Answer::Failed(
                    Failure::new(ErrorClass::TestFailure, "1 test failed")
                        .with_output(Output::of(tests_say(FAILING))),
                )
            } else {
                Answer::Succeeded(Output::of(tests_say(GREEN)))
            }
        });
    let result = world.run().await;
    assert_eq!(result.outcome, Outcome::Verified);
    assert_eq!((result.plan_id.as_deref(), result.replans), (Some("plan-2"), 1));
    assert_eq!(names(&result.failed_tasks), [""; 0]);
    assert_eq!(names(&result.superseded_tasks), ["run_tests failed", "commit aborted"]);
    let text = result.to_text();
    assert!(text.contains("SUPERSEDED") && !text.contains("✗"), "{text}");
    let types = world.types();
    assert!(types.contains(&"replanned".to_owned()), "{types:?}");
}

/// The caller's context makes `fix_bug_simple` the cheapest; what it fails at is never tried again.
#[tokio::test]
async fn defect_08_a_plan_that_failed_is_never_made_again() {
    let world = World::new("fix_bug")
        .fact("fixer_available", true)
        .context(json!({ "file_path": "a.py", "search": "x", "replace": "y" }))
        .fails("run_tests", ErrorClass::TestFailure, "1 test failed", tests_say(FAILING));
    let result = world.run().await;
    assert_eq!((result.outcome, result.exit_code), (Outcome::Failed, 1));
    let edits: Vec<_> = world
        .asked()
        .into_iter()
        .filter(|task| task.contains("modify") || task.contains("repair") || task.contains("fixes"))
        .collect();
    assert_eq!(edits, ["plan-1/modify_code", "plan-2/repair", "plan-3/apply_fixes"]);
    assert!(result.to_text().contains("STATUS: ✗ FAILED"));
}

#[tokio::test]
async fn a_method_whose_action_nothing_carries_out_is_not_planned() {
    let mut world = World::new("fix_bug").fact("fixer_available", true);
    world.scripts.remove("repair");
    let result = world.run().await;
    assert_eq!(
        (result.methods_used.as_slice(), result.success),
        (&["fix_bug_linter".to_owned()][..], true)
    );
}

#[tokio::test]
async fn the_number_of_plans_is_capped() {
    let mut world = World::new("fix_bug").fact("fixer_available", true).fails(
        "run_tests",
        ErrorClass::TestFailure,
        "1 test failed",
        tests_say(FAILING),
    );
    world.replans = 0;
    let result = world.run().await;
    assert_eq!((result.outcome, result.replans), (Outcome::Failed, 0));
    assert!(result.summary.contains("budget"), "{}", result.summary);
}

#[tokio::test]
async fn defect_06_independent_steps_run_together() {
    let mut world = World::new("implement_feature").context(json!({
        "file_path": "a.py", "new_content": "x = 1\n",
        "test_path": "test_a.py", "test_content": "assert True\n",
    }));
    // Each waits for the other: one after the other they would never end.
    world.meet.insert("create_file", Arc::new(tokio::sync::Barrier::new(2)));
    let result = world.run().await;
    assert_eq!(result.methods_used, ["implement_feature_full"]);
    assert_eq!(result.outcome, Outcome::Plausible, "{}", result.to_text());
    assert_eq!(result.artifacts, ["a.py", "test_a.py"]);
}

#[tokio::test]
async fn defect_10_what_never_ran_prevents_success() {
    let world =
        World::new("fix_bug").fails("commit", ErrorClass::CommandFailure, "no room", json!({}));
    let result = world.run().await;
    assert!(!result.success);
    assert_eq!(names(&result.failed_tasks), ["commit failed"]);
    let world = World::new("fix_bug").fails(
        "repair",
        ErrorClass::NoPatch,
        "no edit was found",
        json!({
            "suspicious": [{ "file": "a.py", "line": 3, "score": 0.9, "text": "return x" }]
        }),
    );
    let result = world.run().await;
    assert_eq!(
        names(&result.failed_tasks),
        ["repair failed", "run_tests aborted", "commit aborted"]
    );
    assert_eq!(result.total_tasks, 3);
    assert!(result.to_text().contains("a.py:3"), "{}", result.to_text());
}

#[tokio::test]
async fn a_success_needs_a_test_that_ran() {
    for outcomes in [&[][..], &[("t::bad", TestOutcome::Skipped)]] {
        let world = World::new("fix_bug")
            .on("run_tests", move |_| Answer::Succeeded(Output::of(tests_say(outcomes))));
        let result = world.run().await;
        assert!(!result.success, "{}", result.to_text());
        assert!(result.to_text().contains("✗ FAILED"));
    }
}

#[tokio::test]
async fn a_bug_that_still_fails_or_breaks_another_test_is_no_success() {
    let broken: &[(&str, TestOutcome)] =
        &[("t::good", TestOutcome::Failed), ("t::bad", TestOutcome::Passed)];
    for outcomes in [FAILING, broken] {
        let world = World::new("fix_bug")
            .on("run_tests", move |_| Answer::Succeeded(Output::of(tests_say(outcomes))));
        assert_eq!(world.run().await.outcome, Outcome::Failed);
    }
}

#[tokio::test]
async fn fix_bug_without_a_failing_test_asks_for_one() {
    let green = World {
        before: GREEN,
        ..World::new("fix_bug").fact("tests_failing", false).fact("tests_green", true)
    };
    let none = World {
        before: &[],
        ..World::new("fix_bug").fact("tests_failing", false).fact("no_tests", true)
    };
    for world in [green, none] {
        let result = world.run().await;
        assert_eq!((result.outcome, result.exit_code), (Outcome::NoPlan, 3));
        assert!(result.summary.contains("failing test"), "{}", result.summary);
        assert_eq!(world.asked(), ["plan-1/observe"]);
    }
}

#[tokio::test]
async fn a_named_test_that_does_not_fail_is_told_from_one_that_is_unknown() {
    for (tests, said) in
        [(&["t::good"][..], "t::good does not fail"), (&["t::nope"][..], "is named t::nope")]
    {
        let world = World { tests, ..World::new("fix_bug").fact("tests_failing", false) };
        let result = world.run().await;
        assert_eq!((result.outcome, result.exit_code), (Outcome::NoPlan, 3));
        assert!(result.summary.contains(said), "{}", result.summary);
    }
}

#[tokio::test]
async fn tests_that_cannot_run_here_are_no_bug_to_chase() {
    let world = World::new("fix_bug").fact("tests_blocked", true);
    let result = world.run().await;
    assert_eq!((result.outcome, result.exit_code), (Outcome::Environment, 1));
    assert_eq!(result.missing, ["127.0.0.1:5432"]);
}

#[tokio::test]
async fn a_no_of_the_policy_is_final() {
    let world = World::new("fix_bug")
        .context(json!({ "file_path": ".env", "new_content": "TOKEN=2" }))
        .fails(
            "modify_code",
            ErrorClass::ModificationError,
            "access_denied:forbidden_path: .env",
            json!({}),
        );
    let result = world.run().await;
    assert_eq!((result.outcome, result.exit_code), (Outcome::Refused, 1));
    assert_eq!(world.asked(), ["plan-1/observe", "plan-1/modify_code"]);
    assert!(result.to_text().contains("access_denied:forbidden_path"));
}

#[tokio::test]
async fn candidates_that_disagree_are_ambiguous() {
    let world = World::new("fix_bug").fails(
        "repair",
        ErrorClass::Ambiguous,
        "two edits disagree",
        json!({ "input": "f(0)" }),
    );
    let result = world.run().await;
    assert_eq!((result.outcome, result.exit_code), (Outcome::Ambiguous, 1));
    assert_eq!(result.ambiguous_input.as_deref(), Some("f(0)"));
}

#[tokio::test]
async fn without_a_model_a_feature_is_a_scaffold() {
    for goal in ["implement_feature", "add_tests"] {
        let world = World::new(goal).fact("tests_failing", false).fact("tests_green", true);
        let result = world.run().await;
        assert_eq!((result.outcome, result.exit_code), (Outcome::Scaffold, 1));
        assert!(result.branch.is_some() && result.to_text().contains("✗ FAILED"));
    }
}

//! Whole runs on real repositories, through the sandbox that is there.
#![expect(clippy::disallowed_methods, reason = "a test looks at the state as it lies on disk")]

use astraea_goals::{Astra, ExecuteGoal, GoalError, Outcome, RunState, Watch};
use serde_json::json;

use crate::support::{AREA, Repo, has, mend};

#[tokio::test(flavor = "multi_thread")]
async fn a_python_bug_becomes_a_branch_and_the_checkout_stays() {
    let repo = Repo::new(AREA);
    let (result, events) = repo.run(ExecuteGoal::new("fix_bug: the area is wrong")).await;
    assert!(result.success, "{}", result.to_text());
    let branch = result.branch.clone().unwrap();
    assert_eq!(repo.branches(), [branch.as_str()]);
    let text = repo.git(&["show", &format!("{branch}:area.py")]);
    assert!(text.contains("width * height"), "{text}");
    assert_eq!(repo.git(&["diff", "--name-only", "main", &branch]), "area.py");
    let commits = result.timings["journal_commits"];
    assert!(commits <= 5, "{commits} journal commits");
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    for kind in
        ["goal_started", "observed", "planned", "task_succeeded", "delivered", "goal_finished"]
    {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    assert!(events.windows(2).all(|pair| pair[0].seq <= pair[1].seq || pair[1].seq == 0));
    assert_eq!(repo.astra().result(&result.run).unwrap().branch, Some(branch));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rust_bug_becomes_a_branch() {
    if !has("cargo") {
        return;
    }
    let repo = Repo::new(&[
        ("Cargo.toml", "[package]\nname = \"ladder\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("Cargo.lock", "version = 3\n\n[[package]]\nname = \"ladder\"\nversion = \"0.1.0\"\n"),
        (".gitignore", "/target\n"),
        (
            "src/lib.rs",
            "pub fn place(scores: &[u32], score: u32) -> usize {\n    let mut place = 1;\n    \
             for &other in scores {\n        if other >= score {\n            place += 1;\n        }\n    \
             }\n    place\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    \
             fn equal_scores_share_a_place() {\n        assert_eq!(place(&[9, 7, 7, 5], 7), 2);\n        \
             assert_eq!(place(&[9], 9), 1);\n    }\n\n    #[test]\n    fn the_best_is_first() {\n        \
             assert_eq!(place(&[3], 9), 1);\n    }\n}\n",
        ),
    ]);
    let (result, _) =
        repo.run(ExecuteGoal::new("fix_bug: equal scores should share a place")).await;
    assert!(result.success, "{}", result.to_text());
    assert_eq!(result.files, ["src/lib.rs"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_edit_is_written_and_judged() {
    let repo = Repo::new(AREA);
    let (result, _) = repo.run(mend()).await;
    assert_eq!(result.outcome, Outcome::Plausible, "{}", result.to_text());
    assert_eq!((result.methods_used[0].as_str(), result.planning_cost), ("fix_bug_simple", 0.4));
    let evidence = result.evidence.as_ref().unwrap();
    assert_eq!((evidence.tests_run, evidence.fixed.len()), (1, 1));
    assert!(result.timings["journal_commits"] <= 5, "{:?}", result.timings);
    println!("{:?}", result.timings);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_a_start_is_a_scaffold_that_says_so() {
    for goal in ["implement_feature: export as CSV"] {
        let repo = Repo::new(&[
            ("area.py", "def area(width, height):\n    return width * height\n"),
            AREA[1],
        ]);
        let (result, _) = repo.run(ExecuteGoal::new(goal)).await;
        assert_eq!(
            (result.outcome, result.exit_code),
            (Outcome::Scaffold, 1),
            "{}",
            result.to_text()
        );
        assert_eq!(repo.branches().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feature_with_its_test_given_is_written_and_judged() {
    let repo =
        Repo::new(&[("area.py", "def area(width, height):\n    return width * height\n"), AREA[1]]);
    let goal = ExecuteGoal::new("implement_feature: perimeter").with_context(json!({
        "file_path": "perimeter.py",
        "new_content": "def perimeter(a, b):\n    return 2 * (a + b)\n",
        "test_path": "test_perimeter.py",
        "test_content": "import unittest\n\nfrom perimeter import perimeter\n\n\nclass PerimeterTest(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(perimeter(2, 3), 10)\n",
    }));
    let (result, _) = repo.run(goal).await;
    assert!(result.success, "{}", result.to_text());
    assert_eq!(result.files, ["perimeter.py", "test_perimeter.py"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refactoring_keeps_what_the_tests_say() {
    if !has("cargo") {
        return;
    }
    let repo = Repo::new(&[
        ("Cargo.toml", "[package]\nname = \"twice\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("Cargo.lock", "version = 3\n\n[[package]]\nname = \"twice\"\nversion = \"0.1.0\"\n"),
        (".gitignore", "/target\n"),
        (
            "src/lib.rs",
            "pub fn twice( n:u32 )->u32{ n*2 }\n\n#[test]\nfn doubles() {\n    assert_eq!(twice(2), 4);\n}\n",
        ),
    ]);
    let (result, _) = repo.run(ExecuteGoal::new("refactor_code: tidy up")).await;
    assert!(result.success, "{}", result.to_text());
    let text = repo.git(&["show", &format!("{}:src/lib.rs", result.branch.unwrap())]);
    assert!(text.contains("pub fn twice(n: u32) -> u32 {"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_wrong_edit_is_replaced_by_a_repair() {
    let repo = Repo::new(AREA);
    let goal = ExecuteGoal::new("fix_bug: area").with_context(json!({
        "file_path": "area.py", "search": "width + height", "replace": "width - height"
    }));
    let (result, events) = repo.run(goal).await;
    assert!(result.success, "{}", result.to_text());
    assert_eq!(result.replans, 1);
    assert!(!result.superseded_tasks.is_empty() && result.failed_tasks.is_empty());
    assert!(events.iter().any(|event| event.kind == "replanned"));
    assert_eq!(repo.branches().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_05_goals_leave_one_branch_each_and_head_where_it_was() {
    let repo = Repo::new(AREA);
    for count in 1..=2 {
        let (result, _) = repo.run(mend()).await;
        assert!(result.success, "{}", result.to_text());
        assert_eq!(repo.branches().len(), count);
        assert_eq!(repo.git(&["symbolic-ref", "--short", "HEAD"]), "main");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_do_not_disturb_each_other() {
    let repo = Repo::new(AREA);
    let (one, two) = (repo.astra(), repo.astra());
    let watch = Watch::default();
    let (one, two) =
        tokio::join!(one.execute_goal(mend(), &watch), two.execute_goal(mend(), &watch),);
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one.success && two.success, "{}\n{}", one.to_text(), two.to_text());
    assert_ne!(one.branch, two.branch);
    assert_eq!(repo.branches().len(), 2);
    repo.astra().ledger_verify().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_never_ends_is_stopped_at_the_deadline() {
    let repo = Repo::new(&[
        ("wait.py", "def wait():\n    while True:\n        pass\n"),
        (
            "test_wait.py",
            "import unittest\n\nfrom wait import wait\n\n\nclass WaitTest(unittest.TestCase):\n    \
             def test_wait(self):\n        wait()\n",
        ),
    ]);
    let (result, _) = repo.run(ExecuteGoal::new("fix_bug").with_timeout_ms(2_000)).await;
    assert_eq!(result.outcome, Outcome::TimedOut, "{}", result.to_text());
    let runs = repo.astra().runs().unwrap();
    assert_eq!((runs[0].state, runs[0].resumable), (RunState::Finished, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forbidden_path_is_refused_and_nothing_delivered() {
    let repo = Repo::new(&[AREA[0], AREA[1], (".env", "TOKEN=1\n")]);
    for path in [".env", "../outside.py"] {
        let goal = ExecuteGoal::new("fix_bug")
            .with_context(json!({ "file_path": path, "new_content": "TOKEN=2\n" }));
        let (result, _) = repo.run(goal).await;
        assert_eq!((result.success, result.exit_code), (false, 1), "{}", result.to_text());
    }
    assert_eq!(repo.branches(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_test_fix_bug_asks_for_one() {
    let repo = Repo::new(&[AREA[0]]);
    let (result, _) = repo.run(ExecuteGoal::new("fix_bug: it is wrong")).await;
    assert_eq!(result.exit_code, 3, "{}", result.to_text());
    assert!(result.summary.contains("failing test"), "{}", result.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_idempotency_key_returns_the_first_result() {
    let repo = Repo::new(AREA);
    let goal = || mend().with_idempotency_key("k1");
    let (first, _) = repo.run(goal()).await;
    let (again, _) = repo.run(goal()).await;
    assert_eq!((first.run, first.branch), (again.run, again.branch));
    assert_eq!(repo.branches().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_brings_the_change_in_and_undo_takes_it_back() {
    let repo = Repo::new(AREA);
    let astra = repo.astra();
    assert!(matches!(astra.apply(None).await, Err(GoalError::NothingDelivered { .. })));
    assert_eq!(astra.undo().await.unwrap_err().exit_code(), 1);
    let (result, _) = repo.run(mend()).await;
    let before = repo.fingerprint();
    assert!(astra.diff(None).unwrap().contains("+    return width * height"));
    let applied = astra.apply(None).await.unwrap();
    assert_eq!(Some(applied.branch), result.branch);
    assert!(repo.read("area.py").contains("width * height"));
    astra.undo().await.unwrap();
    assert!(repo.read("area.py").contains("width + height"));
    assert_eq!(before, repo.fingerprint());
    let events: Vec<_> = astra
        .ledger_entries(&Default::default())
        .unwrap()
        .into_iter()
        .map(|entry| entry.event.to_string())
        .collect();
    assert!(events.iter().any(|event| event == "code_modification_applied"), "{events:?}");
    assert!(events.iter().any(|event| event == "code_modification_undone"), "{events:?}");
    astra.ledger_verify().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_09_every_task_is_in_the_ledger() {
    let repo = Repo::new(AREA);
    let (result, _) = repo.run(mend()).await;
    let astra = repo.astra();
    let entries = astra.ledger_entries(&Default::default()).unwrap();
    let of = |event: &str| entries.iter().filter(|entry| entry.event.as_str() == event).count();
    assert_eq!(entries[0].prev_sha, "genesis");
    assert_eq!((of("goal_created"), of("goal_adopted"), of("goal_executed")), (1, 1, 1));
    assert_eq!((of("task_started"), of("task_succeeded")), (4, 4), "observe and the plan's three");
    let report = astra.ledger_verify().unwrap();
    assert_eq!(Some(report.head), result.ledger_head);
    assert!(report.signed);
    assert_eq!(report.signed_entries, report.entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_can_be_looked_at_without_being_carried_out() {
    let repo = Repo::new(AREA);
    let report =
        repo.astra().plan_goal(ExecuteGoal::new("fix_bug: area"), &Watch::default()).await.unwrap();
    assert!(report.found, "{}", report.to_text());
    assert_eq!(report.methods_used, ["fix_bug_repair"]);
    assert!(
        report.explanation.contains("fix_bug_simple") && report.explanation.contains("blocked")
    );
    assert!(report.to_dot().contains("repair") && report.to_mermaid().contains("run_tests"));
    assert_eq!(repo.branches(), [""; 0]);
    assert!(repo.astra().runs().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn case_71_a_secret_in_the_goal_is_nowhere_in_the_state() {
    let repo = Repo::new(AREA);
    let secret = ["ghp_", "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"].concat();
    let mut goal = mend();
    goal.goal_text = format!("fix_bug: area, my token is {secret}");
    let (result, _) = repo.run(goal).await;
    assert!(result.success, "{}", result.to_text());
    let mut todo = vec![repo.root().with_file_name("state")];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                todo.push(entry.path());
                continue;
            }
            let bytes = std::fs::read(entry.path()).unwrap();
            let leaked = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!leaked, "{}", entry.path().display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_72_a_run_signs_over_neither_a_cut_ledger_nor_a_removed_head() {
    let repo = Repo::new(AREA);
    repo.run(mend()).await;
    let astra = repo.astra();
    assert!(astra.ledger_verify().unwrap().signed);
    let state = astra.repository().state().db_path().with_file_name("ledger-head.json");
    let head = std::fs::read(&state).unwrap();

    std::fs::remove_file(&state).unwrap();
    let damaged = |result: Result<(), GoalError>| {
        assert!(matches!(result, Err(GoalError::LedgerDamaged(_))), "{result:?}");
    };
    damaged(astra.ledger_verify().map(drop));
    damaged(astra.execute_goal(mend(), &Watch::default()).await.map(drop));
    damaged(astra.apply(None).await.map(drop));
    std::fs::write(&state, "{}").unwrap();
    damaged(astra.ledger_verify().map(drop));
    std::fs::write(&state, &head).unwrap();
    assert!(astra.ledger_verify().unwrap().signed);

    let conn = rusqlite::Connection::open(astra.repository().state().db_path()).unwrap();
    conn.execute_batch(
        "DROP TRIGGER ledger_no_delete; DELETE FROM ledger WHERE seq > (SELECT max(seq) - 2 FROM ledger)",
    )
    .unwrap();
    damaged(astra.execute_goal(mend(), &Watch::default()).await.map(drop));
    assert_eq!(std::fs::read(&state).unwrap(), head);
    damaged(astra.ledger_verify().map(drop));
}

#[tokio::test(flavor = "multi_thread")]
async fn case_72_head_and_database_removed_together_are_missed() {
    let repo = Repo::new(AREA);
    repo.astra().trust(true).await.unwrap();
    let database = repo.astra().repository().state().db_path();
    assert!(repo.astra().ledger_verify().unwrap().signed);
    for name in ["state.db", "state.db-wal", "state.db-shm", "ledger-head.json"] {
        let _ = std::fs::remove_file(database.with_file_name(name));
    }
    let verified = repo.astra().ledger_verify();
    assert!(matches!(verified, Err(GoalError::LedgerDamaged(_))), "{verified:?}");
    let signed_over = repo.astra().trust(false).await;
    assert!(matches!(signed_over, Err(GoalError::LedgerDamaged(_))), "{signed_over:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_72_a_database_that_is_cut_off_is_a_damaged_ledger() {
    let repo = Repo::new(AREA);
    let options = repo.options();
    let astra = repo.astra();
    astra.trust(true).await.unwrap();
    let database = astra.repository().state().db_path();
    drop(astra);
    let bytes = std::fs::read(&database).unwrap();
    std::fs::write(&database, &bytes[..bytes.len() / 2]).unwrap();
    let _ = std::fs::remove_file(database.with_file_name("state.db-wal"));
    let opened = Astra::open(options).and_then(|astra| astra.ledger_verify());
    let error = opened.expect_err("half of the database is gone");
    assert_eq!(error.exit_code(), 7, "{error}");
}

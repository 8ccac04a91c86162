//! Opening a repository: settings, trust, methods of the user's own.

use astraea_goals::{Astra, ExecuteGoal, GoalError, Watch};

use crate::support::{AREA, Repo};

const MINE: &str = "(define (domain mine)
  (:task check_all :parameters ())
  (:method check_all_tests :parameters () :task (check_all) :ordered-subtasks (and (run_tests))))";

#[tokio::test(flavor = "multi_thread")]
async fn an_untrusted_repository_may_only_narrow() {
    let repo = Repo::new(AREA);
    repo.write("mine.hddl", MINE);
    repo.write(
        "astra.toml",
        "methods = [\"mine.hddl\"]\n[commands]\nshell = true\n[goal]\ntimeout_ms = 5000\n",
    );
    let astra = repo.astra();
    assert!(!astra.is_trusted() && !astra.config().shell);
    assert_eq!(astra.config().goal.timeout_ms, 5000);
    assert!(!astra.domain().goals().contains(&"check_all".to_owned()));
    assert!(astra.config().notes[0].contains("commands.shell"), "{:?}", astra.config().notes);
    astra.trust(true).await.unwrap();
    let astra = repo.astra();
    assert!(astra.is_trusted() && astra.config().shell);
    assert!(astra.domain().goals().contains(&"check_all".to_owned()));
    astra.trust(false).await.unwrap();
    assert!(!repo.astra().is_trusted());
    let entries = astra.ledger_entries(&astraea_goals::LedgerQuery::default()).unwrap();
    let events: Vec<_> = entries.iter().map(|entry| entry.event.to_string()).collect();
    assert_eq!(events, ["trust_given", "trust_revoked"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelled_setting_is_a_clear_error() {
    let repo = Repo::new(AREA);
    repo.write("astra.toml", "alow = [\"src\"]\n");
    // One can look around and undo; what would act is refused, for the file may forbid it.
    let astra = repo.astra();
    assert!(astra.runs().unwrap().is_empty());
    assert!(astra.doctor().iter().any(|check| check.name == "settings" && !check.ok));
    assert_eq!(astra.undo().await.unwrap_err().exit_code(), 1);
    assert_eq!(astra.apply(None).await.unwrap_err().exit_code(), 2);
    let goal = ExecuteGoal::new("fix_bug");
    let error = astra.execute_goal(goal, &Watch::default()).await.unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(
        error.to_string().contains("astra.toml") && error.to_string().contains("alow"),
        "{error}"
    );
    repo.write("astra.toml", "");
    repo.config("[goal]\ntimeout = 5\n");
    assert!(Astra::open(repo.options()).unwrap_err().to_string().contains("config.toml"));
}

#[test]
fn a_method_file_that_does_not_read_is_a_clear_error() {
    let repo = Repo::new(AREA);
    let file = repo.beside("broken.hddl", "(define (domain mine) (:method broken :parameters () :task (nowhere) :ordered-subtasks (and (run_tests))))");
    let error = Astra::open(repo.options().with_methods(file)).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(
        error.to_string().contains("nowhere") && error.to_string().contains("broken.hddl"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_changes_nothing() {
    let repo = Repo::new(AREA);
    let before = repo.fingerprint();
    let astra = repo.astra();
    let watch = Watch::default();
    for (goal, code) in [
        (ExecuteGoal::new(""), 2),
        (ExecuteGoal::new("make_coffee"), 3),
        (ExecuteGoal::new("fix_bug").with_context(serde_json::json!([1, 2])), 2),
        (ExecuteGoal::new("fix_bug").with_timeout_ms(-5), 2),
        (ExecuteGoal::new("fix_bug").with_timeout_ms(i64::MAX), 2),
        (ExecuteGoal::new("fix_bug").with_directory("../x"), 2),
        (ExecuteGoal::new("fix_bug").with_base("no-such-revision"), 2),
    ] {
        let error = astra.execute_goal(goal.clone(), &watch).await.expect_err(&goal.goal_text);
        assert_eq!(error.exit_code(), code, "{error}");
    }
    assert!(matches!(astra.resume(None, &watch).await, Err(GoalError::NothingToResume)));
    assert!(matches!(astra.resume(Some("run-x"), &watch).await, Err(GoalError::NoSuchRun { .. })));
    assert_eq!(before, repo.fingerprint());
    assert!(astra.runs().unwrap().is_empty());
}

#[test]
fn the_directory_inside_the_repository_is_known() {
    let repo = Repo::new(&[("packages/a/a.py", "x = 1\n")]);
    let mut options = repo.options();
    options.path = repo.root().join("packages/a");
    let astra = Astra::open(options).unwrap();
    assert_eq!(astra.directory().as_deref(), Some("packages/a"));
    assert_eq!(astra.root(), repo.root());
    assert_eq!(repo.astra().directory(), None);
}

//! Runs that end before their goal does, goals in the store, changes that wait for a person.

use astraea_goals::changes::ModificationStatus;
use astraea_goals::store::{GoalId, GoalState, NewGoal, StoreError};
use astraea_goals::{ExecuteGoal, GoalError, Outcome, RunState, ScheduleChange, Watch};
use tokio::sync::mpsc;

use crate::support::{AREA, Repo, mend};

/// A run that is dropped in the middle leaves what a killed process leaves: no lease, a goal that is
/// marked as executing, and everything that had finished in the journal.
#[tokio::test(flavor = "multi_thread")]
async fn defect_07_a_dead_run_is_reconciled_and_goes_on_where_it_was() {
    let repo = Repo::new(AREA);
    let before = repo.fingerprint();
    let (sender, mut events) = mpsc::unbounded_channel();
    let astra = repo.astra();
    let running = tokio::spawn(async move {
        let watch = Watch { events: Some(sender), ..Watch::default() };
        astra.execute_goal(mend(), &watch).await
    });
    let mut run = String::new();
    while let Some(event) = events.recv().await {
        if event.kind == "task_started" && event.fields["task"] == "run_tests" {
            run = event.run.unwrap();
            break;
        }
    }
    assert!(!run.is_empty(), "{:?}", running.await);
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());

    let astra = repo.astra();
    let summary = astra.runs().unwrap().remove(0);
    assert_eq!((summary.state, summary.resumable), (RunState::Interrupted, true));
    let id = GoalId::new(summary.goal_id.as_str());
    assert_eq!(astra.goals().get(&id).unwrap().unwrap().state, GoalState::Adopted);
    assert!(repo.branches().is_empty());

    let (sender, mut events) = mpsc::unbounded_channel();
    let watch = Watch { events: Some(sender), ..Watch::default() };
    let result = astra.resume(None, &watch).await.unwrap();
    drop(watch);
    assert_eq!((result.run.as_str(), result.success), (run.as_str(), true), "{}", result.to_text());
    let mut started = Vec::new();
    while let Some(event) = events.recv().await {
        if event.kind == "task_started" {
            started.push(event.fields["task"].as_str().unwrap().to_owned());
        }
    }
    assert!(
        !started.contains(&"observe".to_owned()) && !started.contains(&"modify_code".to_owned()),
        "{started:?}"
    );
    assert_eq!(astra.goals().get(&id).unwrap().unwrap().state, GoalState::Satisfied);
    assert_eq!(repo.branches().len(), 1);
    assert_eq!(before, repo.fingerprint());
    assert!(matches!(astra.resume(None, &watch_nothing()).await, Err(GoalError::NothingToResume)));
    assert_eq!(astra.resume(Some(&run), &watch_nothing()).await.unwrap().branch, result.branch);
}

fn watch_nothing() -> Watch {
    Watch::default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_living_run_is_left_alone() {
    let repo = Repo::new(AREA);
    let (sender, mut events) = mpsc::unbounded_channel();
    let astra = repo.astra();
    let running = tokio::spawn(async move {
        let watch = Watch { events: Some(sender), ..Watch::default() };
        astra.execute_goal(mend(), &watch).await
    });
    let first = events.recv().await.unwrap();
    let run = first.run.unwrap();
    let other = repo.astra();
    let summary = other.runs().unwrap().remove(0);
    assert_eq!((summary.state, summary.resumable), (RunState::Running, false));
    let id = GoalId::new(summary.goal_id.as_str());
    assert_eq!(other.goals().get(&id).unwrap().unwrap().state, GoalState::Executing);
    assert!(matches!(
        other.resume(Some(&run), &Watch::default()).await,
        Err(GoalError::RunAlive { .. })
    ));
    assert!(running.await.unwrap().unwrap().success);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_stops_and_can_be_resumed() {
    let repo = Repo::new(AREA);
    let (sender, mut events) = mpsc::unbounded_channel();
    let watch = Watch { events: Some(sender), ..Watch::default() };
    let cancel = watch.cancel.clone();
    let astra = repo.astra();
    let running = tokio::spawn(async move { astra.execute_goal(mend(), &watch).await });
    while let Some(event) = events.recv().await {
        if event.kind == "task_started" {
            cancel.cancel();
        }
    }
    let result = running.await.unwrap().unwrap();
    assert_eq!((result.outcome, result.exit_code), (Outcome::Interrupted, 130));
    let resumed = repo.astra().resume(Some(&result.run), &Watch::default()).await.unwrap();
    assert!(resumed.success, "{}", resumed.to_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_goal_goes_back_to_adopted() {
    let repo = Repo::new(&[AREA[0]]);
    let (result, _) = repo.run(ExecuteGoal::new("fix_bug: area")).await;
    let goal = repo.astra().goals().get(&GoalId::new(result.goal_id.as_str())).unwrap().unwrap();
    assert_eq!((goal.state, result.success), (GoalState::Adopted, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn behaviour_22_a_scheduled_change_waits_for_approval() {
    let repo = Repo::new(AREA);
    let before = repo.fingerprint();
    let astra = repo.astra();
    let change = |path: &str| ScheduleChange {
        file_path: path.to_owned(),
        new_content: "x = 1\n".to_owned(),
        reason: "because".to_owned(),
        goal_id: None,
    };
    let waiting = astra.schedule_change(change("notes.py")).await.unwrap();
    assert_eq!(waiting.status, ModificationStatus::AwaitingApproval);
    assert_eq!(repo.branches(), [""; 0]);
    for forbidden in [".git/config", ".env", "../x", "a/../../x"] {
        let error = astra.schedule_change(change(forbidden)).await.expect_err(forbidden);
        assert!(
            matches!(error, GoalError::Store(StoreError::Forbidden(_))),
            "{forbidden}: {error}"
        );
    }
    let broken = ScheduleChange { new_content: "def (\n".to_owned(), ..change("notes.py") };
    let error = astra.schedule_change(broken).await.unwrap_err();
    assert!(error.to_string().contains("would not parse"), "{error}");
    let approved = astra.approve_change(&waiting.id).await.unwrap();
    assert_eq!(approved.change.status, ModificationStatus::Merged);
    assert_eq!(repo.branches(), [approved.branch.as_str()]);
    assert_eq!(repo.git(&["show", &format!("{}:notes.py", approved.branch)]), "x = 1");
    let second = astra.schedule_change(change("other.py")).await.unwrap();
    let rejected = astra.reject_change(&second.id, "not now").await.unwrap();
    assert_eq!(rejected.status, ModificationStatus::Rejected);
    assert!(astra.approve_change(&second.id).await.is_err());
    assert_eq!(astra.changes().unwrap().len(), 2);
    assert_eq!(before, repo.fingerprint());
    astra.ledger_verify().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn behaviour_23_a_repeated_key_and_a_stale_version() {
    let repo = Repo::new(AREA);
    let astra = repo.astra();
    let goals = astra.goals();
    let first = goals.create(NewGoal::new("tidy"), Some("k")).await.unwrap();
    let again = goals.create(NewGoal::new("other"), Some("k")).await.unwrap();
    assert_eq!(first.id, again.id);
    let stale = goals.adopt(&first.id, Some(first.version + 7), None).await.unwrap_err();
    assert!(matches!(stale, StoreError::StaleVersion(_)), "{stale}");
    assert_eq!(goals.get(&first.id).unwrap().unwrap().state, GoalState::Proposed);
}

#[tokio::test(flavor = "multi_thread")]
async fn behaviour_24_a_contradicted_goal_stays_proposed() {
    let repo = Repo::new(AREA);
    let astra = repo.astra();
    let goals = astra.goals();
    goals.believe("b1", "tests are sacred", 0.9).await.unwrap();
    let goal = NewGoal::new("drop the tests").with_worth(0.8, 0.4, 0.2).with_contradiction("b1");
    let goal = goals.create(goal, None).await.unwrap();
    assert!(matches!(goals.adopt(&goal.id, None, None).await, Err(StoreError::Contradicted(_))));
    assert_eq!(goals.get(&goal.id).unwrap().unwrap().state, GoalState::Proposed);
    let entries = astra.ledger_entries(&Default::default()).unwrap();
    assert!(entries.iter().any(|entry| entry.event.as_str() == "goal_blocked_by_belief"));
}

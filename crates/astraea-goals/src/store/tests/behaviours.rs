//! Behaviours 22 to 25 as far as they are the store's, and defects 7 and 12.

use astraea_engine::RunId;
use serde_json::json;

use super::{House, NOW};
use crate::changes::{ModificationStatus, NewChange};
use crate::score::Weights;
use crate::store::{
    Category, Goal, GoalId, GoalPatch, GoalQuery, GoalState, NewGoal, StoreError, records,
};

fn gate(path: &str) -> Result<(), String> {
    match path {
        path if path.starts_with("config/") => {
            Err(format!("access_denied:forbidden_path: {path} is forbidden"))
        }
        _ => Ok(()),
    }
}

#[tokio::test]
async fn behaviour_22_a_scheduled_change_waits_for_approval() {
    let house = House::new();
    let edits = json!({ "edits": [{ "path": "src/a.py", "after": "9fceb02d0ae598e95dc970b74767f19372d61af8" }] });
    let change = NewChange::new("src/a.py", "faster").with_edits(edits.clone());
    let change = house.store.schedule_change(Some(&gate), change).await.unwrap();
    assert_eq!(change.status, ModificationStatus::AwaitingApproval);
    assert_eq!((change.edits, change.created_at_ms), (edits, NOW));

    let early = house.store.move_change(&change.id, ModificationStatus::Merged, None, None).await;
    assert!(matches!(early, Err(StoreError::IllegalTransition(_))), "not before approval");
    let stale =
        house.store.move_change(&change.id, ModificationStatus::Approved, Some(7), None).await;
    assert!(matches!(stale, Err(StoreError::StaleVersion(_))));

    assert_eq!(
        house.store.approve_change(&change.id).await.unwrap().status,
        ModificationStatus::Approved
    );
    assert!(house.store.approve_change(&change.id).await.is_err(), "once is enough");
    let merged = house
        .store
        .move_change(&change.id, ModificationStatus::Merged, Some(2), Some("astra/goal-1"))
        .await
        .unwrap();
    assert_eq!(merged.note.as_deref(), Some("astra/goal-1"));
    let back =
        house.store.move_change(&change.id, ModificationStatus::RolledBack, None, None).await;
    assert_eq!(back.unwrap().version, 4);
    assert_eq!(
        house.events(),
        [
            "code_modification_scheduled",
            "decision_made",
            "code_modification_merged",
            "code_modification_rolled_back"
        ]
    );
}

#[tokio::test]
async fn behaviour_22_a_tested_change_is_pending_first_and_may_be_rejected() {
    let house = House::new();
    let change = NewChange::new("src/a.py", "faster").with_test_first(true);
    let change = house.store.schedule_change(Some(&gate), change).await.unwrap();
    assert_eq!(change.status, ModificationStatus::Pending);
    for status in [ModificationStatus::Testing, ModificationStatus::AwaitingApproval] {
        house.store.move_change(&change.id, status, None, None).await.unwrap();
    }
    let change = house.store.reject_change(&change.id, "too clever").await.unwrap();
    assert_eq!(change.note.as_deref(), Some("too clever"));
    assert!(house.store.approve_change(&change.id).await.is_err());
    assert_eq!(house.store.changes(&[ModificationStatus::Rejected]).unwrap().len(), 1);
    assert_eq!(house.store.changes(&[ModificationStatus::Pending]).unwrap().len(), 0);
}

#[tokio::test]
async fn behaviour_22_a_forbidden_path_is_refused_and_without_access_it_is_not_available() {
    let house = House::new();
    let forbidden = NewChange::new("config/x.yaml", "why not");
    let refused = house.store.schedule_change(Some(&gate), forbidden.clone()).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Forbidden(m) if m.contains("access_denied:forbidden_path"))
    );
    let nobody = house.store.schedule_change(None, forbidden).await.unwrap_err();
    assert!(nobody.to_string().contains("not available"), "{nobody}");
    assert!(house.store.changes(&[]).unwrap().is_empty());
    assert_eq!(house.events(), ["decision_aborted"], "the refusal is on record");
}

#[tokio::test]
async fn behaviour_23_a_repeated_key_returns_the_original() {
    let house = House::new();
    let first = house.store.create(NewGoal::new("fix_bug: x"), Some("k1")).await.unwrap();
    let again = house.store.create(NewGoal::new("fix_bug: x"), Some("k1")).await.unwrap();
    assert_eq!(first, again);
    let other = house.store.create(NewGoal::new("fix_bug: x"), Some("k2")).await.unwrap();
    assert_ne!(first.id, other.id);

    let adopted = house.store.adopt(&first.id, Some(1), Some("k1")).await.unwrap();
    let again = house.store.adopt(&first.id, Some(1), Some("k1")).await.unwrap();
    assert_eq!(adopted, again, "the key of another operation is another key");
    let reused = house.store.adopt(&other.id, None, Some("k1")).await;
    assert!(matches!(reused, Err(StoreError::KeyReused(_))));

    let gone = house.store.abandon(&first.id, "no time", None, Some("k1")).await.unwrap();
    assert_eq!(house.store.abandon(&first.id, "no time", None, Some("k1")).await.unwrap(), gone);
    assert_eq!((gone.version, gone.reason.as_deref()), (3, Some("no time")));
    assert_eq!(house.store.list(&GoalQuery::default()).unwrap().len(), 2);
    assert_eq!(
        house.events(),
        ["goal_created", "goal_created", "goal_adopted", "goal_abandoned"],
        "a repetition is no event"
    );
    assert!(matches!(
        house.store.create(NewGoal::new("x"), Some("")).await,
        Err(StoreError::Invalid(_))
    ));
}

#[tokio::test]
async fn behaviour_23_two_creations_at_the_same_time_with_one_key_make_one_goal() {
    let house = House::new();
    let (a, b, c) = tokio::join!(
        house.store.create(NewGoal::new("x"), Some("k")),
        house.store.create(NewGoal::new("x"), Some("k")),
        house.store.create(NewGoal::new("x"), Some("k")),
    );
    let (a, b, c) = (a.unwrap(), b.unwrap(), c.unwrap());
    assert!(a == b && b == c);
    assert_eq!(house.store.list(&GoalQuery::default()).unwrap().len(), 1);
}

#[tokio::test]
async fn behaviour_23_a_stale_version_changes_nothing() {
    let house = House::new();
    let goal = house.store.create(NewGoal::new("x"), None).await.unwrap();
    let patch = GoalPatch { value: Some(0.9), ..GoalPatch::default() };
    let newer = house.store.patch(&goal.id, 1, &patch).await.unwrap();
    assert_eq!((newer.version, newer.definition.value), (2, 0.9));

    let patch = GoalPatch { value: Some(0.1), ..GoalPatch::default() };
    for stale in [
        house.store.patch(&goal.id, 1, &patch).await,
        house.store.adopt(&goal.id, Some(1), None).await,
        house.store.abandon(&goal.id, "x", Some(3), None).await,
        house.store.delete(&goal.id, Some(1)).await,
    ] {
        assert!(matches!(stale, Err(StoreError::StaleVersion(_))), "{stale:?}");
    }
    assert_eq!(house.store.get(&goal.id).unwrap().unwrap(), newer);
}

#[tokio::test]
async fn behaviour_24_a_contradicted_goal_scores_nothing_and_stays_proposed() {
    let house = House::new();
    let goal = NewGoal::new("delete everything").with_worth(0.8, 0.4, 0.2);
    let goal = house.store.create(goal.with_contradiction("keep-data"), None).await.unwrap();
    assert!((house.store.score(&goal.id, NOW).unwrap().score - 0.67).abs() < 1e-9);

    house.store.believe("keep-data", "data is kept", 0.9).await.unwrap();
    let scored = house.store.score(&goal.id, NOW).unwrap();
    assert_eq!((scored.score, scored.contradicted_by.as_deref()), (0.0, Some("keep-data")));
    let refused = house.store.adopt(&goal.id, None, Some("k")).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Contradicted(m) if m.contains("data is kept")));
    assert_eq!(house.store.get(&goal.id).unwrap().unwrap(), goal, "nothing about it changed");
    assert_eq!(house.events(), ["goal_created", "belief_set", "goal_blocked_by_belief"]);

    // A belief of .3, or one that was given up, speaks against nothing.
    house.store.believe("keep-data", "data is kept", 0.3).await.unwrap();
    assert!(house.store.score(&goal.id, NOW).unwrap().score > 0.6);
    house.store.believe("keep-data", "data is kept", 0.9).await.unwrap();
    house.store.retract("keep-data").await.unwrap();
    let adopted = house.store.adopt(&goal.id, None, Some("k")).await.unwrap();
    assert_eq!(adopted.state, GoalState::Adopted, "the refused key was not used up");
}

#[tokio::test]
async fn behaviour_25_the_ledger_of_goals_is_a_chain_from_genesis() {
    let house = House::new();
    let goal = house.store.create(NewGoal::new("x"), None).await.unwrap();
    house.clock.advance(86_400_000);
    house.store.adopt(&goal.id, None, None).await.unwrap();
    let entries = house.ledger();
    assert_eq!(entries[0].prev_sha, "genesis");
    assert_eq!(entries[1].prev_sha, entries[0].sha, "over midnight");
    let house = house.reopen();
    house.store.abandon(&goal.id, "enough", None, None).await.unwrap();
    assert_eq!(house.ledger()[2].prev_sha, entries[1].sha, "over processes");
}

async fn in_state(house: &House, state: GoalState) -> Goal {
    let id = GoalId::new(format!("g-{state}"));
    let run = RunId::new("r1");
    let mut batch = vec![records::created(&NewGoal::new("x").with_id(id.clone()), None)];
    if !matches!(state, GoalState::Proposed | GoalState::Abandoned) {
        batch.push(records::adopted(&id, None, None));
    }
    if matches!(state, GoalState::Executing | GoalState::Satisfied) {
        batch.push(records::executing(&id).with_run(run));
    }
    match state {
        GoalState::Satisfied => batch.push(records::satisfied(&id)),
        GoalState::Abandoned => batch.push(records::abandoned(&id, "x", None, None)),
        _ => {}
    }
    house.append(batch).await;
    house.store.get(&id).unwrap().unwrap()
}

#[tokio::test]
async fn defect_12_only_proposed_goals_are_adopted_and_final_ones_stay() {
    let house = House::new();
    for state in GoalState::ALL.iter().copied() {
        let goal = in_state(&house, state).await;
        assert_eq!(goal.state, state);
        let adopted = house.store.adopt(&goal.id, None, None).await;
        assert_eq!(adopted.is_ok(), state == GoalState::Proposed, "{state}");
        if let Err(error) = adopted {
            assert!(matches!(error, StoreError::IllegalTransition(_)), "{error}");
        }
        let abandoned = house.store.abandon(&goal.id, "x", None, None).await;
        assert_eq!(abandoned.is_ok(), !state.is_final(), "{state}");
        let late = house.store.patch(&goal.id, goal.version, &GoalPatch::default()).await;
        assert!(late.is_err(), "{state}: it is final now");
    }
}

#[tokio::test]
async fn defect_07_a_goal_whose_run_died_goes_back_to_adopted() {
    let house = House::new();
    let goal = in_state(&house, GoalState::Executing).await;
    assert_eq!(goal.run.as_deref(), Some("r1"));
    let house = house.reopen();
    let left = house.store.list(&GoalQuery::default().with_state(GoalState::Executing)).unwrap();
    assert_eq!(left.len(), 1);
    let back = house.store.revert(&goal.id, "its process died").await.unwrap();
    assert_eq!((back.state, back.run.as_deref()), (GoalState::Adopted, Some("r1")));
    assert!(house.store.revert(&goal.id, "again").await.is_err());
    house.append(vec![records::executing(&goal.id).with_run(RunId::new("r2"))]).await;
    assert_eq!(house.store.get(&goal.id).unwrap().unwrap().run.as_deref(), Some("r2"));
}

#[tokio::test]
async fn an_append_with_one_bad_record_writes_nothing() {
    use astraea_engine::{Journal as _, JournalError};
    let house = House::new();
    let id = GoalId::new("g");
    let batch = vec![
        records::created(&NewGoal::new("x").with_id(id.clone()), Some("k")),
        records::executing(&id),
    ];
    let error = house.journal.append(batch).await.unwrap_err();
    assert!(matches!(&error, JournalError::Rejected { code, .. } if code == "illegal_transition"));
    assert_eq!(house.store.get(&id).unwrap(), None);
    assert!(house.ledger().is_empty());
    assert!(house.store.create(NewGoal::new("y"), Some("k")).await.is_ok(), "nor is the key used");
}

#[tokio::test]
async fn lists_filter_page_and_leave_out_the_deleted() {
    let house = House::new();
    for n in 0..5 {
        let mut goal = NewGoal::new(format!("goal {n}")).with_id(format!("g{n}"));
        goal.category = if n % 2 == 0 { Category::Maintenance } else { Category::UserRequested };
        house.store.create(goal, None).await.unwrap();
    }
    house.store.adopt(&"g1".into(), None, None).await.unwrap();
    house.store.delete(&"g2".into(), Some(1)).await.unwrap();
    let ids = |query: GoalQuery| -> Vec<String> {
        house.store.list(&query).unwrap().iter().map(|g| g.id.to_string()).collect()
    };
    assert_eq!(ids(GoalQuery::default()), ["g0", "g1", "g3", "g4"]);
    assert_eq!(ids(GoalQuery::default().with_limit(2)), ["g0", "g1"]);
    assert_eq!(ids(GoalQuery::default().with_limit(2).with_after("g1".into())), ["g3", "g4"]);
    assert_eq!(ids(GoalQuery::default().with_state(GoalState::Adopted)), ["g1"]);
    let upkeep = GoalQuery { category: Some(Category::Maintenance), ..GoalQuery::default() };
    assert_eq!(ids(upkeep), ["g0", "g4"]);
    assert_eq!(ids(GoalQuery { with_deleted: true, ..GoalQuery::default() }).len(), 5);
    assert_eq!(house.store.get(&"g2".into()).unwrap(), None);
    assert!(matches!(
        house.store.adopt(&"g2".into(), None, None).await,
        Err(StoreError::Missing(_))
    ));
    let twice = house.store.create(NewGoal::new("x").with_id("g0"), None).await;
    assert!(matches!(twice, Err(StoreError::Exists(_))));
    let shown = serde_json::to_value(house.store.get(&"g0".into()).unwrap()).unwrap();
    assert_eq!(
        (&shown["id"], &shown["text"], &shown["state"]),
        (&json!("g0"), &json!("goal 0"), &json!("proposed"))
    );
}

#[tokio::test]
async fn goals_are_prioritized_by_score_urgency_and_adjusted_weights() {
    let house = House::new();
    for (id, value, effort) in [("small", 0.4, 0.0), ("large", 0.9, 0.9), ("equal", 0.4, 0.0)] {
        let goal = NewGoal::new(id).with_id(id).with_worth(value, effort, 0.2);
        house.store.create(goal, None).await.unwrap();
    }
    let done = in_state(&house, GoalState::Satisfied).await;
    let order = |now| -> Vec<String> {
        let goals = house.store.prioritized(now, 0).unwrap();
        assert!(goals.iter().all(|s| s.goal.id != done.id), "what is done is not to be done");
        goals.iter().map(|s| s.goal.id.to_string()).collect()
    };
    assert_eq!(order(NOW), ["large", "small", "equal"]);

    house.store.set_weights(&Weights::default().with_effort(1.0)).await.unwrap();
    assert_eq!(order(NOW), ["small", "equal", "large"]);
    assert!(house.store.set_weights(&Weights::default().with_risk(f64::NAN)).await.is_err());
    assert_eq!(house.store.weights().unwrap().effort, 1.0);
    house.store.set_weights(&Weights::default()).await.unwrap();

    let patch = GoalPatch { horizon_max_min: Some(60), ..GoalPatch::default() };
    house.store.patch(&"equal".into(), 1, &patch).await.unwrap();
    assert_eq!(order(NOW), ["equal", "large", "small"], "due within the hour");
    assert_eq!(order(NOW + 7_200_000)[2], "equal", "overdue");
    assert_eq!(house.store.prioritized(NOW, 1).unwrap().len(), 1);
    assert_eq!(house.events().iter().filter(|e| *e == "parameter_adapted").count(), 2);
}

#[tokio::test]
async fn of_equal_goals_the_oldest_comes_first_whatever_rounding_says() {
    let house = House::new();
    for (id, value, effort) in [("a", 0.9, 1.0), ("b", 0.4, 0.0), ("c", 0.9, 1.0)] {
        let goal = NewGoal::new(id).with_id(id).with_worth(value, effort, 0.2);
        house.store.create(goal, None).await.unwrap();
    }
    let order: Vec<_> = house.store.prioritized(NOW, 0).unwrap();
    let order: Vec<_> = order.iter().map(|s| s.goal.id.as_str()).collect();
    assert_eq!(order, ["a", "b", "c"]);
}

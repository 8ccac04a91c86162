//! The state machine against a simple model, whatever is asked of it in whatever order.

use proptest::prelude::*;

use super::House;
use crate::store::{GoalId, GoalPatch, GoalQuery, GoalState, NewGoal, records};

/// Something that may be asked of one of three goals.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Create,
    Adopt { stale: bool },
    Execute,
    Satisfy,
    Revert,
    Abandon { stale: bool },
    Patch { stale: bool },
    Delete,
    Believe(bool),
}

fn ask() -> impl Strategy<Value = (usize, Ask)> {
    let stale = proptest::bool::weighted(0.2);
    let what = prop_oneof![
        3 => Just(Ask::Create),
        3 => stale.prop_map(|stale| Ask::Adopt { stale }),
        3 => Just(Ask::Execute),
        1 => Just(Ask::Satisfy),
        2 => Just(Ask::Revert),
        1 => stale.prop_map(|stale| Ask::Abandon { stale }),
        2 => stale.prop_map(|stale| Ask::Patch { stale }),
        1 => Just(Ask::Delete),
        1 => any::<bool>().prop_map(Ask::Believe),
    ];
    (0..3_usize, what)
}

/// What the model knows of a goal: state, version, deleted.
type Known = Option<(GoalState, u64, bool)>;

/// What the model says comes of it: the new knowledge, or none where it must be refused.
fn expected(known: Known, ask: Ask, against: bool) -> Option<(GoalState, u64, bool)> {
    if let Ask::Create = ask {
        return known.is_none().then_some((GoalState::Proposed, 1, false));
    }
    let (state, version, deleted) = known?;
    if deleted {
        return None;
    }
    let next = match ask {
        Ask::Adopt { stale: false } if state == GoalState::Proposed && !against => {
            GoalState::Adopted
        }
        Ask::Execute if state == GoalState::Adopted => GoalState::Executing,
        Ask::Satisfy if state == GoalState::Executing => GoalState::Satisfied,
        Ask::Revert if state == GoalState::Executing => GoalState::Adopted,
        Ask::Abandon { stale: false } if !state.is_final() => GoalState::Abandoned,
        Ask::Patch { stale: false } if !state.is_final() => state,
        Ask::Delete if state != GoalState::Executing => return Some((state, version + 1, true)),
        _ => return None,
    };
    Some((next, version + 1, false))
}

async fn perform(house: &House, id: &GoalId, version: u64, ask: Ask) -> bool {
    use astraea_engine::Journal as _;
    let store = &house.store;
    let seen = |stale: bool| if stale { version + 1 } else { version };
    let raw = |record| async { house.journal.append(vec![record]).await.is_ok() };
    match ask {
        Ask::Create => {
            let goal = NewGoal::new("x").with_id(id.clone()).with_contradiction("b");
            store.create(goal, None).await.is_ok()
        }
        Ask::Adopt { stale } => store.adopt(id, Some(seen(stale)), None).await.is_ok(),
        Ask::Execute => raw(records::executing(id)).await,
        Ask::Satisfy => raw(records::satisfied(id)).await,
        Ask::Revert => store.revert(id, "x").await.is_ok(),
        Ask::Abandon { stale } => store.abandon(id, "x", Some(seen(stale)), None).await.is_ok(),
        Ask::Patch { stale } => {
            let patch = GoalPatch { risk: Some(0.3), ..GoalPatch::default() };
            store.patch(id, seen(stale), &patch).await.is_ok()
        }
        Ask::Delete => store.delete(id, None).await.is_ok(),
        Ask::Believe(held) => {
            store.believe("b", "it is so", if held { 0.9 } else { 0.1 }).await.is_ok()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_the_model_says(asks in proptest::collection::vec(ask(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut house = House::new();
        let mut model: [Known; 3] = [None; 3];
        let mut against = false;
        for (which, ask) in asks {
            let id = GoalId::new(format!("g{which}"));
            let version = model[which].map_or(0, |(_, version, _)| version);
            let done = runtime.block_on(perform(&house, &id, version, ask));
            if let Ask::Believe(held) = ask {
                against = held;
                prop_assert!(done);
                continue;
            }
            let next = expected(model[which], ask, against);
            prop_assert_eq!(done, next.is_some(), "{:?} of {:?}", ask, model[which]);
            model[which] = next.or(model[which]);
        }
        // The tables, read by another process, say what the model says.
        house = house.reopen();
        let all = GoalQuery { with_deleted: true, ..GoalQuery::default() };
        let goals = house.store.list(&all).unwrap();
        for (which, known) in model.into_iter().enumerate() {
            let id = format!("g{which}");
            let found = goals.iter().find(|g| g.id.as_str() == id);
            prop_assert_eq!(found.map(|g| (g.state, g.version, g.deleted)), known);
        }
        // And the ledger, verified by `ledger`, tells of at least as many things as happened.
        let changes: u64 = model.iter().flatten().map(|(_, version, _)| version).sum();
        prop_assert!(house.ledger().len() as u64 >= changes);
    }
}

//! `astra goals`: what is wanted, and how far it is.

use astraea_goals::{
    Astra, GoalError,
    store::{Goal, GoalId, GoalQuery, NewGoal, StoreError},
};

use crate::{
    args::{Global, Goals},
    commands::{open, print_as},
    failure::Failure,
    output::{self, shown},
};

/// Goals that are listed at once.
const LIMIT: usize = 500;

/// Lists or changes goals.
///
/// # Errors
/// When the store refuses: an illegal transition, a contradicting belief, an unknown id.
pub(crate) async fn run(global: &Global, command: Option<Goals>) -> Result<u8, Failure> {
    let astra = open(global, false)?;
    let store = astra.goals();
    match command.unwrap_or(Goals::List) {
        Goals::List => {
            let mut goals = store.list(&GoalQuery::default().with_limit(LIMIT)).map_err(refused)?;
            goals.reverse();
            list(global, &goals)?;
        }
        Goals::Prioritized => {
            let scored = store.prioritized(astra.now_ms(), LIMIT).map_err(refused)?;
            print_as(global, &scored, || {
                let row = |scored: &astraea_goals::store::Scored| {
                    vec![format!("{:.2}", scored.score), row(&scored.goal).join("  ")]
                };
                output::table(&scored.iter().map(row).collect::<Vec<_>>())
            })?;
        }
        Goals::Show { id } => {
            let goal = find(&astra, &id)?;
            let value =
                serde_json::to_value(&goal).map_err(|error| Failure::new(1, error.to_string()))?;
            output::text(&if global.json { value.to_string() } else { format!("{value:#}") })?;
        }
        Goals::Create { text, value, effort, risk, idempotency_key } => {
            let goal = NewGoal::new(text).with_worth(value, effort, risk);
            let goal = store.create(goal, idempotency_key.as_deref()).await.map_err(refused)?;
            astra.seal()?;
            list(global, &[goal])?;
        }
        Goals::Adopt { id } => {
            let goal = store.adopt(&GoalId::new(id), None, None).await.map_err(refused)?;
            astra.seal()?;
            list(global, &[goal])?;
        }
        Goals::Abandon { id } => {
            let goal = store
                .abandon(&GoalId::new(id), "abandoned on the command line", None, None)
                .await
                .map_err(refused)?;
            astra.seal()?;
            list(global, &[goal])?;
        }
    }
    Ok(0)
}

fn find(astra: &Astra, id: &str) -> Result<Goal, Failure> {
    let goal = astra.goals().get(&GoalId::new(id)).map_err(refused)?;
    goal.ok_or_else(|| {
        let message = format!("there is no goal {}: `astra goals` lists them", shown(id));
        Failure::new(1, message)
    })
}

fn list(global: &Global, goals: &[Goal]) -> Result<(), Failure> {
    print_as(global, &goals, || {
        if goals.is_empty() {
            "no goals yet".to_owned()
        } else {
            output::table(&goals.iter().map(row).collect::<Vec<_>>())
        }
    })
}

fn row(goal: &Goal) -> Vec<String> {
    vec![goal.id.to_string(), goal.state.to_string(), shown(&goal.definition.text)]
}

fn refused(error: StoreError) -> Failure {
    GoalError::from(error).into()
}

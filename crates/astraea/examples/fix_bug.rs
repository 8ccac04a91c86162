//! Carries out one goal on the repository in the current directory: `cargo run --example fix_bug -- "fix_bug: …"`.

use astraea::goals::{Astra, AstraOptions, ExecuteGoal, GoalError, Watch};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), GoalError> {
    astraea::sandbox::init();
    let text = std::env::args().nth(1).unwrap_or_else(|| "fix_bug".into());
    let astra = Astra::open(AstraOptions::new("."))?;
    let result = astra.execute_goal(ExecuteGoal::new(text), &Watch::default()).await?;
    println!("{}", result.to_text());
    Ok(())
}

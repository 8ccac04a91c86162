//! Why a goal is planned as it is: `cargo run --example explain -- fix_bug tests_failing has_test_framework`.

use astraea_goals::CodingDomain;
use astraea_htn::{Network, Options};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let goal = words.next().unwrap_or_else(|| "fix_bug".to_owned());
    let domain = CodingDomain::load(Vec::new())?;
    let mut state = domain.compiled().state();
    for fact in words {
        state.add(fact)?;
    }
    let why = domain.compiled().explain(&state, &Network::task(goal), &Options::default())?;
    println!("{}", serde_json::to_string_pretty(&why)?);
    Ok(())
}

//! `astra approvals`: what may run without asking.

use astraea_goals::{Approval, Astra, NewApproval};

use crate::{
    args::{Approvals, Global},
    commands::{open, print_as},
    failure::Failure,
    output::{self, shown},
};

/// Lists, gives or takes back approvals.
///
/// # Errors
/// When a pattern cannot be used, or there is no such approval.
pub(crate) async fn run(global: &Global, command: Option<Approvals>) -> Result<u8, Failure> {
    let astra = open(global, false)?;
    match command.unwrap_or(Approvals::List) {
        Approvals::List => {
            let all = astra.approvals()?;
            print_as(global, &all, || {
                if all.is_empty() {
                    "nothing is approved; goals ask for what they need".to_owned()
                } else {
                    output::table(&all.iter().map(|one| row(&astra, one)).collect::<Vec<_>>())
                }
            })?;
        }
        Approvals::Give { dir, goal, hours, command } => {
            let for_ms = hours.map(|hours| u64::from(hours) * 60 * 60 * 1000);
            let given =
                astra.approve_command(NewApproval { argv: command, dir, goal, for_ms }).await?;
            print_as(global, &given, || {
                format!(
                    "from now on this runs without asking, in the sandbox: {}\nback: astra approvals revoke {}",
                    row(&astra, &given)[1..].join(", "),
                    given.id
                )
            })?;
        }
        Approvals::Revoke { id } => {
            let taken = astra.revoke_approval(&id).await?;
            print_as(global, &taken, || format!("no longer: {}", shown(&taken.to_text())))?;
        }
    }
    Ok(0)
}

fn row(astra: &Astra, approval: &Approval) -> Vec<String> {
    let minutes = |until: u64| until.saturating_sub(astra.now_ms()).div_ceil(60_000);
    let until = match approval.until_ms.map(minutes) {
        None => "until it is revoked".to_owned(),
        Some(minutes) if minutes >= 120 => format!("for {} hours more", minutes / 60),
        Some(minutes) => format!("for {minutes} minutes more"),
    };
    vec![approval.id.clone(), shown(&approval.to_text()), until]
}

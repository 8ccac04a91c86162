//! `astra ledger`: the tamper-evident record.

use astraea_goals::{Astra, GoalError, LedgerEntry, LedgerQuery, rfc3339};

use crate::{
    args::{Global, Ledger},
    commands::{open, print_as},
    failure::Failure,
    output::shown,
};

/// Entries that are read at once.
const PAGE: u64 = 500;

/// Prints or checks the ledger.
///
/// # Errors
/// Exit code 7 when it was tampered with.
pub(crate) fn run(global: &Global, command: &Ledger) -> Result<u8, Failure> {
    let astra = open(global, false)?;
    match command {
        Ledger::Log { run } => log(global, &astra, run.as_deref())?,
        Ledger::Verify => {
            let report = astra.ledger_verify()?;
            print_as(global, &report, || {
                let signed = match (report.signed, report.signed_entries) {
                    (false, _) => "there is no signed head yet".to_owned(),
                    (true, all) if all == report.entries => "its signed head agrees".to_owned(),
                    (true, some) => format!(
                        "its signed head vouches for the first {some}; the next run signs the rest"
                    ),
                };
                let note =
                    report.note.as_deref().map(|note| format!("\n{note}")).unwrap_or_default();
                format!("{} entries, the chain holds, {signed}{note}", report.entries)
            })?;
        }
        Ledger::Export => {
            astra.ledger_export(std::io::stdout().lock())?;
        }
    }
    Ok(0)
}

fn log(global: &Global, astra: &Astra, run: Option<&str>) -> Result<(), Failure> {
    let mut query = LedgerQuery::default().with_limit(PAGE);
    if let Some(run) = run {
        if !astra.runs()?.iter().any(|known| known.run == run) {
            return Err(GoalError::NoSuchRun { run: run.to_owned() }.into());
        }
        query = query.with_run(run);
    }
    loop {
        let entries = astra.ledger_entries(&query)?;
        for entry in &entries {
            print_as(global, entry, || line(entry))?;
        }
        match entries.last() {
            Some(last) if entries.len() as u64 == PAGE => query = query.with_after_seq(last.seq),
            _ => return Ok(()),
        }
    }
}

fn line(entry: &LedgerEntry) -> String {
    let sha = entry.sha.get(..12).unwrap_or(&entry.sha);
    let run = entry.run.as_deref().unwrap_or("-");
    let about =
        ["task", "action", "branch", "goal_id"].iter().filter_map(|key| entry.data[*key].as_str());
    let about = about.map(shown).collect::<Vec<_>>().join(" ");
    format!("{:>6} {} {sha} {run} {} {about}", entry.seq, rfc3339(entry.ts_ms), entry.event)
}

//! Runs what was written three times in random order, under the repository's own runner, and drops what does not hold.

use std::collections::BTreeMap;

use astraea_code_access::{EditSet, RepoPath};
use serde_json::json;

use super::study::{Job, Stop, Written};
use super::worker::Worker;
use crate::Error;
use crate::actions::run_in_order;
use crate::evidence::{TestId, TestOutcome};
use crate::runners::{self, Runner, RunnerKind, below};
use crate::workspace::blocking;

/// How often every test must pass.
const RUNS: u64 = 3;
/// How often the file is written again without what did not hold.
const DRAFTS: usize = 3;

/// The tests that passed every time; `None` where none did.
pub(super) async fn settle(
    job: &Job<'_>,
    worker: &mut Worker,
    mut cases: Vec<u32>,
) -> Result<Option<Written>, Stop> {
    for _ in 0..DRAFTS {
        if cases.is_empty() {
            return Ok(None);
        }
        let target = below(&job.subject.runner.dir, job.target).unwrap_or(job.target);
        let style = match job.subject.runner.kind {
            RunnerKind::Unittest => "unittest",
            _ => "pytest",
        };
        let written: Written = worker
            .ask(&json!({"cmd": "write", "style": style, "cases": cases, "target": target}))
            .await?;
        let edits = with_file(job, &written.text).await?;
        let runner = runner_of(job, &edits).await?;
        let between = if runner.kind == RunnerKind::Node { " > " } else { "::" };
        let names: BTreeMap<TestId, u32> = written
            .tests
            .iter()
            .map(|(name, case)| (TestId::new(format!("{}{between}{name}", job.target)), *case))
            .collect();
        let mut bad: Vec<u32> = Vec::new();
        for run in 1..=RUNS {
            let order = shuffled(names.keys().cloned().collect(), run);
            let seed = run.to_string();
            let env = [("PYTHONHASHSEED", seed.as_str())];
            let report = run_in_order(job.ws, job.cx, &edits, &runner, &order, &env).await?;
            let holds = |id: &TestId| report.outcomes.get(id) == Some(&TestOutcome::Passed);
            bad.extend(names.iter().filter(|(id, _)| !holds(id)).map(|(_, case)| *case));
            if !bad.is_empty() {
                break;
            }
        }
        if bad.is_empty() {
            return Ok(Some(written));
        }
        cases.retain(|case| !bad.contains(case));
    }
    Ok(None)
}

async fn with_file(job: &Job<'_>, text: &str) -> Result<EditSet, Error> {
    let (ws, base, path) = (job.ws.clone(), job.base.clone(), RepoPath::new(job.target)?);
    let text = text.to_owned();
    blocking(move || {
        let mut editor = ws.repo().edit(ws.snapshot(), &base);
        editor.write(&path, text.as_bytes())?;
        let new = editor.finish()?;
        base.then(&new).map_err(|source| Error::Merge { task: "characterise".to_owned(), source })
    })
    .await
}

/// The runner once the file is there: where it looks for tests may have grown.
async fn runner_of(job: &Job<'_>, edits: &EditSet) -> Result<Runner, Error> {
    let (ws, edits, scope) = (job.ws.clone(), edits.clone(), job.ws.scope().dir_text());
    let found = blocking(move || Ok(runners::find(&ws.tree(&edits)?, &scope, None))).await?;
    let same = found
        .into_iter()
        .filter(|r| r.kind == job.subject.runner.kind && below(&r.dir, job.target).is_some())
        .max_by_key(|r| r.dir.len());
    Ok(same.unwrap_or_else(|| job.subject.runner.clone()))
}

/// Fisher and Yates (1938), by Durstenfeld (1964), with a small generator (Marsaglia's xorshift): the order needs to
/// be another one each time, not to be unpredictable.
fn shuffled(mut ids: Vec<TestId>, seed: u64) -> Vec<TestId> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed | 1) ^ seed;
    for at in (1..ids.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let other = usize::try_from(state % (at as u64 + 1)).unwrap_or(0);
        ids.swap(at, other);
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_has_an_order_of_its_own_and_all_the_tests() {
        let ids: Vec<TestId> = (0..20).map(|n| TestId::new(format!("t::{n}"))).collect();
        let orders: Vec<Vec<TestId>> = (1..=RUNS).map(|seed| shuffled(ids.clone(), seed)).collect();
        assert!(orders[0] != orders[1] && orders[1] != orders[2] && orders[0] != ids);
        for mut order in orders {
            order.sort();
            let mut all = ids.clone();
            all.sort();
            assert_eq!(order, all);
        }
    }
}

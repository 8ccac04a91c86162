//! What became of methods in a kind of repository, and what that makes of their costs.
//!
//! Every plan that ran to an end of its own leaves a record `parameter_adapted`, which the ledger keeps whole. From these
//! a method's cost is drawn anew: Thompson sampling (Thompson 1933; Chapelle and Li 2011) over a Beta distribution whose
//! prior is the cost that the domain declares. The draw is seeded by what is known, so that the same history gives the
//! same plan.

use std::collections::BTreeMap;

use astraea_engine::{NewRecord, Projection, Record, Rejection, RunId};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::result::Outcome;
use crate::runner::{Past, observed};

/// The kind of record.
const KIND: &str = "parameter_adapted";
/// Tries of a method before its cost moves at all.
const LEAST: u32 = 3;
/// How many tries the declared cost is worth.
const PRIOR: f64 = 12.0;
/// What a caller gave comes first: no learned cost falls below this.
const FLOOR: f64 = 0.42;
/// The most that time adds to a cost, and the time for which it does, in milliseconds.
const SLOW: (f64, f64) = (0.1, 600_000.0);

/// What is known of one method in one kind of repository.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Tries {
    pub(crate) won: u32,
    pub(crate) lost: u32,
    /// Time of all of them, in milliseconds.
    pub(crate) ms: u64,
}

/// What is known, by kind of repository and method.
#[derive(Debug, Clone, Default)]
pub(crate) struct Learned {
    tries: BTreeMap<(String, String), Tries>,
}

/// A cost that experience changed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Adapted {
    pub(crate) method: String,
    pub(crate) declared: f64,
    pub(crate) cost: f64,
    tries: Tries,
}

impl Adapted {
    /// In a line, for `astra plan --explain`.
    pub(crate) fn words(&self, kind: &str) -> String {
        let Tries { won, lost, ms } = self.tries;
        let all = won + lost;
        format!(
            "{} costs {:.2} here instead of {:.2}: in {kind} it succeeded {won} times of {all}, {:.1} s each",
            self.method,
            self.cost,
            self.declared,
            ms as f64 / 1000.0 / f64::from(all.max(1))
        )
    }
}

impl Learned {
    /// Reads what the journal's projection keeps.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub(crate) fn read(from: &Connection) -> rusqlite::Result<Self> {
        let mut rows = from.prepare("SELECT kind, method, won, lost, ms FROM method_tries")?;
        let rows = rows.query_map([], |row| {
            let tries = Tries {
                won: row.get(2)?,
                lost: row.get(3)?,
                ms: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
            };
            Ok(((row.get(0)?, row.get(1)?), tries))
        })?;
        Ok(Self { tries: rows.collect::<Result<_, _>>()? })
    }

    /// The costs of these methods (name and declared cost) that are others than declared in this kind of repository.
    pub(crate) fn costs<'m>(
        &self,
        kind: &str,
        methods: impl Iterator<Item = (&'m str, f64)>,
    ) -> Vec<Adapted> {
        methods
            .filter_map(|(method, declared)| {
                let tries = *self.tries.get(&(kind.to_owned(), method.to_owned()))?;
                let known = tries.won + tries.lost;
                // the cheapest are a caller's own edits: nothing is to be learned about them
                if known < LEAST || declared < FLOOR {
                    return None;
                }
                let seed = format!("{kind}/{method}/{}/{}", tries.won, tries.lost);
                let theta = beta(
                    PRIOR * (1.0 - declared) + f64::from(tries.won),
                    PRIOR * declared + f64::from(tries.lost),
                    &mut Draw::new(&seed),
                );
                let slow = (tries.ms as f64 / f64::from(known) / SLOW.1).min(1.0) * SLOW.0;
                let cost = (1.0 - theta + slow).clamp(FLOOR, 0.98);
                Some(Adapted { method: method.to_owned(), declared, cost, tries })
            })
            .collect()
    }
}

/// The kind of repository that facts speak of: its first language and its first runner.
pub(crate) fn kind_of(facts: &Value) -> String {
    let first = |name: &str| facts[name][0].as_str().unwrap_or("none").to_owned();
    format!("{}/{}", first("language"), first("runner"))
}

/// The records about the methods of a run that has ended: the last plan's by the outcome, those before it failed.
pub(crate) fn records(run: &RunId, past: &[Past], outcome: Outcome, ms: u64) -> Vec<NewRecord> {
    // a run that stopped, could not run here, waits for a person or was only begun says nothing about a method
    let judged = outcome.is_success() || matches!(outcome, Outcome::Failed | Outcome::Ambiguous);
    if !judged {
        return Vec::new();
    }
    let facts = past
        .first()
        .and_then(|first| observed(&first.result))
        .map(|output| output.value["facts"].clone())
        .unwrap_or_default();
    let kind = kind_of(&facts);
    let last = past.len().saturating_sub(1);
    let each = ms / past.len().max(1) as u64;
    let mut out = Vec::new();
    for (at, one) in past.iter().enumerate() {
        let Some(plan) = one.plan.as_ref().filter(|plan| plan.no_plan.is_none()) else { continue };
        let won = at == last && outcome.is_success();
        for method in &plan.methods_used {
            let payload = json!({
                "parameter": "method_cost", "method": method, "kind": kind, "plan": plan.plan_id, "won": won, "ms": each,
            });
            out.push(NewRecord::new(KIND, payload).with_run(run.clone()));
        }
    }
    out
}

/// Keeps the table `method_tries`.
#[derive(Debug, Default)]
pub(crate) struct LearningProjection;

impl Projection for LearningProjection {
    fn name(&self) -> &str {
        "method_tries"
    }

    fn migrate(&mut self, tx: &Connection) -> Result<(), Rejection> {
        tx.execute_batch(
            "CREATE TABLE IF NOT EXISTS method_tries (
                 kind TEXT NOT NULL,
                 method TEXT NOT NULL,
                 won INTEGER NOT NULL DEFAULT 0,
                 lost INTEGER NOT NULL DEFAULT 0,
                 ms INTEGER NOT NULL DEFAULT 0,
                 PRIMARY KEY (kind, method)
             ) STRICT;",
        )?;
        Ok(())
    }

    fn apply(&mut self, tx: &Connection, record: &Record) -> Result<(), Rejection> {
        let payload = &record.payload;
        if record.kind.as_str() != KIND || payload["parameter"] != "method_cost" {
            return Ok(());
        }
        let (Some(method), Some(kind)) = (payload["method"].as_str(), payload["kind"].as_str())
        else {
            return Ok(());
        };
        let won = i64::from(payload["won"] == true);
        tx.execute(
            "INSERT INTO method_tries (kind, method, won, lost, ms) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (kind, method) DO UPDATE SET
                 won = won + excluded.won, lost = lost + excluded.lost, ms = ms + excluded.ms",
            params![kind, method, won, 1 - won, payload["ms"].as_i64().unwrap_or(0)],
        )?;
        Ok(())
    }
}

/// Numbers in 0..1 out of a text: SHA-256 in counter mode.
struct Draw {
    seed: [u8; 32],
    count: u64,
}

impl Draw {
    fn new(seed: &str) -> Self {
        Self { seed: Sha256::digest(seed).into(), count: 0 }
    }

    /// Above 0 and below 1.
    fn next(&mut self) -> f64 {
        self.count += 1;
        let block = Sha256::new().chain_update(self.seed).chain_update(self.count.to_le_bytes());
        let bytes: [u8; 32] = block.finalize().into();
        let number = bytes.iter().take(6).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        (number as f64 + 0.5) / (1_u64 << 48) as f64
    }
}

/// A draw from Beta(a, b), both at least 1 here or nearly: two draws from Gamma (Marsaglia and Tsang 2000).
fn beta(a: f64, b: f64, draw: &mut Draw) -> f64 {
    let (x, y) = (gamma(a.max(0.1), draw), gamma(b.max(0.1), draw));
    x / (x + y)
}

fn gamma(shape: f64, draw: &mut Draw) -> f64 {
    if shape < 1.0 {
        return gamma(shape + 1.0, draw) * draw.next().powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        // Box and Muller (1958)
        let normal = (-2.0 * draw.next().ln()).sqrt() * (std::f64::consts::TAU * draw.next()).cos();
        let v = (1.0 + c * normal).powi(3);
        if v > 0.0 && draw.next().ln() < 0.5 * normal * normal + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(method: &str, won: u32, lost: u32) -> Learned {
        let key = ("python/pytest".to_owned(), method.to_owned());
        Learned { tries: BTreeMap::from([(key, Tries { won, lost, ms: 1000 })]) }
    }

    fn cost(method: &str, declared: f64, won: u32, lost: u32) -> Option<f64> {
        let found =
            learned(method, won, lost).costs("python/pytest", [(method, declared)].into_iter());
        found.first().map(|adapted| adapted.cost)
    }

    #[test]
    fn what_works_gets_cheaper_and_what_does_not_dearer() {
        assert!(cost("repair", 0.6, 60, 0).unwrap() < 0.5);
        assert!(cost("repair", 0.5, 0, 60).unwrap() > 0.75);
        // the same history gives the same cost
        assert_eq!(cost("repair", 0.5, 3, 4), cost("repair", 0.5, 3, 4));
        assert_ne!(cost("repair", 0.5, 3, 4), cost("linter", 0.5, 3, 4));
    }

    #[test]
    fn little_is_not_enough_and_a_callers_own_edit_stays_first() {
        assert_eq!(cost("repair", 0.5, 1, 1), None);
        assert_eq!(cost("fix_bug_simple", 0.4, 0, 50), None);
        assert!(cost("repair", 0.5, 900, 0).unwrap() >= FLOOR);
        let other = learned("repair", 9, 9).costs("rust/cargo", [("repair", 0.5)].into_iter());
        assert!(other.is_empty(), "another kind of repository says nothing: {other:?}");
    }

    #[test]
    fn draws_have_the_mean_of_their_distribution() {
        let mut draw = Draw::new("mean");
        let mean = (0..2000).map(|_| beta(6.0, 2.0, &mut draw)).sum::<f64>() / 2000.0;
        assert!((mean - 0.75).abs() < 0.02, "{mean}");
    }

    #[test]
    fn the_table_adds_up() {
        let tx = Connection::open_in_memory().unwrap();
        let mut projection = LearningProjection;
        projection.migrate(&tx).unwrap();
        for won in [true, true, false] {
            let payload = json!({
                "parameter": "method_cost", "method": "m", "kind": "rust/cargo", "won": won, "ms": 10,
            });
            let record: Record = serde_json::from_value(json!({
                "seq": 1, "ts_ms": 1, "kind": KIND, "payload": payload,
            }))
            .unwrap();
            projection.apply(&tx, &record).unwrap();
        }
        let known = Learned::read(&tx).unwrap();
        let key = ("rust/cargo".to_owned(), "m".to_owned());
        assert_eq!(known.tries[&key], Tries { won: 2, lost: 1, ms: 30 });
    }
}

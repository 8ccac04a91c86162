//! How an entry becomes a hash.
//!
//! ```text
//!            ┌────────────────────────────────────────────┐
//!  genesis ◀─┤ prev_sha │ 1 │ ts_ms │ event │ run │ data  │──▶ sha ─┐
//!            └────────────────────────────────────────────┘         │
//!            ┌────────────────────────────────────────────┐         │
//!          ┌─┤ prev_sha │ 2 │ ts_ms │ event │ run │ data  │──▶ sha  │
//!          │ └────────────────────────────────────────────┘         │
//!          └─────────────────────────────────────────────────────────┘
//! ```

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::LedgerError;

/// The largest integer that every double holds exactly, and so the largest in canonical JSON.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// An entry as it stands in a row or in a line: its parts as text, nothing checked.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) seq: i64,
    pub(crate) ts_ms: i64,
    pub(crate) event: String,
    pub(crate) run: Option<String>,
    /// Canonical JSON.
    pub(crate) data: String,
    pub(crate) prev_sha: String,
    pub(crate) sha: String,
}

impl Raw {
    /// The hash of this entry, were its number `seq`: over the canonical JSON (RFC 8785) of the
    /// object with the fields data, event, prev_sha, run, seq, ts_ms.
    ///
    /// The names stand in canonical order, the numbers are integers a double can hold, and the
    /// data is canonical already, so that the object is put together without parsing it.
    pub(crate) fn hash_as(&self, seq: i64) -> String {
        let mut sha = Sha256::new();
        sha.update(b"{\"data\":");
        sha.update(self.data.as_bytes());
        sha.update(b",\"event\":");
        sha.update(string(&self.event).as_bytes());
        sha.update(b",\"prev_sha\":");
        sha.update(string(&self.prev_sha).as_bytes());
        sha.update(b",\"run\":");
        sha.update(self.run.as_deref().map_or_else(|| "null".to_owned(), string).as_bytes());
        sha.update(format!(",\"seq\":{seq},\"ts_ms\":{}}}", self.ts_ms).as_bytes());
        hex::encode(sha.finalize())
    }

    /// Whether its hash is its own.
    pub(crate) fn holds(&self) -> bool {
        self.hash_as(self.seq) == self.sha
    }
}

/// A string as canonical JSON.
fn string(text: &str) -> String {
    canonical(&Value::String(text.to_owned())).unwrap_or_default()
}

/// A value as canonical JSON.
pub(crate) fn canonical(value: &Value) -> Result<String, LedgerError> {
    serde_json_canonicalizer::to_string(value)
        .map_err(|e| LedgerError::Unrecordable(format!("it has no canonical JSON: {e}")))
}

/// Turns integers that a double cannot hold into strings, so that no two values get one text.
pub(crate) fn exact(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let large = number.as_u64().is_some_and(|n| n > MAX_SAFE)
                || number.as_i64().is_some_and(|n| n.unsigned_abs() > MAX_SAFE);
            if large {
                *value = Value::String(number.to_string());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(exact),
        Value::Object(map) => map.values_mut().for_each(exact),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// A number as SQLite and canonical JSON can both hold it.
pub(crate) fn integer(what: &str, n: u64) -> Result<i64, LedgerError> {
    i64::try_from(n)
        .ok()
        .filter(|_| n <= MAX_SAFE)
        .ok_or_else(|| LedgerError::Unrecordable(format!("{what} is {n}, the most is {MAX_SAFE}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_short_cut_is_canonical_json() {
        let raw = Raw {
            seq: 7,
            ts_ms: 1_700_000_000_000,
            event: "odd \"name\" \u{1F600}\n".into(),
            run: Some("r\u{e9}".into()),
            data: canonical(&json!({ "b": 1.5, "a": ["x", null, 1e21] })).unwrap(),
            prev_sha: "genesis".into(),
            sha: String::new(),
        };
        let whole = json!({
            "seq": 7, "ts_ms": 1_700_000_000_000_u64, "event": raw.event, "run": raw.run,
            "data": { "b": 1.5, "a": ["x", null, 1e21] }, "prev_sha": "genesis",
        });
        let text = canonical(&whole).unwrap();
        assert_eq!(raw.hash_as(7), hex::encode(Sha256::digest(text.as_bytes())));
    }

    #[test]
    fn large_integers_become_strings() {
        let mut value =
            json!([9_007_199_254_740_991_u64, 9_007_199_254_740_993_u64, i64::MIN, 1e300]);
        exact(&mut value);
        assert_eq!(
            value,
            json!([9_007_199_254_740_991_u64, "9007199254740993", "-9223372036854775808", 1e300])
        );
        assert!(integer("x", 1 << 53).is_err());
    }
}

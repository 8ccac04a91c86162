//! What goes into the ledger, and what comes out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Event;

/// The `prev_sha` of the first entry.
pub const GENESIS: &str = "genesis";

/// What a caller wants recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When, in milliseconds since the Unix epoch.
    pub ts_ms: u64,
    /// What happened.
    pub event: Event,
    /// The run it belongs to, if any.
    pub run: Option<String>,
    /// Particulars. Redacted before it is stored. Integers that a double cannot hold exactly
    /// are stored as strings, because canonical JSON has no other numbers.
    pub data: Value,
}

impl Entry {
    /// An entry without a run and without particulars.
    #[must_use]
    pub fn new(ts_ms: u64, event: Event) -> Self {
        Self { ts_ms, event, run: None, data: Value::Object(serde_json::Map::new()) }
    }

    /// Says which run it belongs to.
    #[must_use]
    pub fn with_run(mut self, run: impl Into<String>) -> Self {
        self.run = Some(run.into());
        self
    }

    /// Adds the particulars.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }
}

/// The place an entry got in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its number, from 1, without gaps.
    pub seq: u64,
    /// The `sha` of the entry before it; [`GENESIS`] for the first.
    pub prev_sha: String,
    /// SHA-256, in lower-case hex, of the entry's canonical JSON.
    pub sha: String,
}

/// An entry as it stands in the ledger: what was recorded, after redaction, and its link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// Its number, from 1, without gaps.
    pub seq: u64,
    /// When, in milliseconds since the Unix epoch.
    pub ts_ms: u64,
    /// What happened.
    pub event: Event,
    /// The run it belongs to, if any.
    pub run: Option<String>,
    /// Particulars, redacted.
    pub data: Value,
    /// The `sha` of the entry before it; [`GENESIS`] for the first.
    pub prev_sha: String,
    /// SHA-256, in lower-case hex, of the canonical JSON of all the other fields.
    pub sha: String,
}

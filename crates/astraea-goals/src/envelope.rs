//! The one definition of what `--json` prints and a subscriber gets.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The version of the envelope; it grows when a field changes its meaning or goes away.
pub const ENVELOPE_VERSION: u32 = 1;

/// One event of a run: `{"v": 1, "seq": …, "ts": …, "run": …, "type": …, …}`.
///
/// `type` is one of the engine's task events (`task_started`, `task_succeeded`, …) or of the
/// goal's ([`GoalEvent`]); the other fields are that event's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// [`ENVELOPE_VERSION`].
    pub v: u32,
    /// The position in the journal of the repository; 0 for what is not journaled (progress notes).
    pub seq: u64,
    /// When, in milliseconds since the epoch.
    pub ts: u64,
    /// The run.
    pub run: Option<String>,
    /// The graph within the run: `observe`, `plan-1`, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<String>,
    /// The type of the event.
    #[serde(rename = "type")]
    pub kind: String,
    /// The event's own fields.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

//! What actions answer with: edits and evidence in the value, tails masked and cut.

use astraea_code_access::EditSet;
use astraea_engine::{ErrorClass, Failure, Outcome, Output};
use serde_json::{Value, json};

use crate::{Error, Ran, Workspace};

/// An output that hands edits on.
pub(crate) fn edited(edits: &EditSet, mut value: Value) -> Result<Output, Error> {
    if !value.is_object() {
        value = json!({});
    }
    value["edits"] =
        serde_json::to_value(edits).map_err(|e| Error::Internal(format!("edits as JSON: {e}")))?;
    Ok(Output::of(value).with_artifacts(edits.paths().map(ToString::to_string)))
}

/// A failure with something to show.
pub(crate) fn failed(class: ErrorClass, message: impl Into<String>, output: Output) -> Outcome {
    Outcome::Failed(Failure::new(class, message).with_output(output))
}

impl Workspace {
    /// Adds the masked tails of what a command printed.
    pub(crate) fn with_tails(&self, output: Output, stdout: &str, stderr: &str) -> Output {
        output.with_stdout(self.redacted_tail(stdout)).with_stderr(self.redacted_tail(stderr))
    }

    /// How a command ran, for the evidence.
    pub(crate) fn account(&self, shown: &[String], ran: &Ran) -> Value {
        json!({
            "command": shown.iter().map(|w| self.redactor().redact(w).into_owned()).collect::<Vec<_>>(),
            "tier": ran.tier,
            "exit": ran.ended.words(),
            "duration_ms": u64::try_from(ran.wall.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

//! The trait through which a search asks whether a candidate works.

use serde::{Deserialize, Serialize};

use crate::{Candidate, CandidateId};

/// Runs tests for a [`search`](crate::search).
///
/// # Contract
/// - **A batch.** [`evaluate`](Self::evaluate) is given many candidates at once, so that an implementation may put
///   them in one build; it answers each, in the order given.
/// - **Failing tests first.** A candidate that does not make the failing tests pass needs no other run. `Pass` means
///   that every failing test passes now *and* that no test that passed before fails.
/// - **Fresh state.** What one candidate does must not be visible to the next.
/// - **Short first.** `evaluate` uses a short time limit; a candidate that exceeds it is `TimedOut`, and is given to
///   [`evaluate_slowly`](Self::evaluate_slowly) only if nothing else passes.
///
/// # Errors
/// An [`OracleError`] ends the search: it is for a broken oracle, never for a broken candidate.
pub trait Oracle {
    /// Runs the tests against each candidate with the short time limit.
    ///
    /// # Errors
    /// When the tests cannot be run at all.
    fn evaluate(&mut self, batch: &[Candidate]) -> Result<Vec<Verdict>, OracleError>;

    /// The same with the long time limit, for candidates that timed out. The default asks [`evaluate`](Self::evaluate) again.
    ///
    /// # Errors
    /// When the tests cannot be run at all.
    fn evaluate_slowly(&mut self, batch: &[Candidate]) -> Result<Vec<Verdict>, OracleError> {
        self.evaluate(batch)
    }

    /// Whether the search should end now: cancelled, or out of time. Asked between batches.
    fn should_stop(&self) -> bool {
        false
    }

    /// Runs the patches on generated inputs and says whether they agree. The default cannot.
    ///
    /// # Errors
    /// When the comparison cannot be carried out at all; "not possible here" is [`Comparison::Unsupported`].
    fn compare(&mut self, patches: &[Candidate]) -> Result<Comparison, OracleError> {
        let _ = patches;
        Ok(Comparison::Unsupported { reason: "the oracle generates no inputs".to_owned() })
    }
}

/// What an oracle says of one candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// How it went.
    pub kind: VerdictKind,
    /// Tests that failed before and pass now.
    pub fixed: u32,
    /// Tests that fail now, as far as they were run (a run may stop at the first).
    pub failed_tests: Vec<String>,
}

impl Verdict {
    /// Every failing test passes now, and nothing got worse.
    pub fn pass() -> Self {
        Self { kind: VerdictKind::Pass, fixed: 0, failed_tests: Vec::new() }
    }

    /// Some test fails.
    pub fn fail(failed_tests: Vec<String>) -> Self {
        Self { kind: VerdictKind::Fail, fixed: 0, failed_tests }
    }

    /// The short time limit was hit.
    pub fn timed_out() -> Self {
        Self { kind: VerdictKind::TimedOut, fixed: 0, failed_tests: Vec::new() }
    }

    /// The candidate does not compile or load.
    pub fn broken(message: impl Into<String>) -> Self {
        Self { kind: VerdictKind::Broken(message.into()), fixed: 0, failed_tests: Vec::new() }
    }
}

/// The ways a run can end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum VerdictKind {
    /// Every failing test passes now, and nothing got worse.
    Pass,
    /// Some test fails.
    Fail,
    /// The short time limit was hit.
    TimedOut,
    /// Does not compile or load; with the reason.
    Broken(String),
}

/// What generated inputs say about several patches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Comparison {
    /// No comparison was possible.
    Unsupported {
        /// Why.
        reason: String,
    },
    /// All patches gave the same result on every input.
    Agree {
        /// How many inputs were tried.
        inputs: u32,
    },
    /// Patches differ.
    Disagree {
        /// The patches that behave alike, group by group; the first group holds the best ranked patch.
        groups: Vec<Vec<CandidateId>>,
        /// An input on which they differ, as a person would write it.
        input: String,
        /// What each group gave for it, in the order of `groups`.
        results: Vec<String>,
    },
}

/// An oracle that could not do its job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OracleError {
    /// What happened and what to do.
    pub message: String,
    /// Whether it stopped because it was told to (cancelled, out of time).
    pub stopped: bool,
}

impl OracleError {
    /// A failure with its reason.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), stopped: false }
    }

    /// The oracle was told to stop; the search ends with what it has.
    pub fn stopped(message: impl Into<String>) -> Self {
        Self { message: message.into(), stopped: true }
    }
}

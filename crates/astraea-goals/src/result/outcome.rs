//! The word for how a goal ended.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a goal ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// The failing tests pass, none got worse, and more than one candidate or generated input agreed.
    Verified,
    /// The tests pass; nothing beyond them was asked.
    Plausible,
    /// Candidates that pass the tests disagree on an input.
    Ambiguous,
    /// A start that fails its own tests, as it must.
    Scaffold,
    /// The tests could not run here.
    Environment,
    /// The time limit was reached; the run can be resumed.
    TimedOut,
    /// A budget was used up; the run can be resumed.
    Budget,
    /// The provider of the model does not answer; the run can be resumed.
    Provider,
    /// The planner found no way at all.
    NoPlan,
    /// Not taken up, for a reason that the summary names.
    Refused,
    /// Every way that was found was tried, and none succeeded.
    #[default]
    Failed,
    /// Stopped by the user; the run can be resumed.
    Interrupted,
    /// Waits for a person's approval.
    NeedsApproval,
}

impl Outcome {
    /// Whether the goal was achieved.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Verified | Self::Plausible)
    }

    /// Whether `resume` can go on from here.
    #[must_use]
    pub fn is_resumable(self) -> bool {
        matches!(self, Self::TimedOut | Self::Budget | Self::Provider | Self::Interrupted)
    }

    /// The exit code of `astra`.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Verified | Self::Plausible => 0,
            Self::NoPlan => 3,
            Self::NeedsApproval => 4,
            Self::TimedOut | Self::Budget => 5,
            Self::Provider => 6,
            Self::Interrupted => 130,
            Self::Ambiguous | Self::Scaffold | Self::Environment | Self::Refused | Self::Failed => {
                1
            }
        }
    }

    /// The word, as it is written in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Plausible => "plausible",
            Self::Ambiguous => "ambiguous",
            Self::Scaffold => "scaffold",
            Self::Environment => "environment",
            Self::TimedOut => "timed-out",
            Self::Budget => "budget",
            Self::Provider => "provider",
            Self::NoPlan => "no-plan",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::NeedsApproval => "needs-approval",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

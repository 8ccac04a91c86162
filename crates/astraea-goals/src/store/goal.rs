//! A goal: what it is, where it stands, and where it may go from there.
//!
//! ```text
//!              adopt            execute             satisfy
//!  proposed ─────────▶ adopted ─────────▶ executing ────────▶ satisfied
//!     │                 │    ◀─────────────  │
//!     │                 │        revert      │
//!     └─────────────────┴────────────────────┴──▶ abandoned
//! ```

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::NewGoal;

/// The name of a goal, unique in its store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GoalId(Arc<str>);

impl GoalId {
    /// An id of any text.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GoalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for GoalId {
    fn from(id: &str) -> Self {
        Self::new(id)
    }
}

impl From<String> for GoalId {
    fn from(id: String) -> Self {
        Self::new(id)
    }
}

/// Makes an enum of words with its names.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The one of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// Where a goal stands. The picture is at the head of the module.
    GoalState {
        /// Somebody thought of it.
        Proposed = "proposed",
        /// It is to be pursued.
        Adopted = "adopted",
        /// A run pursues it.
        Executing = "executing",
        /// It is reached. Final.
        Satisfied = "satisfied",
        /// It was given up. Final.
        Abandoned = "abandoned",
    }
}

impl GoalState {
    /// Whether nothing can happen to it any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Satisfied | Self::Abandoned)
    }

    /// Whether a goal may go from here to there.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Proposed, Self::Adopted)
            | (Self::Adopted, Self::Executing)
            | (Self::Executing, Self::Satisfied | Self::Adopted) => true,
            (from, Self::Abandoned) => !from.is_final(),
            _ => false,
        }
    }
}

words! {
    /// What kind of goal it is.
    Category {
        /// To understand oneself better.
        Introspection = "introspection",
        /// To learn something.
        Exploration = "exploration",
        /// To keep something in order.
        Maintenance = "maintenance",
        /// What a user asked for.
        UserRequested = "user_requested",
    }
}

words! {
    /// Where a goal comes from.
    Source {
        /// A person.
        User = "user",
        /// The agent itself.
        System = "system",
        /// Both, in conversation.
        Collaborative = "collaborative",
    }
}

/// A goal as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// Its id.
    pub id: GoalId,
    /// What was proposed, with the changes since.
    #[serde(flatten)]
    pub definition: NewGoal,
    /// Where it stands.
    pub state: GoalState,
    /// Grows by one with each change; give it back to change the goal.
    pub version: u64,
    /// The run that pursues it, or did last.
    pub run: Option<String>,
    /// Why it was given up or put back, if it was.
    pub reason: Option<String>,
    /// It was deleted, and is kept for the record.
    pub deleted: bool,
    /// When it was created, in milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// When it last changed, in milliseconds since the Unix epoch.
    pub updated_at_ms: u64,
}

impl Goal {
    /// When it is due, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn due_ms(&self) -> Option<u64> {
        let minutes = self.definition.horizon_max_min?;
        Some(self.created_at_ms.saturating_add(minutes.saturating_mul(60_000)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defect_12_final_goals_go_nowhere() {
        for from in GoalState::ALL.iter().copied().filter(|s| s.is_final()) {
            assert!(GoalState::ALL.iter().all(|next| !from.may_become(*next)), "{from}");
        }
        for from in GoalState::ALL.iter().copied() {
            assert_eq!(from.may_become(GoalState::Abandoned), !from.is_final(), "{from}");
            assert_eq!(from.may_become(GoalState::Executing), from == GoalState::Adopted);
            assert_eq!(from.may_become(GoalState::Satisfied), from == GoalState::Executing);
        }
    }

    #[test]
    fn names_go_there_and_back() {
        for state in GoalState::ALL {
            assert_eq!(GoalState::from_name(state.as_str()), Some(*state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for word in Category::ALL {
            assert_eq!(serde_json::to_value(word).unwrap(), word.as_str());
        }
        for word in Source::ALL {
            assert_eq!(serde_json::to_value(word).unwrap(), word.as_str());
        }
    }
}

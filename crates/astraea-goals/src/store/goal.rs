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
use serde_json::Value;

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

/// A goal as somebody proposes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewGoal {
    /// Its id; made up where there is none. Left out where a goal is read: see [`Goal::id`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<GoalId>,
    /// What is to be reached.
    pub text: String,
    /// What kind it is. Default user_requested.
    pub category: Category,
    /// Where it comes from. Default user.
    pub source: Source,
    /// What reaching it is worth, from 0 to 1. Default 0.5.
    pub value: f64,
    /// What it costs, from 0 to 1. Default 0.5.
    pub effort: f64,
    /// What may go wrong, from 0 to 1. Default 0.2.
    pub risk: f64,
    /// Not before so many minutes after its creation. Default 0.
    pub horizon_min_min: u64,
    /// Due so many minutes after its creation; none for no due time.
    pub horizon_max_min: Option<u64>,
    /// Beliefs (ids or statements) that speak for it.
    pub aligns_with: Vec<String>,
    /// Beliefs (ids or statements) that speak against it.
    pub contradicts: Vec<String>,
    /// How one sees that it is reached.
    pub success_metrics: Value,
    /// Anything else.
    pub metadata: Value,
}

impl Default for NewGoal {
    fn default() -> Self {
        Self {
            id: None,
            text: String::new(),
            category: Category::UserRequested,
            source: Source::User,
            value: 0.5,
            effort: 0.5,
            risk: 0.2,
            horizon_min_min: 0,
            horizon_max_min: None,
            aligns_with: Vec::new(),
            contradicts: Vec::new(),
            success_metrics: Value::Null,
            metadata: Value::Null,
        }
    }
}

impl NewGoal {
    /// A goal with this text and the defaults for the rest.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Sets its id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<GoalId>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets value, effort and risk, each from 0 to 1.
    #[must_use]
    pub fn with_worth(mut self, value: f64, effort: f64, risk: f64) -> Self {
        (self.value, self.effort, self.risk) = (value, effort, risk);
        self
    }

    /// Adds a belief that speaks against it.
    #[must_use]
    pub fn with_contradiction(mut self, belief: impl Into<String>) -> Self {
        self.contradicts.push(belief.into());
        self
    }

    /// What is wrong with it, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.id.as_ref().is_some_and(|id| id.as_str().is_empty() || id.as_str().len() > 128) {
            return Some("its id must have 1 to 128 bytes".into());
        }
        problem_with(
            Some(&self.text),
            [("value", Some(self.value)), ("effort", Some(self.effort)), ("risk", Some(self.risk))],
            (Some(self.horizon_min_min), self.horizon_max_min),
        )
    }
}

/// What of a goal is to be changed; what is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GoalPatch {
    /// What is to be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// From 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// From 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<f64>,
    /// From 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<f64>,
    /// Not before so many minutes after its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horizon_min_min: Option<u64>,
    /// Due so many minutes after its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horizon_max_min: Option<u64>,
    /// Beliefs that speak for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aligns_with: Option<Vec<String>>,
    /// Beliefs that speak against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contradicts: Option<Vec<String>>,
    /// How one sees that it is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_metrics: Option<Value>,
}

impl GoalPatch {
    /// What is wrong with it, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        problem_with(
            self.text.as_deref(),
            [("value", self.value), ("effort", self.effort), ("risk", self.risk)],
            (self.horizon_min_min, self.horizon_max_min),
        )
    }

    /// Changes a goal.
    pub(crate) fn apply_to(self, goal: &mut NewGoal) {
        fn set<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        set(&mut goal.text, self.text);
        set(&mut goal.value, self.value);
        set(&mut goal.effort, self.effort);
        set(&mut goal.risk, self.risk);
        set(&mut goal.horizon_min_min, self.horizon_min_min);
        set(&mut goal.horizon_max_min, self.horizon_max_min.map(Some));
        set(&mut goal.aligns_with, self.aligns_with);
        set(&mut goal.contradicts, self.contradicts);
        set(&mut goal.success_metrics, self.success_metrics);
    }
}

/// The longest text of a goal, in bytes.
const MAX_TEXT: usize = 64 * 1024;

fn problem_with(
    text: Option<&str>,
    shares: [(&str, Option<f64>); 3],
    horizon: (Option<u64>, Option<u64>),
) -> Option<String> {
    if let Some(text) = text {
        if text.trim().is_empty() {
            return Some("its text is empty; say what is to be reached".into());
        }
        if text.len() > MAX_TEXT {
            return Some(format!("its text has {} bytes, the most is {MAX_TEXT}", text.len()));
        }
    }
    for (name, share) in shares {
        if let Some(share) = share
            && !(0.0..=1.0).contains(&share)
        {
            return Some(format!("its {name} is {share}; give a number from 0 to 1"));
        }
    }
    match horizon {
        (Some(min), Some(max)) if max < min => {
            Some(format!("it would be due ({max} min) before it may start ({min} min)"))
        }
        _ => None,
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

    #[test]
    fn bad_values_are_named() {
        for (goal, word) in [
            (NewGoal::new(" "), "text"),
            (NewGoal::new("x").with_worth(1.1, 0.0, 0.0), "value"),
            (NewGoal::new("x").with_worth(0.1, -0.1, 0.0), "effort"),
            (NewGoal::new("x").with_worth(0.1, 0.1, f64::NAN), "risk"),
            (NewGoal::new("x").with_id(""), "id"),
            (NewGoal { horizon_min_min: 5, horizon_max_min: Some(4), ..NewGoal::new("x") }, "due"),
        ] {
            assert!(goal.problem().unwrap().contains(word), "{goal:?}");
        }
        assert_eq!(NewGoal::new("x").problem(), None);
    }
}

//! What of a goal its proposer decides, and how it may be changed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Category, GoalId, Source};

/// A goal as somebody proposes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewGoal {
    /// Its id; made up where there is none. Left out where a goal is read: see [`Goal::id`](super::Goal::id).
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

#[cfg(test)]
mod tests {
    use super::*;

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

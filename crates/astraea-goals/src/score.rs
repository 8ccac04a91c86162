//! How much a goal is worth pursuing: one number from 0 to 1.

use serde::{Deserialize, Serialize};

/// The weights of the score. They need not add up to 1; the score is clamped.
///
/// ```
/// use astraea_goals::score::{Factors, Weights};
///
/// let factors = Factors { value: 0.8, effort: 0.4, risk: 0.2, ..Factors::default() };
/// assert!((Weights::default().score(&factors) - 0.67).abs() < 1e-9);
/// assert_eq!(Weights::default().score(&Factors { contradicted: true, ..factors }), 0.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// Of the value. Default 0.5.
    pub value: f64,
    /// Of 1 − effort. Default 0.25.
    pub effort: f64,
    /// Of 1 − risk. Default 0.15.
    pub risk: f64,
    /// Of the urgency. Default 0.05.
    pub urgency: f64,
    /// Of the alignment with beliefs. Default 0.05.
    pub alignment: f64,
    /// What an active contradiction takes away. Default 1.
    pub contradiction: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            value: 0.5,
            effort: 0.25,
            risk: 0.15,
            urgency: 0.05,
            alignment: 0.05,
            contradiction: 1.0,
        }
    }
}

impl Weights {
    /// Sets the weight of the value.
    #[must_use]
    pub fn with_value(mut self, weight: f64) -> Self {
        self.value = weight;
        self
    }

    /// Sets the weight of the effort.
    #[must_use]
    pub fn with_effort(mut self, weight: f64) -> Self {
        self.effort = weight;
        self
    }

    /// Sets the weight of the risk.
    #[must_use]
    pub fn with_risk(mut self, weight: f64) -> Self {
        self.risk = weight;
        self
    }

    /// Sets the weight of the urgency.
    #[must_use]
    pub fn with_urgency(mut self, weight: f64) -> Self {
        self.urgency = weight;
        self
    }

    /// Sets the weight of the alignment.
    #[must_use]
    pub fn with_alignment(mut self, weight: f64) -> Self {
        self.alignment = weight;
        self
    }

    /// Whether every weight is a number from 0 to 10.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        [self.value, self.effort, self.risk, self.urgency, self.alignment, self.contradiction]
            .iter()
            .all(|weight| (0.0..=10.0).contains(weight))
    }

    /// The score of a goal with these factors, from 0 to 1. What is no number counts as 0.
    #[must_use]
    pub fn score(&self, factors: &Factors) -> f64 {
        let sum = self.value * factors.value
            + self.effort * (1.0 - factors.effort)
            + self.risk * (1.0 - factors.risk)
            + self.urgency * factors.urgency
            + self.alignment * factors.alignment
            - if factors.contradicted { self.contradiction } else { 0.0 };
        if sum.is_nan() { 0.0 } else { sum.clamp(0.0, 1.0) }
    }
}

/// What a score is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Factors {
    /// From 0 to 1.
    pub value: f64,
    /// From 0 to 1.
    pub effort: f64,
    /// From 0 to 1.
    pub risk: f64,
    /// From −1 (overdue) to 1 (due now): see [`urgency`].
    pub urgency: f64,
    /// Which part of what the goal aligns with is believed, from 0 to 1.
    pub alignment: f64,
    /// Whether an active belief contradicts it.
    pub contradicted: bool,
}

/// How urgent something due at `due_ms` is at `now_ms` (both in milliseconds since the Unix
/// epoch): 0 without a due time or more than 24 hours before it, 1 − h/24 with h hours to go, −1
/// when it is overdue.
#[must_use]
pub fn urgency(now_ms: u64, due_ms: Option<u64>) -> f64 {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    match due_ms {
        None => 0.0,
        Some(due) if due < now_ms => -1.0,
        Some(due) if due - now_ms > DAY_MS => 0.0,
        Some(due) => 1.0 - (due - now_ms) as f64 / DAY_MS as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaviour_24_the_example_of_the_score() {
        let factors = Factors { value: 0.8, effort: 0.4, risk: 0.2, ..Factors::default() };
        assert!((Weights::default().score(&factors) - 0.67).abs() < 1e-9);
        let contradicted = Factors { contradicted: true, ..factors };
        assert_eq!(Weights::default().score(&contradicted), 0.0);
    }

    #[test]
    fn urgency_grows_within_a_day_and_turns_when_overdue() {
        const HOUR: u64 = 3_600_000;
        let now = 100 * HOUR;
        assert_eq!(urgency(now, None), 0.0);
        assert_eq!(urgency(now, Some(now + 25 * HOUR)), 0.0);
        assert_eq!(urgency(now, Some(now + 24 * HOUR)), 0.0);
        assert_eq!(urgency(now, Some(now + 6 * HOUR)), 0.75);
        assert_eq!(urgency(now, Some(now)), 1.0);
        assert_eq!(urgency(now, Some(now - 1)), -1.0);
        assert_eq!(urgency(u64::MAX, Some(0)), -1.0);
    }

    #[test]
    fn scores_are_clamped_and_weights_checked() {
        let heavy = Weights::default().with_value(9.0);
        assert_eq!(heavy.score(&Factors { value: 1.0, ..Factors::default() }), 1.0);
        let broken = Factors { value: f64::NAN, ..Factors::default() };
        assert_eq!(Weights::default().score(&broken), 0.0);
        assert!(!Weights::default().with_risk(f64::NAN).is_valid());
        assert!(!Weights::default().with_risk(-0.1).is_valid());
        assert!(Weights::default().is_valid());
    }
}

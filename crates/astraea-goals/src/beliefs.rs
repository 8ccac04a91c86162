//! What is held to be true: a statement, and how sure one is of it.

use serde::{Deserialize, Serialize};

/// From this confidence on a belief holds.
pub const HOLDS_AT: f64 = 0.5;

/// A statement with a confidence. Goals refer to it by its id or by its statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Belief {
    /// Its name, unique.
    pub id: String,
    /// What is believed.
    pub statement: String,
    /// How sure one is of it, from 0 to 1.
    pub confidence: f64,
    /// A belief that was retracted stays on record, inactive.
    pub active: bool,
    /// Grows by one with each change.
    pub version: u64,
    /// When it last changed, in milliseconds since the Unix epoch.
    pub updated_at_ms: u64,
}

impl Belief {
    /// Whether it counts: active, and held with a confidence of at least [`HOLDS_AT`].
    #[must_use]
    pub fn holds(&self) -> bool {
        self.active && self.confidence >= HOLDS_AT
    }

    /// Whether a reference in a goal means this belief.
    #[must_use]
    pub fn is_meant_by(&self, reference: &str) -> bool {
        self.id == reference || self.statement == reference
    }
}

/// The first belief that holds and is meant by one of the references.
#[must_use]
pub fn first_held<'b>(beliefs: &'b [Belief], references: &[String]) -> Option<&'b Belief> {
    beliefs.iter().find(|b| b.holds() && references.iter().any(|r| b.is_meant_by(r)))
}

/// Which part of the references is held, from 0 to 1; 0 where there are none.
#[must_use]
pub fn share_held(beliefs: &[Belief], references: &[String]) -> f64 {
    if references.is_empty() {
        return 0.0;
    }
    let held =
        references.iter().filter(|r| beliefs.iter().any(|b| b.holds() && b.is_meant_by(r))).count();
    held as f64 / references.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn belief(id: &str, confidence: f64, active: bool) -> Belief {
        Belief {
            id: id.into(),
            statement: format!("{id} is so"),
            confidence,
            active,
            version: 1,
            updated_at_ms: 0,
        }
    }

    #[test]
    fn behaviour_06_a_belief_of_nine_tenths_holds_of_three_does_not() {
        assert!(belief("a", 0.9, true).holds());
        assert!(belief("a", 0.5, true).holds());
        assert!(!belief("a", 0.3, true).holds());
        assert!(!belief("a", 0.9, false).holds());
    }

    #[test]
    fn references_are_ids_or_statements() {
        let beliefs = [belief("a", 0.9, true), belief("b", 0.2, true)];
        let refs = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        assert!(first_held(&beliefs, &refs(&["x", "a is so"])).is_some());
        assert!(first_held(&beliefs, &refs(&["b"])).is_none());
        assert_eq!(share_held(&beliefs, &refs(&["a", "b"])), 0.5);
        assert_eq!(share_held(&beliefs, &[]), 0.0);
    }
}

//! What was spent, and what may be.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::{LlmError, Usage};

/// What may be spent. Absent means without limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Budget {
    /// Requests, retries included.
    pub calls: Option<u64>,
    /// Tokens in and out together.
    pub tokens: Option<u64>,
    /// Cost, in the currency of the [`Price`].
    pub cost: Option<f64>,
}

impl Budget {
    /// Bounds the number of requests.
    #[must_use]
    pub fn with_calls(mut self, calls: u64) -> Self {
        self.calls = Some(calls);
        self
    }

    /// Bounds the tokens in and out together.
    #[must_use]
    pub fn with_tokens(mut self, tokens: u64) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Bounds the cost.
    #[must_use]
    pub fn with_cost(mut self, cost: f64) -> Self {
        self.cost = Some(cost);
        self
    }
}

/// The price of a model, for a million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// For a million tokens of requests.
    pub input: f64,
    /// For a million tokens of answers.
    pub output: f64,
}

/// What was spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Requests sent.
    pub calls: u64,
    /// Tokens of requests.
    pub input: u64,
    /// Tokens of answers.
    pub output: u64,
    /// Cost by the price.
    pub cost: f64,
    /// Whether any of the tokens are estimates.
    pub estimated: bool,
}

/// Counts what is spent and closes when the budget is used up.
///
/// It fails closed: a request is admitted only while every limit has room, and one that was sent counts even when it
/// failed.
#[derive(Debug, Default)]
pub struct Meter {
    budget: Budget,
    price: Price,
    spent: Mutex<Spent>,
}

impl Meter {
    /// A meter with this budget and price.
    #[must_use]
    pub fn new(budget: Budget, price: Price) -> Self {
        Self { budget, price, spent: Mutex::default() }
    }

    /// What was spent so far.
    #[must_use]
    pub fn spent(&self) -> Spent {
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits one request and counts it.
    ///
    /// # Errors
    /// [`LlmError::Budget`] when a limit has no room.
    pub fn admit(&self) -> Result<(), LlmError> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = spent.input + spent.output;
        let full =
            |what, spent: String, limit: String| Err(LlmError::Budget { what, spent, limit });
        match self.budget {
            Budget { calls: Some(limit), .. } if spent.calls >= limit => {
                full("calls", spent.calls.to_string(), limit.to_string())
            }
            Budget { tokens: Some(limit), .. } if tokens >= limit => {
                full("tokens", tokens.to_string(), limit.to_string())
            }
            Budget { cost: Some(limit), .. } if spent.cost >= limit => {
                full("cost", format!("{:.4}", spent.cost), format!("{limit:.4}"))
            }
            _ => {
                spent.calls += 1;
                Ok(())
            }
        }
    }

    /// Counts what an answer used.
    pub fn record(&self, usage: Usage) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.input = spent.input.saturating_add(usage.input);
        spent.output = spent.output.saturating_add(usage.output);
        spent.cost +=
            (usage.input as f64 * self.price.input + usage.output as f64 * self.price.output) / 1e6;
        spent.estimated |= !usage.reported;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_closes_when_a_limit_is_reached() {
        let meter = Meter::new(Budget::default().with_calls(2), Price::default());
        meter.admit().unwrap();
        meter.admit().unwrap();
        assert_eq!(
            meter.admit().unwrap_err().to_string(),
            "the budget for calls is used up: 2 of 2"
        );
        assert_eq!(meter.spent().calls, 2);
    }

    #[test]
    fn tokens_and_cost_are_counted() {
        let meter =
            Meter::new(Budget::default().with_cost(0.002), Price { input: 1.0, output: 10.0 });
        meter.admit().unwrap();
        meter.record(Usage { input: 1000, output: 100, reported: true });
        assert!((meter.spent().cost - 0.002).abs() < 1e-12, "{:?}", meter.spent());
        assert!(matches!(meter.admit(), Err(LlmError::Budget { what: "cost", .. })));
    }
}

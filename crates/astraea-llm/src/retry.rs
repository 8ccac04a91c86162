//! How often and how long to wait before the same request is sent again.

use std::time::Duration;

use crate::LlmError;

/// Retries of requests that may go through later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryOptions {
    /// Requests after the first; 4 unless set.
    pub max_retries: u32,
    /// The wait before the first retry; it doubles. 500 ms unless set.
    pub base: Duration,
    /// The longest wait of our own choosing; 20 s unless set.
    pub max_delay: Duration,
    /// The longest wait that a provider may ask for; beyond it the error is returned. 120 s unless set.
    pub max_retry_after: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self {
            max_retries: 4,
            base: Duration::from_millis(500),
            max_delay: Duration::from_secs(20),
            max_retry_after: Duration::from_secs(120),
        }
    }
}

impl RetryOptions {
    /// Never tries again.
    #[must_use]
    pub fn none() -> Self {
        Self { max_retries: 0, ..Self::default() }
    }

    /// How long to wait after `error` before retry `number` (0 is the first), or nothing to give up.
    ///
    /// A provider's own wish (`Retry-After`, RFC 9110 section 10.2.3) is honoured in place of the doubling.
    #[must_use]
    pub fn delay(&self, error: &LlmError, number: u32) -> Option<Duration> {
        if !error.is_transient() || number >= self.max_retries {
            return None;
        }
        match error.retry_after() {
            Some(asked) => (asked <= self.max_retry_after).then_some(asked),
            None => Some(self.base.saturating_mul(1 << number.min(16)).min(self.max_delay)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overloaded(retry_after: Option<u64>) -> LlmError {
        LlmError::Overloaded {
            status: 429,
            message: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn it_doubles_up_to_its_longest_and_then_gives_up() {
        let options = RetryOptions { max_retries: 8, ..RetryOptions::default() };
        let delays: Vec<_> =
            (0..9).map(|n| options.delay(&overloaded(None), n).map(|d| d.as_millis())).collect();
        let expected = [500, 1000, 2000, 4000, 8000, 16000, 20000, 20000].map(Some);
        assert_eq!(delays[..8], expected);
        assert_eq!(delays[8], None);
    }

    #[test]
    fn the_providers_wish_is_honoured_within_reason() {
        let options = RetryOptions::default();
        assert_eq!(options.delay(&overloaded(Some(7)), 0), Some(Duration::from_secs(7)));
        assert_eq!(options.delay(&overloaded(Some(3600)), 0), None);
    }

    #[test]
    fn what_cannot_succeed_later_is_not_tried_again() {
        let refused = LlmError::Refused { status: 400, message: String::new() };
        assert_eq!(RetryOptions::default().delay(&refused, 0), None);
    }
}

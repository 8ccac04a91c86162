//! What a redactor is told before it starts, and which names are taken to hold secrets.

/// What a [`Redactor`](crate::Redactor) looks for beside the patterns it knows.
#[derive(Clone, PartialEq, Eq)]
pub struct RedactOptions {
    /// Literal values to mask wherever they occur, whatever surrounds them; their base64,
    /// percent-encoded and JSON-escaped forms too. Values of fewer than
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

/// Parts of a name (in `snake_case`) that say "secret" wherever they stand.
const TELLING: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "credential",
    "api_key",
    "apikey",
    "access_key",
    "private_key",
    "auth_token",
];

/// Whole names, or last words of names, that say so.
const TELLING_ENDS: [&str; 14] = [
    "token",
    "pwd",
    "pgpassword",
    "signing_key",
    "encryption_key",
    "session_key",
    "master_key",
    "account_key",
    "auth_key",
    "service_key",
    "deploy_key",
    "bearer",
    "authorization",
    "pat",
];

/// Ends that say that the value only leads to a secret, or counts, or names one.
const HARMLESS_ENDS: [&str; 15] = [
    "_file", "_path", "_dir", "_sock", "_socket", "_count", "_limit", "_name", "_type", "_id",
    "_ttl", "_url", "_length", "_max", "_min",
];

/// Whether a variable of this name is taken to hold a secret: what
/// [`Redactor::from_env`](crate::Redactor::from_env) goes by. Reads `camelCase`, `kebab-case` and
/// `snake_case` of any letter case. Beside what names a password, token or secret, any name that
/// ends in `_KEY`, `_DSN` or `_CONNECTION_STRING` counts.
///
/// ```
/// use astraea_redact::is_key_like;
///
/// assert!(is_key_like("OPENAI_API_KEY") && is_key_like("dbPassword") && is_key_like("SENTRY_DSN"));
/// assert!(!is_key_like("PATH") && !is_key_like("SSH_AUTH_SOCK") && !is_key_like("MONKEY"));
/// assert!(!is_key_like("PWD") && is_key_like("DB_PWD"));
/// ```
#[must_use]
pub fn is_key_like(name: &str) -> bool {
    // The working directory of every shell, not a password.
    if matches!(name, "PWD" | "OLDPWD") {
        return false;
    }
    let snake = snake_case(name);
    if is_secret_snake(&snake) {
        return true;
    }
    let harmless = snake.contains("public") || snake.contains("idempotency");
    !harmless
        && ["_key", "_dsn", "_connection_string", "_auth", "_keys"]
            .iter()
            .any(|end| snake.ends_with(end))
}

/// Whether a field of this name in a document is taken to hold a secret: narrower than
/// [`is_key_like`], because documents have keys of many harmless kinds.
pub(crate) fn is_secret_field(name: &str) -> bool {
    is_secret_snake(&snake_case(name))
}

fn is_secret_snake(snake: &str) -> bool {
    if HARMLESS_ENDS.iter().any(|end| snake.ends_with(end)) {
        return false;
    }
    TELLING.iter().any(|part| snake.contains(part))
        || TELLING_ENDS.iter().any(|end| {
            snake
                .strip_suffix('s')
                .into_iter()
                .chain([snake])
                .filter_map(|s| s.strip_suffix(end))
                .any(|rest| rest.is_empty() || rest.ends_with('_'))
        })
}

/// `dbPassword`, `DB-PASSWORD` and `db.password` all become `db_password`.
fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut lower_before = false;
    for c in name.chars().take(256) {
        if c.is_ascii_uppercase() && lower_before {
            out.push('_');
        }
        lower_before = c.is_ascii_lowercase() || c.is_ascii_digit();
        out.push(if matches!(c, '-' | '.' | ' ' | ':') { '_' } else { c.to_ascii_lowercase() });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_spelling() {
        for name in [
            "password",
            "DB_PASSWORD",
            "dbPassword",
            "db-password",
            "clientSecret",
            "GITHUB_TOKEN",
            "tokens",
            "AWS_SECRET_ACCESS_KEY",
            "x-api-key",
            "privateKey",
            "Authorization",
        ] {
            assert!(is_secret_field(name), "{name}");
            assert!(is_key_like(name), "{name}");
        }
        for name in ["path", "key", "idempotency_key", "token_count", "secret_name", "author"] {
            assert!(!is_secret_field(name), "{name}");
            assert!(!is_key_like(name), "{name}");
        }
        assert!(is_key_like("STRIPE_KEY") && !is_secret_field("stripe_key"));
    }
}

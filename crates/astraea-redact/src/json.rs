//! Redaction of JSON values.

use serde_json::{Map, Value};

use crate::Redactor;
use crate::options::is_secret_field;
use crate::text::only_placeholders;

/// Redacts a value in place. Strings under a key-like name are masked whole.
pub(crate) fn redact(redactor: &Redactor, value: &mut Value, under_secret: bool) {
    match value {
        Value::String(text) => {
            if under_secret {
                if !text.is_empty() && !only_placeholders(text) {
                    *text = crate::Kind::Secret.placeholder().to_owned();
                }
            } else if let std::borrow::Cow::Owned(masked) = redactor.redact(text) {
                *text = masked;
            }
        }
        Value::Array(items) => {
            for item in items {
                redact(redactor, item, under_secret);
            }
        }
        Value::Object(map) => {
            let old = std::mem::take(map);
            for (key, mut value) in old {
                let masked = redactor.redact(&key).into_owned();
                let secret = is_secret_field(&key) || is_secret_field(&masked);
                redact(redactor, &mut value, secret);
                let key = free_key(map, masked);
                map.insert(key, value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The key itself, or with a number where another key was masked to the same text.
fn free_key(map: &Map<String, Value>, key: String) -> String {
    if !map.contains_key(&key) {
        return key;
    }
    let mut n = 2_u32;
    loop {
        let candidate = format!("{key}#{n}");
        if !map.contains_key(&candidate) {
            return candidate;
        }
        n += 1;
    }
}

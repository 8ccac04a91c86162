//! Assignments to names that say what they hold: `password = "…"`, `API_TOKEN=…`,
//! `"client_secret": "…"`, `--token …`, `?access_token=…`.

use std::ops::Range;

use crate::text::{looks_random, only_placeholders, run};

/// What the scanner looks for, whatever the case; the rest of the name may follow it.
pub(crate) const KEYWORDS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "api_key",
    "api-key",
    "apikey",
    "access_key",
    "accesskey",
    "private_key",
    "credential",
    "auth_key",
];

/// How much of a name may follow the keyword, in bytes.
const MAX_NAME: usize = 48;
/// How long a value may be, in bytes.
const MAX_VALUE: usize = 4096;

/// How a value stands in the text, which says how certain one can be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Between quotes.
    Quoted,
    /// After `=` without spaces: hardly any code looks like that.
    Bare,
    /// After a command line flag and a space: help texts look like that too.
    Flag,
    /// After spaces or a colon, without quotes: prose and code look like that too.
    Loose,
}

/// The value assigned to the name in which a keyword stands, if it should be masked.
pub(crate) fn find(text: &str, keyword: Range<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let name_start = keyword.start
        - bytes[..keyword.start].iter().rev().take(MAX_NAME).take_while(|b| in_name(**b)).count();
    let name_end = run(bytes, keyword.end, MAX_NAME, in_name);
    let name = &text[name_start..name_end];
    if !crate::options::is_key_like(name.trim_matches(['-', '.'])) {
        return None;
    }
    let flag = name.starts_with("--");
    // What closes the name: a quote, a bracket.
    let mut at = run(bytes, name_end, 4, |b| matches!(b, b'"' | b'\'' | b'`' | b']' | b'\\'));
    let quoted_name = at > name_end;
    let before_space = at;
    at = run(bytes, at, 16, |b| b == b' ' || b == b'\t');
    let operator_at = at;
    let operator = run(bytes, at, 3, |b| matches!(b, b'=' | b':' | b'>' | b'~'));
    if operator == at {
        if !(flag && at > before_space && !quoted_name) {
            return None;
        }
    } else if bytes[at..operator].ends_with(b"==")
        || matches!(&bytes[at..operator], b">" | b"::" | b"~")
    {
        return None;
    }
    let tight = operator > at && at == before_space && bytes[operator - 1] == b'=';
    let after_operator = operator;
    at = run(bytes, operator, 16, |b| b == b' ' || b == b'\t');
    let spaced = at > after_operator;
    // A scheme or a prefix of a literal: b"…", f"…", r"…", String::from( is left alone.
    let quote_at = run(bytes, at, 2, |b| matches!(b, b'b' | b'f' | b'r' | b'u'));
    let open = run(bytes, quote_at, 1, |b| b == b'\\');
    match bytes.get(open) {
        Some(&quote @ (b'"' | b'\'' | b'`')) => {
            let start = open + 1;
            let end = run(bytes, start, MAX_VALUE, |b| b != quote && b != b'\n');
            let end = if bytes.get(end) == Some(&quote) && open > quote_at {
                end - usize::from(bytes[start..end].ends_with(b"\\"))
            } else {
                crate::text::floor(text, end)
            };
            decide(text, name, start..end, Style::Quoted)
        }
        _ => {
            let end = run(bytes, at, MAX_VALUE, |b| {
                !b.is_ascii_whitespace() && !b"\"'`,;&<>{}|".contains(&b)
            });
            let mut end = crate::text::floor(text, end);
            // A closing bracket or full stop belongs to the sentence.
            while end > at && matches!(bytes[end - 1], b')' | b'.' | b':' | b'\\') {
                end -= 1;
            }
            let style = match (operator > operator_at, tight && !spaced) {
                (false, _) => Style::Flag,
                (true, true) => Style::Bare,
                (true, false) => Style::Loose,
            };
            decide(text, name, at..end.max(at), style)
        }
    }
}

/// Whether a value of this style, under this name, is masked.
fn decide(text: &str, name: &str, range: Range<usize>, style: Style) -> Option<Range<usize>> {
    let value = &text[range.clone()];
    if value.len() < 4 || only_placeholders(value) || stands_for_another(value) {
        return None;
    }
    let bytes = value.as_bytes();
    let sample = &bytes[..bytes.len().min(256)];
    let digit = sample.iter().any(u8::is_ascii_digit);
    let letter = sample.iter().any(u8::is_ascii_alphabetic);
    let symbol = sample.iter().any(|b| b"!@#$%^&*?~+/=".contains(b));
    let call = sample.iter().any(|b| b"()[]{}".contains(b));
    let lower = name.to_ascii_lowercase();
    let password = ["passw", "pwd", "passphrase", "secret"].iter().any(|p| lower.contains(p));
    let masked = match style {
        Style::Quoted if password => {
            let typed = value.len() >= 6 && !value.contains(' ') && !call;
            (typed && (digit || symbol)) || looks_random(bytes)
        }
        Style::Quoted => {
            let mixed = digit && letter && !has(sample, b" (.:");
            looks_random(bytes) || (value.len() >= 12 && mixed)
        }
        Style::Bare => {
            let shouted = !name.bytes().any(|b| b.is_ascii_lowercase());
            let code = call || (has(sample, b".") && !digit);
            value.len() >= 6 && !code && (shouted || digit || symbol || name.starts_with("--"))
        }
        Style::Flag => value.len() >= 6 && !call && (digit || symbol),
        Style::Loose if call || value.contains("::") || has(&sample[..1], b"*&_") => false,
        Style::Loose if password => {
            let type_name = sample.first().is_some_and(u8::is_ascii_uppercase);
            let word = type_name || has(sample, b".") || !(digit && letter);
            (value.len() >= 6 && (symbol || !word)) || looks_random(bytes)
        }
        Style::Loose => {
            looks_random(bytes)
                && digit_runs(sample) >= 2
                && (has_upper_and_lower(sample) || hexish(sample))
        }
    };
    masked.then_some(range)
}

/// Whether a value only refers to where the secret is: `$VAR`, `${{ secrets.X }}`, `<token>`,
/// `%s`, `process.env.X`, `xxxxx`, `****`.
fn stands_for_another(value: &str) -> bool {
    let first = value.as_bytes()[0];
    if value.bytes().take(256).all(|b| b == first) {
        return true;
    }
    let name_of_variable = value
        .strip_prefix('$')
        .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
    name_of_variable
        || ["${", "$(", "<", "%(", "%s", "{{", "process.env", "os.environ", "os.getenv", "env("]
            .iter()
            .any(|p| value.starts_with(p))
}

fn in_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
}

fn has(bytes: &[u8], any: &[u8]) -> bool {
    bytes.iter().any(|b| any.contains(b))
}

fn has_upper_and_lower(bytes: &[u8]) -> bool {
    bytes.iter().any(u8::is_ascii_uppercase) && bytes.iter().any(u8::is_ascii_lowercase)
}

/// In how many places digits stand: `Curve25519SeedBin` has one, a random text several.
fn digit_runs(bytes: &[u8]) -> usize {
    bytes
        .chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit())
        .filter(|run| run[0].is_ascii_digit())
        .count()
}

fn hexish(bytes: &[u8]) -> bool {
    bytes.len() >= 20 && bytes.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-')
}

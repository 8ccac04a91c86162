//! The laws: idempotent, complete for what is planted, total, linear.

use astraea_redact::{RedactOptions, Redactor};
use proptest::prelude::*;

/// Pieces that begin, end or look like what is searched for.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "password",
        "token",
        "secret",
        "api_key",
        "=",
        ":",
        " ",
        "\"",
        "'",
        "\\",
        "\n",
        "[secret]",
        "[email]",
        "[ip]",
        "[id]",
        "[",
        "]",
        "ghp_",
        "sk-",
        "eyJ",
        "AKIA",
        "://",
        "@",
        ".",
        "-",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "Bearer ",
        "Cookie: ",
        "1.2.3.4",
        "a.b.org",
        "ann@example.org",
        "::",
        "2001:db8::1",
        "+49 30 1234567",
        "hunter2",
        "--token ",
        "é",
        "x",
        "9",
        "00:1a:2b:3c:4d:5e",
        "123-45-6789",
        "4111111111111111",
        "v",
        "Q8zT1lMx0PvW93kD",
        "0123456789abcdef0123456789abcdef",
        ";",
        "(",
        ")",
        "&",
        "==",
        "#2",
    ];
    prop_oneof![
        4 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9_./+=-]{1,40}",
        1 => "\\PC{0,6}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn redacting_twice_is_redacting_once(text in text(), secrets in proptest::collection::vec(piece(), 0..3)) {
        let redactor = Redactor::new(RedactOptions { secret_values: secrets, pii: true });
        let once = redactor.redact(&text).into_owned();
        prop_assert_eq!(redactor.redact(&once).into_owned(), once.clone());
        prop_assert!(redactor.find(&once).is_empty());
    }

    #[test]
    fn a_planted_value_never_survives(before in text(), after in text(), secret in "[a-zA-Z0-9!#%é ]{8,30}") {
        let secret = secret.trim().to_owned();
        prop_assume!(secret.len() >= RedactOptions::MIN_SECRET_LEN);
        let redactor = Redactor::new(RedactOptions::default().with_secret_value(&secret));
        let planted = format!("{before}{secret}{after}");
        let out = redactor.redact(&planted);
        prop_assert!(!out.contains(&secret));
    }

    #[test]
    fn findings_are_in_order_and_on_boundaries(text in text()) {
        let mut at = 0;
        for finding in Redactor::default().find(&text) {
            prop_assert!(finding.range.start >= at && finding.range.start < finding.range.end);
            prop_assert!(text.get(finding.range.clone()).is_some());
            at = finding.range.end;
        }
    }

    #[test]
    fn json_twice_is_json_once(keys in proptest::collection::vec((piece(), text()), 0..6)) {
        let redactor = Redactor::default();
        let mut value = serde_json::Value::Object(
            keys.into_iter().map(|(k, v)| (k, serde_json::Value::String(v))).collect(),
        );
        redactor.redact_json(&mut value);
        let once = value.clone();
        redactor.redact_json(&mut value);
        prop_assert_eq!(value, once);
    }
}

/// Repetitions that make careless scanners quadratic. Each is 100 kB; a quadratic scanner would
/// need minutes.
#[test]
fn hostile_repetition_is_no_harder_than_prose() {
    let redactor = Redactor::default();
    for unit in [
        "-----BEGIN PRIVATE KEY-----",
        "eyJ",
        "eyJ-",
        "eyJaaaaaaaaaa.",
        "password=",
        "token=token:",
        "://",
        "://a:b",
        "@",
        "a@",
        "a@b.",
        "glpat-",
        "1.",
        "+1",
        "(4",
        "::",
        "a:",
        "Bearer ",
        "[secret]",
        "[",
        "4 ",
        "DE89 ",
        "8Q~",
        "Cookie: ",
        "--token ",
    ] {
        let text = unit.repeat(100_000 / unit.len());
        let once = redactor.redact(&text).into_owned();
        assert_eq!(redactor.redact(&once), once, "{unit}");
    }
}

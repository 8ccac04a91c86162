//! Case 71: planted secrets never come through.

use astraea_redact::{Chars, PATTERNS, Pattern, RedactOptions, Redactor};

/// A token of this pattern, made up on the spot so that no file holds one.
fn sample(pattern: &Pattern) -> String {
    let alphabet: Vec<char> =
        (b'0'..=b'z').filter(|b| b.is_ascii_alphanumeric()).map(char::from).collect();
    let allowed: Vec<char> = match pattern.chars {
        Chars::Hex => "a1b2c3d4e5f60987".chars().collect(),
        Chars::Upper => "Q7W2E5R3T6YUIOP4".chars().collect(),
        _ => alphabet,
    };
    let mut body = String::new();
    let mut state = 7_usize;
    while body.len() < pattern.min {
        state = (state * 31 + 11) % 1009;
        body.push(allowed[state % allowed.len()]);
    }
    // A letter and a digit in every body.
    if pattern.min >= 2 {
        body.replace_range(0..2, if pattern.chars == Chars::Upper { "A2" } else { "a2" });
    }
    let lead: String = body.chars().take(pattern.lead).collect();
    format!("{lead}{}{body}", pattern.prefix)
}

/// The part of a token that must not be seen again.
fn heart(pattern: &Pattern, token: &str) -> String {
    token[pattern.lead + pattern.prefix.len()..].to_owned()
}

#[test]
fn case_71_the_table_has_at_least_a_hundred_names_each_once() {
    let mut names: Vec<_> = PATTERNS.iter().map(|p| p.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), PATTERNS.len());
    assert!(names.len() >= 100, "{}", names.len());
}

#[test]
fn case_71_every_known_token_is_masked_wherever_it_stands() {
    let redactor = Redactor::default();
    for pattern in PATTERNS {
        let token = sample(pattern);
        let heart = heart(pattern, &token);
        for text in [
            token.clone(),
            format!("found {token} in the log"),
            format!("export X={token}\n"),
            format!("{{\"value\":\"{token}\"}}"),
            format!("first line\\n{token}\\nlast"),
            format!("\u{1b}[31m{token}\u{1b}[0m"),
            format!("- {token},"),
            format!("@@ -1 +1 @@\n-{token}\n+{token}"),
            format!("<{token}>"),
            format!("({token})"),
            format!("key: '{token}'"),
            format!("é{}{token}", if pattern.alone { " " } else { "" }),
        ] {
            let out = redactor.redact(&text);
            assert!(!out.contains(&heart), "{}: {text:?} became {out:?}", pattern.name);
            assert!(out.contains("[secret]"), "{}: {out:?}", pattern.name);
            assert_eq!(redactor.redact(&out), out, "{}", pattern.name);
        }
    }
}

#[test]
fn case_71_values_of_key_like_variables_are_masked_in_every_form() {
    let redactor = Redactor::from_env([
        ("MY_API_KEY", "walrus piano/7"),
        ("DATABASE_URL", "postgres://app:tr%40veller@db/x"),
        ("HOME", "/home/ann"),
        ("SHORT_TOKEN", "abc"),
        ("EDITOR", "nano-editor"),
    ]);
    for text in [
        "walrus piano/7",
        "xwalrus piano/7y",
        "walrus%20piano%2F7",
        "d2FscnVzIHBpYW5vLzc=",
        "77616c727573207069616e6f2f37",
        "the password is tr%40veller",
    ] {
        let out = redactor.redact(text);
        assert!(out.contains("[secret]"), "{text} became {out}");
    }
    assert_eq!(redactor.redact("abc /home/ann nano-editor"), "abc /home/ann nano-editor");
}

#[test]
fn case_71_nothing_shows_a_value_in_debug_output() {
    let options = RedactOptions::default().with_secret_value("walrus piano");
    assert!(!format!("{options:?}").contains("walrus"));
    assert!(!format!("{:?}", Redactor::new(options)).contains("walrus"));
}

#[test]
fn case_71_a_secret_that_looks_like_a_placeholder_does_no_harm() {
    for value in ["secret", "[secret]", "cret]", "]abc[ip", "[email]"] {
        let redactor = Redactor::new(RedactOptions::default().with_secret_value(value));
        for text in ["a [secret] b", "secret", "x[email]abc[ip]y", "[secret][ip]", "[email]"] {
            let once = redactor.redact(text).into_owned();
            assert_eq!(redactor.redact(&once), once, "{value} {text}");
        }
    }
}

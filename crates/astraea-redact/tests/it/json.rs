//! JSON values.

use astraea_redact::Redactor;
use serde_json::{Value, json};

fn check(mut value: Value, expected: Value) {
    let redactor = Redactor::default();
    redactor.redact_json(&mut value);
    assert_eq!(value, expected);
    redactor.redact_json(&mut value);
    assert_eq!(value, expected, "twice");
}

#[test]
fn values_and_keys() {
    check(
        json!({ "ann@example.org": ["203.0.113.7", 7, null, true], "path": "src/lib.rs" }),
        json!({ "[email]": ["[ip]", 7, null, true], "path": "src/lib.rs" }),
    );
}

#[test]
fn a_telling_name_masks_whatever_it_holds() {
    check(
        json!({ "password": "a", "apiKey": ["b", "c"], "token": 5, "tokens": { "used": 3, "x": "y" }, "secret": "" }),
        json!({ "password": "[secret]", "apiKey": ["[secret]", "[secret]"], "token": 5, "tokens": { "used": 3, "x": "y" }, "secret": "" }),
    );
}

#[test]
fn keys_that_become_the_same_are_kept_apart() {
    check(
        json!({ "a@example.org": 1, "b@example.org": 2, "c@example.org": 3 }),
        json!({ "[email]": 1, "[email]#2": 2, "[email]#3": 3 }),
    );
}

#[test]
fn ids_of_the_journal_stay() {
    let record = json!({
        "idempotency_key": "4bf92f3577b34da6a3ce929d0e0e4736",
        "blob": "9fceb02d0ae598e95dc970b74767f19372d61af8",
        "run": "r-01jd0c5b9v8m", "branch": "astra/goal-67ac1964-a1b2c3",
    });
    check(record.clone(), record);
}

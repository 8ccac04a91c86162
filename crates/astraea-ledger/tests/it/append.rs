//! Appending and reading.

use astraea_ledger::{Entry, Event, GENESIS, Ledger, LedgerError, Query};
use astraea_redact::{RedactOptions, Redactor};
use rusqlite::Connection;
use serde_json::json;

use crate::support::{BEFORE_MIDNIGHT, ledger, own_hash, signed, unguard, verdict};

#[test]
fn behaviour_25_the_first_link_is_genesis_and_the_chain_crosses_midnight() {
    let conn = ledger(6);
    let entries = Ledger::entries(&conn, &Query::default()).unwrap();
    assert_eq!(entries[0].prev_sha, GENESIS);
    for pair in entries.windows(2) {
        assert_eq!(pair[1].prev_sha, pair[0].sha);
        assert_eq!(pair[1].seq, pair[0].seq + 1);
    }
    let day = |ts_ms: u64| ts_ms / 86_400_000;
    assert!(day(entries[0].ts_ms) < day(entries[5].ts_ms), "the entries lie on two days");
    assert_eq!(day(BEFORE_MIDNIGHT) + 1, day(entries[5].ts_ms));
    let head = signed(&conn);
    assert_eq!(verdict(&conn, &head), None);

    unguard(&conn);
    conn.execute("UPDATE ledger SET event = 'task_failed' WHERE seq = 4", []).unwrap();
    let error = Ledger::verify(&conn, None, None).unwrap_err().to_string();
    assert!(error.contains("tampered with at entry 4") && error.contains("edited"), "{error}");
}

#[test]
fn hashes_can_be_recomputed_from_the_documentation_alone() {
    let conn = ledger(5);
    let head = signed(&conn);
    unguard(&conn);
    for seq in 1..=5 {
        own_hash(&conn, seq);
    }
    assert_eq!(verdict(&conn, &head), None, "an independent implementation gets the same hashes");
}

#[test]
fn an_entry_stands_and_falls_with_the_transaction() {
    let mut conn = ledger(1);
    let tx = conn.transaction().unwrap();
    let entry = Entry::new(1, Event::TaskFailed);
    assert_eq!(Ledger::append_in(&tx, &Redactor::default(), &entry).unwrap().seq, 2);
    drop(tx);
    assert_eq!(Ledger::head(&conn).unwrap().seq, 1);
    let link = Ledger::append_in(&conn, &Redactor::default(), &entry).unwrap();
    assert_eq!(link.seq, 2, "a rolled back number is used again, so there are no gaps");
    assert_eq!(Ledger::verify(&conn, None, None).unwrap().count, 2);
}

#[test]
fn the_guards_refuse_update_delete_replace_and_gaps() {
    let conn = ledger(3);
    for sql in [
        "UPDATE ledger SET data = '{}' WHERE seq = 2",
        "DELETE FROM ledger WHERE seq = 3",
        "DELETE FROM ledger",
        "INSERT OR REPLACE INTO ledger VALUES (2, 1, 'x', NULL, '{}', 'y', 'z')",
        "INSERT INTO ledger VALUES (9, 1, 'x', NULL, '{}', 'y', 'z')",
        "INSERT INTO ledger VALUES (4, 1, 'x', NULL, '{}', 'not the last', 'z')",
    ] {
        let error = conn.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
    assert_eq!(Ledger::verify(&conn, None, None).unwrap().count, 3);
}

#[test]
fn case_71_everything_passes_redact() {
    let conn = ledger(0);
    let redactor = Redactor::new(RedactOptions::default().with_secret_value("walrus piano"));
    let entry = Entry::new(1, Event::Other("said walrus piano".into()))
        .with_run("ann@example.org")
        .with_data(
            json!({ "bob@example.org": ["walrus piano from 203.0.113.7", { "password": "x" }] }),
        );
    Ledger::append_in(&conn, &redactor, &entry).unwrap();
    let stored = &Ledger::entries(&conn, &Query::default()).unwrap()[0];
    assert_eq!(stored.event.as_str(), "said [secret]");
    assert_eq!(stored.run.as_deref(), Some("[email]"));
    assert_eq!(
        stored.data,
        json!({ "[email]": ["[secret] from [ip]", { "password": "[secret]" }] })
    );
    assert_eq!(Ledger::verify(&conn, None, None).unwrap().count, 1);
}

#[test]
fn numbers_keep_their_value_and_verify() {
    let conn = ledger(0);
    let data = json!([
        1,
        -0.0,
        1.0,
        0.1,
        1e21,
        5e-324,
        1.7976931348623157e308,
        9007199254740993_u64,
        123456789.12345679
    ]);
    Ledger::append_in(
        &conn,
        &Redactor::default(),
        &Entry::new(1, Event::DecisionMade).with_data(data),
    )
    .unwrap();
    assert_eq!(Ledger::verify(&conn, None, None).unwrap().count, 1);
    let stored = &Ledger::entries(&conn, &Query::default()).unwrap()[0];
    assert_eq!(stored.data[7], json!("9007199254740993"));
    assert_eq!(stored.data[6], json!(1.7976931348623157e308));
}

#[test]
fn queries() {
    let conn = ledger(9);
    let count = |query: Query| Ledger::entries(&conn, &query).unwrap().len();
    assert_eq!(count(Query::default().with_after_seq(4)), 5);
    assert_eq!(count(Query::default().with_run("r4")), 1);
    assert_eq!(count(Query::default().with_event(Event::TaskStarted)), 3);
    assert_eq!(count(Query::default().with_event("weather_changed".into()).with_limit(2)), 2);
    assert_eq!(count(Query::default().with_limit(u64::MAX).with_after_seq(u64::MAX)), 0);
}

#[test]
fn bad_input_is_an_error() {
    let conn = ledger(0);
    let late = Entry::new(u64::MAX, Event::TaskStarted);
    let error = Ledger::append_in(&conn, &Redactor::default(), &late).unwrap_err();
    assert!(matches!(error, LedgerError::Unrecordable(_)), "{error}");
    let empty = Connection::open_in_memory().unwrap();
    assert!(matches!(Ledger::head(&empty), Err(LedgerError::Database(_))));
    Ledger::migrate(&conn).unwrap();
}

//! Case 72 and promise P5: what is done to a ledger shows, each with its own explanation.

use astraea_ledger::{Ledger, LedgerError, Tampering};
use proptest::prelude::*;
use rusqlite::Connection;

use crate::support::{append, key, ledger, own_hash, rehash, signed, unguard, verdict};

/// Attacks a signed ledger of eight entries and returns what verification says.
fn attack(sql: &str) -> Option<(u64, Tampering)> {
    let conn = ledger(8);
    let head = signed(&conn);
    unguard(&conn);
    conn.execute_batch(sql).unwrap();
    verdict(&conn, &head)
}

/// SQL that renumbers everything from `from` on by `by`.
fn renumber(from: i64, by: i64) -> String {
    format!(
        "UPDATE ledger SET seq = -(seq + {by}) WHERE seq >= {from}; UPDATE ledger SET seq = -seq WHERE seq < 0;"
    )
}

#[test]
fn case_72_flip() {
    for (column, value) in [
        ("data", "'{\"task\":\"t5\"}'"),
        ("data", "data || ' '"),
        ("data", "''"),
        ("event", "'task_failed'"),
        ("run", "'other'"),
        ("ts_ms", "ts_ms + 1"),
        ("sha", "replace(sha, 'a', 'b') || 'c'"),
        ("prev_sha", "'genesis'"),
    ] {
        let said = attack(&format!("UPDATE ledger SET {column} = {value} WHERE seq = 5"));
        assert_eq!(said, Some((5, Tampering::Edited)), "{column} = {value}");
    }
}

#[test]
fn case_72_flip_of_any_single_character() {
    for column in ["data", "event", "prev_sha", "sha"] {
        for at in 1..=8 {
            let said = attack(&format!(
                "UPDATE ledger SET {column} = substr({column}, 1, {at} - 1) || char(unicode(substr({column}, {at}, 1)) + 1) || substr({column}, {at} + 1) WHERE seq = 3"
            ));
            assert_eq!(said, Some((3, Tampering::Edited)), "{column} {at}");
        }
    }
}

#[test]
fn case_72_delete() {
    assert_eq!(attack("DELETE FROM ledger WHERE seq = 1"), Some((1, Tampering::Deleted)));
    assert_eq!(attack("DELETE FROM ledger WHERE seq = 4"), Some((4, Tampering::Deleted)));
    assert_eq!(attack("DELETE FROM ledger WHERE seq IN (4, 5)"), Some((4, Tampering::Deleted)));
    let closed = format!("DELETE FROM ledger WHERE seq = 4; {}", renumber(5, -1));
    assert_eq!(attack(&closed), Some((4, Tampering::Deleted)), "and the gap closed");
}

#[test]
fn case_72_insert() {
    let row = "INSERT INTO ledger SELECT 4, ts_ms, 'task_failed', run, '{}', prev_sha, sha FROM ledger WHERE seq = 3;";
    let said = attack(&format!("{}{row}", renumber(4, 1)));
    assert_eq!(said, Some((4, Tampering::Inserted)), "with a wrong hash");

    let conn = ledger(8);
    let head = signed(&conn);
    unguard(&conn);
    conn.execute_batch(&format!("{}{row}", renumber(4, 1))).unwrap();
    rehash(&conn, 4, 4);
    assert_eq!(verdict(&conn, &head), Some((4, Tampering::Inserted)), "with a right hash");

    let before = "INSERT INTO ledger SELECT 0, ts_ms, event, run, data, prev_sha, sha FROM ledger WHERE seq = 1";
    assert_eq!(attack(before), Some((0, Tampering::Inserted)));
}

#[test]
fn case_72_reorder() {
    let swap = |a: i64, b: i64| {
        format!(
            "UPDATE ledger SET seq = -{b} WHERE seq = {a}; UPDATE ledger SET seq = {a} WHERE seq = {b}; UPDATE ledger SET seq = {b} WHERE seq = -{b};"
        )
    };
    assert_eq!(attack(&swap(3, 4)), Some((3, Tampering::Reordered { belongs_at: 4 })));
    assert_eq!(attack(&swap(2, 7)), Some((2, Tampering::Reordered { belongs_at: 7 })));
    assert_eq!(attack(&swap(1, 8)), Some((1, Tampering::Reordered { belongs_at: 8 })));
}

#[test]
fn case_72_truncate() {
    let cut = |found| Some((found + 1, Tampering::Truncated { signed: 8, found }));
    assert_eq!(attack("DELETE FROM ledger WHERE seq = 8"), cut(7));
    assert_eq!(attack("DELETE FROM ledger WHERE seq > 3"), cut(3));
    assert_eq!(attack("DELETE FROM ledger"), cut(0));

    let conn = ledger(8);
    unguard(&conn);
    conn.execute_batch("DELETE FROM ledger WHERE seq = 8").unwrap();
    assert!(
        Ledger::verify(&conn, None, None).is_ok(),
        "a bare chain cannot see it, hence the head"
    );
}

#[test]
fn case_72_replace() {
    let conn = ledger(8);
    let head = signed(&conn);
    unguard(&conn);
    conn.execute("UPDATE ledger SET event = 'task_failed' WHERE seq = 5", []).unwrap();
    own_hash(&conn, 5);
    assert_eq!(verdict(&conn, &head), Some((5, Tampering::Replaced)));

    let conn = ledger(8);
    unguard(&conn);
    conn.execute("UPDATE ledger SET prev_sha = sha WHERE seq = 5", []).unwrap();
    own_hash(&conn, 5);
    assert_eq!(verdict(&conn, &head), Some((5, Tampering::Replaced)));
}

#[test]
fn case_72_rewritten_from_some_entry_on() {
    for (from, signed_at_end) in [(1, true), (5, true), (8, true), (5, false)] {
        let conn = ledger(6);
        let early = signed(&conn);
        append(&conn, 7);
        append(&conn, 8);
        let head = if signed_at_end { signed(&conn) } else { early };
        unguard(&conn);
        conn.execute("UPDATE ledger SET event = 'task_failed' WHERE seq = ?1", [from]).unwrap();
        rehash(&conn, from, 8);
        assert_eq!(verdict(&conn, &head), Some((head.seq, Tampering::Rewritten)), "{from}");
        assert!(Ledger::verify(&conn, None, None).is_ok(), "a bare chain cannot see it");
    }
}

#[test]
fn case_72_a_forged_head_is_refused() {
    let conn = ledger(8);
    let head = signed(&conn);
    unguard(&conn);
    conn.execute_batch("DELETE FROM ledger WHERE seq = 8").unwrap();
    let mut forged = head.clone();
    (forged.seq, forged.sha) = (7, Ledger::head(&conn).unwrap().sha);
    let check = |head| Ledger::verify(&conn, Some(head), Some(&key().verifying_key()));
    assert!(matches!(check(&forged), Err(LedgerError::BadSignature)));
    let other = astraea_ledger::SigningKey::from_seed([8; 32]);
    let resigned = other.sign(&Ledger::head(&conn).unwrap(), 1);
    assert!(matches!(check(&resigned), Err(LedgerError::BadSignature)));
}

#[test]
fn every_explanation_reads_differently() {
    let mut texts: Vec<String> = [
        Tampering::Edited,
        Tampering::Replaced,
        Tampering::Deleted,
        Tampering::Inserted,
        Tampering::Reordered { belongs_at: 3 },
        Tampering::Truncated { signed: 3, found: 2 },
        Tampering::Rewritten,
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 7);
}

/// Everything that the ledger says, for comparison.
fn content(conn: &Connection) -> Vec<String> {
    let mut statement = conn
        .prepare("SELECT seq || '|' || ts_ms || event || ifnull(run, '-') || data || prev_sha || sha FROM ledger ORDER BY seq")
        .unwrap();
    let rows = statement.query_map([], |r| r.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Promise P5: whatever statements touch the entries before the signed head, it shows.
    #[test]
    fn p5_any_change_before_the_signed_head_is_detected(
        n in 1..12_u64,
        later in 0..4_u64,
        acts in proptest::collection::vec((0..7_u8, 1..14_i64, 1..14_i64), 1..5),
    ) {
        let conn = ledger(n);
        let head = signed(&conn);
        for i in 0..later {
            append(&conn, n + 1 + i);
        }
        let before: Vec<String> = content(&conn).into_iter().take(n as usize).collect();
        unguard(&conn);
        for (act, a, b) in acts {
            let sql = match act {
                0 => format!("UPDATE ledger SET data = '{{\"x\":{b}}}' WHERE seq = {a}"),
                1 => format!("DELETE FROM ledger WHERE seq = {a}"),
                2 => format!("DELETE FROM ledger WHERE seq > {a}"),
                3 => format!("INSERT OR REPLACE INTO ledger SELECT {b}, ts_ms, event, run, data, prev_sha, sha FROM ledger WHERE seq = {a}"),
                4 => renumber(a, if b % 2 == 0 { 1 } else { 20 }),
                5 => format!("UPDATE ledger SET sha = (SELECT sha FROM ledger l WHERE l.seq = {b}) WHERE seq = {a} AND EXISTS (SELECT 1 FROM ledger l WHERE l.seq = {b})"),
                _ => {
                    if conn.query_row("SELECT 1 FROM ledger WHERE seq = ?1", [a], |_| Ok(())).is_ok() {
                        rehash(&conn, a, a);
                    }
                    continue;
                }
            };
            conn.execute_batch(&sql).unwrap();
        }
        let after: Vec<String> = content(&conn).into_iter().take(n as usize).collect();
        let said = verdict(&conn, &head);
        if before != after {
            prop_assert!(said.is_some());
        }
    }

    #[test]
    fn an_untouched_ledger_verifies(n in 0..20_u64) {
        let conn = ledger(n);
        prop_assert_eq!(Ledger::verify(&conn, None, None).unwrap().count, n);
        prop_assert_eq!(verdict(&conn, &signed(&conn)), None);
    }
}

//! A ledger with entries in it, and an attacker who owns the file.

use astraea_ledger::{Entry, Event, Ledger, LedgerError, SignedHead, SigningKey, Tampering};
use astraea_redact::Redactor;
use rusqlite::Connection;
use serde_json::json;
use sha2::{Digest, Sha256};

/// One second before midnight, 2023-11-14 UTC.
pub(crate) const BEFORE_MIDNIGHT: u64 = 1_700_006_399_000;

pub(crate) fn append(conn: &Connection, n: u64) {
    let event = match n % 3 {
        0 => Event::TaskStarted,
        1 => Event::TaskSucceeded,
        _ => Event::Other("weather_changed".into()),
    };
    let mut entry = Entry::new(BEFORE_MIDNIGHT + n * 400, event)
        .with_data(json!({ "task": format!("t{n}"), "ratio": 0.1 * n as f64 }));
    if n.is_multiple_of(2) {
        entry = entry.with_run(format!("r{n}"));
    }
    Ledger::append_in(conn, &Redactor::default(), &entry).unwrap();
}

/// A ledger of `n` entries in memory.
pub(crate) fn ledger(n: u64) -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    Ledger::migrate(&conn).unwrap();
    for i in 1..=n {
        append(&conn, i);
    }
    conn
}

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed([7; 32])
}

pub(crate) fn signed(conn: &Connection) -> SignedHead {
    key().sign(&Ledger::head(conn).unwrap(), 1)
}

/// Takes the guards away, as somebody with the file can.
pub(crate) fn unguard(conn: &Connection) {
    conn.execute_batch(
        "DROP TRIGGER ledger_no_update; DROP TRIGGER ledger_no_delete; DROP TRIGGER ledger_only_append;",
    )
    .unwrap();
}

/// What verification says, with the head that was signed before the attack.
pub(crate) fn verdict(conn: &Connection, head: &SignedHead) -> Option<(u64, Tampering)> {
    match Ledger::verify(conn, Some(head), Some(&key().verifying_key())) {
        Ok(_) => None,
        Err(LedgerError::Tampered { seq, how }) => Some((seq, how)),
        Err(other) => panic!("{other}"),
    }
}

/// Makes the hashes of the entries `from..=to` right again, and links them.
pub(crate) fn rehash(conn: &Connection, from: i64, to: i64) {
    for seq in from..=to {
        conn.execute(
            "UPDATE ledger SET prev_sha = COALESCE((SELECT sha FROM ledger p WHERE p.seq = ledger.seq - 1), 'genesis') WHERE seq = ?1",
            [seq],
        )
        .unwrap();
        own_hash(conn, seq);
    }
}

/// Makes the hash of one entry right again, whatever it says about the one before. Written here
/// independently of the crate, from its documentation.
pub(crate) fn own_hash(conn: &Connection, seq: i64) {
    let (ts, event, run, data, prev): (i64, String, Option<String>, String, String) = conn
        .query_row(
            "SELECT ts_ms, event, run, data, prev_sha FROM ledger WHERE seq = ?1",
            [seq],
            |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)),
        )
        .unwrap();
    let data: serde_json::Value = serde_json::from_str(&data).unwrap();
    let whole = json!({ "seq": seq, "ts_ms": ts, "event": event, "run": run, "data": data, "prev_sha": prev });
    let sha = hex::encode(Sha256::digest(serde_json_canonicalizer::to_vec(&whole).unwrap()));
    conn.execute("UPDATE ledger SET sha = ?2 WHERE seq = ?1", rusqlite::params![seq, sha]).unwrap();
}

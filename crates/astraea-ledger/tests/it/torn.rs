//! A process killed in the middle of an append.

use std::path::Path;

use astraea_ledger::Ledger;
use rusqlite::Connection;

use crate::support::{append, key, signed};

#[expect(clippy::disallowed_methods, reason = "the test plays the crash: it copies a database")]
fn copy_torn(from: &Path, to: &Path, wal_bytes: usize) {
    std::fs::copy(from, to).unwrap();
    let wal = std::fs::read(from.with_extension("db-wal")).unwrap();
    std::fs::write(to.with_extension("db-wal"), &wal[..wal_bytes.min(wal.len())]).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the test plays the crash: it measures a database")]
fn wal_len(path: &Path) -> usize {
    usize::try_from(std::fs::metadata(path.with_extension("db-wal")).unwrap().len()).unwrap()
}

#[test]
fn case_72_a_torn_last_record_recovers_and_is_not_called_tampering() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL").unwrap();
    Ledger::migrate(&conn).unwrap();
    for n in 1..=5 {
        append(&conn, n);
    }
    let head = signed(&conn);
    let whole = wal_len(&path);
    append(&conn, 6);
    let longer = wal_len(&path);
    assert!(longer > whole);

    // The kill may come after any byte of the sixth append has reached the disk.
    let step = (longer - whole) / 40 + 1;
    for wal_bytes in (whole..longer).step_by(step).chain([longer - 1]) {
        let torn = dir.path().join(format!("torn-{wal_bytes}.db"));
        copy_torn(&path, &torn, wal_bytes);
        let conn = Connection::open(&torn).unwrap();
        let verified = Ledger::verify(&conn, Some(&head), Some(&key().verifying_key())).unwrap();
        assert_eq!((verified.count, verified.signed), (5, 5), "after {wal_bytes} bytes");
        append(&conn, 6);
        assert_eq!(Ledger::verify(&conn, Some(&head), None).unwrap().count, 6);
    }
}

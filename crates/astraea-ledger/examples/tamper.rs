//! Writes a ledger, tampers with it in several ways, and prints what verification says:
//! `cargo run -p astraea-ledger --example tamper`.

use astraea_ledger::{Entry, Event, Ledger, LedgerError, SigningKey};
use astraea_redact::Redactor;
use rusqlite::Connection;
use serde_json::json;

fn main() -> Result<(), LedgerError> {
    for attack in [
        "SELECT 1",
        "UPDATE ledger SET data = replace(data, 'task', 'tusk') WHERE seq = 5",
        "DELETE FROM ledger WHERE seq = 5",
        "DELETE FROM ledger WHERE seq > 5",
    ] {
        let conn = Connection::open_in_memory()?;
        Ledger::migrate(&conn)?;
        for n in 1..=9 {
            let entry = Entry::new(n * 1000, Event::TaskStarted).with_data(json!({ "task": n }));
            Ledger::append_in(&conn, &Redactor::default(), &entry)?;
        }
        let key = SigningKey::from_seed([7; 32]);
        let head = key.sign(&Ledger::head(&conn)?, 10_000);

        conn.execute_batch("DROP TRIGGER ledger_no_update; DROP TRIGGER ledger_no_delete;")?;
        conn.execute_batch(attack)?;
        match Ledger::verify(&conn, Some(&head), Some(&key.verifying_key())) {
            Ok(verified) => println!("{attack}\n  {} entries verify", verified.count),
            Err(error) => println!("{attack}\n  {error}"),
        }
    }
    Ok(())
}

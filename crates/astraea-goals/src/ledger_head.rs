//! The signed head of the ledger, kept outside the database, so that a cut-off tail is seen.

use std::time::Duration;

use astraea_code_access::{Lock, StateDir};
use astraea_ledger::{Event, Ledger, Query, SignedHead, SigningKey, VerifyingKey};
use rusqlite::Connection;
use serde::Serialize;

use crate::error::GoalError;

const HEAD: &str = "ledger-head.json";
const KEY: &str = "ledger.key";
/// Beside the key, away from the state: that a head was signed once. So head and database cannot go together unseen.
const SIGNED: &str = "ledger.signed";

/// A ledger that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerReport {
    /// How many entries it has.
    pub entries: u64,
    /// The hash of the last.
    pub head: String,
    /// Whether a signed head outside the database vouches for it.
    pub signed: bool,
    /// How many of the entries that head vouches for.
    pub signed_entries: u64,
    /// What could not be checked.
    pub note: Option<String>,
}

/// Before something is begun that ends with a signature: the ledger still holds what was signed
/// last. Where nothing was, the head is signed now, so that one that is missing later was removed.
pub(crate) fn begin(
    conn: &Connection,
    state: &StateDir,
    keys: &StateDir,
    now_ms: u64,
) -> Result<(), GoalError> {
    let _one_at_a_time = exclusive(keys)?;
    if stored(state)?.is_some() {
        return holds(conn, state, keys);
    }
    removed(conn, keys)?;
    sign_alone(conn, state, keys, now_ms).map(drop)
}

/// Signs the head; returns its hash. Never over a head that the ledger no longer holds: a cut-off
/// tail would be forgotten.
pub(crate) fn sign(
    conn: &Connection,
    state: &StateDir,
    keys: &StateDir,
    now_ms: u64,
) -> Result<String, GoalError> {
    let _one_at_a_time = exclusive(keys)?;
    sign_alone(conn, state, keys, now_ms)
}

fn sign_alone(
    conn: &Connection,
    state: &StateDir,
    keys: &StateDir,
    now_ms: u64,
) -> Result<String, GoalError> {
    holds(conn, state, keys)?;
    let head = Ledger::head(conn)?;
    let signed = key(keys)?.sign(&head, now_ms);
    state.write_atomic(HEAD, signed.to_text().as_bytes())?;
    if keys.read(SIGNED)?.is_none() {
        keys.write_atomic(SIGNED, b"a head of this repository's ledger was signed\n")?;
    }
    Ok(head.sha)
}

/// Verifies the whole ledger and its signed head.
pub(crate) fn verify(
    conn: &Connection,
    state: &StateDir,
    keys: &StateDir,
) -> Result<LedgerReport, GoalError> {
    let head = stored(state)?;
    let key = verifying_key(keys)?;
    let verified = Ledger::verify(conn, head.as_ref(), key.as_ref())?;
    if head.is_none() {
        removed(conn, keys)?;
    }
    let note = match (&head, &key) {
        (None, _) => Some("no head was signed yet, so a cut-off tail could not be seen".to_owned()),
        (Some(_), None) => {
            Some("the signing key is gone, so the signature was not checked".to_owned())
        }
        _ => None,
    };
    Ok(LedgerReport {
        entries: verified.count,
        head: verified.head.sha,
        signed: head.is_some() && key.is_some(),
        signed_entries: verified.signed,
        note,
    })
}

/// Signers, also of other processes, go one by one: two must not make two keys, and an older head must
/// not replace a newer one. Signing takes milliseconds, so the wait is short, and it is bounded.
fn exclusive(keys: &StateDir) -> Result<Lock, GoalError> {
    for _ in 0..2_000 {
        if let Some(lock) = keys.lock("ledger-key")? {
            return Ok(lock);
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    Err(GoalError::Ledger(
        "another process has been signing the ledger's head for seconds; try again".to_owned(),
    ))
}

/// The head that was signed last.
fn stored(state: &StateDir) -> Result<Option<SignedHead>, GoalError> {
    let Some(bytes) = state.read(HEAD)? else { return Ok(None) };
    SignedHead::from_text(&String::from_utf8_lossy(&bytes))
        .map(Some)
        .map_err(|error| GoalError::LedgerDamaged(format!("{HEAD}: {error}")))
}

fn verifying_key(keys: &StateDir) -> Result<Option<VerifyingKey>, GoalError> {
    let Some(bytes) = keys.read(KEY)? else { return Ok(None) };
    Ok(Some(SigningKey::from_text(&String::from_utf8_lossy(&bytes))?.verifying_key()))
}

/// Ledgers up to so many entries are verified whole before something begins; that takes milliseconds.
const READ_WHOLE: u64 = 1_000;

/// Looks at the whole of a short ledger; of a long one at the entry that the head names, and only where
/// that is not there at the whole. `astra ledger verify` always looks at the whole.
fn holds(conn: &Connection, state: &StateDir, keys: &StateDir) -> Result<(), GoalError> {
    let Some(head) = stored(state)? else { return removed(conn, keys) };
    let key = verifying_key(keys)?;
    if let Some(key) = &key {
        key.verify(&head)?;
    }
    if head.seq <= READ_WHOLE {
        return Ledger::verify(conn, Some(&head), key.as_ref()).map(drop).map_err(Into::into);
    }
    let Some(before) = head.seq.checked_sub(1) else { return Ok(()) };
    let query = Query::default().with_after_seq(before).with_limit(1);
    let found = Ledger::entries(conn, &query)?;
    if found.first().is_some_and(|entry| entry.seq == head.seq && entry.sha == head.sha) {
        return Ok(());
    }
    Ledger::verify(conn, Some(&head), key.as_ref()).map(drop).map_err(Into::into)
}

/// No head is there. A run signs one before it begins, so after the first nobody is without.
fn removed(conn: &Connection, keys: &StateDir) -> Result<(), GoalError> {
    if keys.read(SIGNED)?.is_some() {
        return Err(GoalError::LedgerDamaged(format!(
            "{HEAD} is gone, though one was signed here; put the state back from a backup, or, if you removed it yourself, \
             say so by removing {}",
            keys.path().join(SIGNED).display()
        )));
    }
    let query = Query::default().with_event(Event::GoalExecuted).with_limit(1);
    if Ledger::entries(conn, &query)?.is_empty() {
        return Ok(());
    }
    Err(GoalError::LedgerDamaged(format!(
        "{HEAD} is gone, though runs have ended here; put it back from a backup, or keep state.db as evidence and start a new one"
    )))
}

fn key(keys: &StateDir) -> Result<SigningKey, GoalError> {
    if let Some(bytes) = keys.read(KEY)? {
        return Ok(SigningKey::from_text(&String::from_utf8_lossy(&bytes))?);
    }
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed).map_err(|error| GoalError::Internal(error.to_string()))?;
    let key = SigningKey::from_seed(seed);
    keys.write_atomic(KEY, key.to_text().as_bytes())?;
    Ok(key)
}

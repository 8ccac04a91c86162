//! The signed head of the ledger, kept outside the database, so that a cut-off tail is seen.

use astraea_code_access::StateDir;
use astraea_ledger::{Ledger, SignedHead, SigningKey, VerifyingKey};
use rusqlite::Connection;
use serde::Serialize;

use crate::error::GoalError;

const HEAD: &str = "ledger-head.json";
const KEY: &str = "ledger.key";

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

/// Signs the head; returns its hash.
pub(crate) fn sign(
    conn: &Connection,
    state: &StateDir,
    keys: &StateDir,
    now_ms: u64,
) -> Result<String, GoalError> {
    let head = Ledger::head(conn)?;
    let signed = key(keys)?.sign(&head, now_ms);
    state.write_atomic(HEAD, signed.to_text().as_bytes())?;
    Ok(head.sha)
}

/// Verifies the whole ledger and its signed head.
pub(crate) fn verify(
    conn: &Connection,
    state: &StateDir,
    keys: &StateDir,
) -> Result<LedgerReport, GoalError> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let head = match state.read(HEAD)? {
        Some(bytes) => Some(SignedHead::from_text(&text(bytes))?),
        None => None,
    };
    let key: Option<VerifyingKey> = match keys.read(KEY)? {
        Some(bytes) => Some(SigningKey::from_text(&text(bytes))?.verifying_key()),
        None => None,
    };
    let verified = Ledger::verify(conn, head.as_ref(), key.as_ref())?;
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

//! The ledger as JSON lines, and its verification without the database.

use std::io::BufRead;

use crate::chain::{self, Raw};
use crate::{Event, LedgerError, SignedHead, Stored, Tampering, Verified, VerifyingKey, verify};

/// Verifies an export (what [`Ledger::export`](crate::Ledger::export) wrote) without the database:
/// the same checks as [`Ledger::verify`](crate::Ledger::verify). A last line that was cut off in the
/// middle of writing is not tampering: see [`Verified::torn_tail`].
///
/// # Errors
/// [`LedgerError::Tampered`], [`LedgerError::BadSignature`], or [`LedgerError::Io`].
pub fn verify_export(
    reader: impl BufRead,
    head: Option<&SignedHead>,
    key: Option<&VerifyingKey>,
) -> Result<Verified, LedgerError> {
    let mut lines = Lines { reader, seq: 0, torn: false };
    let mut verified = verify::check(&mut lines, head, key)?;
    verified.torn_tail = lines.torn;
    Ok(verified)
}

/// The entries of an export.
struct Lines<R> {
    reader: R,
    seq: i64,
    torn: bool,
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Raw, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = Vec::new();
        match self.reader.read_until(b'\n', &mut bytes) {
            Err(e) => return Some(Err(e.into())),
            Ok(0) => return None,
            Ok(_) => {}
        }
        self.seq += 1;
        let whole = bytes.last() == Some(&b'\n');
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end_matches('\n');
        match read(text) {
            Some(raw) => Some(Ok(raw)),
            None if !whole => {
                self.torn = true;
                None
            }
            // It takes its place in the order, and cannot hash.
            None => Some(Ok(Raw {
                seq: self.seq,
                ts_ms: 0,
                event: String::new(),
                run: None,
                data: String::new(),
                prev_sha: String::new(),
                sha: String::new(),
            })),
        }
    }
}

/// Reads a line, which must be written exactly as [`line`] writes it.
fn read(text: &str) -> Option<Raw> {
    let stored: Stored = serde_json::from_str(text).ok()?;
    if line(&stored).ok()? != text {
        return None;
    }
    Some(Raw {
        seq: i64::try_from(stored.seq).ok()?,
        ts_ms: i64::try_from(stored.ts_ms).ok()?,
        event: stored.event.as_str().to_owned(),
        run: stored.run,
        data: chain::canonical(&stored.data).ok()?,
        prev_sha: stored.prev_sha,
        sha: stored.sha,
    })
}

/// An entry as one line of canonical JSON.
pub(crate) fn line(stored: &Stored) -> Result<String, LedgerError> {
    serde_json_canonicalizer::to_string(stored)
        .map_err(|e| LedgerError::Unrecordable(format!("it has no canonical JSON: {e}")))
}

/// A raw entry with its parts read.
pub(crate) fn stored(raw: Raw) -> Result<Stored, LedgerError> {
    let unreadable = || LedgerError::Tampered {
        seq: u64::try_from(raw.seq).unwrap_or(0),
        how: Tampering::Edited,
    };
    Ok(Stored {
        seq: u64::try_from(raw.seq).map_err(|_| unreadable())?,
        ts_ms: u64::try_from(raw.ts_ms).map_err(|_| unreadable())?,
        data: serde_json::from_str(&raw.data).map_err(|_| unreadable())?,
        event: Event::from(raw.event),
        run: raw.run,
        prev_sha: raw.prev_sha,
        sha: raw.sha,
    })
}

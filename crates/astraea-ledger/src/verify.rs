//! Whether a ledger is what was written, and if not, what was done to it.

use serde::Serialize;

use crate::chain::Raw;
use crate::{GENESIS, Head, LedgerError, SignedHead, Tampering, VerifyingKey};

/// A ledger that holds together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// How many entries it has.
    pub count: u64,
    /// Its last link.
    pub head: Head,
    /// How many of its entries the signed head vouches for; the rest could be cut off unseen.
    pub signed: u64,
    /// An export whose last line was cut off in the middle of writing. Always false for a database.
    pub torn_tail: bool,
}

/// How many entries around a broken one are looked at to explain it.
const WINDOW: usize = 256;

/// Checks entries in order, then the head.
pub(crate) fn check(
    entries: impl Iterator<Item = Result<Raw, LedgerError>>,
    head: Option<&SignedHead>,
    key: Option<&VerifyingKey>,
) -> Result<Verified, LedgerError> {
    if let (Some(head), Some(key)) = (head, key) {
        key.verify(head)?;
    }
    let signed = head.map_or(0, |head| head.seq);
    let mut signed_sha = (signed == 0).then(|| GENESIS.to_owned());
    let mut last = Head { seq: 0, sha: GENESIS.to_owned() };
    let mut entries = entries.peekable();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let expected = last.seq + 1;
        let seq = u64::try_from(entry.seq).unwrap_or(0);
        if seq != expected || entry.prev_sha != last.sha || !entry.holds() {
            let window = entries.take(WINDOW).collect::<Result<Vec<_>, _>>()?;
            let (seq, how) = explain(expected, &last.sha, &entry, &window);
            return Err(LedgerError::Tampered { seq, how });
        }
        if seq == signed {
            signed_sha = Some(entry.sha.clone());
        }
        last = Head { seq, sha: entry.sha };
    }
    if let Some(head) = head {
        match signed_sha {
            None => {
                let how = Tampering::Truncated { signed, found: last.seq };
                return Err(LedgerError::Tampered { seq: last.seq + 1, how });
            }
            Some(sha) if sha != head.sha => {
                return Err(LedgerError::Tampered { seq: signed, how: Tampering::Rewritten });
            }
            Some(_) => {}
        }
    }
    Ok(Verified { count: last.seq, head: last, signed, torn_tail: false })
}

/// What most likely happened where `entry` stands in place of number `expected`.
fn explain(expected: u64, last_sha: &str, entry: &Raw, window: &[Raw]) -> (u64, Tampering) {
    let place = i64::try_from(expected).unwrap_or(i64::MAX);
    if entry.seq != place {
        let later = window.iter().any(|other| other.seq == place);
        return match u64::try_from(entry.seq) {
            Ok(seq) if seq > expected && later => {
                (expected, Tampering::Reordered { belongs_at: seq })
            }
            Ok(seq) if seq > expected => (expected, Tampering::Deleted),
            Ok(1..) => (expected, Tampering::Inserted),
            Ok(0) | Err(_) => (0, Tampering::Inserted),
        };
    }
    if entry.holds() {
        // Consistent in itself, but it does not follow the one before. Which of the two is the
        // stranger shows in the one after.
        let followed = window.first().is_none_or(|next| next.prev_sha == entry.sha);
        let seq =
            if followed && expected > 1 && last_sha != GENESIS { expected - 1 } else { expected };
        return (seq, Tampering::Replaced);
    }
    match written_as(entry) {
        Some(seq) if seq < place => (u64::try_from(seq).unwrap_or(0), Tampering::Inserted),
        Some(seq) => {
            let elsewhere = window.iter().any(|other| written_as(other) == Some(place));
            let how = if elsewhere {
                Tampering::Reordered { belongs_at: u64::try_from(seq).unwrap_or(0) }
            } else {
                Tampering::Deleted
            };
            (expected, how)
        }
        None if window.first().is_some_and(|next| written_as(next) == Some(place)) => {
            (expected, Tampering::Inserted)
        }
        None => (expected, Tampering::Edited),
    }
}

/// The other number under which an entry hashes, if there is one nearby: it was moved.
fn written_as(entry: &Raw) -> Option<i64> {
    let reach = i64::try_from(WINDOW).unwrap_or(0);
    (1..=reach)
        .flat_map(|step| [entry.seq - step, entry.seq.saturating_add(step)])
        .filter(|seq| *seq >= 1)
        .find(|seq| entry.hash_as(*seq) == entry.sha)
}

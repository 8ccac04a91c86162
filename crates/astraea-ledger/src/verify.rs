//! Whether a ledger is what was written.

use crate::Head;

/// A ledger that holds together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries it has.
    pub count: u64,
    /// Its last link.
    pub head: Head,
    /// How many of its entries a signed head vouches for; the rest could be cut off unseen.
    pub signed: u64,
    /// An export whose last line was cut off in the middle of writing. Always false for a database.
    pub torn_tail: bool,
}

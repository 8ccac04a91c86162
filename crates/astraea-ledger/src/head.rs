//! The signed head: what makes a cut-off tail visible.

use ed25519_dalek::Signer;
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

/// What a text with a signing key begins with.
const SIGNING: &str = "ledger-signing-key ";
/// What a text with a verifying key begins with.
const VERIFYING: &str = "ledger-verifying-key ";

/// What is signed: a word that no other use of the key signs, and the head's parts.
fn message(seq: u64, sha: &str, ts_ms: u64) -> Vec<u8> {
    format!("astraea-ledger head v1\n{seq}\n{sha}\n{ts_ms}\n").into_bytes()
}

/// Reads `prefix` and hex digits.
fn read<const N: usize>(
    text: &str,
    prefix: &str,
    what: &'static str,
) -> Result<[u8; N], LedgerError> {
    let malformed = |why: String| LedgerError::Malformed { what, why };
    let digits = text
        .trim()
        .strip_prefix(prefix)
        .ok_or_else(|| malformed(format!("it does not begin with `{}`", prefix.trim_end())))?;
    let mut bytes = [0; N];
    hex::decode_to_slice(digits.trim(), &mut bytes).map_err(|e| malformed(e.to_string()))?;
    Ok(bytes)
}

/// The key that signs heads. Keep it where the agent's tasks cannot read it.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A key made of 32 random bytes, which the caller provides.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// Signs a head; `ts_ms` says when, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn sign(&self, head: &Head, ts_ms: u64) -> SignedHead {
        let signature = self.0.sign(&message(head.seq, &head.sha, ts_ms));
        SignedHead {
            seq: head.seq,
            sha: head.sha.clone(),
            ts_ms,
            signature: hex::encode(signature.to_bytes()),
        }
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    /// The key as a line of text, for a file of mode 0600.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{SIGNING}{}\n", hex::encode(self.0.to_bytes()))
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] for anything else.
    pub fn from_text(text: &str) -> Result<Self, LedgerError> {
        read(text, SIGNING, "a signing key").map(Self::from_seed)
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
    pub fn verify(&self, head: &SignedHead) -> Result<(), LedgerError> {
        let mut bytes = [0; 64];
        hex::decode_to_slice(&head.signature, &mut bytes).map_err(|_| LedgerError::BadSignature)?;
        let signature = ed25519_dalek::Signature::from_bytes(&bytes);
        self.0
            .verify_strict(&message(head.seq, &head.sha, head.ts_ms), &signature)
            .map_err(|_| LedgerError::BadSignature)
    }

    /// The key as a line of text.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{VERIFYING}{}\n", hex::encode(self.0.as_bytes()))
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] for anything else.
    pub fn from_text(text: &str) -> Result<Self, LedgerError> {
        let what = "a verifying key";
        let bytes = read(text, VERIFYING, what)?;
        ed25519_dalek::VerifyingKey::from_bytes(&bytes)
            .map(Self)
            .map_err(|e| LedgerError::Malformed { what, why: e.to_string() })
    }
}

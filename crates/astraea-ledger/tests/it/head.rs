//! Keys and heads as text.

use astraea_ledger::{Head, LedgerError, SignedHead, SigningKey, VerifyingKey};

use crate::support::key;

#[test]
fn texts_go_there_and_back() {
    let head = key().sign(&Head { seq: 3, sha: "ab".into() }, 7);
    assert_eq!(SignedHead::from_text(&head.to_text()).unwrap(), head);
    let again = SigningKey::from_text(&key().to_text()).unwrap();
    assert_eq!(again.verifying_key(), key().verifying_key());
    let public = VerifyingKey::from_text(&key().verifying_key().to_text()).unwrap();
    public.verify(&head).unwrap();
}

#[test]
fn every_part_of_a_head_is_signed() {
    let good = key().sign(&Head { seq: 3, sha: "ab".into() }, 7);
    let public = key().verifying_key();
    for change in [
        |h: &mut SignedHead| h.seq = 4,
        |h: &mut SignedHead| h.sha = "ac".into(),
        |h: &mut SignedHead| h.ts_ms = 8,
        |h: &mut SignedHead| h.signature = "00".repeat(64),
        |h: &mut SignedHead| h.signature = "no hex".into(),
        |h: &mut SignedHead| h.signature.clear(),
    ] {
        let mut head = good.clone();
        change(&mut head);
        assert!(matches!(public.verify(&head), Err(LedgerError::BadSignature)), "{head:?}");
    }
}

#[test]
fn other_texts_are_refused_and_a_key_is_never_shown() {
    for text in ["", "x", "ledger-signing-key", "ledger-signing-key 00", "{}", "\u{0}"] {
        assert!(SigningKey::from_text(text).is_err(), "{text:?}");
        assert!(VerifyingKey::from_text(text).is_err(), "{text:?}");
        assert!(SignedHead::from_text(text).is_err(), "{text:?}");
    }
    assert!(VerifyingKey::from_text(&key().to_text()).is_err());
    assert!(!format!("{:?}", key()).contains("07"));
    assert_eq!(
        astraea_redact::Redactor::default().redact(&key().to_text()),
        "[secret]\n",
        "a signing key in a log is masked"
    );
}

//! The export, verified without the database.

use astraea_ledger::{Ledger, LedgerError, Tampering, verify_export};

use crate::support::{key, ledger, signed};

fn export(n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    assert_eq!(Ledger::export(&ledger(n), &mut out).unwrap(), n);
    out
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8(bytes.to_vec()).unwrap().lines().map(str::to_owned).collect()
}

fn tampering(lines: &[String]) -> Option<(u64, Tampering)> {
    let head = signed(&ledger(6));
    let text: String = lines.iter().map(|l| format!("{l}\n")).collect();
    match verify_export(text.as_bytes(), Some(&head), Some(&key().verifying_key())) {
        Ok(_) => None,
        Err(LedgerError::Tampered { seq, how }) => Some((seq, how)),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn an_export_verifies_like_the_database() {
    let conn = ledger(6);
    let head = signed(&conn);
    let from_database = Ledger::verify(&conn, Some(&head), None).unwrap();
    let from_export =
        verify_export(&export(6)[..], Some(&head), Some(&key().verifying_key())).unwrap();
    assert_eq!(from_database, from_export);
    assert_eq!(verify_export(&b""[..], None, None).unwrap().count, 0);
}

#[test]
fn case_72_an_export_shows_what_was_done_to_it() {
    let good = lines(&export(6));
    assert_eq!(tampering(&good), None);

    let mut flipped = good.clone();
    flipped[2] = flipped[2].replace("t3", "t4");
    assert_eq!(tampering(&flipped), Some((3, Tampering::Edited)));

    let mut spaced = good.clone();
    spaced[2].insert(1, ' ');
    assert_eq!(tampering(&spaced), Some((3, Tampering::Edited)), "not as it was written");

    let mut garbage = good.clone();
    garbage[2] = "not JSON".into();
    assert_eq!(tampering(&garbage), Some((3, Tampering::Edited)));

    let mut deleted = good.clone();
    deleted.remove(2);
    assert_eq!(tampering(&deleted), Some((3, Tampering::Deleted)));

    let mut twice = good.clone();
    twice.insert(2, good[1].clone());
    assert_eq!(tampering(&twice), Some((3, Tampering::Inserted)));

    let mut swapped = good.clone();
    swapped.swap(2, 4);
    assert_eq!(tampering(&swapped), Some((3, Tampering::Reordered { belongs_at: 5 })));

    let cut = &good[..4];
    assert_eq!(tampering(cut), Some((5, Tampering::Truncated { signed: 6, found: 4 })));
}

#[test]
fn case_72_a_torn_last_line_is_not_called_tampering() {
    let whole = export(6);
    let last = whole.len() - lines(&whole)[5].len() - 1;
    for cut in [last + 1, last + 40, whole.len() - 2] {
        let verified = verify_export(&whole[..cut], None, None).unwrap();
        assert_eq!((verified.count, verified.torn_tail), (5, true));
    }
    let verified = verify_export(&whole[..whole.len() - 1], None, None).unwrap();
    assert_eq!((verified.count, verified.torn_tail), (6, false), "only the line end is missing");
}

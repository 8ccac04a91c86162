//! Personal data: e-mail addresses, IP addresses, and numbers that belong to one person.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::Kind;
use crate::text::{ends_word, run, starts_word};

/// One find: where, what, and under which name.
type Found = (Range<usize>, Kind, &'static str);

/// Ends of names that are files, not domains: `icon@2x.png`.
const FILE_ENDS: [&str; 14] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "js", "ts", "css", "py", "rs", "json", "md", "html",
];

/// Everything personal in a text, in order of kind, possibly overlapping.
pub(crate) fn find(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    emails(text, &mut found);
    numbers(text, &mut found);
    ipv6(text, &mut found);
    found
}

fn emails(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut done = 0;
    for (at, _) in text.match_indices('@') {
        if at < done {
            continue;
        }
        let local: usize = text[done..at]
            .chars()
            .rev()
            .take(64)
            .take_while(|c| c.is_alphanumeric() || "._%+-'!#$&*=^~".contains(*c))
            .map(char::len_utf8)
            .sum();
        // A quote, dot or bracket before the name is not part of it.
        let start = at - local;
        let skip = text[start..at].find(|c: char| c.is_alphanumeric() || c == '_').unwrap_or(local);
        let start = start + skip;
        let end = domain_end(text, at + 1);
        let Some(end) = end.filter(|_| start < at) else { continue };
        // `git@host:path` (or `ssh://git@host/path`) is an address of a repository, and names nobody.
        if &text[start..at] == "git" && matches!(bytes.get(end), Some(b':' | b'/')) {
            continue;
        }
        found.push((start..end, Kind::Email, "email"));
        done = end;
    }
}

/// The end of a domain name with at least one dot and a last label of letters.
fn domain_end(text: &str, start: usize) -> Option<usize> {
    let len: usize = text[start..]
        .chars()
        .take(253)
        .take_while(|c| c.is_alphanumeric() || *c == '-' || *c == '.')
        .map(char::len_utf8)
        .sum();
    let domain = text[start..start + len].trim_end_matches(['.', '-']);
    let (rest, last) = domain.rsplit_once('.')?;
    let good = !rest.is_empty()
        && !rest.starts_with(['.', '-'])
        && !rest.contains("..")
        && last.chars().count() >= 2
        && (last.chars().all(char::is_alphabetic) || last.starts_with("xn--"))
        && !FILE_ENDS.contains(&last.to_ascii_lowercase().as_str());
    good.then_some(start + domain.len())
}

/// Everything that begins with a digit, `+`, `(`, or the two letters of an IBAN.
fn numbers(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let b = bytes[at];
        let starts = (b.is_ascii_digit()
            || b == b'+'
            || b == b'('
            || b.is_ascii_uppercase()
            || b.is_ascii_hexdigit())
            && starts_word(bytes, at);
        if !starts {
            at += 1;
            continue;
        }
        let hit = match b {
            b'+' => international(bytes, at).map(|end| (end, Kind::Id, "telephone")),
            b'(' => shape(bytes, at, b"(ddd) ddd-dddd")
                .or_else(|| shape(bytes, at, b"(ddd)ddd-dddd"))
                .map(|end| (end, Kind::Id, "telephone")),
            _ if b.is_ascii_digit() => ipv4(bytes, at)
                .map(|end| (end, Kind::Ip, "ipv4"))
                .or_else(|| shape(bytes, at, b"ddd-dd-dddd").map(|e| (e, Kind::Id, "national_id")))
                .or_else(|| shape(bytes, at, b"ddd-ddd-dddd").map(|e| (e, Kind::Id, "telephone")))
                .or_else(|| card(bytes, at).map(|end| (end, Kind::Id, "payment_card")))
                .or_else(|| hardware(bytes, at)),
            _ => iban(bytes, at).map(|end| (end, Kind::Id, "iban")).or_else(|| hardware(bytes, at)),
        };
        match hit {
            Some((end, kind, name)) => {
                found.push((at..end, kind, name));
                at = end;
            }
            None => at += 1,
        }
    }
}

fn hardware(bytes: &[u8], at: usize) -> Option<(usize, Kind, &'static str)> {
    shape(bytes, at, b"xx:xx:xx:xx:xx:xx")
        .filter(|end| bytes.get(*end) != Some(&b':'))
        .filter(|_| at == 0 || bytes[at - 1] != b':')
        .map(|end| (end, Kind::Id, "hardware_address"))
}

/// Whether the text at `at` has this shape (`d` a digit, `x` a hexadecimal one), and stands alone.
fn shape(bytes: &[u8], at: usize, shape: &[u8]) -> Option<usize> {
    let end = at + shape.len();
    let here = bytes.get(at..end)?;
    let fits = here.iter().zip(shape).all(|(b, s)| match s {
        b'd' => b.is_ascii_digit(),
        b'x' => b.is_ascii_hexdigit(),
        other => b == other,
    });
    let glued = |b: Option<&u8>| matches!(b, Some(b'-' | b'.'));
    let before = at.checked_sub(1).and_then(|i| bytes.get(i));
    let dotted =
        glued(bytes.get(end)) && bytes.get(end + 1).is_some_and(|b| b.is_ascii_alphanumeric());
    (fits && ends_word(bytes, end) && !glued(before) && !dotted).then_some(end)
}

/// Four numbers that are an address and not a version: `1.2.3.4` after an operator, a `v` or the
/// word version is one, and so is `1.2.3.4-rc1`. Addresses that name nobody (loopback,
/// unspecified, netmasks) stay.
fn ipv4(bytes: &[u8], at: usize) -> Option<usize> {
    if at.checked_sub(1).is_some_and(|i| bytes[i] == b'.') {
        return None;
    }
    let end = run(bytes, at, 16, |b| b.is_ascii_digit() || b == b'.');
    let mut end = end;
    while end > at && bytes[end - 1] == b'.' {
        end -= 1;
    }
    let text = std::str::from_utf8(&bytes[at..end]).ok()?;
    let address: Ipv4Addr = text.parse().ok()?;
    let suffix =
        bytes.get(end) == Some(&b'-') && bytes.get(end + 1).is_some_and(u8::is_ascii_alphabetic);
    if !ends_word(bytes, end) || suffix || names_a_version(bytes, at) {
        return None;
    }
    let octets = address.octets();
    let nobody = octets[0] == 127 || octets[0] == 0 || (octets[0] == 255 && octets[1] == 255);
    (!nobody).then_some(end)
}

/// Whether what stands before `at` says that a version follows.
fn names_a_version(bytes: &[u8], at: usize) -> bool {
    let skip = bytes[..at]
        .iter()
        .rev()
        .take(8)
        .take_while(|b| matches!(**b, b' ' | b'"' | b'\'' | b'=' | b':'))
        .count();
    let before = &bytes[..at - skip];
    let gap = &bytes[at - skip..at];
    if before.last().is_some_and(|b| b"<>~^!".contains(b))
        || gap.windows(2).any(|pair| pair == b"==")
    {
        return true;
    }
    let word: Vec<u8> = before
        .iter()
        .rev()
        .take(12)
        .take_while(|b| b.is_ascii_alphabetic())
        .map(u8::to_ascii_lowercase)
        .collect();
    // The word is reversed.
    [&b"noisrev"[..], b"rev", b"v", b"esaeler"].iter().any(|w| word.starts_with(w))
}

/// `+` and 9 to 15 digits with single separators. A bare number at the start of a line is a
/// line of a patch.
fn international(bytes: &[u8], at: usize) -> Option<usize> {
    let mut digits = 0;
    let mut end = at + 1;
    let mut separated = false;
    if !bytes.get(end).is_some_and(|b| matches!(b, b'1'..=b'9')) {
        return None;
    }
    let mut i = end;
    while i < bytes.len() && i < at + 24 {
        match bytes[i] {
            b if b.is_ascii_digit() => {
                digits += 1;
                end = i + 1;
            }
            b' ' | b'-' | b'(' | b')' | b'.' if i + 1 < bytes.len() => {
                let pair = matches!((bytes[i], bytes[i + 1]), (b' ', b'(') | (b')', b' '));
                if !(bytes[i + 1].is_ascii_digit() || pair) {
                    break;
                }
                separated = true;
            }
            _ => break,
        }
        i += 1;
    }
    let line_start = at == 0 || bytes[at - 1] == b'\n';
    let good = (9..=15).contains(&digits) && ends_word(bytes, end) && (separated || !line_start);
    good.then_some(end)
}

/// 13 to 19 digits, as many as the cards have that begin like this, and whose checksum (Luhn) is
/// right.
fn card(bytes: &[u8], at: usize) -> Option<usize> {
    if !matches!(bytes[at], b'2'..=b'6')
        || at.checked_sub(1).is_some_and(|i| matches!(bytes[i], b'-' | b'.'))
    {
        return None;
    }
    let mut digits = Vec::with_capacity(19);
    let mut end = at;
    let mut i = at;
    while i < bytes.len() && digits.len() < 20 {
        match bytes[i] {
            b if b.is_ascii_digit() => {
                digits.push(b - b'0');
                end = i + 1;
            }
            b' ' | b'-'
                if digits.len() >= 4 && bytes.get(i + 1).is_some_and(u8::is_ascii_digit) => {}
            _ => break,
        }
        i += 1;
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(n, d)| {
            let d = u32::from(*d);
            match n % 2 {
                0 => d,
                _ if d > 4 => 2 * d - 9,
                _ => 2 * d,
            }
        })
        .sum();
    let good = is_card_length(&digits) && sum.is_multiple_of(10) && ends_word(bytes, end);
    good.then_some(end)
}

/// Whether cards that begin like this have so many digits.
fn is_card_length(digits: &[u8]) -> bool {
    let first = digits.iter().take(4).fold(0_u32, |n, d| n * 10 + u32::from(*d));
    matches!(
        (first, digits.len()),
        (4000..=4999, 13 | 16 | 19)
            | (2221..=2720 | 5100..=5599 | 3528..=3589 | 6440..=6599 | 6011, 16)
            | (3400..=3499 | 3700..=3799, 15)
            | (3000..=3059 | 3600..=3699 | 3800..=3899, 14)
    )
}

/// Two letters, two check digits, and 11 to 30 characters whose checksum (mod 97) is right.
fn iban(bytes: &[u8], at: usize) -> Option<usize> {
    let head = bytes.get(at..at + 4)?;
    if !(head[..2].iter().all(u8::is_ascii_uppercase) && head[2..].iter().all(u8::is_ascii_digit)) {
        return None;
    }
    let mut number = Vec::with_capacity(34);
    let mut end = at;
    let mut i = at;
    while i < bytes.len() && number.len() < 35 {
        let b = bytes[i];
        if b.is_ascii_uppercase() || b.is_ascii_digit() {
            number.push(b);
            end = i + 1;
        } else if !(b == b' ' && number.len().is_multiple_of(4)) {
            break;
        }
        i += 1;
    }
    if !(15..=34).contains(&number.len()) || !ends_word(bytes, end) {
        return None;
    }
    number.rotate_left(4);
    let rest = number.iter().fold(0_u32, |rest, b| match b {
        b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
        _ => (rest * 100 + u32::from(b - b'A') + 10) % 97,
    });
    (rest == 1).then_some(end)
}

/// Addresses with all eight groups, or shortened ones that begin like a routable, local or
/// private one: `a::b` is a path in Rust.
fn ipv6(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let part = |b: u8| b.is_ascii_hexdigit() || b == b':';
    let mut at = 0;
    while at < bytes.len() {
        if !part(bytes[at]) || (at > 0 && part(bytes[at - 1])) {
            at += 1;
            continue;
        }
        let whole = run(bytes, at, usize::MAX, part);
        let start = at;
        at = whole;
        if !starts_word(bytes, start) || whole - start > 64 {
            continue;
        }
        // An embedded IPv4 address, or a colon that ends the sentence.
        let v4 = run(bytes, whole, 16, |b| b.is_ascii_digit() || b == b'.');
        let candidates = [v4, whole, whole.saturating_sub(1)];
        let hit = candidates.into_iter().filter(|end| *end > start && ends_word(bytes, *end)).find(
            |end| {
                let text = &text[start..*end];
                text.parse::<Ipv6Addr>().is_ok_and(|a| is_somebody(text, &a))
            },
        );
        if let Some(end) = hit {
            found.push((start..end, Kind::Ip, "ipv6"));
        }
    }
}

fn is_somebody(text: &str, address: &Ipv6Addr) -> bool {
    if address.is_loopback() || address.is_unspecified() {
        return false;
    }
    let first = address.segments()[0];
    let routable = (0x2000..0x4000).contains(&first);
    let local = first & 0xffc0 == 0xfe80 || first & 0xfe00 == 0xfc00;
    let full = text.bytes().filter(|b| *b == b':').count() == 7;
    let mapped = address.to_ipv4_mapped().is_some() && text.contains('.');
    full || mapped || (routable || local) && text.bytes().any(|b| b.is_ascii_digit())
}

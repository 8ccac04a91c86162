//! The forms in which a literal value may turn up.

/// The value, and its JSON-escaped, percent-encoded, base64 and hex forms where they differ.
pub(crate) fn forms(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned()];
    let escaped = serde_json::Value::String(value.to_owned()).to_string();
    forms.push(escaped.trim_matches('"').to_owned());
    forms.push(percent(value, b"-_.~"));
    forms.push(percent(value, b"-_.~/"));
    if value.len() >= 8 {
        forms.push(base64(value.as_bytes(), b'+', b'/'));
        forms.push(base64(value.as_bytes(), b'-', b'_'));
        forms.push(value.bytes().map(|b| format!("{b:02x}")).collect());
    }
    forms.sort();
    forms.dedup();
    forms.retain(|f| f.len() >= crate::RedactOptions::MIN_SECRET_LEN);
    forms
}

fn percent(value: &str, keep: &[u8]) -> String {
    let mut out = String::with_capacity(value.len());
    for b in value.bytes() {
        if b.is_ascii_alphanumeric() || keep.contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// Base64 without padding, which then also finds the padded form.
fn base64(bytes: &[u8], c62: u8, c63: u8) -> String {
    let digit = |n: u32| {
        char::from(match n & 63 {
            n @ 0..=25 => b'A' + n as u8,
            n @ 26..=51 => b'a' + (n - 26) as u8,
            n @ 52..=61 => b'0' + (n - 52) as u8,
            62 => c62,
            _ => c63,
        })
    };
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..=chunk.len() {
            out.push(digit(n >> (18 - 6 * i)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_every_remainder() {
        for (plain, coded) in
            [("foobar", "Zm9vYmFy"), ("fooba", "Zm9vYmE"), ("foob", "Zm9vYg"), ("", "")]
        {
            assert_eq!(base64(plain.as_bytes(), b'+', b'/'), coded);
        }
    }

    #[test]
    fn percent_keeps_what_needs_no_escape() {
        assert_eq!(percent("a b/c", b"/"), "a%20b/c");
    }
}

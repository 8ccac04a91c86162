//! Secrets with more structure than a prefix: key blocks, web tokens, URLs with credentials,
//! request headers.

use std::ops::Range;

use crate::text::{only_placeholders, run, starts_word};

/// What the scanner looks for, and what it may be the beginning of.
pub(crate) const ANCHORS: [(&str, Structure); 8] = [
    ("-----BEGIN ", Structure::KeyBlock),
    ("Private-Lines:", Structure::PuttyBlock),
    ("eyJ", Structure::WebToken),
    ("://", Structure::UrlCredentials),
    ("earer ", Structure::Bearer),
    ("asic ", Structure::Basic),
    ("ookie: ", Structure::Cookie),
    ("igest ", Structure::Digest),
];

/// The kinds of structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Structure {
    KeyBlock,
    PuttyBlock,
    WebToken,
    UrlCredentials,
    Bearer,
    Basic,
    Cookie,
    Digest,
}

impl Structure {
    /// The name under which findings are reported.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::KeyBlock => "private_key_block",
            Self::PuttyBlock => "putty_private_key",
            Self::WebToken => "json_web_token",
            Self::UrlCredentials => "url_credentials",
            Self::Bearer => "bearer_token",
            Self::Basic => "basic_credentials",
            Self::Cookie => "cookie",
            Self::Digest => "digest_credentials",
        }
    }
}

/// How far a key block may reach without its last line.
const MAX_BLOCK: usize = 64 * 1024;

/// Finds structures in one text. Remembers the next end of a block, so that many beginnings
/// without an end do not search the text again and again.
#[derive(Debug)]
pub(crate) struct Finder<'t> {
    text: &'t str,
    next_end: Option<(usize, Option<usize>)>,
}

impl<'t> Finder<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, next_end: None }
    }

    /// What begins with the anchor of `kind` at `at`, if anything does.
    pub(crate) fn find(&mut self, kind: Structure, at: usize) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        match kind {
            Structure::KeyBlock => self.key_block(at),
            Structure::PuttyBlock => {
                let start = at + "Private-Lines:".len();
                let end = run(bytes, start, MAX_BLOCK, in_block);
                // The next header of the file begins with a word that looks like base64.
                let end = self.text[start..end].rfind(['\n', '=']).map_or(end, |n| start + n + 1);
                (end - start > 20).then_some(start..end)
            }
            Structure::WebToken => self.web_token(at),
            Structure::UrlCredentials => self.url_credentials(at + 3),
            Structure::Bearer => self.after_scheme(at, "earer ", 12),
            Structure::Basic => self.after_scheme(at, "asic ", 12),
            Structure::Digest => self.digest(at),
            Structure::Cookie => {
                if !starts_header(bytes, at) {
                    return None;
                }
                let start = at + "ookie: ".len();
                // A cookie has a name; without one there is nothing to read the line for.
                let name = run(bytes, start, 128, |b| b != b'=' && b != b'\n');
                if bytes.get(name) != Some(&b'=') {
                    return None;
                }
                let end = run(bytes, start, 8192, |b| !matches!(b, b'\n' | b'\r' | b'"' | b'\''));
                let value = &self.text[start..crate::text::floor(self.text, end)];
                (value.len() > name - start && !only_placeholders(value))
                    .then(|| start..start + value.len())
            }
        }
    }

    fn key_block(&mut self, at: usize) -> Option<Range<usize>> {
        let text = self.text;
        let header = crate::text::floor(text, at + 80);
        let first_line = &text[at + "-----BEGIN ".len()..header];
        let kind = &first_line[..first_line.find("-----")?];
        if !kind.contains("PRIVATE KEY") {
            return None;
        }
        let body = at + "-----BEGIN ".len() + kind.len() + "-----".len();
        let end = match self.end_after(body) {
            Some(end) if end - body <= MAX_BLOCK => {
                let tail = end + "-----END ".len();
                run(text.as_bytes(), tail, 80, |b| {
                    b.is_ascii_uppercase() || b == b' ' || b == b'-' || b.is_ascii_digit()
                })
            }
            _ => run(text.as_bytes(), body, MAX_BLOCK, in_block),
        };
        Some(at..end)
    }

    /// The first end of a block at or after `from`.
    fn end_after(&mut self, from: usize) -> Option<usize> {
        match self.next_end {
            Some((searched, found)) if searched <= from && found.is_none_or(|f| f >= from) => found,
            _ => {
                let found = self.text[from..].find("-----END ").map(|n| from + n);
                self.next_end = Some((from, found));
                found
            }
        }
    }

    fn web_token(&self, at: usize) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        if !starts_word(bytes, at) || at.checked_sub(1).is_some_and(|i| bytes[i] == b'-') {
            return None;
        }
        let url = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let head = run(bytes, at, usize::MAX, url);
        if head - at < 10 || bytes.get(head) != Some(&b'.') {
            return None;
        }
        let claims = run(bytes, head + 1, usize::MAX, url);
        if claims - head < 5 || bytes.get(claims) != Some(&b'.') {
            return None;
        }
        Some(at..run(bytes, claims, usize::MAX, |b| url(b) || b == b'.'))
    }

    /// `user:password@` after `://`; a long mixed user without a password counts as a token.
    fn url_credentials(&self, start: usize) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        let end = run(bytes, start, 512, |b| {
            !b.is_ascii_whitespace() && !b"@/?#\"'<>`(){},|".contains(&b)
        });
        if bytes.get(end) != Some(&b'@') || !self.text.is_char_boundary(end) {
            return None;
        }
        // An unescaped @ in the password: the host begins after the last one.
        let end = {
            let more = run(bytes, end, 512, |b| {
                !b.is_ascii_whitespace() && !b"/?#\"'<>`(){},|".contains(&b)
            });
            bytes[..more].iter().rposition(|b| *b == b'@').map_or(end, |last| last.max(end))
        };
        let userinfo = &self.text[start..end];
        let password = userinfo.split_once(':').map(|(_, password)| password);
        match password {
            Some(password) if password.is_empty() || only_placeholders(password) => None,
            Some(_) => Some(start..end),
            None => (userinfo.len() >= 16
                && userinfo.bytes().any(|b| b.is_ascii_digit())
                && userinfo.bytes().any(|b| b.is_ascii_alphabetic()))
            .then_some(start..end),
        }
    }

    /// The token after the name of an authentication scheme.
    fn after_scheme(&self, at: usize, anchor: &str, min: usize) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        let first = at.checked_sub(1)?;
        if !matches!(bytes[first], b'B' | b'b') || !starts_word(bytes, first) {
            return None;
        }
        let start = at + anchor.len();
        let end =
            run(bytes, start, usize::MAX, |b| b.is_ascii_alphanumeric() || b"_.=~+/-".contains(&b));
        let token = &bytes[start..end];
        let header = self.text[..first].ends_with("uthorization: ");
        let mixed =
            token.iter().any(u8::is_ascii_digit) && token.iter().any(u8::is_ascii_alphabetic);
        let padded = token.ends_with(b"=");
        (token.len() >= min && (mixed || padded) || header && token.len() >= 6)
            .then_some(start..end)
    }

    /// The parameters of `Authorization: Digest …`.
    fn digest(&self, at: usize) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        let start = at + "igest ".len();
        if !self.text[start..].starts_with("username=") {
            return None;
        }
        let end = run(bytes, start, 4096, |b| b != b'\n' && b != b'\r');
        Some(start..crate::text::floor(self.text, end))
    }
}

/// Whether `ookie: ` at `at` ends the name of a header: `Cookie: ` or `Set-Cookie: `.
fn starts_header(bytes: &[u8], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|c| matches!(bytes[c], b'C' | b'c') && starts_word(bytes, c))
}

/// What the body of a key block is made of, escaped line ends included.
fn in_block(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b.is_ascii_whitespace() || b"+/=\\".contains(&b)
}

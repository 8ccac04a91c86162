//! Line endings, as git stores and checks them out. No filter is ever run.

use std::borrow::Cow;

use git2::{AttrCheckFlags, AttrValue, Repository};

use crate::path::RepoPath;

/// What git does with the line endings of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// Nothing.
    None,
    /// Always to LF in the repository.
    Text,
    /// To LF unless it looks binary or is stored with CRLF already.
    Auto,
}

/// How a path is converted, and whether new files get CRLF in the checkout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) conversion: Conversion,
    pub(crate) crlf: bool,
}

fn attribute(repo: &Repository, path: &RepoPath, name: &str) -> Option<Attr> {
    let found = repo.get_attr_bytes(path.as_path(), name, AttrCheckFlags::INDEX_ONLY).ok()?;
    match AttrValue::from_bytes(found) {
        AttrValue::True => Some(Attr::True),
        AttrValue::False => Some(Attr::False),
        AttrValue::Bytes(value) => Some(Attr::Value(String::from_utf8_lossy(value).into_owned())),
        AttrValue::String(value) => Some(Attr::Value(value.to_owned())),
        AttrValue::Unspecified => None,
    }
}

enum Attr {
    True,
    False,
    Value(String),
}

/// The rule of a path, from attributes in the index and from the configuration.
pub(crate) fn rule(repo: &Repository, path: &RepoPath) -> Rule {
    let config = repo.config().and_then(|mut config| config.snapshot()).ok();
    let get = |key: &str| {
        config.as_ref().and_then(|c| c.get_string(key).ok()).map(|v| v.to_ascii_lowercase())
    };
    let autocrlf = get("core.autocrlf");
    let input = autocrlf.as_deref() == Some("input");
    let auto = matches!(autocrlf.as_deref(), Some("true" | "yes" | "on" | "1"));
    let eol = match attribute(repo, path, "eol") {
        Some(Attr::Value(value)) => Some(value),
        _ => None,
    };
    let conversion = match attribute(repo, path, "text") {
        Some(Attr::True) => Conversion::Text,
        Some(Attr::False) => Conversion::None,
        Some(Attr::Value(value)) if value == "auto" => Conversion::Auto,
        _ if eol.is_some() => Conversion::Text,
        _ if auto || input => Conversion::Auto,
        _ => Conversion::None,
    };
    let crlf = match eol.as_deref() {
        Some("crlf") => true,
        Some("lf") => false,
        _ => auto || (!input && get("core.eol").as_deref() == Some("crlf")),
    };
    Rule { conversion, crlf: crlf && conversion != Conversion::None }
}

/// A filter or encoding that stands between the file and its blob, in words.
pub(crate) fn filter(repo: &Repository, path: &RepoPath) -> Option<String> {
    if let Some(Attr::Value(name)) = attribute(repo, path, "filter") {
        let config = repo.config().ok();
        let set = |key: &str| {
            config.as_ref().is_some_and(|c| c.get_string(&format!("filter.{name}.{key}")).is_ok())
        };
        if name == "lfs" {
            return Some("Git LFS".into());
        }
        if set("clean") || set("smudge") || set("process") {
            return Some(format!("the filter {name}"));
        }
    }
    if let Some(Attr::Value(name)) = attribute(repo, path, "working-tree-encoding") {
        return Some(format!("the encoding {name}"));
    }
    None
}

/// What is in some bytes, as far as line endings go.
#[derive(Debug, Default)]
struct Stats {
    nul: bool,
    lone_cr: usize,
    lone_lf: usize,
    crlf: usize,
    printable: usize,
    other: usize,
}

fn stats(bytes: &[u8]) -> Stats {
    let mut found = Stats::default();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => {
                found.crlf += 1;
                at += 1;
            }
            b'\r' => found.lone_cr += 1,
            b'\n' => found.lone_lf += 1,
            0 => {
                found.nul = true;
                found.other += 1;
            }
            0x08 | b'\t' | 0x1b | 0x0c => found.printable += 1,
            0x7f | 0x01..=0x1f => found.other += 1,
            _ => found.printable += 1,
        }
        at += 1;
    }
    found
}

impl Stats {
    fn binary(&self) -> bool {
        self.nul || self.lone_cr > 0 || (self.printable >> 7) < self.other
    }
}

/// The bytes git would store for a file with these bytes; `stored` is what it stores for it now.
pub(crate) fn clean<'a>(
    bytes: &'a [u8],
    conversion: Conversion,
    stored: Option<&[u8]>,
) -> Cow<'a, [u8]> {
    if conversion == Conversion::None {
        return Cow::Borrowed(bytes);
    }
    let found = stats(bytes);
    if found.crlf == 0 {
        return Cow::Borrowed(bytes);
    }
    if conversion == Conversion::Auto
        && (found.binary() || stored.is_some_and(|s| stats(s).crlf > 0))
    {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len() - found.crlf);
    for (at, byte) in bytes.iter().enumerate() {
        if !(*byte == b'\r' && bytes.get(at + 1) == Some(&b'\n')) {
            out.push(*byte);
        }
    }
    Cow::Owned(out)
}

/// Whether every line ends in CRLF (`Some(true)`), in LF (`Some(false)`), or both occur (`None`).
pub(crate) fn endings(bytes: &[u8]) -> Option<bool> {
    let found = stats(bytes);
    match (found.crlf, found.lone_lf) {
        (0, _) => Some(false),
        (_, 0) => Some(true),
        _ => None,
    }
}

/// LF to CRLF.
pub(crate) fn to_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 30);
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' && (at == 0 || bytes[at - 1] != b'\r') {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_as_git_does() {
        let check = |bytes: &[u8], conversion, stored: Option<&[u8]>| {
            clean(bytes, conversion, stored).into_owned()
        };
        assert_eq!(check(b"a\r\nb\r\n", Conversion::Text, None), b"a\nb\n");
        assert_eq!(check(b"a\r\nb\r\n", Conversion::None, None), b"a\r\nb\r\n");
        assert_eq!(check(b"a\r\nb\r\n", Conversion::Auto, Some(b"a\r\n")), b"a\r\nb\r\n");
        assert_eq!(check(b"a\0\r\nb\r\n", Conversion::Auto, None), b"a\0\r\nb\r\n");
        assert_eq!(check(b"a\r\nb\rc\n", Conversion::Text, None), b"a\nb\rc\n");
    }

    #[test]
    fn crlf_and_back() {
        assert_eq!(to_crlf(b"a\n\nb"), b"a\r\n\r\nb");
        assert_eq!(endings(b"a\r\nb\n"), None);
        assert_eq!(endings(b"a\r\nb\r\n"), Some(true));
    }
}

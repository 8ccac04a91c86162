//! The redactor: finds, and replaces.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use serde_json::Value;

use crate::structured::{ANCHORS, Finder};
use crate::{PATTERNS, RedactOptions, assignment, json, literal, pii, text};

/// What a finding is, and so what stands in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A credential; replaced by `[secret]`.
    Secret,
    /// An e-mail address; replaced by `[email]`.
    Email,
    /// An IP address; replaced by `[ip]`.
    Ip,
    /// A personal number (telephone, payment card, account, hardware address); replaced by `[id]`.
    Id,
}

impl Kind {
    /// The text that replaces a finding of this kind.
    #[must_use]
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Secret => "[secret]",
            Self::Email => "[email]",
            Self::Ip => "[ip]",
            Self::Id => "[id]",
        }
    }
}

/// One piece of text that must not be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where, in bytes of the text searched; always on character boundaries.
    pub range: Range<usize>,
    /// What it is.
    pub kind: Kind,
    /// Which pattern found it: a name out of [`PATTERNS`], or `secret_value`, `assignment`,
    /// `url_credentials`, `email` and so on.
    pub name: &'static str,
}

/// How often a text is searched again after a replacement changed what stands beside what.
const MAX_PASSES: usize = 6;

/// The prefixes of the table and the anchors of the structures, in that order.
static TOKENS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = PATTERNS.iter().map(|p| p.prefix).chain(ANCHORS.iter().map(|(word, _)| *word));
    AhoCorasick::new(words).ok()
});

/// The words that make a name key-like.
static KEYWORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasickBuilder::new()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .build(assignment::KEYWORDS)
        .ok()
});

/// Finds and masks secrets and personal data. Cheap to clone and to share; build it once.
///
/// # Guarantees
/// - **Idempotent**: redacting what was redacted changes nothing.
/// - **Linear**: the time grows with the length of the text, whatever the text is.
/// - Text on which nothing is found comes back borrowed, byte for byte.
#[derive(Clone)]
pub struct Redactor {
    pii: bool,
    literals: Option<Arc<AhoCorasick>>,
}

impl Redactor {
    /// A redactor with these options.
    #[must_use]
    pub fn new(options: RedactOptions) -> Self {
        let mut forms: Vec<String> = options
            .secret_values
            .iter()
            .map(|value| value.trim())
            .filter(|value| value.len() >= RedactOptions::MIN_SECRET_LEN)
            .flat_map(literal::forms)
            .collect();
        forms.sort();
        forms.dedup();
        let literals =
            if forms.is_empty() { None } else { AhoCorasick::new(forms).ok().map(Arc::new) };
        Self { pii: options.pii, literals }
    }

    /// A redactor that knows the values of the key-like variables among these
    /// (see [`is_key_like`](crate::is_key_like)), and the credentials in the URLs among the others.
    #[must_use]
    pub fn from_env<K, V>(vars: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: AsRef<str>,
        V: Into<String>,
    {
        let mut options = RedactOptions::default();
        for (name, value) in vars {
            let value = value.into();
            if crate::is_key_like(name.as_ref()) {
                options.secret_values.push(value);
            } else if let Some(password) = password_of_url(&value) {
                options.secret_values.push(password);
            }
        }
        Self::new(options)
    }

    /// The text with everything found replaced. Borrowed where nothing was found.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut current = Cow::Borrowed(text);
        for _ in 0..MAX_PASSES {
            let findings = self.find(&current);
            if findings.is_empty() {
                return current;
            }
            let mut out = String::with_capacity(current.len());
            let mut at = 0;
            for finding in findings {
                out.push_str(&current[at..finding.range.start]);
                out.push_str(finding.kind.placeholder());
                at = finding.range.end;
            }
            out.push_str(&current[at..]);
            current = Cow::Owned(out);
        }
        if self.find(&current).is_empty() {
            return current;
        }
        // Built so that every replacement uncovers the next: nothing of it is worth keeping.
        Cow::Borrowed(Kind::Secret.placeholder())
    }

    /// Redacts every string in a JSON value, keys included. What stands under a key-like name
    /// (`password`, `api_key`, `token` …) is masked whole, whatever it looks like. Where two keys
    /// become the same, the later gets a number.
    pub fn redact_json(&self, value: &mut Value) {
        json::redact(self, value, false);
    }

    /// What [`redact`](Self::redact) would replace first, in order and without overlap.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Finding> {
        let mut found = self.secrets(text);
        if self.pii {
            let urls: Vec<usize> =
                found.iter().filter(|f| f.name == "url_credentials").map(|f| f.range.end).collect();
            found.extend(
                pii::find(text)
                    .into_iter()
                    .map(|(range, kind, name)| Finding { range, kind, name })
                    // `password@host` is no address of a person.
                    .filter(|f| {
                        f.kind != Kind::Email
                            || !urls.iter().any(|at| f.range.start < *at && *at < f.range.end)
                    }),
            );
        }
        settle(text, found)
    }

    fn secrets(&self, text: &str) -> Vec<Finding> {
        let bytes = text.as_bytes();
        let mut found: Vec<Finding> = Vec::new();
        if let Some(literals) = &self.literals {
            found.extend(literals.find_overlapping_iter(text).map(|m| Finding {
                range: m.range(),
                kind: Kind::Secret,
                name: "secret_value",
            }));
        }
        if let Some(tokens) = &*TOKENS {
            let mut finder = Finder::new(text);
            // What a pattern has consumed it does not look at again: that keeps it linear.
            let mut done = [0_usize; MAX_TOKENS];
            for hit in tokens.find_overlapping_iter(text) {
                let id = hit.pattern().as_usize();
                let Some(done) = done.get_mut(id).filter(|done| **done <= hit.start()) else {
                    continue;
                };
                let (range, name) = match PATTERNS.get(id) {
                    Some(pattern) => (pattern.match_at(bytes, hit.start()), pattern.name),
                    None => {
                        let (_, kind) = ANCHORS[id - PATTERNS.len()];
                        (finder.find(kind, hit.start()), kind.name())
                    }
                };
                if let Some(range) = range {
                    *done = range.end;
                    found.push(Finding { range, kind: Kind::Secret, name });
                }
            }
        }
        if let Some(keywords) = &*KEYWORDS {
            let mut done = 0;
            for hit in keywords.find_iter(text) {
                if hit.start() < done {
                    continue;
                }
                if let Some(range) = assignment::find(text, hit.range()) {
                    done = range.end;
                    found.push(Finding { range, kind: Kind::Secret, name: "assignment" });
                }
            }
        }
        found
    }
}

/// Room for every pattern and anchor.
const MAX_TOKENS: usize = 512;
const _: () = assert!(PATTERNS.len() + ANCHORS.len() <= MAX_TOKENS);

impl Default for Redactor {
    fn default() -> Self {
        Self::new(RedactOptions::default())
    }
}

impl std::fmt::Debug for Redactor {
    /// Never prints a value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor")
            .field("pii", &self.pii)
            .field("literals", &self.literals.as_ref().map_or(0, |l| l.patterns_len()))
            .finish()
    }
}

/// Sorts findings, widens those that cut into a placeholder, drops those that only repeat one,
/// and joins those that overlap; the joined one is a secret if any of them is.
fn settle(text: &str, mut found: Vec<Finding>) -> Vec<Finding> {
    if found.is_empty() {
        return found;
    }
    let holders = text::placeholders(text);
    found.retain_mut(|f| {
        let first = holders.partition_point(|h| h.end <= f.range.start);
        for holder in &holders[first..] {
            if holder.start >= f.range.end {
                break;
            }
            f.range.start = f.range.start.min(holder.start);
            f.range.end = f.range.end.max(holder.end);
        }
        f.range.start < f.range.end && !text::only_placeholders(&text[f.range.clone()])
    });
    found.sort_by_key(|f| (f.range.start, std::cmp::Reverse(f.range.end)));
    let mut out: Vec<Finding> = Vec::with_capacity(found.len());
    for finding in found {
        match out.last_mut() {
            Some(last) if finding.range.start < last.range.end => {
                last.range.end = last.range.end.max(finding.range.end);
                if finding.kind == Kind::Secret && last.kind != Kind::Secret {
                    last.kind = Kind::Secret;
                    last.name = finding.name;
                }
            }
            _ => out.push(finding),
        }
    }
    out
}

/// The password in `scheme://user:password@host`.
fn password_of_url(value: &str) -> Option<String> {
    let (_, rest) = value.split_once("://")?;
    let (userinfo, _) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    let (_, password) = userinfo.split_once(':')?;
    (!password.is_empty()).then(|| password.to_owned())
}

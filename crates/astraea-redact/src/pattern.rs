//! The shape of a token that names itself: a fixed prefix, then a run of characters.

use crate::text;

/// The characters a token's body is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Chars {
    /// Hexadecimal digits of either case.
    Hex,
    /// Upper-case letters and digits.
    Upper,
    /// Letters and digits.
    Alnum,
    /// Letters, digits and `_`.
    Word,
    /// Letters, digits, `_` and `-`: the alphabet of URL-safe base64.
    Url,
    /// Letters, digits and `_ . = ~ -`.
    Token,
    /// Letters, digits and `+ / = % _ -`: base64 of any kind, percent-encoded or not.
    Base64,
    /// What a URL's path and query are made of.
    Path,
    /// Letters, digits and `$ , = + / . _ -`: password hashes.
    Crypt,
}

impl Chars {
    /// Whether a byte belongs to the class.
    #[must_use]
    pub fn contains(self, b: u8) -> bool {
        let alnum = b.is_ascii_alphanumeric();
        match self {
            Self::Hex => b.is_ascii_hexdigit(),
            Self::Upper => b.is_ascii_uppercase() || b.is_ascii_digit(),
            Self::Alnum => alnum,
            Self::Word => alnum || b == b'_',
            Self::Url => alnum || matches!(b, b'_' | b'-'),
            Self::Token => alnum || matches!(b, b'_' | b'.' | b'=' | b'~' | b'-'),
            Self::Base64 => alnum || matches!(b, b'+' | b'/' | b'=' | b'%' | b'_' | b'-'),
            Self::Path => {
                alnum
                    || matches!(
                        b,
                        b'/' | b'_'
                            | b'.'
                            | b'-'
                            | b'%'
                            | b'?'
                            | b'='
                            | b'&'
                            | b'~'
                            | b'+'
                            | b':'
                            | b'@'
                    )
            }
            Self::Crypt => {
                alnum || matches!(b, b'$' | b',' | b'=' | b'+' | b'/' | b'.' | b'_' | b'-')
            }
        }
    }
}

/// One known token: who issues it, and how it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pattern {
    /// Its name, unique in the table.
    pub name: &'static str,
    /// How it begins (or, with `lead`, what stands in its middle). Case matters.
    pub prefix: &'static str,
    /// What follows the prefix.
    pub chars: Chars,
    /// How many such characters follow at least.
    pub min: usize,
    /// How many follow at most; more of them mean that it is something else.
    pub max: usize,
    /// The prefix is so common that the token must stand alone: no letter or digit before it.
    pub alone: bool,
    /// The body must hold a letter and a digit, for prefixes that begin ordinary words too.
    pub mixed: bool,
    /// The body's characters that must stand before the prefix; 0 for a real prefix.
    pub lead: usize,
}

impl Pattern {
    /// A token with a telling prefix, found wherever it stands.
    pub(crate) const fn new(
        name: &'static str,
        prefix: &'static str,
        chars: Chars,
        min: usize,
    ) -> Self {
        Self { name, prefix, chars, min, max: usize::MAX, alone: false, mixed: false, lead: 0 }
    }

    /// It must stand alone.
    pub(crate) const fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Its body must hold a letter and a digit.
    pub(crate) const fn mixed(mut self) -> Self {
        self.mixed = true;
        self
    }

    /// It must stand alone and have this many characters after the prefix, no more.
    pub(crate) const fn exact(mut self) -> Self {
        self.max = self.min;
        self.alone()
    }

    /// This many of its characters stand before the prefix.
    pub(crate) const fn after(mut self, lead: usize) -> Self {
        self.lead = lead;
        self
    }

    /// The token whose prefix stands at `at`, if it is one. Looks at most at the token itself:
    /// a miss costs no more than `min` (or `lead`) steps.
    pub(crate) fn match_at(&self, bytes: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
        let mut start = at;
        if self.lead > 0 {
            let lead = bytes[..at]
                .iter()
                .rev()
                .take(self.lead)
                .take_while(|b| self.chars.contains(**b))
                .count();
            if lead < self.lead {
                return None;
            }
            start = at - lead;
        } else if self.alone
            && (!text::starts_word(bytes, at) || self.mixed && text::inside_base64(bytes, at))
        {
            return None;
        }
        let body = at + self.prefix.len();
        let cap = if self.max == usize::MAX { usize::MAX } else { self.max + 1 };
        let len = bytes[body..].iter().take(cap).take_while(|b| self.chars.contains(**b)).count();
        if len < self.min || len > self.max {
            return None;
        }
        if self.max != usize::MAX && !text::ends_word(bytes, body + len) {
            return None;
        }
        let token = &bytes[body..body + len];
        if self.mixed
            && !(token.iter().any(u8::is_ascii_digit) && token.iter().any(u8::is_ascii_alphabetic))
        {
            return None;
        }
        Some(start..body + len)
    }
}

//! Facts and tasks as callers write them: a name with arguments.

use serde::{Deserialize, Serialize};

/// A name: a string that is kept in place where it is short, as most names in plans are, so that a plan costs few allocations.
pub type Word = compact_str::CompactString;

/// Some names, kept in place up to three.
pub type Words = smallvec::SmallVec<[Word; 3]>;

/// A name with arguments: the fact `(failing test_a)`, the task `(fix_bug test_a)`.
///
/// ```
/// use astraea_htn::Atom;
/// assert_eq!(Atom::from("(failing test_a)"), Atom::new("failing", ["test_a"]));
/// assert_eq!(Atom::from("failing test_a").to_string(), "(failing test_a)");
/// ```
#[doc(alias = "literal")]
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Atom {
    /// Predicate, task or action.
    pub name: Word,
    /// Objects.
    pub args: Words,
}

impl Atom {
    /// An atom of these parts.
    pub fn new<S: Into<Word>>(name: impl Into<Word>, args: impl IntoIterator<Item = S>) -> Self {
        Self { name: name.into(), args: args.into_iter().map(Into::into).collect() }
    }

    /// The same with every name in lower case, the form in which atoms are compared.
    #[must_use]
    pub fn lower(&self) -> Self {
        Self {
            name: self.name.to_ascii_lowercase(),
            args: self.args.iter().map(|a| a.to_ascii_lowercase()).collect(),
        }
    }
}

impl std::fmt::Display for Atom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({}", self.name)?;
        for arg in &self.args {
            write!(f, " {arg}")?;
        }
        f.write_str(")")
    }
}

/// Reads `name arg …`, with or without parentheses around it; every other character belongs to a name.
impl From<&str> for Atom {
    fn from(text: &str) -> Self {
        let inner = text.trim();
        let inner = inner.strip_prefix('(').unwrap_or(inner);
        let inner = inner.strip_suffix(')').unwrap_or(inner);
        let mut words = inner.split_whitespace().map(Word::from);
        Self { name: words.next().unwrap_or_default(), args: words.collect() }
    }
}

impl From<String> for Atom {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&Atom> for Atom {
    fn from(atom: &Atom) -> Self {
        atom.clone()
    }
}

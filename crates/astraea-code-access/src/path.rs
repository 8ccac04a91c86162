//! Paths inside a repository: relative, normal, any bytes but NUL.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest path in bytes, as the kernel has it.
const MAX_PATH: usize = 4095;
/// Most components.
const MAX_DEPTH: usize = 500;
/// Longest name of one component in bytes.
const MAX_NAME: usize = 255;

/// Why some bytes are not a path inside a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error(
    "{shown:?} is not a path inside the repository: {reason}; give it relative to the top level, like src/lib.rs"
)]
pub struct PathError {
    /// The path as given, escaped.
    pub shown: String,
    /// The rule it breaks.
    pub reason: &'static str,
}

/// A path relative to the top level of a repository.
///
/// Never empty, never absolute, no `.` or `..`, no NUL, no doubled or trailing slash. Bytes that are not UTF-8 are kept;
/// [`Display`](fmt::Display) escapes control characters and such bytes, so that a name cannot play with a terminal.
///
/// As JSON it is a string, or `{"hex": "…"}` when it is not UTF-8.
///
/// ```
/// use astraea_code_access::RepoPath;
/// assert!(RepoPath::new("src/lib.rs").is_ok());
/// assert!(RepoPath::new("src/../../x").is_err());
/// assert_eq!(RepoPath::new("~/x").unwrap().to_string(), "~/x"); // a literal name
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct RepoPath(Box<[u8]>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Wire {
    Text(String),
    Bytes { hex: String },
}

impl RepoPath {
    /// Checks the bytes of a path.
    ///
    /// # Errors
    /// [`PathError`] names the rule that is broken.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let bytes = bytes.as_ref();
        let fail = |reason| {
            let cut = &bytes[..bytes.len().min(200)];
            Err(PathError { shown: escape(cut), reason })
        };
        if bytes.is_empty() {
            return fail("it is empty");
        }
        if bytes.contains(&0) {
            return fail("it contains a NUL byte");
        }
        if bytes[0] == b'/' {
            return fail("it is absolute");
        }
        if bytes.len() > MAX_PATH {
            return fail("it is longer than 4095 bytes");
        }
        for (depth, name) in bytes.split(|b| *b == b'/').enumerate() {
            match name {
                _ if depth >= MAX_DEPTH => return fail("it is more than 500 directories deep"),
                b"" => return fail("it has an empty component"),
                b"." => return fail("it has the component `.`"),
                b".." => return fail("it has the component `..`"),
                _ if name.len() > MAX_NAME => return fail("a component is longer than 255 bytes"),
                _ => {}
            }
        }
        Ok(Self(bytes.into()))
    }

    /// The bytes as they are on disk.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As a relative [`Path`].
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// As text, when it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The components from the top down.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|b| *b == b'/')
    }

    /// The directory it is in; `None` at the top level.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let slash = self.0.iter().rposition(|b| *b == b'/')?;
        Some(Self(self.0[..slash].into()))
    }

    /// The last component.
    #[must_use]
    pub fn file_name(&self) -> &[u8] {
        match self.0.iter().rposition(|b| *b == b'/') {
            Some(slash) => &self.0[slash + 1..],
            None => &self.0,
        }
    }

    /// This path with one more component or relative path.
    ///
    /// # Errors
    /// [`PathError`] when the result is not a path inside the repository.
    pub fn join(&self, more: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let mut bytes = self.0.to_vec();
        bytes.push(b'/');
        bytes.extend_from_slice(more.as_ref());
        Self::new(bytes)
    }

    /// True when this is `dir` itself or lies in it.
    #[must_use]
    pub fn is_within(&self, dir: &Self) -> bool {
        self.0.starts_with(&dir.0) && (self.0.len() == dir.0.len() || self.0[dir.0.len()] == b'/')
    }
}

fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            {
                out.extend(c.escape_default());
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(&self.0))
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl FromStr for RepoPath {
    type Err = PathError;
    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::new(text)
    }
}

impl TryFrom<Wire> for RepoPath {
    type Error = String;
    fn try_from(wire: Wire) -> Result<Self, String> {
        let bytes = match wire {
            Wire::Text(text) => text.into_bytes(),
            Wire::Bytes { hex } => hex::decode(&hex).map_err(|e| e.to_string())?,
        };
        Self::new(bytes).map_err(|e| e.to_string())
    }
}

impl From<RepoPath> for Wire {
    fn from(path: RepoPath) -> Self {
        match String::from_utf8(path.0.into_vec()) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Bytes { hex: hex::encode(error.into_bytes()) },
        }
    }
}

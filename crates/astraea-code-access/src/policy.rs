//! Which paths may be read and written.
//!
//! Rules are matched against the *canonical* form of a path: NFC, lower case, without characters that some file systems
//! ignore, without trailing dots and spaces, without an NTFS stream. So every spelling that some file system takes for a
//! forbidden name is that name.

use std::sync::Arc;

use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::error::AccessError;
use crate::path::RepoPath;

/// Names and folders that are neither read nor written: git's own, and secrets.
const FORBID_ALWAYS: &[&str] = &[
    ".git",
    ".env*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.ppk",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".netrc",
    "_netrc",
    ".pypirc",
    ".git-credentials",
    ".pgpass",
    ".htpasswd",
    ".aws",
    ".ssh",
    ".gnupg",
    ".kube",
    ".docker/config.json",
    "credentials.json",
    "secrets.json",
    "secrets.yml",
    "secrets.yaml",
    "secrets.toml",
];

/// Names and folders that are read but not written: what runs elsewhere or on the user's next command, what says what we may
/// do, and what is not source.
const FORBID_WRITE: &[&str] = &[
    ".github/workflows",
    ".github/actions",
    ".gitlab-ci.yml",
    ".gitlab-ci.yaml",
    ".gitlab/ci",
    ".circleci",
    ".travis.yml",
    ".azure-pipelines*",
    "azure-pipelines*",
    "jenkinsfile*",
    ".buildkite",
    ".woodpecker*",
    ".drone.yml",
    ".drone.yaml",
    "bitbucket-pipelines.yml",
    "appveyor.yml",
    ".appveyor.yml",
    ".cirrus.yml",
    ".teamcity",
    ".forgejo/workflows",
    ".gitea/workflows",
    ".ci",
    "codeowners",
    ".gitmodules",
    ".husky",
    ".githooks",
    ".pre-commit-config.yaml",
    ".vscode",
    ".idea",
    "astra.toml",
    ".astra",
    "*.hddl",
    "venv",
    ".venv",
    "__pycache__",
    "node_modules",
];

/// What somebody wants to do with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read its contents.
    Read,
    /// Create, change or delete it.
    Write,
}

/// A rule of a policy that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("configuration: the rule {rule:?} {reason}")]
pub struct PolicyError {
    /// The rule as written.
    pub rule: String,
    /// Why it cannot work and what to write instead.
    pub reason: String,
}

/// What a policy is made of.
///
/// A rule is a glob: `*` and `?` stay within a name, `**` crosses. A rule that names a directory covers everything in it. A
/// rule without a slash forbids that name at any depth; in `allow` it stands at the top level (`src` is `src/…`, not
/// `a/src`), unless it has a wildcard (`*.py`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyOptions {
    /// The paths allowed; empty means the whole repository.
    pub allow: Vec<String>,
    /// Paths forbidden in addition to the built-in list.
    pub forbid: Vec<String>,
    /// The largest file that may be written, in bytes. Default 100 KiB.
    pub max_file_bytes: u64,
    /// The largest file that is read, in bytes. Default 16 MiB.
    pub max_read_bytes: u64,
}

impl Default for PolicyOptions {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            forbid: Vec::new(),
            max_file_bytes: 100 << 10,
            max_read_bytes: 16 << 20,
        }
    }
}

impl PolicyOptions {
    /// With this list of allowed paths.
    #[must_use]
    pub fn with_allow(mut self, rules: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allow = rules.into_iter().map(Into::into).collect();
        self
    }

    /// With this list of paths forbidden in addition.
    #[must_use]
    pub fn with_forbid(mut self, rules: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.forbid = rules.into_iter().map(Into::into).collect();
        self
    }

    /// With this limit for a file that is written, in bytes.
    #[must_use]
    pub fn with_max_file_bytes(mut self, bytes: u64) -> Self {
        self.max_file_bytes = bytes;
        self
    }
}

/// Compiled rules: forbidden beats allowed, whatever the order. Cheap to clone.
///
/// ```
/// use astraea_code_access::{Access, Policy, PolicyOptions, RepoPath};
/// let policy = Policy::new(PolicyOptions::default()).unwrap();
/// let may = |path: &str| policy.check(&RepoPath::new(path).unwrap(), Access::Write);
/// assert!(may("src/lib.rs").is_ok());
/// assert_eq!(may("a/.GIT./config").unwrap_err().code(), "access_denied:forbidden_path");
/// ```
#[derive(Debug, Clone)]
pub struct Policy {
    options: PolicyOptions,
    rules: Arc<Rules>,
}

#[derive(Debug)]
struct Rules {
    forbid: Set,
    allow: Option<Set>,
}

/// Globs, and the rule each came from.
#[derive(Debug)]
struct Set {
    globs: GlobSet,
    names: Vec<String>,
}

impl Set {
    fn new(rules: &[(String, bool)]) -> Result<Self, PolicyError> {
        let mut builder = GlobSetBuilder::new();
        let mut names = Vec::new();
        for (rule, anchored) in rules {
            for glob in globs(rule, *anchored) {
                let glob =
                    GlobBuilder::new(&glob).literal_separator(true).build().map_err(|e| {
                        PolicyError {
                            rule: rule.clone(),
                            reason: format!(
                                "is not a glob: {}; see the list of wildcards",
                                e.kind()
                            ),
                        }
                    })?;
                builder.add(glob);
                names.push(rule.clone());
            }
        }
        let globs = builder.build().map_err(|e| PolicyError {
            rule: e.glob().unwrap_or("").to_owned(),
            reason: format!("cannot be compiled: {}", e.kind()),
        })?;
        Ok(Self { globs, names })
    }

    fn find(&self, path: &[u8]) -> Option<&str> {
        let hits = self.globs.matches_candidate(&Candidate::from_bytes(path));
        hits.first().map(|at| self.names[*at].as_str())
    }
}

/// The built-in rule that a canonical path matches. They are simple enough not to be compiled: a name at any depth, perhaps
/// with a star at one end, or a path from the top level.
fn built_in(rules: &[&'static str], path: &str) -> Option<&'static str> {
    let matches = |rule: &str| {
        if rule.contains('/') {
            return path
                .strip_prefix(rule)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        }
        path.split('/').any(|name| match (rule.strip_prefix('*'), rule.strip_suffix('*')) {
            (Some(end), _) => name.ends_with(end),
            (_, Some(start)) => name.starts_with(start),
            _ => name == rule,
        })
    };
    rules.iter().copied().find(|rule| matches(rule))
}

/// The globs one rule stands for: the name itself and everything below it.
fn globs(rule: &str, anchored: bool) -> Vec<String> {
    let folded = fold(rule.trim_end_matches('/'), false);
    let folded = folded.trim_end_matches("/**");
    let bare = folded.trim_start_matches('/');
    let base = if folded.starts_with('/') || bare.contains('/') || anchored {
        bare.to_owned()
    } else {
        format!("**/{bare}")
    };
    vec![format!("{base}/**"), base]
}

/// NFC, lower case, without ignorable characters; with `name`, also without what file systems drop at the end of a name.
fn fold(text: &str, name: bool) -> String {
    let folded: String =
        text.nfc().filter(|c| !ignorable(*c)).flat_map(char::to_lowercase).nfc().collect();
    if name { folded.trim_end_matches(['.', ' ']).to_owned() } else { folded }
}

/// Characters that HFS+ leaves out when it compares names.
fn ignorable(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

/// The canonical form of one name, with its NTFS stream cut off if `cut`.
fn canonical_name(name: &[u8], cut: bool) -> String {
    let text = String::from_utf8_lossy(name);
    let text = match text.split_once(':') {
        Some((before, _)) if cut && !before.is_empty() => before,
        _ => &text,
    };
    let folded = fold(text, true);
    if folded.is_empty() { fold(text, false) } else { folded }
}

fn canonical(path: &RepoPath, cut: bool) -> String {
    path.components().map(|name| canonical_name(name, cut)).collect::<Vec<_>>().join("/")
}

/// Whether some file system takes this name for `.git`.
pub(crate) fn is_dot_git(name: &[u8]) -> bool {
    let name = canonical_name(name, true);
    name == ".git" || name.strip_prefix("git~").is_some_and(|n| n.parse::<u32>().is_ok())
}

/// Whether some file system takes a component of this path for `.git`.
pub(crate) fn enters_git(path: &RepoPath) -> bool {
    path.components().any(is_dot_git)
}

impl Policy {
    /// Compiles the rules.
    ///
    /// # Errors
    /// [`PolicyError`] for a rule that is malformed or can never match.
    pub fn new(options: PolicyOptions) -> Result<Self, PolicyError> {
        for rule in options.allow.iter().chain(&options.forbid) {
            well_formed(rule)?;
        }
        let forbid: Vec<_> = options.forbid.iter().map(|rule| (rule.clone(), false)).collect();
        let allow: Vec<_> = options
            .allow
            .iter()
            .map(|rule| (rule.clone(), !rule.contains(['*', '?', '[', '{'])))
            .collect();
        let rules = Rules {
            forbid: Set::new(&forbid)?,
            allow: if allow.is_empty() { None } else { Some(Set::new(&allow)?) },
        };
        let policy = Self { options, rules: Arc::new(rules) };
        for rule in &policy.options.allow {
            policy.can_match(rule)?;
        }
        Ok(policy)
    }

    /// The options it was made from.
    #[must_use]
    pub fn options(&self) -> &PolicyOptions {
        &self.options
    }

    /// An allow rule whose fixed part is forbidden can never match.
    fn can_match(&self, rule: &str) -> Result<(), PolicyError> {
        let fixed: Vec<&str> = rule
            .trim_matches('/')
            .split('/')
            .take_while(|part| !part.contains(['*', '?', '[', '{']))
            .collect();
        if let Ok(path) = RepoPath::new(fixed.join("/"))
            && let Err(AccessError::ForbiddenPath { rule: by, .. }) =
                self.forbidden(&path, Access::Read)
        {
            return Err(PolicyError {
                rule: rule.to_owned(),
                reason: format!(
                    "can never match: {by} is forbidden and forbidden beats allowed; remove it"
                ),
            });
        }
        Ok(())
    }

    /// Whether `path` may be accessed so.
    ///
    /// # Errors
    /// [`AccessError::ForbiddenPath`] or [`AccessError::NotInAllowedPaths`].
    pub fn check(&self, path: &RepoPath, access: Access) -> Result<(), AccessError> {
        self.forbidden(path, access)?;
        match &self.rules.allow {
            Some(allow) if allow.find(canonical(path, false).as_bytes()).is_none() => {
                Err(AccessError::NotInAllowedPaths { path: path.clone() })
            }
            _ => Ok(()),
        }
    }

    fn forbidden(&self, path: &RepoPath, access: Access) -> Result<(), AccessError> {
        let forbid = |rule: &str| {
            Err(AccessError::ForbiddenPath { path: path.clone(), rule: rule.to_owned() })
        };
        if enters_git(path) {
            return forbid(".git");
        }
        let find = |path: &str| {
            let built_in = built_in(FORBID_ALWAYS, path);
            let built_in = built_in.or_else(|| match access {
                Access::Read => None,
                Access::Write => self::built_in(FORBID_WRITE, path),
            });
            built_in.or_else(|| self.rules.forbid.find(path.as_bytes())).map(str::to_owned)
        };
        let whole = canonical(path, false);
        let hit = find(&whole).or_else(|| match whole.contains(':') {
            true => find(&canonical(path, true)),
            false => None,
        });
        match hit {
            Some(rule) => forbid(&rule),
            None => Ok(()),
        }
    }

    /// Whether a file of `size` bytes may be written.
    ///
    /// # Errors
    /// [`AccessError::FileTooLarge`].
    pub fn check_size(&self, path: &RepoPath, size: u64) -> Result<(), AccessError> {
        let limit = self.options.max_file_bytes;
        if size > limit {
            return Err(AccessError::FileTooLarge { path: path.clone(), size, limit });
        }
        Ok(())
    }
}

fn well_formed(rule: &str) -> Result<(), PolicyError> {
    let fail = |reason: &str| Err(PolicyError { rule: rule.to_owned(), reason: reason.to_owned() });
    let parts: Vec<&str> = rule.trim_start_matches('/').trim_end_matches('/').split('/').collect();
    if rule.trim_matches('/').is_empty() {
        return fail("can never match: it is empty; name a path such as src");
    }
    if rule.contains('\0') {
        return fail("can never match: it contains a NUL byte; remove it");
    }
    if rule.starts_with('!') {
        return fail("can never match: rules have no negation; write the opposite list");
    }
    if parts.contains(&"..") || parts.contains(&".") {
        return fail(
            "can never match: paths have no `.` or `..`; write it from the top level, like src/lib",
        );
    }
    if parts.contains(&"") {
        return fail("can never match: it has an empty component; remove the doubled slash");
    }
    if rule.starts_with("~/") || rule.starts_with("$HOME") {
        return fail(
            "can never match: paths are inside the repository; write it from the top level",
        );
    }
    if parts.iter().any(|part| part.len() > 255) {
        return fail("can never match: a component is longer than 255 bytes");
    }
    if parts.iter().any(|part| part.ends_with(['.', ' ']) && !part.chars().all(|c| c == '.')) {
        return fail(
            "can never match: a name ends in a dot or space, which names are compared without; remove it",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).unwrap()
    }

    fn check(options: PolicyOptions, given: &str, access: Access) -> &'static str {
        match Policy::new(options).unwrap().check(&path(given), access) {
            Ok(()) => "ok",
            Err(error) => error.code(),
        }
    }

    #[test]
    fn built_in_rules() {
        for name in [".env", "a/.env.local", "x/server.PEM", "id_rsa", ".ssh/config", "a/.git/HEAD"]
        {
            assert_eq!(
                check(PolicyOptions::default(), name, Access::Read),
                "access_denied:forbidden_path",
                "{name}"
            );
        }
        for name in [
            ".github/workflows/ci.yml",
            "astra.toml",
            "sub/astra.toml",
            "venv/x.py",
            ".gitmodules",
            "m.hddl",
        ] {
            assert_eq!(check(PolicyOptions::default(), name, Access::Read), "ok", "{name}");
            assert_eq!(
                check(PolicyOptions::default(), name, Access::Write),
                "access_denied:forbidden_path",
                "{name}"
            );
        }
        for name in [
            "src/lib.rs",
            ".gitignore",
            "environment.py",
            "src/git.rs",
            "keyboard.rs",
            "~/x",
            "$HOME/x",
            ".gitattributes",
        ] {
            assert_eq!(check(PolicyOptions::default(), name, Access::Write), "ok", "{name}");
        }
    }

    #[test]
    fn allow_is_anchored_and_a_prefix_of_components() {
        let allow = || PolicyOptions::default().with_allow(["src", "*.md"]);
        assert_eq!(check(allow(), "src/a/b.rs", Access::Write), "ok");
        assert_eq!(
            check(allow(), "src-evil/a.rs", Access::Write),
            "access_denied:not_in_allowed_paths"
        );
        assert_eq!(
            check(allow(), "a/src/b.rs", Access::Write),
            "access_denied:not_in_allowed_paths"
        );
        assert_eq!(check(allow(), "docs/x.md", Access::Write), "ok");
    }

    #[test]
    fn size_limit() {
        let policy = Policy::new(PolicyOptions::default()).unwrap();
        assert!(policy.check_size(&path("a"), 100 << 10).is_ok());
        let error = policy.check_size(&path("a"), (100 << 10) + 1).unwrap_err();
        assert_eq!(error.code(), "file_too_large");
    }
}

//! Where a remote lies, read out of its URL; a password in it is taken out and kept apart.

use std::fmt;

/// A text that is never shown: a token or a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// How git reaches a remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Https,
    /// Without encryption, which is accepted for this machine alone.
    Http,
    Ssh,
    File,
}

impl Transport {
    /// The word that `GIT_ALLOW_PROTOCOL` knows it by.
    pub(super) fn protocol(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::File => "file",
        }
    }
}

/// A remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) transport: Transport,
    /// The URL without user and password, except the user of ssh.
    pub(super) url: String,
    /// Host, with the port if the URL has one; empty for a path.
    pub(super) host: String,
    /// What comes after it, without `.git`: `owner/name`.
    pub(super) project: String,
    /// User and password, if the URL had them.
    pub(super) login: Option<(String, Token)>,
}

impl Place {
    /// Reads a URL; `Err` says what is wrong with it, without repeating it: it may hold a password.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let url = url.trim();
        if url.is_empty() || url.starts_with('-') || url.chars().any(char::is_control) {
            return Err("its URL is none".to_owned());
        }
        let Some((scheme, rest)) = url.split_once("://") else {
            if url.split('/').next().is_some_and(|first| first.contains("::")) {
                return Err("its URL names a helper program of git's, which is not run".to_owned());
            }
            return Ok(Self::without_scheme(url));
        };
        let transport = match scheme.to_ascii_lowercase().as_str() {
            "https" => Transport::Https,
            "http" => Transport::Http,
            "ssh" | "git+ssh" | "ssh+git" => Transport::Ssh,
            "file" => return Ok(Self::file(url, rest)),
            other => {
                let shown: String =
                    other.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
                return Err(format!(
                    "its URL begins with `{shown}://`; https, ssh and paths are accepted"
                ));
            }
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if host.is_empty() || host.starts_with('-') {
            return Err("its URL names no host".to_owned());
        }
        if transport == Transport::Http && !is_loopback(host) {
            return Err(format!("{host} is reached over plain http; use https or ssh"));
        }
        let ssh = transport == Transport::Ssh;
        let shown_user = user
            .filter(|_| ssh)
            .map(|user| format!("{}@", user.split(':').next().unwrap_or_default()))
            .unwrap_or_default();
        let login = user.filter(|_| !ssh).and_then(|user| {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            (!password.is_empty()).then(|| (decoded(name), Token::new(decoded(password))))
        });
        Ok(Self {
            transport,
            url: format!("{}://{shown_user}{host}/{path}", transport.protocol()),
            host: host.to_ascii_lowercase(),
            project: project(path),
            login,
        })
    }

    /// `user@host:path`, or a path.
    fn without_scheme(url: &str) -> Self {
        let (before, path) = url.split_once(':').unwrap_or((url, ""));
        let is_path = !url.contains(':') || before.contains('/') || before.is_empty();
        if is_path {
            return Self::file(url, url);
        }
        let host = before.rsplit_once('@').map_or(before, |(_, host)| host);
        Self {
            transport: Transport::Ssh,
            url: url.to_owned(),
            host: host.to_ascii_lowercase(),
            project: project(path),
            login: None,
        }
    }

    fn file(url: &str, path: &str) -> Self {
        Self {
            transport: Transport::File,
            url: url.to_owned(),
            host: String::new(),
            project: project(path.rsplit('/').next().unwrap_or_default()),
            login: None,
        }
    }

    /// The path of a remote that is a directory.
    pub(super) fn path(&self) -> Option<&str> {
        (self.transport == Transport::File)
            .then(|| self.url.strip_prefix("file://").unwrap_or(&self.url))
    }
}

fn project(path: &str) -> String {
    let path = path.trim_matches('/');
    path.strip_suffix(".git").unwrap_or(path).to_owned()
}

/// Whether a host (with or without a port) is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The percent escapes of a URL's user and password (RFC 3986, section 2.1) undone.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()).filter(|_| byte == b'%') {
            Some(value) => {
                out.push(value);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str) -> String {
        match Place::parse(url) {
            Ok(p) => format!("{:?} {} [{}] {}", p.transport, p.url, p.host, p.project),
            Err(why) => format!("no: {why}"),
        }
    }

    #[test]
    fn urls_as_they_are_written() {
        for (url, seen) in [
            ("https://github.com/a/b.git", "Https https://github.com/a/b.git [github.com] a/b"),
            ("git@gitlab.com:g/sub/b.git", "Ssh git@gitlab.com:g/sub/b.git [gitlab.com] g/sub/b"),
            ("ssh://git@h:22/a/b", "Ssh ssh://git@h:22/a/b [h:22] a/b"),
            ("/srv/b.git", "File /srv/b.git [] b"),
            ("../b.git", "File ../b.git [] b"),
            ("file:///srv/b.git", "File file:///srv/b.git [] b"),
            ("http://127.0.0.1:80/b.git", "Http http://127.0.0.1:80/b.git [127.0.0.1:80] b"),
            ("http://h/b.git", "no: h is reached over plain http; use https or ssh"),
            ("git://h/b", "no: its URL begins with `git://`; https, ssh and paths are accepted"),
            ("ext::sh -c x", "no: its URL names a helper program of git's, which is not run"),
            ("--upload-pack=x", "no: its URL is none"),
            ("https:///b", "no: its URL names no host"),
        ] {
            assert_eq!(check(url), seen);
        }
    }

    #[test]
    fn a_password_is_nowhere_but_in_the_login() {
        let place = Place::parse("https://me:s%3Acret@h/a/b.git").unwrap();
        assert_eq!(place.url, "https://h/a/b.git");
        let (user, token) = place.login.clone().unwrap();
        assert_eq!((user.as_str(), token.expose()), ("me", "s:cret"));
        assert!(!format!("{place:?}").contains(":cret"));
        assert_eq!(Place::parse("https://me@h/a").unwrap().login, None);
    }

    #[test]
    fn only_this_machine_is_this_machine() {
        for host in ["localhost", "127.0.0.1:8080", "[::1]:80", "127.9.9.9"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.evil.example", "128.0.0.1", "[fe80::1]", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}

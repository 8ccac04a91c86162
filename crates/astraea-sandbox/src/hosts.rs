//! Which hosts a command may reach, by name.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::SandboxError;

/// Hosts that a command may reach through a proxy, and nothing else.
///
/// Written `name` or `name:port`; `*.name` stands for every name below it. Without a port 443 and 80 are meant. An address in
/// place of a name, or `localhost`, is taken at its word; a name that leads to this machine itself or to link-local addresses
/// (where clouds keep keys) is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts(Vec<Rule>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    name: String,
    below: bool,
    port: Option<u16>,
}

impl Hosts {
    /// Reads the names.
    ///
    /// # Errors
    /// [`SandboxError::InvalidSpec`] for the first that names no host.
    pub fn parse<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Self, SandboxError> {
        names.into_iter().map(|name| Rule::parse(name.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every host of `self` is one of `other`'s.
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        self.0.iter().all(|rule| other.0.iter().any(|other| other.covers(rule)))
    }

    /// Whether `name` may be reached at `port`.
    #[must_use]
    pub fn allow(&self, name: &str, port: u16) -> bool {
        self.rule(name, port).is_some()
    }

    fn rule(&self, name: &str, port: u16) -> Option<&Rule> {
        let name = plain(name);
        self.0.iter().find(|rule| rule.port_fits(port) && rule.name_fits(&name))
    }

    /// Whether a connection to `address`, which `name` led to, is meant.
    #[must_use]
    pub fn allow_address(&self, name: &str, port: u16, address: IpAddr) -> bool {
        let Some(rule) = self.rule(name, port) else { return false };
        let literal = rule.name.parse::<IpAddr>().is_ok() || rule.name == "localhost";
        literal || is_elsewhere(address)
    }
}

/// Whether an address is neither this machine nor what only its own link knows.
fn is_elsewhere(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !(v4.is_loopback()
                || v4.is_unspecified()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.octets()[0] == 0)
        }
        IpAddr::V6(v6) => match inner(v6) {
            Some(v4) => is_elsewhere(v4),
            None => {
                !(v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || (v6.segments()[0] & 0xffc0) == 0xfe80)
            }
        },
    }
}

/// The address of the older protocol that one of the newer stands for.
fn inner(v6: Ipv6Addr) -> Option<IpAddr> {
    match v6.segments() {
        // ::ffff:a.b.c.d, ::a.b.c.d and the translating prefix 64:ff9b::
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {}
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => {}
        _ => return None,
    }
    let o = v6.octets();
    Some(IpAddr::from([o[12], o[13], o[14], o[15]]))
}

/// A name as it is compared: small letters, no brackets, no dot at its end.
fn plain(name: &str) -> String {
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

impl Rule {
    fn parse(text: &str) -> Result<Self, SandboxError> {
        let bad = |reason| {
            SandboxError::InvalidSpec(format!(
                "`{text}` names no host: {reason}; write `crates.io`, `*.crates.io` or `localhost:8080`"
            ))
        };
        let (name, port) = split(text).ok_or_else(|| bad("its port is no number"))?;
        let (name, below) = match name.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (name, false),
        };
        let name = plain(name);
        let address = name.parse::<IpAddr>().is_ok();
        if name.is_empty() {
            return Err(bad("it is empty"));
        }
        let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !address && (!name.chars().all(letter) || name.split('.').any(str::is_empty)) {
            return Err(bad("it holds what no name of a host holds"));
        }
        if below && (address || !name.contains('.')) {
            return Err(bad("a star stands for names below one with a dot"));
        }
        Ok(Self { name, below, port })
    }

    fn port_fits(&self, port: u16) -> bool {
        self.port.map_or(matches!(port, 443 | 80), |own| own == port)
    }

    fn name_fits(&self, name: &str) -> bool {
        match self.below {
            true => name.strip_suffix(&self.name).is_some_and(|rest| rest.ends_with('.')),
            false => name == self.name,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        let names = match (self.below, other.below) {
            (false, true) => false,
            (true, true) => self.name == other.name || self.name_fits(&other.name),
            _ => self.name_fits(&other.name),
        };
        names
            && match (self.port, other.port) {
                (own, Some(port)) => own.map_or(matches!(port, 443 | 80), |own| own == port),
                (own, None) => own.is_none(),
            }
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, rule) in self.0.iter().enumerate() {
            let star = if rule.below { "*." } else { "" };
            write!(f, "{}{star}{}", if n > 0 { ", " } else { "" }, rule.name)?;
            if let Some(port) = rule.port {
                write!(f, ":{port}")?;
            }
        }
        Ok(())
    }
}

/// Name and port; `None` where the port is none. An address of the newer protocol with a port has brackets.
pub(crate) fn split(text: &str) -> Option<(&str, Option<u16>)> {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, "")) => (name, None),
        Some((name, rest)) => (name, Some(rest.strip_prefix(':')?)),
        None if text.matches(':').count() > 1 => (text, None),
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        },
    };
    match port {
        None => Some((name, None)),
        Some(port) => port.parse().ok().filter(|port| *port != 0).map(|port| (name, Some(port))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(names: &[&str]) -> Hosts {
        Hosts::parse(names).unwrap()
    }

    #[test]
    fn a_name_is_that_name_and_a_star_what_is_below() {
        let hosts = hosts(&["crates.io", "*.example.org", "localhost:8080"]);
        for (name, port, allowed) in [
            ("crates.io", 443, true),
            ("CRATES.io.", 80, true),
            ("crates.io", 22, false),
            ("evilcrates.io", 443, false),
            ("crates.io.evil.org", 443, false),
            ("a.crates.io", 443, false),
            ("a.b.example.org", 443, true),
            ("example.org", 443, false),
            ("evilexample.org", 443, false),
            ("localhost", 8080, true),
            ("localhost", 443, false),
            ("", 443, false),
        ] {
            assert_eq!(hosts.allow(name, port), allowed, "{name}:{port}");
        }
        assert_eq!(hosts.to_string(), "crates.io, *.example.org, localhost:8080");
    }

    #[test]
    fn what_names_no_host_is_said() {
        for name in [
            "",
            "a b",
            "http://x.org",
            "x.org:0",
            "x.org:http",
            "*.org",
            "*",
            "a..b",
            "x/y",
            "*.127.0.0.1",
        ] {
            assert!(Hosts::parse([name]).is_err(), "{name}");
        }
        for name in ["::1", "[::1]:80", "127.0.0.1:80", "a-b.c_d.e"] {
            assert!(Hosts::parse([name]).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_name_does_not_lead_back_here_unless_it_says_so() {
        let named = hosts(&["x.org", "localhost", "169.254.1.1", "::1"]);
        for (name, address, allowed) in [
            ("x.org", "93.184.216.34", true),
            ("x.org", "10.0.0.1", true),
            ("x.org", "127.0.0.1", false),
            ("x.org", "169.254.169.254", false),
            ("x.org", "0.0.0.0", false),
            ("x.org", "::1", false),
            ("x.org", "fe80::1", false),
            ("x.org", "::ffff:127.0.0.1", false),
            ("x.org", "64:ff9b::7f00:1", false),
            ("x.org", "::127.0.0.1", false),
            ("x.org", "2606:2800:220:1::1", true),
            ("localhost", "127.0.0.1", true),
            ("169.254.1.1", "169.254.1.1", true),
            ("::1", "::1", true),
            ("y.org", "93.184.216.34", false),
        ] {
            assert_eq!(
                named.allow_address(name, 443, address.parse().unwrap()),
                allowed,
                "{name} {address}"
            );
        }
    }

    #[test]
    fn narrower_is_within_wider() {
        let wide = hosts(&["*.example.org", "crates.io"]);
        assert!(hosts(&["a.example.org", "*.b.example.org", "crates.io:443"]).within(&wide));
        for more in [["example.org"], ["*.org.uk"], ["crates.io:22"], ["*.crates.io"]] {
            assert!(!hosts(&more).within(&wide), "{more:?}");
        }
        assert!(hosts(&[]).within(&hosts(&[])));
    }
}

//! Who is at the other end of a loopback connection: the kernel says so.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::{extract::connect_info::Connected, serve::IncomingStream};
use tokio::net::TcpListener;

/// Both ends of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) remote: SocketAddr,
    pub(crate) local: Option<SocketAddr>,
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self { remote: *stream.remote_addr(), local: stream.io().local_addr().ok() }
    }
}

impl Peer {
    /// Whether the socket at the other end belongs to this process's user. False wherever that cannot be said.
    pub(crate) fn is_same_user(&self) -> bool {
        let Some(local) = self.local else { return false };
        if !plain(self.remote.ip()).is_loopback() || !plain(local.ip()).is_loopback() {
            return false;
        }
        let own = rustix::process::getuid().as_raw();
        ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|path| {
            #[expect(clippy::disallowed_methods, reason = "a table of the kernel, not a file")]
            let table = std::fs::read_to_string(path).unwrap_or_default();
            owner(&table, self.remote, local) == Some(own)
        })
    }
}

/// The user of the socket that is bound to `socket` and connected to `to`, by the kernel's table.
fn owner(table: &str, socket: SocketAddr, to: SocketAddr) -> Option<u32> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (at, connected, state) = (fields.next()?, fields.next()?, fields.next()?);
        // 01 is an established connection.
        let same = |hex: &str, address: SocketAddr| {
            parse(hex).is_some_and(|(ip, port)| ip == plain(address.ip()) && port == address.port())
        };
        if state != "01" || !same(at, socket) || !same(connected, to) {
            return None;
        }
        fields.nth(3)?.parse().ok()
    })
}

/// `0100007F:1F40`: each group of four bytes is in the machine's order.
fn parse(text: &str) -> Option<(IpAddr, u16)> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::new();
    for word in ip.as_bytes().chunks(8) {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
    let ip = match bytes.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => return None,
    };
    Some((plain(ip), port))
}

/// An IPv4 address that is written as an IPv6 one, as IPv4.
fn plain(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1
   1: 0100007F:C001 0100007F:1F40 01 00000000:00000000 00:00000000 00000000  1001        0 2 1
   2: 0000000000000000FFFF00000100007F:C002 0000000000000000FFFF00000100007F:1F40 01 00000000:00000000 00:00000000 00000000  1002 0 3 1
";

    #[test]
    fn the_kernels_table_names_the_owner() {
        let server = "127.0.0.1:8000".parse().unwrap();
        let of = |client: &str| owner(TABLE, client.parse().unwrap(), server);
        assert_eq!(of("127.0.0.1:49153"), Some(1001));
        assert_eq!(of("127.0.0.1:49154"), Some(1002));
        assert_eq!(of("127.0.0.1:49155"), None);
        assert_eq!(owner(TABLE, server, "0.0.0.0:0".parse().unwrap()), None);
        for bad in ["", "x\ny", "h\n 0: zz:zz 0:0 01", "h\n 0: é:1 2:3 01 4 5 6 7"] {
            assert_eq!(owner(bad, server, server), None);
        }
    }
}

//! The way out for commands that may reach named hosts: a proxy of ours, on a socket of theirs.
//!
//! The command has a network of its own, in which only the loopback device is. The helper opens a listening socket there and
//! hands its descriptor to us; we accept on it and connect from the host's network, to hosts that were named and to no others.
//! So nothing but this one socket leads out. Clients speak HTTP to it (RFC 9110, section 9.3.6, `CONNECT`; RFC 9112, section
//! 3.2.2, the absolute form). What is said inside a tunnel is not looked at.

use std::collections::BTreeMap;
use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

use crate::hosts::split;
use crate::{HostUse, Hosts};

/// Connections at the same time.
const MOST: usize = 128;
/// The longest head of a request, in bytes.
const HEAD: usize = 16 << 10;
/// How long a client may take for its request, and a host to answer the call.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was asked for, by name and port: how often it was let through, and how often not.
#[derive(Debug, Default)]
struct Log(Mutex<BTreeMap<(String, u16), HostUse>>);

impl Log {
    fn note(&self, name: &str, port: u16, allowed: bool) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A command that asks for ever new names fills no memory.
        if uses.len() >= 1000 {
            return;
        }
        let name: String = name.chars().take(255).collect();
        let entry = uses.entry((name.clone(), port)).or_insert(HostUse {
            host: name,
            port,
            allowed: 0,
            refused: 0,
        });
        *if allowed { &mut entry.allowed } else { &mut entry.refused } += 1;
    }
}

/// A proxy for one command. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Closing it stops the thread.
    _stop: OwnedFd,
    log: Arc<Log>,
}

impl Proxy {
    /// Starts a thread that waits for the socket from the helper and serves it.
    pub(crate) fn start(from_helper: OwnedFd, hosts: Hosts) -> io::Result<Self> {
        let (stopped, stop) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let log = Arc::new(Log::default());
        let shared = Arc::new(Shared { hosts, log: log.clone() });
        std::thread::Builder::new().name("astraea-proxy".into()).spawn(move || {
            let served = receive(&from_helper, &stopped)
                .and_then(|listener| listener.map_or(Ok(()), |l| serve(&l, &stopped, &shared)));
            if let Err(error) = served {
                tracing::warn!(%error, "the proxy of a command has ended");
            }
        })?;
        Ok(Self { _stop: stop, log })
    }

    /// The hosts that were asked for, by name.
    pub(crate) fn uses(&self) -> Vec<HostUse> {
        let uses = self.log.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.values().cloned().collect()
    }
}

struct Shared {
    hosts: Hosts,
    log: Arc<Log>,
}

/// Waits until `fd` can be read; false when it is to stop.
fn wait(fd: impl AsFd, stopped: &OwnedFd) -> io::Result<bool> {
    loop {
        let mut fds = [PollFd::new(&fd, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        match rustix::event::poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) if !fds[1].revents().is_empty() => return Ok(false),
            Ok(_) => return Ok(true),
        }
    }
}

fn receive(from: &OwnedFd, stopped: &OwnedFd) -> io::Result<Option<TcpListener>> {
    if !wait(from, stopped)? {
        return Ok(None);
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let flags = RecvFlags::CMSG_CLOEXEC;
    rustix::net::recvmsg(from, &mut [IoSliceMut::new(&mut byte)], &mut control, flags)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut fds) = message
            && let Some(fd) = fds.next()
        {
            return Ok(Some(TcpListener::from(fd)));
        }
    }
    // The helper ended before it came to this.
    Ok(None)
}

/// The connections that are open, each by a number.
type Streams = Arc<Mutex<BTreeMap<u64, TcpStream>>>;

/// Ends a connection, for whoever still reads from it, and forgets it.
fn end(streams: &Streams, number: u64) {
    let mut streams = streams.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(stream) = streams.remove(&number) {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

fn serve(listener: &TcpListener, stopped: &OwnedFd, shared: &Arc<Shared>) -> io::Result<()> {
    let streams = Streams::default();
    let mut number = 0;
    while wait(listener, stopped)? {
        let Ok((client, _)) = listener.accept() else { continue };
        let open = streams.lock().map_or(MOST, |streams| streams.len());
        let Some(handle) = client.try_clone().ok().filter(|_| open < MOST) else { continue };
        number += 1;
        streams.lock().unwrap_or_else(PoisonError::into_inner).insert(number, handle);
        let (shared, all, number) = (shared.clone(), streams.clone(), number);
        let started = std::thread::Builder::new().name("astraea-proxied".into()).spawn(move || {
            // A client that goes away, or a host that does: nothing to tell anybody.
            let _ = exchange(client, &shared);
            end(&all, number);
        });
        if started.is_err() {
            end(&streams, number);
        }
    }
    // The command is gone: what it was talking about ends too.
    for (_, stream) in streams.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let _ = stream.shutdown(Shutdown::Both);
    }
    Ok(())
}

/// One connection of the command.
fn exchange(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    let (head, rest) = head(&mut client)?;
    let Some(request) = Request::read(&head) else {
        return answer(&mut client, "400 Bad Request", "this is a proxy for named hosts");
    };
    let Request { name, port, forward } = request;
    let refusal = match reach(&name, port, &shared.hosts) {
        Ok(host) => {
            shared.log.note(&name, port, true);
            return relay(client, host, forward, &rest);
        }
        Err(refusal) => refusal,
    };
    match refusal {
        Refusal::NotNamed => {
            shared.log.note(&name, port, false);
            let said = format!("{name}:{port} is none of the hosts that this command may reach");
            answer(&mut client, "403 Forbidden", &said)
        }
        Refusal::NotThere(error) => {
            shared.log.note(&name, port, true);
            answer(&mut client, "502 Bad Gateway", &format!("{name}:{port}: {error}"))
        }
    }
}

/// The head of a request, with its empty line, and what came after it.
fn head(client: &mut TcpStream) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(at + 4);
            return Ok((bytes, rest));
        }
        let n = if bytes.len() > HEAD { 0 } else { client.read(&mut buffer)? };
        if n == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        bytes.extend_from_slice(&buffer[..n]);
    }
}

/// Where a client wants to go.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    name: String,
    port: u16,
    /// What the host is sent first; `None` for a tunnel.
    forward: Option<Vec<u8>>,
}

impl Request {
    fn read(head: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(head).ok()?;
        let (line, fields) = text.split_once("\r\n")?;
        let mut words = line.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || !version.starts_with("HTTP/1.") {
            return None;
        }
        if method == "CONNECT" {
            let (name, port) = split(target)?;
            return Some(Self { name: name.to_owned(), port: port?, forward: None });
        }
        let rest = target.strip_prefix("http://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        // A name before an @ is a way to hide the host.
        let (name, port) = split(authority).filter(|_| !authority.contains('@'))?;
        let slash = if path.starts_with('/') { "" } else { "/" };
        let mut forward = format!("{method} {slash}{path} {version}\r\nHost: {authority}\r\n");
        for field in fields.split("\r\n").take_while(|field| !field.is_empty()) {
            let key = field.split(':').next()?.trim().to_ascii_lowercase();
            // One request a connection: the next may be meant for another host.
            if !matches!(&*key, "host" | "connection" | "proxy-connection" | "proxy-authorization")
            {
                forward.push_str(field);
                forward.push_str("\r\n");
            }
        }
        forward.push_str("Connection: close\r\n\r\n");
        let port = port.unwrap_or(80);
        Some(Self { name: name.to_owned(), port, forward: Some(forward.into_bytes()) })
    }
}

enum Refusal {
    NotNamed,
    NotThere(io::Error),
}

fn reach(name: &str, port: u16, hosts: &Hosts) -> Result<TcpStream, Refusal> {
    if !hosts.allow(name, port) {
        return Err(Refusal::NotNamed);
    }
    let found = (name, port).to_socket_addrs().map_err(Refusal::NotThere)?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name leads nowhere");
    let mut refused = false;
    for address in found {
        if !hosts.allow_address(name, port, address.ip()) {
            refused = true;
            continue;
        }
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(if refused { Refusal::NotNamed } else { Refusal::NotThere(last) })
}

fn answer(client: &mut TcpStream, status: &str, said: &str) -> io::Result<()> {
    let length = said.len() + 1;
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{said}\n"
    );
    client.write_all(head.as_bytes())
}

/// Passes bytes both ways until both sides have ended.
fn relay(
    mut client: TcpStream,
    mut host: TcpStream,
    forward: Option<Vec<u8>>,
    rest: &[u8],
) -> io::Result<()> {
    client.set_read_timeout(None)?;
    match &forward {
        None => client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?,
        Some(head) => host.write_all(head)?,
    }
    host.write_all(rest)?;
    let (mut up_from, mut up_to) = (client.try_clone()?, host.try_clone()?);
    let up = std::thread::Builder::new().name("astraea-proxied".into()).spawn(move || {
        let _ = io::copy(&mut up_from, &mut up_to);
        let _ = up_to.shutdown(Shutdown::Write);
    })?;
    let down = io::copy(&mut host, &mut client);
    // With the answer the exchange is over; a client that is still sending sends to nobody.
    let _ = client.shutdown(Shutdown::Both);
    let _ = host.shutdown(Shutdown::Both);
    let _ = up.join();
    down.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, u16, Option<String>)> {
        Request::read(text.as_bytes())
            .map(|r| (r.name, r.port, r.forward.map(|head| String::from_utf8(head).unwrap())))
    }

    #[test]
    fn a_tunnel_and_a_request_are_told_apart() {
        assert_eq!(
            read("CONNECT x.org:443 HTTP/1.1\r\nHost: y.org\r\n\r\n"),
            Some(("x.org".into(), 443, None))
        );
        let (name, port, head) = read(
            "GET http://x.org?q HTTP/1.1\r\nHost: y.org\r\nConnection: keep-alive\r\nA: b\r\n\r\n",
        )
        .unwrap();
        assert_eq!((&*name, port), ("x.org", 80));
        assert_eq!(
            head.unwrap(),
            "GET /?q HTTP/1.1\r\nHost: x.org\r\nA: b\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn what_hides_its_host_is_no_request() {
        for text in [
            "GET /local HTTP/1.1\r\n\r\n",
            "GET http://x.org@y.org/ HTTP/1.1\r\n\r\n",
            "GET https://x.org/ HTTP/1.1\r\n\r\n",
            "CONNECT x.org HTTP/1.1\r\n\r\n",
            "CONNECT x.org:99999 HTTP/1.1\r\n\r\n",
            "CONNECT x.org:443 y HTTP/1.1\r\n\r\n",
            "CONNECT x.org:443 SSH/2\r\n\r\n",
            "nonsense",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}

//! The command's side of the proxy: a listening socket in its own network, handed to the program outside.

use std::ffi::OsString;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

/// Opens the socket, hands it over, and gives the variables that tell programs of it.
pub(super) fn open(to_program: &OwnedFd) -> io::Result<Vec<(OsString, OsString)>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let fds = [listener.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::Error::other("no room for a descriptor"));
    }
    rustix::net::sendmsg(to_program, &[IoSlice::new(b"l")], &mut control, SendFlags::empty())?;
    let proxy = format!("http://127.0.0.1:{port}");
    let mut variables = Vec::new();
    for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
        variables.push((name.into(), proxy.clone().into()));
    }
    for name in ["no_proxy", "NO_PROXY"] {
        variables.push((name.into(), "localhost,127.0.0.1,::1".into()));
    }
    Ok(variables)
}

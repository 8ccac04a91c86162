//! The network is off unless the request says so.

use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use astraea_sandbox::Tier;

use crate::actor::{act, act_with};
use crate::support::{marker, read_only};

#[test]
fn case_64_no_socket_reaches_outside() {
    for tier in [Tier::A, Tier::B] {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        // A socket file where files of the host are seen: mounted read-only, as a docker.sock
        // outside /run would be.
        let dir = crate::support::folder();
        let path = dir.path().join("socket");
        let unix = UnixListener::bind(&path).unwrap();
        let name = marker("abstract");
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let hidden = UnixListener::bind_addr(&address).unwrap();
        for listener in [&unix, &hidden] {
            listener.set_nonblocking(true).unwrap();
        }
        tcp.set_nonblocking(true).unwrap();
        udp.set_nonblocking(true).unwrap();
        let args = [
            tcp.local_addr().unwrap().to_string(),
            udp.local_addr().unwrap().to_string(),
            path.to_str().unwrap().to_owned(),
            name,
        ];
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let said = act(tier, "sockets", &args, vec![read_only(dir.path(), dir.path())]);
        assert_eq!(said.len(), 6, "{said:?}");
        let silent = |kind: std::io::Result<()>| kind.unwrap_err().kind() == ErrorKind::WouldBlock;
        assert!(silent(tcp.accept().map(drop)), "tier {tier}: {said:?}");
        assert!(silent(udp.recv(&mut [0; 8]).map(drop)), "tier {tier}: {said:?}");
        assert!(silent(unix.accept().map(drop)), "tier {tier}: {said:?}");
        assert!(silent(hidden.accept().map(drop)), "tier {tier}: {said:?}");
        for line in &said {
            // A datagram to an address of one's own loopback goes nowhere and is no error.
            assert!(!line.ends_with(": ok") || line == "udp: ok", "tier {tier}: {said:?}");
        }
    }
}

#[test]
fn a_test_may_talk_to_itself() {
    assert_eq!(act(Tier::A, "loopback", &[], vec![]), ["own loopback: ok"]);
}

#[test]
fn the_network_can_be_had_when_asked_for() {
    for tier in [Tier::A, Tier::B] {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap().to_string();
        let name = marker("abstract");
        let at = SocketAddr::from_abstract_name(&name).unwrap();
        let _hidden = UnixListener::bind_addr(&at).unwrap();
        let args = [&*address, "127.0.0.1:9", "/no/such", &*name];
        let said = act_with(tier, "sockets", &args, vec![], |spec| spec.with_network(true));
        assert!(said.contains(&"tcp: ok".to_owned()), "{said:?}");
        // Abstract sockets of the host come with its network; Landlock keeps them away.
        assert!(said.contains(&"abstract: EPERM".to_owned()), "{said:?}");
        assert!(said.contains(&"vsock: EAFNOSUPPORT".to_owned()), "{said:?}");
    }
}

#[test]
fn calls_that_lead_out_are_refused() {
    for tier in [Tier::A, Tier::B] {
        let said = act(tier, "calls", &[], vec![]);
        let expected = [
            "io_uring_setup: ENOSYS",
            "ptrace: EPERM",
            "keyctl: EPERM",
            "bpf: EPERM",
            "userfaultfd: EPERM",
            "mount: EPERM",
            "open_tree: EPERM",
            "fsopen: EPERM",
            "setns: EPERM",
            "unshare: EPERM",
            "clone3: ENOSYS",
            "perf_event_open: EPERM",
            "clone newuser: EPERM",
            "tiocsti: EPERM",
            #[cfg(target_arch = "x86_64")]
            "x32 getpid: ENOSYS",
        ];
        assert_eq!(said, expected);
    }
}

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

/// A web server on the loopback interface that answers one word and says what it was asked.
fn server() -> (u16, std::sync::mpsc::Receiver<String>) {
    use std::io::{BufRead, BufReader, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let mut head = String::new();
            while let Some(Ok(line)) = lines.next() {
                if line.is_empty() {
                    break;
                }
                head += &format!("{line}\n");
            }
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello");
            let _ = sender.send(head);
        }
    });
    (port, asked)
}

/// Asks the proxy as a program would, with nothing but a shell.
const ASK: &str = r#"
    proxy=${HTTP_PROXY#http://}
    exec 3<>/dev/tcp/${proxy%:*}/${proxy#*:} || exit 9
    printf "$1" >&3
    cat <&3
"#;

fn ask(hosts: &[String], request: &str) -> astraea_sandbox::Finished {
    let hosts = astraea_sandbox::Hosts::parse(hosts).unwrap();
    let spec = astraea_sandbox::CommandSpec::new(["/bin/bash", "-c", ASK, "ask", request]);
    crate::support::run(Tier::A, &spec.with_hosts(hosts))
}

#[test]
fn a_named_host_is_reached_through_the_proxy_and_no_other() {
    let (port, asked) = server();
    let named = [format!("localhost:{port}")];
    let whole =
        ask(&named, &format!("GET http://localhost:{port}/x HTTP/1.0\\r\\nA: b\\r\\n\\r\\n"));
    assert!(whole.stdout.text().ends_with("hello"), "{whole:?}");
    assert!(asked.recv().unwrap().starts_with("GET /x HTTP/1.0\n"));
    let tunnel = ask(
        &named,
        &format!("CONNECT localhost:{port} HTTP/1.1\\r\\n\\r\\nGET /y HTTP/1.0\\r\\n\\r\\n"),
    );
    assert!(tunnel.stdout.text().ends_with("hello"), "{tunnel:?}");
    assert_eq!(asked.recv().unwrap(), "GET /y HTTP/1.0\n");
    let uses: Vec<_> =
        tunnel.hosts.iter().map(|u| (&*u.host, u.port, u.allowed, u.refused)).collect();
    assert_eq!(uses, [("localhost", port, 1, 0)]);
    // The same server by another name, another port of the same name, and a name that hides it.
    for target in [format!("127.0.0.1:{port}"), "localhost:1".to_owned(), format!("[::1]:{port}")] {
        let refused = ask(&named, &format!("CONNECT {target} HTTP/1.1\\r\\n\\r\\n"));
        assert!(refused.stdout.text().starts_with("HTTP/1.1 403 "), "{refused:?}");
        assert_eq!((refused.hosts[0].allowed, refused.hosts[0].refused), (0, 1));
    }
    assert!(asked.try_recv().is_err(), "nothing else reached it");
}

#[test]
fn past_the_proxy_there_is_no_way() {
    let (port, asked) = server();
    let hosts = astraea_sandbox::Hosts::parse([format!("localhost:{port}")]).unwrap();
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{port} && echo through; exec 3<>/dev/udp/127.0.0.1/{port}; echo no"
    );
    let spec = astraea_sandbox::CommandSpec::new(["/bin/bash", "-c", &script]).with_hosts(hosts);
    let finished = crate::support::run(Tier::A, &spec);
    assert!(!finished.stdout.text().contains("through"), "{finished:?}");
    assert!(asked.try_recv().is_err());
    assert!(finished.hosts.is_empty());
}

#[test]
fn where_there_is_no_network_of_its_own_named_hosts_are_refused() {
    let hosts = astraea_sandbox::Hosts::parse(["localhost"]).unwrap();
    let spec = crate::support::script("true").with_hosts(hosts);
    let error = crate::support::try_run(Tier::B, &spec).unwrap_err().to_string();
    assert!(error.contains("no network of its own"), "{error}");
}

#[test]
fn what_a_command_was_talking_about_ends_with_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let hosts = [format!("localhost:{port}")];
    let ended = std::thread::spawn(move || {
        use std::io::Read;
        let (mut stream, _) = listener.accept().unwrap();
        stream.read(&mut [0]).unwrap()
    });
    // It leaves a child behind that holds the connection, and ends.
    let script = format!(
        "proxy=${{HTTP_PROXY#http://}}; exec 3<>/dev/tcp/${{proxy%:*}}/${{proxy#*:}}; printf 'CONNECT localhost:{port} HTTP/1.1\\r\\n\\r\\n' >&3; read line <&3; sleep 1000 & exit 0"
    );
    let spec = astraea_sandbox::CommandSpec::new(["/bin/bash", "-c", &script]);
    let spec = spec.with_hosts(astraea_sandbox::Hosts::parse(hosts).unwrap());
    assert!(crate::support::run(Tier::A, &spec).success());
    assert_eq!(ended.join().unwrap(), 0, "the host sees the end");
}

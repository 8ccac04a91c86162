//! Talking to a process.

use std::time::Duration;

use astraea_sandbox::{Exit, Limits, SandboxError, Stdin, Tier};

use crate::support::{alive, marker, sandbox, script, within};

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn lines_go_there_and_back() {
    for tier in [Tier::A, Tier::B] {
        block_on(async {
            let spec = script(
                "while read line; do echo \"got $line\"; done; echo bye; echo err >&2; exit 4",
            )
            .with_stdin(Stdin::Pipe);
            let mut session = sandbox(tier).spawn(&spec).await.unwrap();
            for word in ["one", "two"] {
                session.write_line(word).await.unwrap();
                let line = session.read_line().await.unwrap().unwrap();
                assert_eq!(line, format!("got {word}").as_bytes());
            }
            assert!(!session.has_ended());
            session.close_stdin();
            assert_eq!(session.read_line().await.unwrap().unwrap(), b"bye");
            let finished = session.wait().await.unwrap();
            assert_eq!((finished.exit, finished.tier), (Exit::Code(4), tier));
            assert_eq!(finished.stderr.text(), "err\n");
        });
    }
}

#[test]
fn counted_bytes_and_the_rest() {
    block_on(async {
        let spec = script("printf 'abcdef\\nlast'");
        let mut session = sandbox(Tier::A).spawn(&spec).await.unwrap();
        assert_eq!(session.read_exact(4).await.unwrap(), b"abcd");
        assert_eq!(session.read_line().await.unwrap().unwrap(), b"ef");
        assert_eq!(session.read_line().await.unwrap().unwrap(), b"last");
        assert_eq!(session.read_line().await.unwrap(), None);
        assert!(session.read_exact(1).await.is_err());
        assert!(matches!(session.write(b"x").await, Err(SandboxError::NotOpen(_))));
        assert!(session.wait().await.unwrap().success());
    });
}

#[test]
fn an_endless_line_is_an_error_not_a_flood() {
    block_on(async {
        let spec = script("head -c 100000000 /dev/zero")
            .with_limits(Limits::default().with_line_bytes(50_000));
        let mut session = sandbox(Tier::A).spawn(&spec).await.unwrap();
        let error = session.read_line().await.unwrap_err();
        assert!(matches!(error, SandboxError::LineTooLong { limit: 50_000 }), "{error}");
        session.kill_tree();
        assert_eq!(session.wait().await.unwrap().exit, Exit::Cancelled);
    });
}

#[test]
fn reading_and_writing_at_the_same_time() {
    block_on(async {
        let spec = script("cat").with_stdin(Stdin::Pipe);
        let mut session = sandbox(Tier::A).spawn(&spec).await.unwrap();
        let (mut stdin, mut stdout) =
            (session.take_stdin().unwrap(), session.take_stdout().unwrap());
        let big = "x".repeat(300_000);
        let writing = async move {
            stdin.write_line(&big).await.unwrap();
        };
        let (line, ()) = tokio::join!(stdout.read_line(), writing);
        assert_eq!(line.unwrap().unwrap().len(), 300_000);
        assert!(session.wait().await.unwrap().success());
    });
}

#[test]
fn limits_hold_while_nobody_looks() {
    block_on(async {
        let marker = marker("session");
        let spec = script(&format!("sleep 20; : {marker}"))
            .with_limits(Limits::default().with_wall(Duration::from_millis(200)));
        let session = sandbox(Tier::A).spawn(&spec).await.unwrap();
        tokio::time::timeout(Duration::from_secs(5), async {
            while !session.has_ended() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap();
        assert_eq!(alive(&marker), 0);
        assert_eq!(session.wait().await.unwrap().exit, Exit::TimedOut);
    });
}

#[test]
fn dropping_kills_the_tree() {
    for tier in [Tier::A, Tier::B] {
        let marker = marker("drop");
        block_on(async {
            let text = format!(
                "(setsid sleep 20 {marker} 2> /dev/null &); setsid sh -c 'sleep 20; : {marker}'"
            );
            let session = sandbox(tier).spawn(&script(&text)).await.unwrap();
            within(Duration::from_secs(5), || alive(&marker) > 0);
            drop(session);
        });
        within(Duration::from_secs(1), || alive(&marker) == 0);
    }
}

//! Nothing outlives its run.

use std::time::{Duration, Instant};

use astraea_sandbox::{CommandSpec, Exit, Limits, Tier};
use tokio_util::sync::CancellationToken;

use crate::support::{alive, marker, run, sandbox, script, within};

/// Leaves its session, forks twice, ignores the polite signals, and forks again for ever. Each of
/// its processes ends by itself after some seconds, should everything fail.
fn escape_artist(marker: &str) -> CommandSpec {
    let text = r#"
        trap '' TERM HUP INT QUIT
        hide() { trap '' TERM HUP INT QUIT; n=0; while [ $n -lt 100 ]; do n=$((n+1)); sleep 0.1; done; }
        case "$2" in
            fork) hide ;;
            *) setsid sh -c "$0" "$0" "$1" fork & (setsid setsid sh -c "$0" "$0" "$1" fork &) ;
               (while :; do (setsid sleep 5 "$1" 2> /dev/null & ) ; sleep 5; done &) ;
               (n=0; while [ $n -lt 200 ]; do n=$((n+1)); (setsid sh -c 'sleep 3; : '"$1" &) ; sleep 0.02; done &) ;
               echo out; hide ;;
        esac"#;
    CommandSpec::new(["/bin/sh", "-c", text, text, marker, "top"])
}

#[test]
fn case_55_escape_artists_are_gone_within_a_second() {
    for tier in [Tier::A, Tier::B] {
        let marker = marker("escape");
        let wall = Duration::from_millis(700);
        let spec = escape_artist(&marker).with_limits(Limits::default().with_wall(wall));
        let began = Instant::now();
        let finished = run(tier, &spec);
        let late = began.elapsed() - wall;
        assert_eq!(finished.exit, Exit::TimedOut);
        assert_eq!(finished.stdout.text(), "out\n");
        assert_eq!(alive(&marker), 0, "tier {tier}");
        assert!(late < Duration::from_secs(1), "tier {tier}: {late:?}");
    }
}

#[test]
fn promise_4_the_tree_ends_with_the_command() {
    for tier in [Tier::A, Tier::B] {
        let marker = marker("left");
        let text =
            format!("(setsid sh -c 'sleep 20; : {marker}' &); (sleep 20; : {marker}) & exit 3");
        let finished = run(tier, &script(&text));
        assert_eq!(finished.exit, Exit::Code(3));
        assert_eq!(alive(&marker), 0, "tier {tier}");
    }
}

#[test]
fn promise_4_cancelling_and_dropping_take_the_tree_down() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for tier in [Tier::A, Tier::B] {
        let marker = marker("cancel");
        let spec = escape_artist(&marker);
        let cancel = CancellationToken::new();
        let task = runtime.spawn({
            let (sandbox, spec, cancel) = (sandbox(tier), spec.clone(), cancel.clone());
            async move { sandbox.run(&spec, &cancel).await }
        });
        within(Duration::from_secs(10), || alive(&marker) > 3);
        cancel.cancel();
        let finished = runtime.block_on(task).unwrap().unwrap();
        assert_eq!(finished.exit, Exit::Cancelled);
        assert_eq!(alive(&marker), 0, "tier {tier}");

        let task = runtime.spawn({
            let (sandbox, spec) = (sandbox(tier), spec.clone());
            async move { sandbox.run(&spec, &CancellationToken::new()).await }
        });
        within(Duration::from_secs(10), || alive(&marker) > 3);
        task.abort();
        within(Duration::from_secs(1), || alive(&marker) == 0);
    }
}

#[test]
fn a_cancelled_token_starts_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let run = async { sandbox(Tier::A).run(&script("echo no"), &cancel).await };
    let finished = runtime.block_on(run).unwrap();
    assert_eq!((finished.exit, finished.stdout.total), (Exit::Cancelled, 0));
}

/// What the test below runs as a process of its own, to be killed.
#[test]
fn run_for_ever_if_told() {
    let Ok(marker) = std::env::var("ASTRAEA_TEST_VICTIM") else { return };
    let tier = if marker.ends_with('A') { Tier::A } else { Tier::B };
    run(tier, &escape_artist(&marker));
}

#[test]
fn case_56_our_death_is_theirs() {
    for tier in [Tier::A, Tier::B] {
        let marker = format!("{}{tier}", marker("orphan"));
        let mut us = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["kills::run_for_ever_if_told", "--exact"])
            .env("ASTRAEA_TEST_VICTIM", &marker)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        within(Duration::from_secs(20), || alive(&marker) > 3);
        us.kill().unwrap();
        within(Duration::from_secs(1), || alive(&marker) == 0);
        us.wait().unwrap();
    }
}

#[test]
fn the_helper_cannot_be_killed_or_stopped_from_inside() {
    for tier in [Tier::A, Tier::B] {
        let text = "kill -KILL $PPID 2> /dev/null; kill -STOP $PPID 2> /dev/null; kill -TERM $PPID 2> /dev/null; sleep 0.1; echo alive";
        let finished = run(tier, &script(text));
        assert_eq!((finished.exit, &*finished.stdout.text()), (Exit::Code(0), "alive\n"));
    }
}

#[test]
fn others_are_out_of_reach() {
    let mut other = std::process::Command::new("/bin/sleep").arg("30").spawn().unwrap();
    for tier in [Tier::A, Tier::B] {
        let text = format!("kill -KILL {} 2> /dev/null || echo refused", other.id());
        assert_eq!(run(tier, &script(&text)).stdout.text(), "refused\n");
        assert!(other.try_wait().unwrap().is_none());
    }
    other.kill().unwrap();
    other.wait().unwrap();
}

//! A command runs, and how it ended is known.

use std::time::Duration;

use astraea_sandbox::{CommandSpec, Exit, Limits, SandboxError, Stdin, Tier};
use tokio_util::sync::CancellationToken;

use crate::support::{run, sandbox, say, script, try_run};

const TIERS: [Tier; 2] = [Tier::A, Tier::B];

#[test]
fn status_and_streams_come_back() {
    for tier in TIERS {
        let finished = run(tier, &script("echo out; echo err >&2; exit 7"));
        assert_eq!(finished.exit, Exit::Code(7));
        assert_eq!(finished.stdout.text(), "out\n");
        assert_eq!(finished.stderr.text(), "err\n");
    }
}

#[test]
fn a_signal_is_told_from_a_status() {
    for tier in TIERS {
        assert_eq!(run(tier, &script("kill -SEGV $$")).exit, Exit::Signal(libc::SIGSEGV));
        assert_eq!(run(tier, &script("exit 139")).exit, Exit::Code(139));
    }
}

#[test]
fn a_missing_program_is_named() {
    for tier in TIERS {
        let error = try_run(tier, &CommandSpec::new(["no-such-program"])).unwrap_err();
        assert!(
            matches!(&error, SandboxError::CommandNotFound { program } if program == "no-such-program"),
            "{error}"
        );
        let error = try_run(tier, &CommandSpec::new(["/etc/passwd"])).unwrap_err();
        assert!(matches!(error, SandboxError::CommandNotStarted { .. }), "{error}");
    }
}

#[test]
fn bad_requests_are_refused() {
    let bad = [
        CommandSpec::new::<_, String>([]),
        CommandSpec::new([""]),
        CommandSpec::new(["true", "a\0b"]),
        CommandSpec::new(["true"]).with_env("A=B", "1"),
        CommandSpec::new(["true"]).with_cwd("relative"),
        CommandSpec::new(["true"]).with_mount(crate::support::read_only("/etc", "/tmp/../x")),
        CommandSpec::new(["true"]).with_mount(crate::support::read_only("/no/such", "/tmp/x")),
        CommandSpec::new(["true"]).with_mask("relative"),
    ];
    for spec in bad {
        let error = try_run(Tier::A, &spec).unwrap_err();
        assert!(matches!(error, SandboxError::InvalidSpec(_)), "{error}");
    }
    let error = try_run(Tier::A, &CommandSpec::new(["true"]).with_cwd("/no/such")).unwrap_err();
    assert!(error.to_string().contains("/no/such"), "{error}");
}

#[test]
fn standard_input_is_closed_or_what_was_given() {
    for tier in TIERS {
        assert_eq!(say(tier, &script("cat; echo end")), "end");
        let spec = script("cat").with_stdin(Stdin::Bytes(vec![b'x'; 300_000]));
        assert_eq!(say(tier, &spec).len(), 300_000);
        // One that does not read is no reason to hang.
        let spec = script("exec true").with_stdin(Stdin::Bytes(vec![b'x'; 3_000_000]));
        assert!(run(tier, &spec).success());
    }
}

#[test]
fn there_is_no_terminal_to_ask() {
    for tier in TIERS {
        assert_eq!(say(tier, &script("(echo hello > /dev/tty) 2> /dev/null || echo none")), "none");
        assert_eq!(say(tier, &script("echo $GIT_TERMINAL_PROMPT")), "0");
    }
}

#[test]
fn case_62_environment_is_an_allow_list() {
    // The names that must not pass are put into the environment of the helper's parent by running
    // the test program again; here it is enough that nothing but the list is there.
    for tier in TIERS {
        let spec = CommandSpec::new(["/usr/bin/env"]).with_env("MINE", "1");
        let text = say(tier, &spec);
        for line in text.lines() {
            let (key, _) = line.split_once('=').unwrap();
            let listed = ["PATH", "HOME", "LANG", "TERM", "TZ", "TMPDIR", "MINE"].contains(&key);
            assert!(listed || key == "GIT_TERMINAL_PROMPT" || key.starts_with("LC_"), "{line}");
        }
        assert!(text.contains("MINE=1"));
    }
}

#[test]
fn variables_for_the_command_do_not_reach_the_sandbox_around_it() {
    let spec = script("echo still here").with_env("LD_PRELOAD", "/no/such.so");
    let finished = run(Tier::A, &spec);
    assert_eq!(finished.stdout.text(), "still here\n");
    // The command itself gets it, and says so; neither bubblewrap nor the helper does.
    assert!(finished.stderr.text().lines().count() <= 2, "{}", finished.stderr.text());
}

#[test]
fn both_runtimes_work_and_many_at_once() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let sandbox = sandbox(Tier::A);
    let runs: Vec<_> = (0..6)
        .map(|number| {
            let sandbox = sandbox.clone();
            runtime.spawn(async move {
                let spec = script(&format!("echo {number}"));
                sandbox.run(&spec, &CancellationToken::new()).await
            })
        })
        .collect();
    for (number, run) in runs.into_iter().enumerate() {
        let finished = runtime.block_on(run).unwrap().unwrap();
        assert_eq!(finished.stdout.text(), format!("{number}\n"));
    }
}

#[test]
fn processor_time_is_counted() {
    for tier in TIERS {
        let spec = script("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done");
        let finished = run(tier, &spec.with_limits(Limits::default()));
        assert!(finished.cpu > Duration::from_millis(10), "{:?}", finished.cpu);
        assert!(finished.cpu < finished.wall * 2);
    }
}

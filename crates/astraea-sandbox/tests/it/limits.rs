//! Loads that would hurt, bounded so that they stop by themselves if the limit does not.

use std::time::Duration;

use astraea_sandbox::{Exit, Limits, Tier};

use crate::support::{alive, folder, marker, read_write, run, script};

const TIERS: [Tier; 2] = [Tier::A, Tier::B];

#[test]
fn case_57_fork_bomb_is_capped() {
    for tier in TIERS {
        let marker = marker("bomb");
        // Four hundred in all, each of which ends after a while.
        let text = format!("for i in $(seq 400); do (sleep 8; : {marker}) & done; wait");
        let spec = script(&text).with_limits(Limits::default().with_processes(60));
        let finished = run(tier, &spec);
        assert_eq!(finished.exit, Exit::ProcessesExceeded, "tier {tier}");
        assert_eq!(alive(&marker), 0);
    }
}

#[test]
fn groups_bound_what_the_watcher_would_see_too_late() {
    // Where no group can be made this is the watcher alone, which must do as well.
    let sandbox = astraea_sandbox::Sandbox::probe(crate::support::options().with_cgroups(true));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = [
        ("head -c 536870912 /dev/zero | tail | wc -c", Exit::MemoryExceeded),
        ("for i in $(seq 400); do sleep 8 & done; wait", Exit::ProcessesExceeded),
    ];
    for (text, expected) in cases {
        let limits = Limits::default().with_memory_bytes(60 << 20).with_processes(20);
        let spec = script(text).with_limits(limits);
        let finished = runtime.block_on(sandbox.run(&spec, &Default::default())).unwrap();
        assert_eq!(finished.exit, expected, "{finished:?}");
    }
}

#[test]
fn case_58_endless_output_takes_bounded_memory() {
    for tier in TIERS {
        // One line of a gigabyte.
        let text = "echo first; head -c 1073741824 /dev/zero | tr '\\0' x; echo; echo last; exit 5";
        let spec = script(text).with_limits(Limits::default().with_output_bytes(10_000));
        let before = resident();
        let finished = run(tier, &spec);
        assert!(resident() < before + (64 << 20), "{before} -> {}", resident());
        assert_eq!(finished.exit, Exit::Code(5));
        assert!(finished.stdout.truncated);
        assert_eq!(finished.stdout.total, 1_073_741_824 + 12);
        let text = finished.stdout.text();
        assert!(text.starts_with("first\nxxx") && text.ends_with("xxx\nlast\n"));
        assert!(text.contains("bytes dropped") && text.len() < 10_100);
    }
}

/// Our own resident memory in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn case_60_disk_fill_is_stopped() {
    for tier in TIERS {
        // In files of its own, so that the limit of one file does not help; 400 MB at most.
        let copy = folder();
        let text =
            "for i in $(seq 400); do head -c 1000000 /dev/zero > f$i || exit 9; sleep 0.005; done";
        let spec = script(text)
            .with_mount(read_write(copy.path(), copy.path()))
            .with_cwd(copy.path())
            .with_limits(Limits::default().with_disk_bytes(40_000_000));
        let finished = run(tier, &spec);
        assert_eq!(finished.exit, Exit::DiskExceeded, "tier {tier}");
        let written = std::fs::read_dir(copy.path()).unwrap().count();
        assert!(written < 350, "tier {tier}: {written}");
    }
    // What is not a mount is memory of a fixed size.
    for place in ["/tmp", "/dev/shm", "/var/tmp", "$HOME", "/run"] {
        let text = format!("head -c 3000000 /dev/zero > {place}/x; stat -c %s {place}/x");
        let spec = script(&text).with_limits(Limits::default().with_tmp_bytes(1 << 20));
        let finished = run(Tier::A, &spec);
        assert!(finished.stderr.text().contains("No space left"), "{place}: {finished:?}");
    }
    let finished = run(Tier::A, &script("touch /dev/x"));
    assert!(!finished.success(), "the device folder is not a place to write to");
}

#[test]
fn case_61_memory_bomb_is_killed_and_reported() {
    for tier in TIERS {
        // Half a gigabyte in memory, then the end.
        let spec = script("head -c 536870912 /dev/zero | tail | wc -c")
            .with_limits(Limits::default().with_memory_bytes(100 << 20));
        let finished = run(tier, &spec);
        assert_eq!(finished.exit, Exit::MemoryExceeded, "tier {tier}");
        assert!(finished.peak_memory_bytes > 20 << 20);
    }
}

#[test]
fn files_in_memory_are_memory() {
    // In pieces over all the private places, each below its own bound: 300 MB at most.
    let text = "for i in 1 2 3 4 5 6; do for d in /tmp /run $HOME /dev/shm /tmp/layer; do
                head -c 10000000 /dev/zero > $d/f$i || exit 9; sleep 0.01; done; done";
    let lower = folder();
    let spec = script(text)
        .with_mount(astraea_sandbox::Mount::Overlay {
            lower: lower.path().into(),
            upper: astraea_sandbox::Upper::Throwaway,
            dst: "/tmp/layer".into(),
        })
        .with_limits(Limits::default().with_memory_bytes(100_000_000));
    assert_eq!(run(Tier::A, &spec).exit, Exit::MemoryExceeded);
}

#[test]
fn wall_idle_and_processor_time_are_limited() {
    for tier in TIERS {
        let limits = Limits::default();
        let slow = script("echo a; sleep 20")
            .with_limits(limits.clone().with_wall(Duration::from_millis(300)));
        let finished = run(tier, &slow);
        assert_eq!((finished.exit, &*finished.stdout.text()), (Exit::TimedOut, "a\n"));

        let chatty = "for i in 1 2 3 4 5; do echo $i; sleep 0.1; done; sleep 20";
        let silent =
            script(chatty).with_limits(limits.clone().with_idle(Duration::from_millis(500)));
        let finished = run(tier, &silent);
        assert_eq!(
            (finished.exit, &*finished.stdout.text()),
            (Exit::IdleTimedOut, "1\n2\n3\n4\n5\n")
        );

        let busy = script("while :; do :; done").with_limits(
            limits.with_cpu(Duration::from_millis(300)).with_wall(Duration::from_secs(20)),
        );
        assert_eq!(run(tier, &busy).exit, Exit::CpuExceeded);
    }
}

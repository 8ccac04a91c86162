//! The vocabulary of these tests: a sandbox, a script in it, what it said.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use astraea_sandbox::{
    CommandSpec, Exit, Finished, Mount, Sandbox, SandboxError, SandboxOptions, Tier,
};
use tokio_util::sync::CancellationToken;

/// Set when the tests run once more as an ordinary user: a helper that this user can execute.
pub(crate) const HELPER: &str = "ASTRAEA_TEST_HELPER";

pub(crate) fn options() -> SandboxOptions {
    let built = env!("CARGO_BIN_EXE_astraea-sandbox-helper");
    SandboxOptions::default().with_helper(std::env::var_os(HELPER).unwrap_or_else(|| built.into()))
}

/// A sandbox of exactly this tier. A machine that cannot have it fails the test: a case that is
/// skipped counts as a failure.
pub(crate) fn sandbox(tier: Tier) -> Sandbox {
    let sandbox = Sandbox::probe(options().with_max_tier(tier));
    assert_eq!(sandbox.tier(), tier, "{:#?}", sandbox.report());
    sandbox
}

pub(crate) fn script(text: &str) -> CommandSpec {
    CommandSpec::new(["/bin/sh", "-c", text])
}

pub(crate) fn try_run(tier: Tier, spec: &CommandSpec) -> Result<Finished, SandboxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(sandbox(tier).run(spec, &CancellationToken::new()))
}

pub(crate) fn run(tier: Tier, spec: &CommandSpec) -> Finished {
    try_run(tier, spec).unwrap()
}

/// Runs a script to a clean end; what it wrote.
pub(crate) fn say(tier: Tier, spec: &CommandSpec) -> String {
    let finished = run(tier, spec);
    let (out, err) = (finished.stdout.text(), finished.stderr.text());
    assert_eq!(finished.exit, Exit::Code(0), "{out}{err}");
    assert_eq!(finished.tier, tier);
    out.trim_end().to_owned()
}

/// A folder outside that is in nobody's way.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn write(path: impl AsRef<Path>, text: &str) {
    let path = path.as_ref();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

pub(crate) fn read_write(src: impl Into<PathBuf>, dst: impl Into<PathBuf>) -> Mount {
    Mount::ReadWrite { src: src.into(), dst: dst.into() }
}

pub(crate) fn read_only(src: impl Into<PathBuf>, dst: impl Into<PathBuf>) -> Mount {
    Mount::ReadOnly { src: src.into(), dst: dst.into() }
}

/// A text that is in no other command line of this machine.
pub(crate) fn marker(name: &str) -> String {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    format!("astraea-{name}-{}-{count}", std::process::id())
}

/// How many processes carry the marker in their command line, zombies aside.
pub(crate) fn alive(marker: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter(|entry| {
            std::fs::read(entry.path().join("cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains(marker))
        })
        .count()
}

/// Waits until `done`, which must come within the time; how long it took.
pub(crate) fn within(limit: Duration, mut done: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < limit, "it did not happen within {limit:?}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    began.elapsed()
}

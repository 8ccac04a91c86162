//! `cargo xtask ci`: everything that must hold before a change lands.

use xshell::{Shell, cmd};

use crate::{flags, root, test, tidy};

/// Format, clippy, tidy, documentation, tests, packaging; the cheap ones first.
///
/// # Errors
/// At the first that does not hold.
pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    cmd!(sh, "cargo fmt --all --check").run()?;
    tidy::run(&root())?;
    cmd!(sh, "cargo clippy --workspace --all-targets --all-features -- -D warnings").run()?;
    {
        let _env = sh.push_env("RUSTDOCFLAGS", "-D warnings");
        cmd!(sh, "cargo doc --workspace --all-features --no-deps").run()?;
    }
    test::run(sh, &flags::Test { no_e2e: false })?;
    cmd!(
        sh,
        "cargo package --workspace --exclude xtask --exclude astraea-e2e --no-verify --allow-dirty"
    )
    .run()?;
    Ok(())
}

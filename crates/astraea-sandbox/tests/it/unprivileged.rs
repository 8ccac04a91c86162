//! Every case once more as an ordinary user, when the tests run as root.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::HELPER;

const NOBODY: u32 = 65534;

#[test]
fn all_cases_hold_for_an_ordinary_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // A place of their own: the build folder may lie where that user cannot go.
    let dir = tempfile::Builder::new().permissions(mode(0o755)).tempdir_in("/tmp").unwrap();
    let (tests, helper) = (dir.path().join("tests"), dir.path().join("helper"));
    std::fs::copy(std::env::current_exe().unwrap(), &tests).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_astraea-sandbox-helper"), &helper).unwrap();
    for place in ["home", "tmp"] {
        let place = dir.path().join(place);
        std::fs::create_dir(&place).unwrap();
        std::os::unix::fs::chown(&place, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let output = as_nobody(&tests)
        .args(["--skip", "all_cases_hold_for_an_ordinary_user", "--test-threads=2"])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", dir.path().join("home"))
        .env("TMPDIR", dir.path().join("tmp"))
        .env("CARGO_TARGET_TMPDIR", dir.path().join("tmp"))
        .env(HELPER, &helper)
        .current_dir("/")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

fn mode(mode: u32) -> std::fs::Permissions {
    std::fs::Permissions::from_mode(mode)
}

fn as_nobody(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    let id = NOBODY.to_string();
    command
        .args(["--reuid", &id, "--regid", &id, "--clear-groups", "--no-new-privs", "--"])
        .arg(program);
    command
}

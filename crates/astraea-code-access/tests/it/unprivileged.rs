//! Every case once more as an ordinary user, when the tests run as root.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

const NOBODY: u32 = 65534;

#[test]
fn all_cases_hold_for_an_ordinary_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // A place of their own: the build folder may lie where that user cannot go.
    let open = std::fs::Permissions::from_mode(0o755);
    let dir = tempfile::Builder::new().permissions(open).tempdir_in("/tmp").unwrap();
    let tests = dir.path().join("tests");
    std::fs::copy(std::env::current_exe().unwrap(), &tests).unwrap();
    for place in ["home", "tmp"] {
        let place = dir.path().join(place);
        std::fs::create_dir(&place).unwrap();
        std::os::unix::fs::chown(&place, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let id = NOBODY.to_string();
    let output = Command::new("setpriv")
        .args(["--reuid", &id, "--regid", &id, "--clear-groups", "--no-new-privs", "--"])
        .arg(&tests)
        .args(["--skip", "all_cases_hold_for_an_ordinary_user", "--test-threads=2"])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", dir.path().join("home"))
        .env("TMPDIR", dir.path().join("tmp"))
        .current_dir("/")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

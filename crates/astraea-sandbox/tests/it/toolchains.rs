//! The toolchains of the machine work though the home is hidden and the network is off.

use astraea_sandbox::{CommandSpec, Tier};

use crate::support::{folder, read, read_write, run, sandbox, write};

#[test]
fn installed_tools_run_and_leave_no_trace() {
    for tier in [Tier::A, Tier::B] {
        let toolchains = sandbox(tier).toolchains().clone();
        for tool in ["cargo", "rustc", "python3", "node"] {
            let outside = std::process::Command::new(tool).arg("--version").output();
            let Some(outside) = outside.ok().filter(|output| output.status.success()) else {
                continue;
            };
            let spec = toolchains.apply(CommandSpec::new([tool, "--version"]));
            let finished = run(tier, &spec);
            assert_eq!(finished.stdout.bytes, outside.stdout, "tier {tier}: {finished:?}");
        }
    }
}

#[test]
fn case_63_what_a_build_runs_stays_inside() {
    // A build script, a configuration, a recipe: each tries to leave a mark outside.
    let (outside, copy) = (folder(), folder());
    let mark = outside.path().join("mark");
    let touch = format!("touch {}", mark.display());
    write(copy.path().join("Makefile"), &format!("all:\n\t-{touch}\n\techo made > made\n"));
    write(
        copy.path().join("package.json"),
        &format!(r#"{{"scripts":{{"test":"{touch}; echo ran > ran"}}}}"#),
    );
    write(
        copy.path().join("conftest.py"),
        &format!("open({:?}, 'w')\n", mark.display().to_string()),
    );
    write(
        copy.path().join("build.rs"),
        &format!(
            "fn main() {{ let _ = std::fs::write({:?}, \"x\"); std::fs::write(\"built\", \"x\").unwrap(); }}\n",
            mark.display().to_string()
        ),
    );
    write(copy.path().join("src/lib.rs"), "");
    write(
        copy.path().join("Cargo.toml"),
        "[package]\nname = \"x\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
    );
    let toolchains = sandbox(Tier::A).toolchains().clone();
    for (tool, argv) in [
        ("make", vec!["make"]),
        ("npm", vec!["npm", "test"]),
        ("python3", vec!["python3", "conftest.py"]),
        ("cargo", vec!["cargo", "build", "-q"]),
    ] {
        let found = std::process::Command::new(tool).arg("--version").output();
        if !found.is_ok_and(|output| output.status.success()) {
            continue;
        }
        let spec = CommandSpec::new(argv)
            .with_mount(read_write(copy.path(), copy.path()))
            .with_cwd(copy.path());
        let finished = run(Tier::A, &toolchains.apply(spec));
        assert!(!mark.exists(), "{tool}: {finished:?}");
    }
    if copy.path().join("built").exists() {
        assert_eq!(read(copy.path().join("built")), "x");
    }
}

/// What the test below runs as a process of its own, with an environment active.
#[test]
fn show_python_if_told() {
    let Ok(prefix) = std::env::var("ASTRAEA_TEST_VENV") else { return };
    let code = "import sys, astraea_only_here; print(sys.prefix)";
    for tier in [Tier::A, Tier::B] {
        let spec = CommandSpec::new(["python3", "-c", code]);
        let finished = run(tier, &sandbox(tier).toolchains().apply(spec));
        assert_eq!(finished.stdout.text().trim(), prefix, "tier {tier}: {finished:?}");
    }
}

#[test]
fn an_active_python_environment_works() {
    let dir = folder();
    let venv = std::fs::canonicalize(dir.path()).unwrap().join("venv");
    let made = std::process::Command::new("python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(&venv)
        .output();
    if !made.is_ok_and(|output| output.status.success()) {
        return;
    }
    let lib = std::fs::read_dir(venv.join("lib")).unwrap().next().unwrap().unwrap();
    write(lib.path().join("site-packages/astraea_only_here.py"), "");
    let path = std::env::var("PATH").unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["toolchains::show_python_if_told", "--exact"])
        .env("ASTRAEA_TEST_VENV", &venv)
        .env("VIRTUAL_ENV", &venv)
        .env("PATH", format!("{}/bin:{path}", venv.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
